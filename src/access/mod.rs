//! Access: which principal has which rights where.
//!
//! ```text
//! Access::check(principal, path) ──> Grant<'_, ToRead>    names the path; the folder's operation takes it
//!                                └─> Denied               says which right is missing
//! ```
//!
//! A [`Grant`] is made only here, for one operation: such as [`ToList`] or [`ToRead`]. An operation
//! of the folder takes the grant that it needs instead of a path, so an operation without a check does not compile.
//!
//! [`Access::rights`] alone decides, by [`Rule`]s: those of `--allow`, or a single one that the other flags make.
//! [`Access::explain`] says for people which of them decided.
//!
//! Knows no protocol and no disk: no clock, no files. What a link leads to, the folder finds out, and asks the grant about it.

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
pub use grant::{Grant, Operation, ToArchive, ToList, ToMakeDirectory, ToRead, ToRemove, ToWrite};
pub use principal::{Principal, Scope, User};
pub use right::{Right, Rights};
pub use rule::{ClientScope, Rule};
pub use rule_error::RuleError;
pub use subject::Subject;
