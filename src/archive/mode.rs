//! The modes of an archive's entries. The modes on the disk are not revealed.

/// The mode of every directory in an archive.
pub(super) const DIRECTORY: u32 = 0o755;

/// The mode of every file in an archive.
pub(super) const FILE: u32 = 0o644;
