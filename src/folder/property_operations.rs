//! Keeps properties in files, and lets the files go with what is copied, moved or removed through the folder.
//!
//! A folder without such files pays nothing: whether there are any is remembered. Where other servers have the folder, it
//! is checked each time, because they may have made some.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;

use super::commit::Saved;
use super::error::Error;
use super::properties::{MAX_PROPERTIES, PropertyError};
use super::property_files::{self, ClientHash};
use super::rename::Moved;
use super::shared::Shared;
use crate::path::SharePath;

/// How properties follow what they belong to.
struct Followed<'c> {
    /// Whether it is a directory.
    is_directory: bool,
    /// Whether nothing had the new name.
    is_new: bool,
    /// For a copy: the client that has made it.
    copied_by: Option<&'c ClientHash>,
}

impl Shared {
    /// The properties of what has this real path.
    pub(super) fn stored_properties(&self, path: &SharePath) -> Option<Vec<u8>> {
        property_files::open_for(&self.property_directory()?, path)?.read()
    }

    /// The properties of the entry of this name in an open directory.
    pub(super) fn stored_properties_below(&self, dir: &OwnedFd, name: &OsStr) -> Option<Vec<u8>> {
        self.stored_properties(&self.root.real_path_of_handle(dir)?.join(name).ok()?)
    }

    /// Keeps properties for what has this real path, on behalf of a client. If they are empty, it removes what was kept. Call
    /// it while the commit lock is held.
    pub(super) fn store_properties(
        &self,
        path: &SharePath,
        properties: &[u8],
        client: &ClientHash,
    ) -> Result<(), PropertyError> {
        if properties.is_empty() {
            if let Some(dir) = self.property_directory() {
                self.property_files.remove(&dir, &property_files::name_of(path));
            }
            return Ok(());
        }
        let dir = self
            .property_files
            .make_directory(&self.root)
            .map_err(|error| PropertyError::Other(error.into()))?;
        if properties.len() > MAX_PROPERTIES || !self.property_files.have_room(&dir, path, client) {
            return Err(PropertyError::NoRoom);
        }
        // What another client has set first still counts for that one.
        let first = property_files::open_for(&dir, path).map(|file| file.client);
        let client = first.as_ref().unwrap_or(client);
        self.write_properties(&dir, (path, client), properties, self.rules.durable).map_err(|error| {
            match error {
                Error::NoSpace => PropertyError::NoRoom,
                error => PropertyError::Other(error),
            }
        })
    }

    /// What had one path has the other one now, a directory with everything below it. What had that before is gone.
    pub(super) fn properties_moved(&self, moved: &Moved) {
        if self.may_have_properties() {
            let from = self.root.real_path_of_name(&moved.from);
            let followed =
                Followed { is_directory: moved.is_directory, is_new: moved.created, copied_by: None };
            self.properties_follow(from, &moved.path, &followed);
        }
    }

    /// What has one path was copied to the other one by a client, a directory with everything below it.
    pub(super) fn properties_copied(
        &self,
        from: &SharePath,
        copy: &Saved,
        is_directory: bool,
        client: &ClientHash,
    ) {
        if self.may_have_properties() {
            // A copy of a link is a copy of its target.
            let from = self.root.real_path_at(from);
            let followed = Followed { is_directory, is_new: copy.created, copied_by: Some(client) };
            self.properties_follow(from, &copy.path, &followed);
        }
    }

    /// What had this path is gone, a directory with everything below it. Also call it for a new entry: another program may
    /// have removed what had the path before.
    pub(super) fn properties_ended(&self, path: &SharePath, is_directory: bool) {
        let Some(dir) = self.property_directory() else { return };
        let Some(path) = self.root.real_path_of_name(path) else { return };
        for (name, _) in property_files::at_or_below(&dir, &path, is_directory) {
            self.property_files.remove(&dir, &name);
        }
    }

    /// Writes files for the new path and those below it. Those of a move replace the old ones, and still count for the same
    /// clients.
    fn properties_follow(&self, from: Option<SharePath>, to: &SharePath, followed: &Followed<'_>) {
        let Followed { is_directory, is_new, copied_by } = *followed;
        // What had the name before may have been a directory.
        self.properties_ended(to, !is_new);
        let Some(dir) = self.property_directory() else { return };
        let Some((from, to)) = from.zip(self.root.real_path_of_name(to)) else { return };
        let files = property_files::at_or_below(&dir, &from, is_directory);
        for (name, path) in &files {
            // Not everything is copied: names that are not shared, and with `Depth: 0` nothing below.
            let new = property_files::relocated(path, &from, &to).filter(|new| self.root.has(new));
            let has_followed = new.is_none_or(|new| self.copy_properties(&dir, path, &new, copied_by));
            if copied_by.is_none() && has_followed {
                self.property_files.remove(&dir, name);
            }
        }
        if !files.is_empty() && self.rules.durable {
            // Each file would take a sync of its own, so a crash may lose their contents.
            let _ = rustix::fs::fsync(&dir);
        }
    }

    /// Writes a file for a new path with the properties of another path. Returns whether it has them.
    fn copy_properties(
        &self,
        dir: &Dir,
        path: &SharePath,
        new: &SharePath,
        copied_by: Option<&ClientHash>,
    ) -> bool {
        let Some(file) = property_files::open_for(dir, path) else { return true };
        if copied_by.is_some_and(|client| !self.property_files.have_room(dir, new, client)) {
            log::warn!("{} has lost its properties: there are too many", new.display());
            return false;
        }
        let client = copied_by.unwrap_or(&file.client).clone();
        let Some(properties) = file.read() else { return false };
        let written = self.write_properties(dir, (new, &client), &properties, false);
        written
            .inspect_err(|error| log::warn!("cannot keep the properties of {}: {error}", new.display()))
            .is_ok()
    }

    fn write_properties(
        &self,
        dir: &Dir,
        (path, client): (&SharePath, &ClientHash),
        properties: &[u8],
        is_durable: bool,
    ) -> Result<(), Error> {
        self.reserve.admit(Some(properties.len() as u64), dir)?;
        self.property_files.write(dir, path, client, properties, is_durable)
    }

    /// Whether anything in the folder may have properties.
    pub(super) fn may_have_properties(&self) -> bool {
        self.property_files.may_exist() || self.property_directory().is_some()
    }

    fn property_directory(&self) -> Option<Dir> {
        let may_exist = self.property_files.may_exist() || self.replicas.has_others();
        if may_exist { property_files::open(&self.root).ok() } else { None }
    }
}
