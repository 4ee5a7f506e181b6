//! A complete copy that is beside its target, under a temporary name, gets its name.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::io::Errno;

use crate::durable::group::PendingSync;
use crate::folder::arrive::{Arriving, NewName, NewlyNamed, lock};
use crate::folder::commit::Saved;
use crate::folder::copy::place::of_target;
use crate::folder::error::Error;
use crate::folder::guard::Guard;
use crate::folder::place::Place;
use crate::folder::real_path::Judged;
use crate::folder::root;
use crate::folder::shared::Shared;

/// A copy, and its target.
pub(super) struct CompleteCopy<'s, 'a> {
    pub(super) shared: &'s Shared,
    /// Its directory, and its name there.
    pub(super) from: (&'a Arc<Dir>, &'a OsStr),
    pub(super) target: &'a Place,
    pub(super) wanted: NewName<'a>,
}

impl<'s> CompleteCopy<'s, '_> {
    /// Fails if it is already known that the copy cannot get its name.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.with(|arriving| arriving.decide().map(drop))
    }

    /// Gives the copy its name; `size` is the size of the copy. When this returns, the name is on the disk, if the
    /// folder is durable.
    pub(super) fn finish(&self, size: u64) -> Result<Saved, Error> {
        let Self { shared, target, ref wanted, .. } = *self;
        let old = self.with(|arriving| arriving.prepare(arriving.decide()?))?;
        let names = shared.syncs().map(|syncs| syncs.begin(&**target.nearest())).transpose()?;
        let NewlyNamed { path, asked_for, lies_at, created, kept } = {
            let _lock = lock(shared, wanted, Guard::None)?;
            shared.stays()?;
            self.with(|arriving| {
                arriving.carry_out(arriving.decide()?, old)?.ok_or_else(|| Errno::XDEV.into())
            })?
        };
        names.map_or(Ok(()), PendingSync::finish)?;
        Ok(Saved { path, asked_for, lies_at, size, created, kept })
    }

    fn with<T>(&self, act: impl FnOnce(&Arriving<'s, '_>) -> Result<T, Error>) -> Result<T, Error> {
        let Self { shared, from, target, wanted } = *self;
        target.confirm(&shared.root, target.nearest()).map_err(of_target)?;
        let Judged { grant, real } = target.judge_in(&shared.root, target.nearest(), wanted.to)?;
        let stat = root::look_in(&**from.0, from.1).map_err(of_target)?;
        let dir = target.identity(&shared.root)?;
        // It is beside its target.
        let dirs = (dir, dir);
        let wanted = NewName { to: &grant, ..wanted };
        act(&Arriving { shared, from, stat, dirs, target, wanted, lies_at: real.as_ref() })
    }
}
