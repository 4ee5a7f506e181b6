//! Names that operating systems look for and leave in every directory, for their own purposes.

/// The names, in lower case: some systems write them in another case.
const NAMES: [&[u8]; 19] = [
    b".apdisk",
    b".directory",
    b".documentrevisions-v100",
    b".ds_store",
    b".fseventsd",
    b".localized",
    b".metadata_direct_scope_only",
    b".metadata_never_index",
    b".metadata_never_index_unless_rootfs",
    b".ql_disablecache",
    b".ql_disablethumbnails",
    b".spotlight-v100",
    b".temporaryitems",
    b".trashes",
    b"autorun.inf",
    b"backups.backupdb",
    b"desktop.ini",
    b"mach_kernel",
    b"thumbs.db",
];

/// Whether an operating system leaves files of this name behind: `.DS_Store`, `Thumbs.db`, and `._x`, in which macOS keeps what
/// it knows about `x`.
pub fn is_litter(name: &[u8]) -> bool {
    name.starts_with(b"._") || NAMES.iter().any(|litter| name.eq_ignore_ascii_case(litter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_systems_leave_behind() {
        for name in ["._", "._a.txt", ".DS_Store", ".ds_store", "Thumbs.db", "Desktop.ini", ".Spotlight-V100"]
        {
            assert!(is_litter(name.as_bytes()), "{name}");
        }
        for name in
            ["", ".", ".git", ".env", "a._b", "_.a", "DS_Store", "~$a.docx", ".~lock.a.odt#", "thumbs.db2"]
        {
            assert!(!is_litter(name.as_bytes()), "{name}");
        }
    }
}
