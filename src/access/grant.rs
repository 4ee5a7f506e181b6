//! A grant: the proof that a principal may do one thing with one path.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::decision::Judge;
use super::right::{Right, Rights};
use crate::path::SharePath;

/// The proof that a principal may carry out the operation `O` at a path. Only [`Access::check`](super::Access::check) makes
/// one, so its path is the one that was checked.
#[derive(Clone, Debug)]
pub struct Grant<'p, O> {
    path: Cow<'p, SharePath>,
    /// All rights that the principal has at the path.
    rights: Rights,
    /// Decides about other paths, if they may have other rights.
    judge: Option<Judge>,
    operation: PhantomData<O>,
}

/// What a grant is for.
pub trait Operation {
    /// The rights of which one is needed.
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

/// To save a file. Whether its name is new is known only when it is saved; the grant says what is allowed in each case.
#[derive(Clone, Debug)]
pub struct ToWrite;

/// To create a directory.
#[derive(Clone, Debug)]
pub struct ToMakeDirectory;

impl Operation for ToList {
    const NEEDS: Rights = Rights::of(&[Right::List]);
}

impl Operation for ToRead {
    const NEEDS: Rights = Rights::of(&[Right::Read]);
}

impl Operation for ToWrite {
    const NEEDS: Rights = Rights::CHANGE;
}

impl Operation for ToMakeDirectory {
    const NEEDS: Rights = Rights::of(&[Right::Add]);
}

impl<'p, O> Grant<'p, O> {
    pub(super) fn new(path: &'p SharePath, rights: Rights, judge: Option<Judge>) -> Self {
        Self { path: Cow::Borrowed(path), rights, judge, operation: PhantomData }
    }

    /// The path that was checked.
    pub fn path(&self) -> &SharePath {
        &self.path
    }

    /// The same, for an operation that outlives the request. It copies the path.
    pub fn into_owned(self) -> Grant<'static, O> {
        let Self { path, rights, judge, operation } = self;
        Grant { path: Cow::Owned(path.into_owned()), rights, judge, operation }
    }
}

impl Grant<'_, ToWrite> {
    /// Whether it may save a file under a new name.
    pub fn may_add(&self) -> bool {
        self.rights.has(Right::Add)
    }

    /// Whether it may replace the file that has the name.
    pub fn may_replace(&self) -> bool {
        self.rights.has(Right::Replace)
    }
}
