//! What a request said about its sender, and what to do if that was not enough.

use super::authorization::CredentialKind;

/// The credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentCredentials {
    /// None.
    Nothing,
    /// None, because a redirect has named this server.
    Withheld(String),
    /// The user's credentials.
    Given(CredentialKind),
    /// A field of the request itself.
    Own,
}

impl SentCredentials {
    /// The explanation of a 401: the server's reason, if it gives one, and what to do.
    pub(in crate::client) fn explain(&self, said: Option<String>) -> Option<String> {
        let advice = match self {
            Self::Nothing => "log in with -u NAME, or with a token in WHARF_TOKEN".to_owned(),
            Self::Withheld(server) => {
                format!(
                    "a redirect has led to {server}, which gets no credentials (use that address directly)"
                )
            }
            Self::Given(CredentialKind::Password) => {
                "the user name or the password is wrong, and is not sent again".to_owned()
            }
            Self::Given(CredentialKind::Token) => {
                "the token is wrong or has expired, and is not sent again".to_owned()
            }
            Self::Own => return said,
        };
        let Some(said) = said else { return Some(advice) };
        // If the server gives the same reason, it is not printed twice.
        let rest = advice.strip_prefix(&*said).map(|rest| rest.trim_start_matches(", and "));
        Some(match rest {
            Some(rest) => format!("{said}, and {rest}"),
            None => format!("{said} ({advice})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_after_401() {
        let table = [
            (SentCredentials::Nothing, None, Some("log in with -u NAME, or with a token in WHARF_TOKEN")),
            (
                SentCredentials::Nothing,
                Some("no"),
                Some("no (log in with -u NAME, or with a token in WHARF_TOKEN)"),
            ),
            (
                SentCredentials::Withheld("h:81".to_owned()),
                None,
                Some("a redirect has led to h:81, which gets no credentials (use that address directly)"),
            ),
            (
                SentCredentials::Given(CredentialKind::Token),
                None,
                Some("the token is wrong or has expired, and is not sent again"),
            ),
            (
                SentCredentials::Given(CredentialKind::Password),
                Some("the user name or the password is wrong"),
                Some("the user name or the password is wrong, and is not sent again"),
            ),
            (SentCredentials::Own, Some("no"), Some("no")),
            (SentCredentials::Own, None, None),
        ];
        for (sent, said, expected) in table {
            assert_eq!(sent.explain(said.map(str::to_owned)).as_deref(), expected, "{sent:?}");
        }
    }
}
