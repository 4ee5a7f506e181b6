//! Where passwords come from: `.netrc`, or a question at the terminal.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::io;

use super::{exit, question};
use crate::client::address::Endpoint;
use crate::client::credentials::{Authorization, Login, Netrc, NetrcError, SecretText};
use crate::printable::Printable;

/// The sources of the passwords of one command.
#[derive(Default)]
pub(super) struct Passwords {
    /// `.netrc`, once it was needed.
    netrc: OnceCell<Option<Netrc>>,
    /// Whether it was used.
    was_used: Cell<bool>,
    /// The password of `--user`, once it was asked for.
    asked: OnceCell<SecretText>,
}

/// How often a password is asked for.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// For each server, because the address has its own user name.
    Each,
    /// Once for all servers.
    Once,
}

/// The user of this name was not asked for the password, or did not type one.
pub(super) struct NoPassword {
    name: String,
    error: io::Error,
}

impl Passwords {
    /// The credentials of this login, whose password may be in `.netrc`, or is asked for.
    pub(super) fn of(
        &self,
        login: &Login,
        server: &Endpoint,
        asked: Asked,
    ) -> Result<Authorization, NoPassword> {
        let basic = |password: &SecretText| Authorization::basic(&login.name, password);
        if let Some(password) = &login.password {
            return Ok(basic(password));
        }
        if let Some(Login { password: Some(password), .. }) = self.in_netrc(server, Some(&login.name)) {
            return Ok(basic(&password));
        }
        if let (Asked::Once, Some(password)) = (asked, self.asked.get()) {
            return Ok(basic(password));
        }
        let name = Printable::text(&login.name);
        let text = match asked {
            Asked::Each => format!("Password of {name} at {server}: "),
            Asked::Once => format!("Password of {name}: "),
        };
        let password = question::ask(&text).map_err(|error| NoPassword { name: name.to_string(), error })?;
        let authorization = basic(&password);
        if let Asked::Once = asked {
            let _ = self.asked.set(password);
        }
        Ok(authorization)
    }

    /// What `.netrc` has for this server.
    pub(super) fn known(&self, server: &Endpoint) -> Option<Authorization> {
        let login = self.in_netrc(server, None)?;
        Some(Authorization::basic(&login.name, &login.password?))
    }

    /// The login in `.netrc`. A file that cannot be used is a warning: it may concern other programs only.
    fn in_netrc(&self, server: &Endpoint, user: Option<&str>) -> Option<Login> {
        let host = server.host()?;
        let netrc = self.netrc.get_or_init(|| warned(Netrc::of_this_user())).as_ref()?;
        let login = warned(netrc.find(host, user))?;
        if netrc.is_exposed && !self.was_used.replace(true) {
            let path = Printable::path(&netrc.path);
            exit::say(&format_args!("warning: other users can read {path} (chmod 600 protects it)"));
        }
        Some(login)
    }
}

/// Prints an error; returns what was found otherwise.
fn warned<T>(found: Result<Option<T>, NetrcError>) -> Option<T> {
    found.unwrap_or_else(|error| {
        exit::say(&format_args!("warning: {error} (it is ignored)"));
        None
    })
}

impl fmt::Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, error } = self;
        write!(
            f,
            "cannot ask for the password of {name}: {error} (use ~/.netrc, a token in WHARF_TOKEN, or --user NAME:PASSWORD)"
        )
    }
}
