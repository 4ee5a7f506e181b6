//! The tokens of locks that a request submits.

use crate::dav::IfField;
use crate::dav::locks::TokenClaim;
use crate::server::request::Request;

/// The tokens of locks that a request submits in its field `If`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubmittedTokens(Box<[Box<str>]>);

impl SubmittedTokens {
    /// Those of this request. A field that is malformed has none: the gate refuses it.
    pub(crate) fn of(request: &Request<'_, '_, '_>) -> Self {
        let conditions = IfField::of(request.head.fields).ok().flatten();
        Self::in_conditions(conditions.as_ref())
    }

    /// Those in these conditions.
    pub(crate) fn in_conditions(conditions: Option<&IfField>) -> Self {
        Self(conditions.into_iter().flat_map(IfField::tokens).map(Into::into).collect())
    }

    /// These, and another one.
    #[cfg(feature = "dav")]
    pub(crate) fn and(&self, another: Option<&str>) -> Self {
        Self(self.iter().chain(another).map(Into::into).collect())
    }

    /// The tokens.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }

    /// The tokens, with the principal that submits them.
    pub(crate) fn claim<'c>(&'c self, holder: Option<&'c str>) -> TokenClaim<'c> {
        TokenClaim { tokens: &self.0, holder }
    }
}
