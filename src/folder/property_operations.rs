//! Keeps properties in files, and lets the files go with what is copied, moved or removed through the folder.
//!
//! A folder without such files pays nothing: whether there are any is remembered. Where other servers have the folder, it
//! is checked each time, because they may have made some.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;

use super::commit::Saved;
use super::error::Error;
use super::properties::{MAX_PROPERTIES, PropertyError};
use super::property_files::{self, MAX_FILES};
use super::rename::Moved;
use super::shared::Shared;
use crate::path::SharePath;

/// How properties follow what they belong to.
#[derive(Clone, Copy)]
struct Followed {
    is_directory: bool,
    /// Whether nothing had the new name.
    is_new: bool,
    is_move: bool,
}

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
        self.write_properties(&dir, path, properties, self.rules.durable).map_err(|error| match error {
            Error::NoSpace => PropertyError::NoRoom,
            error => PropertyError::Other(error),
        })
    }

    /// What had one path has the other one now, a directory with everything below it. What had that before is gone.
    pub(super) fn properties_moved(&self, moved: &Moved) {
        if self.may_have_properties() {
            let from = self.root.real_path_of_name(&moved.from);
            let followed =
                Followed { is_directory: moved.is_directory, is_new: moved.created, is_move: true };
            self.properties_follow(from, &moved.path, followed);
        }
    }

    /// What has one path was copied to the other one, a directory with everything below it.
    pub(super) fn properties_copied(&self, from: &SharePath, copy: &Saved, is_directory: bool) {
        if self.may_have_properties() {
            // A copy of a link is a copy of its target.
            let from = self.root.real_path_at(from);
            let followed = Followed { is_directory, is_new: copy.created, is_move: false };
            self.properties_follow(from, &copy.path, followed);
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

    /// Writes files for the new path and those below it. Those of a move are renamed, so there is always room for them.
    fn properties_follow(&self, from: Option<SharePath>, to: &SharePath, followed: Followed) {
        let Followed { is_directory, is_new, is_move } = followed;
        // What had the name before may have been a directory.
        self.properties_ended(to, !is_new);
        let Some(dir) = self.property_directory() else { return };
        let Some((from, to)) = from.zip(self.root.real_path_of_name(to)) else { return };
        let files = property_files::at_or_below(&dir, &from, is_directory);
        let has_files = !files.is_empty();
        let mut room =
            if is_move { MAX_FILES } else { MAX_FILES.saturating_sub(property_files::names(&dir).count()) };
        for (name, path) in files {
            // Not everything is copied: names that are not shared, and with `Depth: 0` nothing below.
            let new = property_files::relocated(&path, &from, &to);
            let new = new.filter(|new| room > 0 && self.root.has(new));
            if let Some((new, properties)) = new.zip(self.stored_properties(&path)) {
                room -= 1;
                if let Err(error) = self.write_properties(&dir, &new, &properties, false) {
                    log::warn!("cannot keep the properties of {}: {error}", new.display());
                }
            }
            if is_move {
                property_files::remove(&dir, &name);
            }
        }
        if has_files && self.rules.durable {
            // Their contents are synced by themselves soon. A crash may lose them, but not what they belong to.
            let _ = rustix::fs::fsync(&dir);
        }
    }

    fn write_properties(
        &self,
        dir: &Dir,
        path: &SharePath,
        properties: &[u8],
        is_durable: bool,
    ) -> Result<(), Error> {
        self.reserve.admit(Some(properties.len() as u64), dir)?;
        property_files::write(dir, path, properties, is_durable)
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
