//! A build without WebDAV: requests submit no tokens of locks.

use crate::server::request::Request;

/// No tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubmittedTokens(());

impl SubmittedTokens {
    /// The field `If` counts for nothing.
    pub(crate) fn of(_: &Request<'_, '_, '_>) -> Self {
        Self(())
    }
}
