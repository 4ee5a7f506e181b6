//! Access: which principal has which rights where.
//!
//! ```text
//! Access::check(principal, path) ──> Grant<'_, ToRead>    names the path; the folder's operation takes it
//!                                └─> Denied               says which right is missing
//! ```
//!
//! Only this module makes a [`Grant`], for one operation such as [`ToList`] or [`ToRead`]. An operation of
//! the folder takes the grant that it needs instead of a path, so an operation without a check does not
//! compile.
//!
//! Only [`Access::rights`] decides. It uses [`Rule`]s, which come from `--allow` or follow from the other flags. A
//! [`Subject`] is a user, a group, all users, or everyone. [`Access::explain`] says which rules decided, for people who
//! write rules.
//!
//! This module knows no protocol, no clock and no files. The folder finds out where a link leads, and asks
//! the grant about that path.

mod check;
mod decision;
mod denied;
mod explanation;
mod grant;
mod principal;
mod right;
mod rule;
mod rule_error;
mod subject;
#[cfg(test)]
mod tests;

pub use decision::{Access, Judge};
pub use denied::Denied;
pub use explanation::Explanation;
pub use grant::{
    Grant, Operation, ToArchive, ToChangeProperties, ToList, ToMakeDirectory, ToRead, ToRemove, ToWrite,
};
pub use principal::{Principal, Scope, User};
pub use right::{Right, Rights};
pub use rule::{ClientScope, Rule};
pub use rule_error::RuleError;
pub use subject::Subject;
