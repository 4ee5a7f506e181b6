//! A link that is moved to another file system: another one with the same text takes its place.

use std::ffi::CString;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags};
use rustix::io::Errno;

use crate::access::{Grant, ToWrite};
use crate::folder::arrive::NewName;
use crate::folder::commit::Saved;
use crate::folder::copy::complete::CompleteCopy;
use crate::folder::copy::place::{of_new, place_of};
use crate::folder::error::Error;
use crate::folder::place::Place;
use crate::folder::shared::Shared;
use crate::folder::temporary::{TRIES, random_name};

/// A link with a temporary name. Removed on drop, unless it has its final name.
pub(super) struct LinkCopy {
    place: Place,
    name: String,
    is_named: bool,
}

impl LinkCopy {
    pub(super) fn begin(shared: &Shared, text: &CString, to: &Grant<'_, ToWrite>) -> Result<Self, Error> {
        let place = place_of(shared, to)?;
        let name = make(place.nearest(), text).map_err(of_new)?;
        Ok(Self { place, name, is_named: false })
    }

    /// Gives the link its name.
    pub(super) fn finish(&mut self, shared: &Shared, wanted: NewName<'_>) -> Result<Saved, Error> {
        let from = (self.place.nearest(), self.name.as_ref());
        let saved = CompleteCopy { shared, from, target: &self.place, wanted }.finish(0)?;
        self.is_named = true;
        Ok(saved)
    }
}

fn make(dir: &Arc<Dir>, text: &CString) -> Result<String, Errno> {
    for _ in 0..TRIES {
        let name = random_name();
        match fs::symlinkat(text, &**dir, name.as_str()) {
            Err(Errno::EXIST) => {}
            made => return made.map(|()| name),
        }
    }
    Err(Errno::EXIST)
}

impl Drop for LinkCopy {
    fn drop(&mut self) {
        if !self.is_named {
            let _ = fs::unlinkat(&**self.place.nearest(), self.name.as_str(), AtFlags::empty());
        }
    }
}
