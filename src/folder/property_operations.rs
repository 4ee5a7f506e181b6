//! Keeps properties in files, and lets the files go with what is copied, moved or removed through the folder.
//!
//! A folder without such files pays nothing: whether there are any is remembered. Where other servers have the folder, it
//! is checked each time, because they may have made some.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;

use super::error::Error;
use super::properties::{MAX_PROPERTIES, PropertyError};
use super::property_files::{self, MAX_FILES};
use super::shared::Shared;
use crate::path::SharePath;

impl Shared {
    /// The properties of what has this real path.
    pub(super) fn stored_properties(&self, path: &SharePath) -> Option<Vec<u8>> {
        let dir = self.property_directory()?;
        let mut file = property_files::open_for(&dir, path)?;
        let mut properties = Vec::new();
        file.by_ref().take(MAX_PROPERTIES as u64).read_to_end(&mut properties).ok()?;
        Some(properties)
    }

    /// The properties of the entry of this name in an open directory.
    pub(super) fn stored_properties_below(&self, dir: &OwnedFd, name: &OsStr) -> Option<Vec<u8>> {
        self.stored_properties(&self.root.real_path_of_handle(dir)?.join(name).ok()?)
    }

    /// Keeps properties for what has this real path; none are removed. Call it while the commit lock is held.
    pub(super) fn store_properties(&self, path: &SharePath, properties: &[u8]) -> Result<(), PropertyError> {
        if properties.is_empty() {
            if let Some(dir) = self.property_directory() {
                property_files::remove(&dir, &property_files::name_of(path));
            }
            return Ok(());
        }
        let dir = self
            .property_files
            .make_directory(&self.root)
            .map_err(|error| PropertyError::Other(error.into()))?;
        let is_new = property_files::open_for(&dir, path).is_none();
        if properties.len() > MAX_PROPERTIES || (is_new && property_files::names(&dir).count() >= MAX_FILES) {
            return Err(PropertyError::NoRoom);
        }
        self.write_properties(&dir, path, properties).map_err(|error| match error {
            Error::NoSpace => PropertyError::NoRoom,
            error => PropertyError::Other(error),
        })
    }

    /// What had one path has the other one now, a directory with everything below it. What had that before is gone.
    pub(super) fn properties_moved(&self, from: &SharePath, to: &SharePath, is_directory: bool) {
        if self.may_have_properties() {
            let from = self.root.real_path_of_name(from);
            let from = from.as_ref().map(|path| (path, is_directory));
            self.properties_follow(from, to, |_| MAX_FILES, property_files::remove);
        }
    }

    /// What has one path was copied to the other one, a directory with everything below it.
    pub(super) fn properties_copied(&self, from: &SharePath, to: &SharePath, is_directory: bool) {
        if self.may_have_properties() {
            // A copy of a link is a copy of its target.
            let from = self.root.real_path_at(from);
            let from = from.as_ref().map(|path| (path, is_directory));
            self.properties_follow(
                from,
                to,
                |dir| MAX_FILES.saturating_sub(property_files::names(dir).count()),
                |_, _| {},
            );
        }
    }

    /// What had this path is gone, a directory with everything below it. Also call it for a new entry: another program may
    /// have removed what had the path before.
    pub(super) fn properties_ended(&self, path: &SharePath, is_directory: bool) {
        let Some(dir) = self.property_directory() else { return };
        let Some(path) = self.root.real_path_of_name(path) else { return };
        for (name, _) in property_files::at_or_below(&dir, &path, is_directory) {
            property_files::remove(&dir, &name);
        }
    }

    /// Writes files for the new path and those below it, as many as there is room for, and then does something with each
    /// of the old ones. The source is a path, and whether a directory is there.
    fn properties_follow(
        &self,
        from: Option<(&SharePath, bool)>,
        to: &SharePath,
        room: impl Fn(&Dir) -> usize,
        then: impl Fn(&Dir, &str),
    ) {
        // What had the name before may have been a directory.
        self.properties_ended(to, true);
        let Some(dir) = self.property_directory() else { return };
        let Some(((from, is_directory), to)) = from.zip(self.root.real_path_of_name(to)) else { return };
        let mut room = room(&dir);
        for (name, path) in property_files::at_or_below(&dir, from, is_directory) {
            // Not everything is copied: names that are not shared, and with `Depth: 0` nothing below.
            let new =
                property_files::relocated(&path, from, &to).filter(|new| room > 0 && self.root.has(new));
            if let Some((new, properties)) = new.zip(self.stored_properties(&path)) {
                room -= 1;
                if let Err(error) = self.write_properties(&dir, &new, &properties) {
                    log::warn!("cannot keep the properties of {}: {error}", new.display());
                }
            }
            then(&dir, &name);
        }
    }

    fn write_properties(&self, dir: &Dir, path: &SharePath, properties: &[u8]) -> Result<(), Error> {
        self.reserve.admit(Some(properties.len() as u64), dir)?;
        property_files::write(dir, path, properties, self.rules.durable)
    }

    /// Whether anything in the folder may have properties.
    pub(super) fn may_have_properties(&self) -> bool {
        self.property_directory().is_some()
    }

    fn property_directory(&self) -> Option<Dir> {
        let may_exist = self.property_files.may_exist() || self.replicas.has_others();
        if may_exist { property_files::open(&self.root).ok() } else { None }
    }
}
