//! What a path stands for, and the properties that clients keep with it.

use std::fs::{File, FileTimes};
use std::time::SystemTime;

use rustix::fs;

use super::error::Error;
use super::listing::{Description, kind_of};
use super::properties::{self, PropertyError};
use super::property_files::ClientHash;
use super::remover::Remover;
use super::root::Opened;
use super::shared::Shared;
use super::whereabouts::{self, Whereabouts};
use super::{Folder, open, root, stored_form};
use crate::access::{Grant, Operation, ToChangeProperties};
use crate::blocking::Blocking;
use crate::path::SharePath;

impl Folder {
    /// What the path of the grant stands for. A link stands for its target.
    pub fn describe<O: Operation>(
        &self,
        grant: &Grant<'_, O>,
        _: Blocking<'_>,
    ) -> Result<Description, Error> {
        let shared = self.source.current();
        let (_, stat) = open::opened(&shared, grant)?;
        let facts = shared.root.facts(&stat);
        let kind = kind_of(&stat, facts).ok_or(Error::NotFound)?;
        Ok(Description { kind, facts })
    }

    /// Where the path of the grant really lies, and what is there.
    pub fn whereabouts<O: Operation>(
        &self,
        grant: &Grant<'_, O>,
        _: Blocking<'_>,
    ) -> Result<Whereabouts, Error> {
        whereabouts::find(&self.source.current(), grant)
    }

    /// The path with names in the Unicode form in which they exist; `None` if the path exists as it is, in neither form, or
    /// has too many names that are not ASCII. Its caller decides whether the client may learn of it.
    pub fn stored_form(&self, path: &SharePath, _: Blocking<'_>) -> Option<SharePath> {
        stored_form::find(&self.source.current().root, path)
    }

    /// How many bytes can still be saved in the folder, and how many its file system uses.
    pub fn space(&self, _: Blocking<'_>) -> Result<(u64, u64), Error> {
        let shared = self.source.current();
        let facts = fs::fstatvfs(shared.root.dir())?;
        let used = facts.f_blocks.saturating_sub(facts.f_bfree).saturating_mul(facts.f_frsize);
        let available = facts.f_bavail.saturating_mul(facts.f_frsize).saturating_sub(shared.rules.reserve);
        Ok((available, used))
    }

    /// The properties that clients keep with a file or a directory; `None` if there are none, or if the file system cannot
    /// keep any.
    pub fn properties<O: Operation>(
        &self,
        grant: &Grant<'_, O>,
        _: Blocking<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let shared = self.source.current();
        if !shared.may_have_properties() {
            return Ok(None);
        }
        let (Opened { file, .. }, _) = open::opened(&shared, grant)?;
        Ok(properties_of(&shared, &file))
    }

    /// Changes the properties of a file or a directory, and its time if one is given. When this returns, they are on the disk
    /// (unless [`Rules::durable`](super::Rules::durable) is off). `change` makes the new properties from the old ones;
    /// `None` leaves them as they are. The client that does so is `by`.
    pub fn change_properties(
        &self,
        grant: &Grant<'_, ToChangeProperties>,
        change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
        modified: Option<SystemTime>,
        by: &Remover,
        _: Blocking<'_>,
    ) -> Result<(), PropertyError> {
        let shared = self.source.current();
        shared.may_change().map_err(PropertyError::Other)?;
        let _commits = shared.commits.across_servers(&shared.root).map_err(PropertyError::Other)?;
        let (Opened { file, .. }, stat) = open::opened(&shared, grant).map_err(PropertyError::Other)?;
        if !matches!(root::file_type(&stat), fs::FileType::RegularFile | fs::FileType::Directory) {
            return Err(PropertyError::Other(Error::NotFound));
        }
        if let Some(value) = change(properties_of(&shared, &file).as_deref()) {
            set_properties(&shared, &file, &value, &ClientHash::of(&by.share))?;
        }
        if let Some(modified) = modified {
            let times = FileTimes::new().set_modified(modified);
            file.set_times(times).map_err(|error| PropertyError::Other(error.into()))?;
        }
        if shared.rules.durable {
            file.sync_all().map_err(|error| PropertyError::Other(error.into()))?;
        }
        Ok(())
    }
}

fn properties_of(shared: &Shared, file: &File) -> Option<Vec<u8>> {
    properties::read(&properties::path_of(file)).or_else(|| {
        let path = shared.root.real_path_of_handle(file)?;
        shared.stored_properties(&path)
    })
}

/// Sets the properties of a file or directory: in an attribute if that is possible, otherwise in a file.
fn set_properties(
    shared: &Shared,
    file: &File,
    value: &[u8],
    client: &ClientHash,
) -> Result<(), PropertyError> {
    let attribute = properties::path_of(file);
    if !value.is_empty() {
        shared.property_files.mark(&shared.root);
    }
    let outcome = properties::write(&attribute, value);
    let in_file = match &outcome {
        Ok(()) => &[],
        Err(PropertyError::NoRoom) => value,
        Err(PropertyError::Other(_)) => return outcome,
    };
    let path = shared.root.real_path_of_handle(file).ok_or(PropertyError::NoRoom)?;
    shared.store_properties(&path, in_file, client)?;
    if outcome.is_err() {
        // What was in the attribute is outdated.
        properties::write(&attribute, &[])?;
    }
    Ok(())
}
