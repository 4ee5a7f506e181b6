//! POSIX access control lists, as Linux keeps them in an extended attribute.
//!
//! The attribute's value is a version (4 bytes), followed by entries: tag, permissions (2 bytes each) and user or group
//! (4 bytes), all in little endian (`linux/posix_acl_xattr.h`).

use rustix::fs::Mode;

/// The attribute of a file's own list, and of a directory's default list for new files.
pub(super) const ACCESS: &str = "system.posix_acl_access";
pub(super) const DEFAULT: &str = "system.posix_acl_default";

const VERSION: [u8; 4] = 2_u32.to_le_bytes();
/// Tags: the owning group, the mask, all others.
const GROUP: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// A well-formed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Acl(Vec<u8>);

impl Acl {
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let acl = Self(bytes);
        let entries = acl.0.strip_prefix(&VERSION)?;
        let is_whole = entries.len() % 8 == 0;
        (is_whole && acl.of(GROUP).is_some() && acl.of(OTHER).is_some()).then_some(acl)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The list for a file that gets a different group, whose members had only the permissions of all others
    /// before.
    pub(super) fn for_other_group(mut self) -> Self {
        let other = self.of(OTHER).unwrap_or(0);
        for entry in self.0[VERSION.len()..].chunks_exact_mut(8) {
            if entry[..2] == GROUP.to_le_bytes() {
                entry[2] &= other.to_le_bytes()[0];
            }
        }
        self
    }

    /// The permissions of the owning group, as the group's part of a mode. (With a list, that part of the mode is the mask.)
    pub(super) fn group_mode(&self) -> Mode {
        let bits = self.of(GROUP).unwrap_or(0) & self.of(MASK).unwrap_or(0o7);
        Mode::from_raw_mode(u32::from(bits) << 3)
    }

    fn of(&self, tag: u16) -> Option<u16> {
        let mut entries = self.0.get(VERSION.len()..)?.chunks_exact(8);
        let entry = entries.find(|entry| entry[..2] == tag.to_le_bytes())?;
        Some(u16::from_le_bytes([entry[2], entry[3]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16)]) -> Vec<u8> {
        let entries = entries.iter().flat_map(|(tag, permissions)| {
            [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &[0xff; 4]].concat()
        });
        VERSION.into_iter().chain(entries).collect()
    }

    #[test]
    fn the_owning_group_gets_no_more_than_it_had() {
        let table = [
            ("no mask", vec![(1, 6), (GROUP, 6), (OTHER, 4)], 0o060, 0o040),
            ("a mask", vec![(1, 6), (2, 7), (GROUP, 6), (MASK, 4), (OTHER, 0)], 0o040, 0),
            ("nothing", vec![(1, 6), (2, 6), (GROUP, 0), (MASK, 6), (OTHER, 0)], 0, 0),
        ];
        for (case, entries, group, other_group) in table {
            let acl = Acl::parse(list(&entries)).expect(case);
            assert_eq!(acl.group_mode().as_raw_mode(), group, "{case}");
            assert_eq!(acl.for_other_group().group_mode().as_raw_mode(), other_group, "{case}");
        }
    }

    #[test]
    fn malformed_lists() {
        let cut = list(&[(1, 6), (GROUP, 4), (OTHER, 4)]);
        for bytes in [&[][..], &[1, 0, 0, 0], &cut[..cut.len() - 1], &list(&[(1, 6), (OTHER, 4)])] {
            assert_eq!(Acl::parse(bytes.to_vec()), None, "{bytes:?}");
        }
    }
}
