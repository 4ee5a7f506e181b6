//! Where passwords come from: `.netrc`, or a question at the terminal.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt;

use super::exit;
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
    /// For each server: its address has a user name of its own.
    Each,
    /// Once for all servers.
    Once,
}

/// Why there is no password.
pub(super) enum NoPassword {
    /// Nobody can be asked for that of this user, for this reason.
    CannotAsk(String, Cow<'static, str>),
    /// Ctrl-C was the answer.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "nobody is asked"))]
    Interrupted,
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
        let question = match asked {
            Asked::Each => format!("Password of {name} at {server}: "),
            Asked::Once => format!("Password of {name}: "),
        };
        let password = ask(question, &name)?;
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

/// The password of a link, which is asked for.
pub(super) fn of_link() -> Result<SecretText, NoPassword> {
    ask("Password of the link: ".to_owned(), &Printable::text("the link"))
}

/// What was found; an error is printed.
fn warned<T>(found: Result<Option<T>, NetrcError>) -> Option<T> {
    found.unwrap_or_else(|error| {
        exit::say(&format_args!("warning: {error} (it is ignored)"));
        None
    })
}

/// Asks for a password at the terminal, which does not show it.
#[cfg(feature = "accounts")]
fn ask(question: String, name: &Printable<'_>) -> Result<SecretText, NoPassword> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::SIGINT;
    use signal_hook::{flag, low_level};

    // Otherwise Ctrl-C would end the program while the terminal does not show what is typed.
    let interrupted = Arc::new(AtomicBool::new(false));
    let caught = flag::register(SIGINT, Arc::clone(&interrupted));
    let typed = rpassword::prompt_password(question);
    caught.ok().map(low_level::unregister);
    match typed {
        _ if interrupted.load(Ordering::Relaxed) => Err(NoPassword::Interrupted),
        Ok(text) => Ok(SecretText::new(text)),
        Err(error) => Err(NoPassword::CannotAsk(name.to_string(), error.to_string().into())),
    }
}

/// A build without accounts cannot hide what is typed.
#[cfg(not(feature = "accounts"))]
fn ask(_: String, name: &Printable<'_>) -> Result<SecretText, NoPassword> {
    let reason = "wharf was built without the Cargo feature `accounts`";
    Err(NoPassword::CannotAsk(name.to_string(), reason.into()))
}

impl fmt::Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotAsk(name, reason) => write!(
                f,
                "cannot ask for the password of {name} at a terminal: {reason} (use ~/.netrc, a token in WHARF_TOKEN, or --user NAME:PASSWORD)"
            ),
            Self::Interrupted => f.write_str("no password was typed"),
        }
    }
}
