//! The copy of a file. It is saved as an upload is.

use std::fs::File;
use std::time::SystemTime;

use crate::folder::arrive::{IfTaken, NewName};
use crate::folder::commit::{CommitTerms, Origin, Saved, save};
use crate::folder::copy::complete::CompleteCopy;
use crate::folder::copy::content::{FileContent, PIECE};
use crate::folder::copy::place::{of_new, place_of};
use crate::folder::error::Error;
use crate::folder::guard::Guard;
use crate::folder::place::Place;
use crate::folder::root::{self, Identity};
use crate::folder::save_method::SaveMethod;
use crate::folder::shared::Shared;
use crate::folder::temporary::Temporary;

/// A file that is being copied.
pub(super) struct FileCopy {
    content: FileContent,
    temporary: Temporary,
    place: Place,
    modified: SystemTime,
    is_complete: bool,
    /// Whether it replaces a directory, which no upload does.
    replaces_directory: bool,
    /// Whether it is moved, and so keeps its attributes and its author.
    is_moved: bool,
}

impl FileCopy {
    /// Begins to copy this file, unless it is known that the copy cannot be saved.
    pub(super) fn begin(
        shared: &Shared,
        source: File,
        wanted: NewName<'_>,
        is_moved: bool,
    ) -> Result<Self, Error> {
        let NewName { to, conflict, .. } = wanted;
        let stat = rustix::fs::fstat(&source)?;
        let facts = shared.root.facts(&stat);
        let place = place_of(shared, to)?;
        let taken = root::look_in(&**place.nearest(), place.name()).ok();
        if taken.is_some_and(|taken| Identity::of(&taken) == Identity::of(&stat)) {
            return Err(Error::OntoItself);
        }
        if conflict == IfTaken::Refuse && taken.is_some() && !to.hides_names() {
            return Err(Error::Exists);
        }
        let (place, replaces_directory) = match shared.find_place(to, Some(facts.len)) {
            Err(Error::IsDirectory) => (place, true),
            other => (other?, false),
        };
        shared.rules.admit_size(facts.len)?;
        shared.admit_space(Some(facts.len), place.nearest(), to.may_remove())?;
        let best = shared.save_methods.of(place.nearest());
        let method = if replaces_directory { best.max(SaveMethod::Named) } else { best };
        let temporary = Temporary::create(place.nearest(), method).map_err(of_new)?;
        let (content, modified) = (FileContent::of(source), facts.modified);
        let copy =
            Self { content, temporary, place, modified, is_complete: false, replaces_directory, is_moved };
        if replaces_directory {
            copy.complete(shared, wanted)?.check()?;
        }
        Ok(copy)
    }

    fn complete<'s, 'a>(
        &'a self,
        shared: &'s Shared,
        wanted: NewName<'a>,
    ) -> Result<CompleteCopy<'s, 'a>, Error> {
        let from = self.temporary.place().ok_or(Error::IsDirectory)?;
        Ok(CompleteCopy { shared, from, target: &self.place, wanted })
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
    pub(super) fn finish(&mut self, shared: &Shared, wanted: NewName<'_>) -> Result<Saved, Error> {
        let NewName { to, conflict, remover } = wanted;
        let size = self.content.copied();
        shared.rules.admit_size(size)?;
        if self.replaces_directory {
            return self.replace_directory(shared, size, wanted);
        }
        let Self { temporary, place, modified, content, is_moved, .. } = self;
        let guard = match conflict {
            IfTaken::Refuse => Guard::MustBeNew,
            IfTaken::Replace => Guard::None,
        };
        let terms = CommitTerms {
            size,
            modified: Some(*modified),
            guard,
            makes_parents: false,
            remover,
            origin: if *is_moved {
                Origin::MovedFrom(content.source())
            } else {
                Origin::CopyOf(content.source())
            },
        };
        match save(shared, place, to, temporary, &terms) {
            Err(Error::Changed) => Err(Error::Exists),
            Err(Error::NoParent) => Err(Error::ParentGone),
            other => other,
        }
    }

    fn replace_directory(&mut self, shared: &Shared, size: u64, wanted: NewName<'_>) -> Result<Saved, Error> {
        let Self { temporary, place, modified, content, is_moved, .. } = self;
        temporary.set_modified((*modified).min(SystemTime::now()))?;
        if *is_moved {
            temporary.copy_attributes(content.source())?;
        } else {
            temporary.set_default_attributes(place.nearest(), shared.umask)?;
        }
        if shared.syncs().is_some() {
            temporary.sync()?;
        }
        let saved = self.complete(shared, wanted)?.finish(size)?;
        self.temporary.was_renamed();
        Ok(saved)
    }
}
