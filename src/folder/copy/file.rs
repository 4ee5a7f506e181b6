//! The copy of a file. It is saved as an upload is.

use std::fs::File;
use std::time::SystemTime;

use crate::access::{Grant, ToWrite};
use crate::folder::arrive::Conflict;
use crate::folder::commit::{Saved, save};
use crate::folder::copy::content::{Content, PIECE};
use crate::folder::copy::place_of;
use crate::folder::error::Error;
use crate::folder::guard::Guard;
use crate::folder::place::Place;
use crate::folder::remover::Remover;
use crate::folder::root::{self, Identity};
use crate::folder::shared::Shared;
use crate::folder::temporary::Temporary;

/// A file that is being copied.
pub(super) struct FileCopy {
    content: Content,
    temporary: Temporary,
    place: Place,
    modified: SystemTime,
    is_complete: bool,
}

impl FileCopy {
    /// Begins to copy this file, unless it is known that the copy cannot be saved.
    pub(super) fn begin(
        shared: &Shared,
        source: File,
        to: &Grant<'_, ToWrite>,
        conflict: Conflict,
    ) -> Result<Self, Error> {
        let stat = rustix::fs::fstat(&source)?;
        let facts = shared.root.facts(&stat);
        let place = place_of(shared, to)?;
        let taken = root::look_in(&**place.nearest(), place.name()).ok();
        if taken.is_some_and(|taken| Identity::of(&taken) == Identity::of(&stat)) {
            return Err(Error::OntoItself);
        }
        let place = shared.find_place(to, Some(facts.len))?;
        if conflict == Conflict::Refuse && taken.is_some() && !to.hides_names() {
            return Err(Error::Exists);
        }
        shared.reserve.admit(Some(facts.len), place.nearest())?;
        let temporary = Temporary::create(place.nearest(), shared.save_methods.of(place.nearest()))?;
        let (content, modified) = (Content::of(source), facts.modified);
        Ok(Self { content, temporary, place, modified, is_complete: false })
    }

    /// Copies the next piece. Returns whether that was the last.
    pub(super) fn copy(&mut self, shared: &Shared) -> Result<bool, Error> {
        let Self { content, temporary, place, is_complete, .. } = self;
        if !*is_complete {
            shared.rules.admit_size(content.copied())?;
            let _in_flight = shared.reserve.begin(PIECE.min(content.left()?), place.nearest())?;
            *is_complete = temporary.fill(|file| content.copy_to(file))?;
        }
        Ok(*is_complete)
    }

    /// Gives the copy its name.
    pub(super) fn finish(
        &mut self,
        shared: &Shared,
        to: &Grant<'_, ToWrite>,
        conflict: Conflict,
        remover: &Remover,
    ) -> Result<Saved, Error> {
        let Self { content, temporary, place, modified, .. } = self;
        let size = content.copied();
        shared.rules.admit_size(size)?;
        let guard = match conflict {
            Conflict::Refuse => Guard::MustBeNew,
            Conflict::Replace => Guard::None,
        };
        match save(shared, place, to, temporary, size, Some(*modified), guard, remover) {
            Err(Error::Changed) => Err(Error::Exists),
            other => other,
        }
    }
}
