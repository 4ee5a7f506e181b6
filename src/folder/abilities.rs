//! What a file system can do that not every file system can. The server has another way for each; the log names them, so
//! that an operator knows what to expect.

use std::fmt;
use std::fs::File;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::attributes::NEW_FILE;
use super::temporary::random_name;
use crate::durable::name::anonymous_file;

/// A time that only a file system with nanoseconds keeps.
const FINE: Duration = Duration::new(1_000_000_000, 123_456_789);

/// What a file system can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the abilities")]
pub struct Abilities {
    /// Files without a name (`O_TMPFILE`).
    anonymous: bool,
    /// Hard links.
    links: bool,
    /// Renaming that fails if the new name is taken (`RENAME_NOREPLACE`).
    exclusive_rename: bool,
    /// Times in nanoseconds.
    fine_times: bool,
}

impl Abilities {
    /// Tests the file system of this directory: makes a file, and removes it.
    pub(super) fn of(dir: &Dir) -> Result<Self, Errno> {
        let names = [(); 3].map(|()| random_name());
        let abilities = Self::by(dir, &names);
        for name in &names {
            let _ = fs::unlinkat(dir, name.as_str(), AtFlags::empty());
        }
        abilities
    }

    fn by(dir: &Dir, [name, link, renamed]: &[String; 3]) -> Result<Self, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(fs::openat(dir, name.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
        let sets = |time| file.set_modified(time).is_ok();
        let keeps =
            |time| file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|it| it == time);
        let exact = SystemTime::UNIX_EPOCH + FINE;
        Ok(Self {
            anonymous: anonymous_file(dir, NEW_FILE).is_some(),
            links: fs::linkat(dir, name.as_str(), dir, link.as_str(), AtFlags::empty()).is_ok(),
            fine_times: sets(exact) && keeps(exact),
            exclusive_rename: fs::renameat_with(
                dir,
                name.as_str(),
                dir,
                renamed.as_str(),
                RenameFlags::NOREPLACE,
            )
            .is_ok(),
        })
    }
}

impl fmt::Display for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |can: bool| if can { "yes" } else { "no" };
        let Self { anonymous, links, exclusive_rename, fine_times } = *self;
        let times = if fine_times { "nanoseconds" } else { "coarse" };
        write!(
            f,
            "O_TMPFILE {}, hard links {}, RENAME_NOREPLACE {}, times {times}",
            word(anonymous),
            word(links),
            word(exclusive_rename)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_leaves_nothing_behind() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = Dir::open_ambient_dir(place.path(), cap_std::ambient_authority()).expect("a directory");
        let abilities = Abilities::of(&dir).expect("tested");
        assert!(abilities.links && abilities.exclusive_rename && abilities.fine_times, "{abilities}");
        assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 0);
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = Abilities { anonymous: true, links: true, exclusive_rename: true, fine_times: true };
        assert_eq!(all.to_string(), "O_TMPFILE yes, hard links yes, RENAME_NOREPLACE yes, times nanoseconds");
        let none = Abilities { anonymous: false, links: false, exclusive_rename: false, fine_times: false };
        assert_eq!(none.to_string(), "O_TMPFILE no, hard links no, RENAME_NOREPLACE no, times coarse");
    }
}
