//! Where a path really lies. Links on the way are resolved, so that two paths of one file can be compared.

use rustix::fs::FileType;
use rustix::io::Errno;

use super::error::Error;
use super::place::Place;
use super::shared::Shared;
use super::{root, stale};
use crate::access::{Grant, Operation};
use crate::path::SharePath;

/// Where a path really lies, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where the name lies. A link that has the name is not resolved.
    pub path: SharePath,
    /// Where a link of that name leads, if it leads to something inside.
    pub target: Option<SharePath>,
    /// The deepest directory above the name that exists.
    pub directory: SharePath,
    /// What has the name; `None` if nothing has it.
    pub kind: Option<NameKind>,
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A directory, or a link to one.
    Directory,
    /// Anything else.
    Other,
}

impl Whereabouts {
    /// What a reader of the path gets: a link is resolved.
    pub fn resolved(&self) -> &SharePath {
        self.target.as_ref().unwrap_or(&self.path)
    }
}

/// Where the path of the grant really lies, as [`Folder::whereabouts`](super::Folder::whereabouts) says.
pub(super) fn find<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<Whereabouts, Error> {
    shared.rules.admit(grant)?;
    if grant.path().is_root() {
        let root = SharePath::root;
        let kind = Some(NameKind::Directory);
        return Ok(Whereabouts { path: root(), target: None, directory: root(), kind });
    }
    stale::retry(|| {
        let (place, _) = Place::find(&shared.root, grant)?;
        let (directory, path) = place.real_paths(&shared.root).ok_or(Error::NotFound)?;
        let found = place.has_directory().then(|| root::look_in(&**place.nearest(), place.name()));
        let stat = match found {
            None | Some(Err(Errno::NOENT)) => None,
            Some(other) => Some(other?),
        };
        let is_link = stat.is_some_and(|stat| root::file_type(&stat) == FileType::Symlink);
        let target = if is_link { shared.root.real_path_at(&path) } else { None };
        let stat = if target.is_some() { shared.root.stat_of(&path).ok() } else { stat };
        let kind = stat.map(|stat| match root::file_type(&stat) {
            FileType::Directory => NameKind::Directory,
            _ => NameKind::Other,
        });
        Ok(Whereabouts { path, target, directory, kind })
    })
}
