//! Conditions on the entry that a request replaces, removes or moves.

use std::ffi::OsStr;
use std::os::fd::AsFd;

use rustix::fs::Stat;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::facts::FileVersion;
use super::root;

/// What must hold for the name at the moment of the commit, in addition to the folder's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guard {
    /// No condition.
    None,
    /// No file has this name.
    MustBeNew,
    /// Some file has this name.
    MustExist,
    /// This version of the file still has the name.
    MustBe(FileVersion),
}

/// What a client expects of the file or directory that it removes or moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What must hold at that moment.
    pub guard: Guard,
    /// Whether it must be a directory. A link does not count as one.
    pub is_directory: bool,
}

impl From<Guard> for Expected {
    fn from(guard: Guard) -> Self {
        Self { guard, is_directory: false }
    }
}

impl Expected {
    /// Fails if this `stat` is not the `stat` of a directory, and a directory is expected.
    pub(super) fn admit(self, stat: &Stat) -> Result<(), Error> {
        let is_other = self.is_directory && !root::is_directory(stat);
        if is_other { Err(Error::NotFound) } else { Ok(()) }
    }
}

impl Guard {
    /// Makes sure that the guard is checked against what has this name now, on any machine. Call it with the lock.
    pub(super) fn refresh(self, dir: impl AsFd, name: &OsStr) -> Result<(), Error> {
        match self {
            Self::None | Self::MustBeNew => Ok(()),
            Self::MustExist | Self::MustBe(_) => root::refresh(dir, name).map_err(|error| match error {
                Errno::NOENT => Error::Changed,
                error => error.into(),
            }),
        }
    }

    /// Fails if the guard does not hold for the file that has the name now.
    pub(super) fn check(self, occupant: Option<FileVersion>) -> Result<(), Error> {
        let holds = match self {
            Self::None => true,
            Self::MustBeNew => occupant.is_none(),
            Self::MustExist => occupant.is_some(),
            Self::MustBe(version) => occupant == Some(version),
        };
        if holds { Ok(()) } else { Err(Error::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Facts;
    use super::*;

    #[test]
    fn guards() {
        let file = std::fs::File::open("/").expect("a root");
        let version = Facts::new(&rustix::fs::fstat(file).expect("its facts"), 0).version;
        let table = [
            ("none, free", Guard::None, None, true),
            ("none, taken", Guard::None, Some(version), true),
            ("new, free", Guard::MustBeNew, None, true),
            ("new, taken", Guard::MustBeNew, Some(version), false),
            ("any, free", Guard::MustExist, None, false),
            ("any, taken", Guard::MustExist, Some(version), true),
            ("this one, free", Guard::MustBe(version), None, false),
            ("this one, the same", Guard::MustBe(version), Some(version), true),
        ];
        for (case, guard, occupant, holds) in table {
            assert_eq!(guard.check(occupant).is_ok(), holds, "{case}");
        }
    }
}
