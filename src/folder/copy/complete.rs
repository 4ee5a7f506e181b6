//! A complete copy that is beside its target, under a temporary name, gets its name.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::io::Errno;

use crate::access::{Grant, ToWrite};
use crate::durable::group::PendingSync;
use crate::folder::arrive::{Arriving, IfTaken, NewlyNamed, lock};
use crate::folder::copy::place::of_target;
use crate::folder::error::Error;
use crate::folder::place::Place;
use crate::folder::real_path::Judged;
use crate::folder::remover::Remover;
use crate::folder::root;
use crate::folder::shared::Shared;

/// A copy, and its target.
pub(super) struct CompleteCopy<'s, 'a> {
    pub(super) shared: &'s Shared,
    /// Its directory, and its name there.
    pub(super) from: (&'a Arc<Dir>, &'a OsStr),
    pub(super) target: &'a Place,
    pub(super) to: &'a Grant<'a, ToWrite>,
    pub(super) conflict: IfTaken,
}

impl<'s> CompleteCopy<'s, '_> {
    /// Fails if it is known that it cannot get its name.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.with(|arriving| arriving.decide(self.conflict).map(drop))
    }

    /// Gives it its name. When this returns, that is on the disk, if it has to be.
    pub(super) fn finish(&self, remover: &Remover) -> Result<NewlyNamed, Error> {
        let Self { shared, target, to, conflict, .. } = *self;
        let old = self.with(|arriving| {
            let step = arriving.decide(conflict)?;
            arriving.prepare(step, remover)
        })?;
        let names = shared.syncs().map(|syncs| syncs.begin(&**target.nearest())).transpose()?;
        let arrived = {
            let _lock = lock(shared, conflict, false, to)?;
            shared.stays()?;
            self.with(|arriving| {
                let step = arriving.decide(conflict)?;
                arriving.carry_out(step, old, remover)?.ok_or_else(|| Errno::XDEV.into())
            })?
        };
        names.map_or(Ok(()), PendingSync::finish)?;
        Ok(arrived)
    }

    fn with<T>(&self, act: impl FnOnce(&Arriving<'s, '_>) -> Result<T, Error>) -> Result<T, Error> {
        let Self { shared, from, target, to, .. } = *self;
        target.confirm(&shared.root, target.nearest()).map_err(of_target)?;
        let Judged { grant, real } = target.judge_in(&shared.root, target.nearest(), to)?;
        let stat = root::look_in(&**from.0, from.1).map_err(of_target)?;
        let dir = rustix::fs::fstat(&**target.nearest())?;
        // It is beside its target.
        let dirs = (dir, dir);
        act(&Arriving { shared, from, stat, dirs, target, to: &grant, lies_at: real.as_ref() })
    }
}
