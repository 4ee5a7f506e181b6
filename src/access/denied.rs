//! Why a principal may not do something.

use super::right::Rights;

/// Why a principal may not do something. Each protocol has its own words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The folder is read-only.
    ReadOnly,
    /// The principal needs one of these rights there, and has none of them.
    NoRight(Rights),
    /// The rules do not allow it there, and the principal must not learn whether anything exists there.
    Hidden,
    /// Only a user with an account may do this there: the client has to log in.
    Unauthenticated,
}
