//! Who the user is: passwords and tokens, where they come from, and to which servers they are sent.
//!
//! ```text
//! -u NAME:PASSWORD, NAME:PASSWORD@HOST ──> Login ──┐
//! ~/.netrc ────────────────────────────> Login ──┼──> Authorization ──> Keyring, by server ──> Session
//! --token, WHARF_TOKEN ──────────────────────────┘
//! ```
//!
//! Credentials are for the servers that the command line names. They follow no redirect to another scheme, host or port.

mod authorization;
mod keyring;
mod login;
mod netrc;
mod secret;
mod sent;

pub use authorization::{Authorization, CredentialKind, NotAToken};
pub use keyring::{Keyring, log_in};
pub use login::{Login, without_login};
pub use netrc::{Netrc, NetrcError};
pub use secret::SecretText;
pub use sent::SentCredentials;

pub(super) use keyring::of;
