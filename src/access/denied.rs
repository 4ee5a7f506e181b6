//! Why a principal may not do something.

use super::right::Rights;

/// Why a principal may not do something. Each protocol has its own words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The folder is read-only.
    ReadOnly,
    /// The principal has none of these rights there; one of them is enough.
    NoRight(Rights),
    /// The rules give the principal no right to this there, and it must not learn whether anything is there.
    Hidden,
    /// Nobody without an account may do this there, but a user may: the client has to say who it is.
    Unauthenticated,
}
