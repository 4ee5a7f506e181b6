//! Access: which principal has which rights where.
//!
//! ```text
//! Access::check(principal, path) ──> Grant<'_, ToRead>    names the path; the folder's operation takes it
//!                                └─> Denied               says which right is missing
//! ```
//!
//! A [`Grant`] is made only here, for one operation: [`ToList`], [`ToRead`], [`ToWrite`] or [`ToMakeDirectory`]. An operation
//! of the folder takes the grant that it needs instead of a path, so an operation without a check does not compile.
//!
//! [`Access::rights`] alone decides. Today every principal has the same rights everywhere: those that the server's
//! flags give. Accounts will add principals, and rules by path; the callers will stay as they are.
//!
//! Knows nothing of protocols, files or clocks. The folder resolves links.

mod denied;
mod grant;
mod principal;
mod right;
#[cfg(test)]
mod tests;

pub use denied::Denied;
pub use grant::{Grant, Operation, ToList, ToMakeDirectory, ToRead, ToWrite};
pub use principal::Principal;
pub use right::{Right, Rights};

use crate::path::SharePath;

/// The rights of every principal in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    everyone: Rights,
    is_read_only: bool,
}

/// The rights of one principal: for operations that outlive a request, and for walks, which leave out what the
/// principal may not see.
#[derive(Clone, Debug)]
pub struct Judge {
    access: Access,
    principal: Principal,
}

impl Access {
    /// Everyone has these rights, everywhere.
    pub fn new(everyone: Rights) -> Self {
        Self { everyone, is_read_only: false }
    }

    /// No principal may change anything, whatever rights were given.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }

    /// The rights that this principal has at this path. Access is decided only here; the methods below call this one.
    pub fn rights(&self, principal: &Principal, _: &SharePath) -> Rights {
        let given = match principal {
            Principal::Anonymous => self.everyone,
        };
        if self.is_read_only { given.without(Rights::CHANGE) } else { given }
    }

    /// Grants an operation at this path.
    pub fn check<'p, O: Operation>(
        &self,
        principal: &Principal,
        path: &'p SharePath,
    ) -> Result<Grant<'p, O>, Denied> {
        self.require(O::NEEDS, principal, path).map(|rights| Grant::new(path, rights))
    }

    /// Fails if the principal has none of these rights at this path; otherwise returns all that it has.
    pub fn require(&self, any_of: Rights, principal: &Principal, path: &SharePath) -> Result<Rights, Denied> {
        let rights = self.rights(principal, path);
        if rights.has_any(any_of) {
            Ok(rights)
        } else if self.is_read_only && Rights::CHANGE.has_all(any_of) {
            Err(Denied::ReadOnly)
        } else {
            Err(Denied::NoRight(any_of))
        }
    }

    /// Whether any principal may add or replace files anywhere.
    pub fn lets_anyone_change(&self) -> bool {
        !self.is_read_only && self.everyone.has_any(Rights::CHANGE)
    }

    /// The rights of this principal alone.
    pub fn judge(&self, principal: &Principal) -> Judge {
        Judge { access: self.clone(), principal: principal.clone() }
    }
}

impl Judge {
    /// Like [`Access::check`], for the principal.
    pub fn check<'p, O: Operation>(&self, path: &'p SharePath) -> Result<Grant<'p, O>, Denied> {
        self.access.check(&self.principal, path)
    }
}
