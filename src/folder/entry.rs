//! The entry that a client removes or moves.

use rustix::fs::{FileType, Stat};

use super::error::Error;
use super::facts::FileVersion;
use super::guard::Expected;
use super::place::Place;
use super::root;
use super::shared::Shared;

/// An entry of the folder.
pub(super) struct SharedEntry {
    /// Its `stat`; for a link, the `stat` of the link itself.
    pub(super) stat: Stat,
    /// The version that a reader gets.
    pub(super) version: FileVersion,
}

impl SharedEntry {
    /// The entry at the place, if it is shared. Otherwise it looks absent: a device, a link that leads out or nowhere, and
    /// the empty file that claims a name.
    pub(super) fn look(shared: &Shared, place: &Place, expected: Expected) -> Result<Self, Error> {
        let stat = root::look_in(&**place.nearest(), place.name())?;
        expected.admit(&stat)?;
        let seen = match root::file_type(&stat) {
            FileType::Symlink => shared.root.target_of(place.path(), &shared.rules)?,
            _ => stat,
        };
        let is_shared = matches!(root::file_type(&seen), FileType::RegularFile | FileType::Directory);
        if !is_shared || shared.claims.holds(&stat) {
            return Err(Error::NotFound);
        }
        Ok(Self { stat, version: shared.root.facts(&seen).version })
    }
}
