//! Why a principal may not do something.

use super::right::Rights;

/// Why a principal may not do something. Each protocol has its own words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The folder is read-only.
    ReadOnly,
    /// The principal has none of these rights there; one of them is enough.
    NoRight(Rights),
    /// The rules do not allow it there, and the principal must not learn whether anything exists there.
    Hidden,
    /// A user may do this there, but nobody without an account: the client has to log in.
    Unauthenticated,
}
