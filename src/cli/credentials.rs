//! The flags that say who the user is, and the other places that credentials come from.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::exit;
use crate::client::address::{AddressError, Endpoint};
use crate::client::credentials::{
    Authorization, CredentialKind, Keyring, Login, Netrc, NetrcError, Secret, log_in,
};
use crate::printable::Printable;

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
    user: Option<Secret>,
    /// Log in with this token; the environment variable WHARF_TOKEN hides it from the list of processes
    #[arg(long, value_name = "TOKEN")]
    token: Option<Secret>,
}

/// An address as it was typed: without a user name and a password, and these.
#[derive(Debug, Clone)]
pub(super) struct Typed<A> {
    pub(super) address: A,
    pub(super) login: Option<Login>,
}

/// A server that the command line names.
pub(super) struct NamedServer {
    pub(super) server: Endpoint,
    /// From its address.
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
    /// Nobody can be asked for the password of this user.
    CannotAsk(String, Cow<'static, str>),
}

/// What the flags and the environment say.
enum Given {
    Login(Login),
    Token(Arc<Authorization>),
    Nothing,
}

/// Where passwords come from.
#[derive(Default)]
struct Passwords {
    /// `.netrc`, once it was needed.
    netrc: Option<Option<Netrc>>,
    /// The password of `--user`, once it was asked for.
    asked: Option<Secret>,
}

/// Parses an address that may have a user name in it; `parse` gets it without.
pub(super) fn typed<A>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<A, AddressError>,
) -> Result<Typed<A>, AddressError> {
    let (bare, login) = Login::in_address(text)?;
    Ok(Typed { address: parse(&bare)?, login })
}

impl CredentialArgs {
    /// Makes these the credentials of the process, for the servers that it names. Asks for passwords. If that fails, prints
    /// why.
    pub(super) fn apply(&self, servers: Vec<NamedServer>) -> Result<(), ExitCode> {
        let keyring = self.keyring(servers);
        keyring.map(log_in).map_err(|error| exit::wrong_usage(&format_args!("wharf: {error}")))
    }

    fn keyring(&self, servers: Vec<NamedServer>) -> Result<Keyring, CredentialError> {
        let given = self.given()?;
        let has_flag = self.user.is_some() || self.token.is_some();
        if servers.is_empty() && has_flag {
            return Err(CredentialError::NoServer);
        }
        let has_password = |login: &Option<Login>| login.as_ref().is_some_and(|it| it.password.is_some());
        if servers.iter().any(|named| has_password(&named.login)) {
            exit::say(&PASSWORD_IN_ADDRESS);
        }
        let (mut keyring, mut passwords) = (Keyring::default(), Passwords::default());
        let mut exposed = None;
        for NamedServer { server, login } in merged(servers)? {
            if login.is_some() && has_flag {
                return Err(CredentialError::FlagToo(server));
            }
            let found = match (login, &given) {
                (Some(login), _) => Some(Arc::new(passwords.of(&login, &server, Asked::Each)?)),
                (None, Given::Login(login)) => Some(Arc::new(passwords.of(login, &server, Asked::Once)?)),
                (None, Given::Token(token)) => Some(Arc::clone(token)),
                (None, Given::Nothing) => passwords.known(&server).map(Arc::new),
            };
            if let Some(found) = found {
                if !server.is_tls() && !server.is_local() {
                    exposed.get_or_insert((server.clone(), found.kind()));
                }
                keyring.add(server, found);
            }
        }
        if let Some((server, kind)) = exposed {
            let what = if kind == CredentialKind::Token { "token" } else { "password" };
            exit::say(&format_args!(
                "warning: the {what} goes to {server} unencrypted, so others on the network can read it (use https://)"
            ));
        }
        Ok(keyring)
    }

    fn given(&self) -> Result<Given, CredentialError> {
        let token = |name, token: &Secret| match Authorization::bearer(token) {
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
        match env::var(TOKEN) {
            Ok(text) if !text.is_empty() => token(TOKEN, &Secret::new(text)),
            _ => Ok(Given::Nothing),
        }
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
            (_, None) => {}
            (Some(first), Some(login)) if first.name != login.name => {
                return Err(CredentialError::TwoUsers(server));
            }
            (Some(Login { password: Some(_), .. }), _) => {}
            (first, login) => *first = login,
        }
    }
    Ok(all)
}

/// How often a password is asked for.
#[derive(Clone, Copy)]
enum Asked {
    /// For each server: its address has a user name of its own.
    Each,
    /// Once for all servers.
    Once,
}

impl Passwords {
    /// The credentials of this login, whose password may be in `.netrc`, or is asked for.
    fn of(
        &mut self,
        login: &Login,
        server: &Endpoint,
        asked: Asked,
    ) -> Result<Authorization, CredentialError> {
        let basic = |password: &Secret| Authorization::basic(&login.name, password);
        if let Some(password) = &login.password {
            return Ok(basic(password));
        }
        if let Some(Login { password: Some(password), .. }) = self.in_netrc(server, Some(&login.name)) {
            return Ok(basic(&password));
        }
        let name = Printable::text(&login.name).to_string();
        match (asked, &self.asked) {
            (Asked::Once, Some(password)) => Ok(basic(password)),
            (Asked::Once, None) => {
                let password = ask(format!("Password of {name}: "))
                    .map_err(|reason| CredentialError::CannotAsk(name, reason))?;
                let authorization = basic(&password);
                self.asked = Some(password);
                Ok(authorization)
            }
            (Asked::Each, _) => {
                let password = ask(format!("Password of {name} at {server}: "));
                password
                    .map(|password| basic(&password))
                    .map_err(|reason| CredentialError::CannotAsk(name, reason))
            }
        }
    }

    /// What `.netrc` has for this server.
    fn known(&mut self, server: &Endpoint) -> Option<Authorization> {
        match self.in_netrc(server, None)? {
            Login { name, password: Some(password) } => Some(Authorization::basic(&name, &password)),
            Login { password: None, .. } => None,
        }
    }

    /// The login in `.netrc`. A file that cannot be used is a warning: it may concern other programs only.
    fn in_netrc(&mut self, server: &Endpoint, user: Option<&str>) -> Option<Login> {
        let host = server.host()?;
        let netrc = self.netrc.get_or_insert_with(|| Netrc::of_this_user().unwrap_or_else(ignored));
        let netrc = netrc.as_mut()?;
        let login = match netrc.find(host, user) {
            Ok(login) => login?,
            Err(error) => {
                self.netrc = Some(ignored(error));
                return None;
            }
        };
        if std::mem::take(&mut netrc.is_exposed) {
            let path = Printable::path(&netrc.path);
            exit::say(&format_args!("warning: other users can read {path} (chmod 600 protects it)"));
        }
        Some(login)
    }
}

fn ignored<T>(error: NetrcError) -> Option<T> {
    exit::say(&format_args!("warning: {error} (it is ignored)"));
    None
}

/// Asks for a password at the terminal, which does not show it.
#[cfg(feature = "accounts")]
fn ask(prompt: String) -> Result<Secret, Cow<'static, str>> {
    rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| error.to_string().into())
}

/// A build without accounts cannot hide what is typed.
#[cfg(not(feature = "accounts"))]
fn ask(_: String) -> Result<Secret, Cow<'static, str>> {
    Err("wharf was built without the Cargo feature `accounts`".into())
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
            Self::CannotAsk(name, reason) => write!(
                f,
                "cannot ask for the password of {name} at a terminal: {reason} (use ~/.netrc, a token in {TOKEN}, or --user NAME:PASSWORD)"
            ),
        }
    }
}
