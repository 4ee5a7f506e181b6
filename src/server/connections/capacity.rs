//! How many connections, subscribers, archives and searches are allowed; open files are the scarce resource.

use crate::server::connections::slot::Capacity;

/// Descriptors for the server itself: listeners, the poller, the folder, the log, and some in reserve.
const OWN_FILES: u64 = 32;

/// The maximum number of archives at once; at most half of them for one client. Each may keep a processor and
/// the disk busy, and a zip keeps names in memory.
const ARCHIVES: u64 = 256;

/// The maximum number of copies at once; at most half of them for one client. Each keeps the disk busy and
/// has a few files open.
pub(crate) const COPIES: usize = 16;

/// The maximum number of searches at once; at most half of them for one client. Each may keep a processor and the disk busy,
/// for some seconds, and keeps the names of directories in memory.
const SEARCHES: u64 = 16;

/// Descriptors that a search keeps open: two handles of a directory.
pub(crate) const SEARCH_FILES: u32 = 2;

/// Descriptors that an archive has open while it is created: two handles of a directory, and a file.
pub(crate) const ARCHIVE_FILES: u32 = 3;

/// Connections that are being rejected at once: each is read for a moment, until its client has seen the response.
const SPARE: u32 = 256;

/// How many connections are allowed with this limit on open files, and how many descriptors they may hold. A
/// quarter is reserved for files that workers open for a moment: without it, no request could be served.
pub(crate) fn of_lot(wanted: u32, files: u64) -> Capacity {
    let descriptors = (files.saturating_sub(OWN_FILES) / 4 * 3).max(1);
    let connections = connections(wanted, files, descriptors);
    // At most an eighth of that quarter.
    let spare = u32::try_from(files / 32).unwrap_or(u32::MAX).clamp(1, SPARE);
    Capacity { connections, spare, descriptors }
}

fn connections(wanted: u32, files: u64, descriptors: u64) -> u32 {
    let possible = u32::try_from(descriptors).unwrap_or(u32::MAX);
    if possible < wanted {
        log::warn!(
            "the limit of {files} open files allows only {possible} connections (raise it with ulimit -n)"
        );
    }
    wanted.min(possible)
}

/// How many archives are allowed at once with this limit on open files. Each archive takes three descriptors. Archives
/// use at most half of the reserve for files.
pub(crate) fn archives(files: u64) -> usize {
    (files / 4 / 2 / u64::from(ARCHIVE_FILES)).clamp(1, ARCHIVES) as usize
}

/// How many searches are allowed at once with this limit on open files. They use at most an eighth of the reserve for files.
pub(crate) fn searches(files: u64) -> usize {
    (files / 4 / 8 / u64::from(SEARCH_FILES)).clamp(1, SEARCHES) as usize
}

/// How many of these connections may be streams of changes in directories: a tenth, which the streams of the chat leave.
pub(crate) fn followers(subscribers: usize, connections: u32) -> usize {
    subscribers.min((connections / 10).max(1) as usize)
}

/// How many of these connections may be event streams of the chat. A fifth is left for requests, as a subscriber is never
/// evicted.
pub(crate) fn subscribers(wanted: u32, connections: u32) -> usize {
    wanted.min((connections - connections.div_ceil(5)).max(1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_files() {
        let table = [
            ("the requested number", 10_000, 20_000, 10_000),
            ("no limit", 10_000, u64::MAX, 10_000),
            ("the usual limit", 10_000, 1024, 744),
            ("a very low limit", 10_000, 40, 6),
            ("nothing", 10_000, 8, 1),
        ];
        for (name, wanted, files, expected) in table {
            assert_eq!(of_lot(wanted, files).connections, expected, "{name}");
        }
    }

    #[test]
    fn archives_leave_descriptors_for_others() {
        let table = [("no limit", u64::MAX, 256), ("the usual limit", 1024, 42), ("a very low limit", 8, 1)];
        for (name, files, expected) in table {
            assert_eq!(archives(files), expected, "{name}");
        }
    }

    #[test]
    fn searches_leave_descriptors_for_others() {
        let table = [
            ("no limit", u64::MAX, 16),
            ("the usual limit", 1024, 16),
            ("a low limit", 256, 4),
            ("a very low limit", 8, 1),
        ];
        for (name, files, expected) in table {
            assert_eq!(searches(files), expected, "{name}");
        }
    }

    #[test]
    fn subscribers_leave_connections_for_requests() {
        let table = [
            ("the requested number", 8192, 12_000, 8192),
            ("the usual", 8192, 10_000, 8000),
            ("the usual limit of open files", 8192, 744, 595),
            ("few connections", 8192, 4, 3),
            ("one connection", 8192, 1, 1),
        ];
        for (name, wanted, connections, expected) in table {
            assert_eq!(subscribers(wanted, connections), expected, "{name}");
        }
    }
}
