//! On whose behalf a request acts.

/// On whose behalf a request acts. It is made once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A request without credentials.
    Anonymous,
}
