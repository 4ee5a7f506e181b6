//! The flags that say who the user is, and the other places that credentials come from.

use std::env;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::exit;
use super::passwords::{Asked, NoPassword, Passwords};
use crate::client::address::{AddressError, Endpoint};
use crate::client::credentials::{Authorization, CredentialKind, Keyring, Login, SecretText, log_in};

/// The environment variable with a token.
const TOKEN: &str = "WHARF_TOKEN";

/// Printed if an address has a password.
const PASSWORD_IN_ADDRESS: &str = "warning: other users can see the password in the address, in the list of processes, and the shell may keep it in its history (write NAME@HOST, and wharf asks)";

/// Who the user is, for servers over HTTP.
#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    /// Log in as this user; wharf asks for the password at the terminal, unless ~/.netrc has it
    ///
    /// NAME:PASSWORD also works, but other users can see it in the list of processes. NAME@HOST in an address does the same for
    /// one server. Without any of them, wharf uses the login that ~/.netrc, or the file in NETRC, has for the host.
    #[arg(short, long, value_name = "NAME", conflicts_with = "token")]
    user: Option<SecretText>,
    /// Log in with the token in the environment variable `WHARF_TOKEN`, or with this one, which other users can see in the list
    /// of processes
    #[arg(long, value_name = "TOKEN")]
    token: Option<SecretText>,
}

/// An address as it was typed: the address itself, and the user name and the password in it.
#[derive(Debug, Clone)]
pub(super) struct TypedAddress<A> {
    pub(super) address: A,
    pub(super) login: Option<Login>,
}

/// A server that the command line names.
pub(super) struct NamedServer {
    pub(super) server: Endpoint,
    /// The login in its address.
    pub(super) login: Option<Login>,
}

/// Why the user cannot log in.
enum CredentialError {
    /// A flag is wrong.
    Flag(&'static str, Box<dyn std::error::Error>),
    /// There is no server over HTTP.
    NoServer,
    /// An address has a user name, and there is a flag too.
    FlagToo(Endpoint),
    /// Two addresses of one server have different user names.
    TwoUsers(Endpoint),
    /// There is no password.
    NoPassword(NoPassword),
}

/// What the flags and the environment say.
enum Given {
    Login(Login),
    Token(Arc<Authorization>),
    Nothing,
}

/// Parses an address that may contain a user name; `parse` gets the address without it.
pub(super) fn typed<A>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<A, AddressError>,
) -> Result<TypedAddress<A>, AddressError> {
    let (bare, login) = Login::in_address(text)?;
    Ok(TypedAddress { address: parse(&bare)?, login })
}

impl CredentialArgs {
    /// Makes these the credentials of the process, for the servers on the command line. Asks for passwords. If that
    /// fails, prints the reason.
    pub(super) fn apply(&self, servers: Vec<NamedServer>) -> Result<(), ExitCode> {
        let keyring = self.keyring(servers);
        keyring.map(log_in).map_err(|error| exit::wrong_usage(&format_args!("wharf: {error}")))
    }

    fn keyring(&self, servers: Vec<NamedServer>) -> Result<Keyring, CredentialError> {
        let (given, servers) = (self.given()?, merged(servers)?);
        if self.user.is_some() || self.token.is_some() {
            if servers.is_empty() {
                return Err(CredentialError::NoServer);
            }
            if let Some(named) = servers.iter().find(|named| named.login.is_some()) {
                return Err(CredentialError::FlagToo(named.server.clone()));
            }
        }
        let has_password = |named: &NamedServer| named.login.as_ref().is_some_and(|it| it.password.is_some());
        if servers.iter().any(has_password) {
            exit::say(&PASSWORD_IN_ADDRESS);
        }
        let (passwords, mut found) = (Passwords::default(), Vec::new());
        for NamedServer { server, login } in servers {
            let authorization = match (&login, &given) {
                (Some(login), _) => Some(Arc::new(passwords.of(login, &server, Asked::Each)?)),
                (None, Given::Login(login)) => Some(Arc::new(passwords.of(login, &server, Asked::Once)?)),
                (None, Given::Token(token)) => Some(Arc::clone(token)),
                (None, Given::Nothing) => passwords.known(&server).map(Arc::new),
            };
            found.extend(authorization.map(|authorization| (server, authorization)));
        }
        warn_if_readable(&found);
        Ok(found.into_iter().collect())
    }

    fn given(&self) -> Result<Given, CredentialError> {
        let token = |name, token: &SecretText| match Authorization::bearer(token) {
            Ok(token) => Ok(Given::Token(Arc::new(token))),
            Err(error) => Err(CredentialError::Flag(name, error.into())),
        };
        if let Some(user) = &self.user {
            let login = Login::parse(user.expose());
            return login.map(Given::Login).map_err(|error| CredentialError::Flag("--user", error.into()));
        }
        if let Some(given) = &self.token {
            return token("--token", given);
        }
        match env::var_os(TOKEN) {
            // A text that is not UTF-8 is not a token.
            Some(text) if !text.is_empty() => {
                token(TOKEN, &SecretText::new(text.to_string_lossy().into_owned()))
            }
            _ => Ok(Given::Nothing),
        }
    }
}

/// Warns if others on the network can read what is sent.
fn warn_if_readable(found: &[(Endpoint, Arc<Authorization>)]) {
    let is_readable = |(server, _): &&(Endpoint, _)| !server.is_tls() && !server.is_local();
    if let Some((server, authorization)) = found.iter().find(is_readable) {
        let what = match authorization.kind() {
            CredentialKind::Password => "password",
            CredentialKind::Token => "token",
        };
        exit::say(&format_args!(
            "warning: the {what} goes to {server} unencrypted, so others on the network can read it (use https://)"
        ));
    }
}

/// The same servers, each once.
fn merged(servers: Vec<NamedServer>) -> Result<Vec<NamedServer>, CredentialError> {
    let mut all: Vec<NamedServer> = Vec::new();
    for NamedServer { server, login } in servers {
        let Some(known) = all.iter_mut().find(|known| known.server == server) else {
            all.push(NamedServer { server, login });
            continue;
        };
        match (&mut known.login, login) {
            (Some(first), Some(login)) if first.name != login.name => {
                return Err(CredentialError::TwoUsers(server));
            }
            (_, None) | (Some(Login { password: Some(_), .. }), _) => {}
            (first, login) => *first = login,
        }
    }
    Ok(all)
}

impl From<NoPassword> for CredentialError {
    fn from(error: NoPassword) -> Self {
        Self::NoPassword(error)
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag, error) => write!(f, "{flag}: {error}"),
            Self::NoServer => f.write_str("--user and --token are for HTTP (TFTP has no users)"),
            Self::TwoUsers(server) => {
                write!(f, "the addresses of {server} have different user names: run wharf for each of them")
            }
            Self::FlagToo(server) => {
                write!(f, "the address of {server} has a user name: leave out --user and --token")
            }
            Self::NoPassword(error) => error.fmt(f),
        }
    }
}
