//! Checks a path and makes a grant for it. No other file makes a grant from a path.

use super::decision::{Access, Judge};
use super::denied::Denied;
use super::grant::{Grant, Operation};
use super::principal::Principal;
use crate::path::SharePath;

impl Access {
    /// Grants an operation at this path.
    #[inline]
    pub fn check<'p, O: Operation>(
        &self,
        principal: &Principal,
        path: &'p SharePath,
    ) -> Result<Grant<'p, O>, Denied> {
        let rights = self.rights(principal, path);
        if !O::is_allowed_by(rights) {
            return Err(self.denied(O::NEEDS, O::is_allowed_by, principal, path));
        }
        Ok(Grant::new(
            path,
            rights,
            principal.person().is_some(),
            self.depends_on_path_for(principal).then(|| Box::new(self.judge(principal))),
        ))
    }
}

impl Judge {
    /// Like [`Access::check`], for the principal.
    pub fn check<'p, O: Operation>(&self, path: &'p SharePath) -> Result<Grant<'p, O>, Denied> {
        let (access, principal) = self.parts();
        access.check(principal, path)
    }
}
