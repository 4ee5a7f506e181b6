//! A grant: the proof that a principal may perform one operation at one path.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::decision::Judge;
use super::denied::Denied;
use super::right::{Right, Rights};
use crate::path::SharePath;

/// The proof that a principal may carry out the operation `O` at a path. Only [`Access::check`](super::Access::check) makes
/// one, so its path is the one that was checked.
#[derive(Clone, Debug)]
pub struct Grant<'p, O> {
    path: Cow<'p, SharePath>,
    /// All the rights that the principal has at the path.
    rights: Rights,
    /// Whether the principal is a user with its own credentials.
    is_of_user: bool,
    /// Decides about other paths, if the rights may differ there.
    judge: Option<Box<Judge>>,
    operation: PhantomData<O>,
}

/// An operation that a grant can allow.
pub trait Operation {
    /// The rights that allow it; one of them is enough.
    const NEEDS: Rights;

    /// Whether these rights suffice.
    fn is_allowed_by(rights: Rights) -> bool {
        rights.has_any(Self::NEEDS)
    }
}

/// To see the names in a directory.
#[derive(Clone, Debug)]
pub struct ToList;

/// To read a file.
#[derive(Clone, Debug)]
pub struct ToRead;

/// To save a file. Whether its name is new is known only when the file is saved. So the grant says what is allowed for
/// a new name, and what for an existing one.
#[derive(Clone, Debug)]
pub struct ToWrite;

/// To create a directory.
#[derive(Clone, Debug)]
pub struct ToMakeDirectory;

/// To remove a file or a directory, or to move it elsewhere. For a directory, call [`Grant::may_remove_below`] too.
#[derive(Clone, Debug)]
pub struct ToRemove;

/// To change the properties of a file or a directory.
#[derive(Clone, Debug)]
pub struct ToChangeProperties;

/// To add a file to an archive, which shows its name and its content.
#[derive(Clone, Debug)]
pub struct ToArchive;

impl Operation for ToList {
    const NEEDS: Rights = Rights::of(&[Right::List]);
}

impl Operation for ToRead {
    const NEEDS: Rights = Rights::of(&[Right::Read]);
}

impl Operation for ToWrite {
    const NEEDS: Rights = Rights::SAVE;
}

impl Operation for ToMakeDirectory {
    const NEEDS: Rights = Rights::of(&[Right::Add]);

    /// The response says whether the name was taken.
    fn is_allowed_by(rights: Rights) -> bool {
        rights.has_any(Self::NEEDS) && !rights.hide_names()
    }
}

impl Operation for ToRemove {
    const NEEDS: Rights = Rights::of(&[Right::Remove]);
}

impl Operation for ToChangeProperties {
    const NEEDS: Rights = Rights::of(&[Right::Replace]);
}

impl Operation for ToArchive {
    const NEEDS: Rights = Rights::VIEW;

    fn is_allowed_by(rights: Rights) -> bool {
        rights.has_all(Self::NEEDS)
    }
}

impl<'p, O> Grant<'p, O> {
    pub(super) fn new(
        path: &'p SharePath,
        rights: Rights,
        is_of_user: bool,
        judge: Option<Box<Judge>>,
    ) -> Self {
        Self { path: Cow::Borrowed(path), rights, is_of_user, judge, operation: PhantomData }
    }

    /// The path that was checked.
    pub fn path(&self) -> &SharePath {
        &self.path
    }

    /// The same grant, for an operation that outlives the request. This copies the path.
    pub fn into_owned(self) -> Grant<'static, O> {
        let Self { path, rights, is_of_user, judge, operation } = self;
        Grant { path: Cow::Owned(path.into_owned()), rights, is_of_user, judge, operation }
    }
}

impl<O: Operation> Grant<'_, O> {
    /// Whether the principal's rights may differ at other paths. If so, the folder has to resolve the path
    /// and call [`Grant::also_at`].
    pub fn depends_on_path(&self) -> bool {
        self.judge.is_some()
    }

    /// Whether the principal must not learn which names are taken: it may add files, but not list, read or replace any.
    pub fn hides_names(&self) -> bool {
        self.rights.hide_names()
    }

    /// Whether the principal may use names that begin with a dot: only users with the right `edit` may. Clients without an
    /// account and the holders of links may not, because such names often are secrets (`.env`, `.ssh`).
    pub fn may_use_hidden_names(&self) -> bool {
        self.is_of_user && self.rights.has_all(Rights::HIDDEN_NAMES)
    }

    /// The same grant.
    pub fn reborrow(&self) -> Grant<'_, O> {
        self.with_rights(self.rights)
    }

    /// The paths at which rights may change.
    pub fn rule_paths(&self) -> impl Iterator<Item = &SharePath> {
        self.judge.iter().flat_map(|judge| judge.rule_paths())
    }

    /// The same grant, reduced to the rights that the principal also has at these paths. Fails if they do not
    /// suffice.
    pub fn also_at<'s>(
        &self,
        paths: impl IntoIterator<Item = &'s SharePath>,
    ) -> Result<Grant<'_, O>, Denied> {
        let Some(judge) = &self.judge else { return Ok(self.reborrow()) };
        let mut rights = self.rights;
        for path in paths {
            rights = rights.and(judge.rights(path));
            if !O::is_allowed_by(rights) {
                // A request to log in would reveal that the link leads to something.
                return Err(match judge.denied(O::NEEDS, O::is_allowed_by, path) {
                    Denied::Unauthenticated => Denied::Hidden,
                    denied => denied,
                });
            }
        }
        Ok(self.with_rights(rights))
    }

    /// Fails if a rule takes all of these rights away, at this path or at a path below it. The refusal names only this
    /// path, so it reveals nothing about the paths below.
    fn holds_below(&self, any_of: Rights, path: &SharePath) -> Result<(), Denied> {
        let Some(judge) = &self.judge else { return Ok(()) };
        let mut below = judge.rule_paths().filter(|rule| rule.is_below(path)).chain([path]);
        let allows = |rights: Rights| rights.has_any(any_of);
        if below.all(|path| allows(judge.rights(path))) {
            Ok(())
        } else {
            Err(judge.denied(any_of, allows, path))
        }
    }

    /// Fails if the principal may not create anything at this path.
    pub fn may_add_at(&self, path: &SharePath) -> Result<(), Denied> {
        const ADD: Rights = Rights::of(&[Right::Add]);
        match &self.judge {
            Some(judge) if !judge.rights(path).has_any(ADD) => {
                Err(judge.denied(ADD, |rights| rights.has_any(ADD), path))
            }
            _ => Ok(()),
        }
    }

    fn with_rights(&self, rights: Rights) -> Grant<'_, O> {
        Grant {
            path: Cow::Borrowed(self.path()),
            rights,
            is_of_user: self.is_of_user,
            judge: self.judge.clone(),
            operation: PhantomData,
        }
    }
}

impl Grant<'_, ToList> {
    /// Whether the name of this entry of the directory may be shown.
    pub fn shows(&self, path: &SharePath) -> bool {
        ToList::is_allowed_by(self.rights_at(path))
    }

    /// Whether the principal may use this entry of the directory if its name begins with a dot: see
    /// [`Grant::may_use_hidden_names`].
    pub fn shows_hidden(&self, path: &SharePath) -> bool {
        self.is_of_user && self.rights_at(path).has_all(Rights::HIDDEN_NAMES)
    }

    /// Whether this entry of the directory may be read.
    pub fn lets_read(&self, path: &SharePath) -> bool {
        ToRead::is_allowed_by(self.rights_at(path))
    }

    fn rights_at(&self, path: &SharePath) -> Rights {
        self.judge.as_ref().map_or(self.rights, |judge| judge.rights(path))
    }

    /// The grant for an entry of the directory; fails if its name must not be shown.
    pub fn entry<'e>(&self, path: &'e SharePath) -> Result<Grant<'e, ToList>, Denied> {
        match &self.judge {
            None => Ok(Grant::new(path, self.rights, self.is_of_user, None)),
            Some(judge) if self.shows(path) => {
                Ok(Grant::new(path, judge.rights(path), self.is_of_user, Some(judge.clone())))
            }
            Some(judge) => Err(judge.denied(ToList::NEEDS, ToList::is_allowed_by, path)),
        }
    }
}

impl Grant<'_, ToWrite> {
    /// Whether the principal may save a file under a new name.
    pub fn may_add(&self) -> bool {
        self.rights.has(Right::Add)
    }

    /// Whether the principal may replace the file that has the name.
    pub fn may_replace(&self) -> bool {
        self.rights.has(Right::Replace)
    }

    /// Whether the principal may remove files, and so may make room by discarding entries of the trash.
    pub fn may_remove(&self) -> bool {
        self.rights.has(Right::Remove)
    }
}

impl Grant<'_, ToWrite> {
    /// Fails if the principal may not add everything below this path. Then a whole directory must not be moved or
    /// copied there, because it could contain names that the principal may not add.
    pub fn may_add_below(&self, path: &SharePath) -> Result<(), Denied> {
        self.holds_below(Rights::of(&[Right::Add]), path)
    }

    /// Fails if the principal may not remove the whole directory at this path: replacing a directory removes it.
    pub fn may_replace_directory(&self, path: &SharePath) -> Result<(), Denied> {
        const REMOVE: Rights = Rights::of(&[Right::Remove]);
        if !self.may_remove() {
            return Err(Denied::NoRight(REMOVE));
        }
        self.holds_below(REMOVE, path)
    }
}

impl Grant<'_, ToRemove> {
    /// Fails if a rule below this path takes away the right to remove. Then the directory must not be removed as a
    /// whole.
    pub fn may_remove_below(&self, path: &SharePath) -> Result<(), Denied> {
        self.holds_below(ToRemove::NEEDS, path)
    }
}
