//! The principal of a request.

/// The user that a request acts for. It is determined once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A request without credentials.
    Anonymous,
}
