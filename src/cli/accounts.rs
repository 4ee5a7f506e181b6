//! The flags of `wharf serve` about accounts.

use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::containment;
use super::environment::{hide_memory, take_variable};
use super::exit::{Failure, WrongUsage};
use super::shared_room;
use super::state::StateArgs;
use super::user::{ask_twice, first_line};
use crate::access::{Subject, User};
use crate::accounts::password::Password;
use crate::accounts::records::{Records, WallTime};
use crate::accounts::store;
use crate::blocking::Blocking;
use crate::printable::Printable;
use crate::server::{
    Accounts, AccountsSource, AmbientUsers, Config, KnownFile, LoginNames, UserHeader, folder_id,
};

/// The environment variable with one password for everybody.
const PASSWORD_VARIABLE: &str = "WHARF_PASSWORD";

/// The user that everybody is with a shared password.
const GUEST: &str = "guest";

/// The flags that say who the users are; `wharf rights` has them too.
#[derive(Debug, Default, Args)]
pub(super) struct UsersArgs {
    /// Load the users from this file, outside the folder, as `wharf user` writes it; read again when it changes
    ///
    /// Without --allow, users may do everything with the files, and chat; others may do nothing.
    #[arg(long, value_name = "FILE", group = "accounts")]
    users: Option<PathBuf>,
    /// Ask for one password for everybody, whatever name they give; the variable `WHARF_PASSWORD` sets it too
    #[arg(long, group = "accounts")]
    password: bool,
    /// Read the password for everybody from this file, outside the folder
    #[arg(long, value_name = "FILE", group = "accounts")]
    password_file: Option<PathBuf>,
    /// The value of the variable.
    #[arg(skip)]
    variable: Option<Password>,
}

/// The flags of `wharf serve` about accounts.
#[derive(Debug, Default, Args)]
pub(super) struct AccountsArgs {
    #[command(flatten)]
    pub users: UsersArgs,
    /// With accounts, take passwords over the network without TLS, where others can read them
    #[arg(long)]
    allow_plain_passwords: bool,
    /// Let a program at a Unix socket act as the user with its login name, if --users has that user
    ///
    /// This never applies to programs that run as the server's own user.
    #[arg(long, requires = "users")]
    unix_users: bool,
    /// Let a request from a trusted proxy act for the user named in this header field, such as Remote-User
    ///
    /// The proxy must set or remove the field in each request. Without it, a request is anonymous.
    #[arg(long, value_name = "NAME", requires_all = ["users", "trust_proxy"], conflicts_with = "proxy_protocol")]
    trust_user_header: Option<UserHeader>,
}

impl UsersArgs {
    /// Takes the password out of the environment. Call it before there is a second thread.
    pub(super) fn take_variable(&mut self) -> Result<(), Failure> {
        let Some(password) = take_variable(PASSWORD_VARIABLE) else { return Ok(()) };
        self.variable = Some(Password::new(password.into_vec()));
        if self.users.is_some() || self.password || self.password_file.is_some() {
            let why = format!(
                "{PASSWORD_VARIABLE} is set, and a flag for accounts is given too (unset the variable)"
            );
            return Err(WrongUsage(why).into());
        }
        Ok(())
    }

    /// Whether there are accounts.
    pub(super) fn are_given(&self) -> bool {
        self.users.is_some() || self.password || self.password_file.is_some() || self.variable.is_some()
    }

    /// Fails if this subject of a rule can match no user.
    pub(super) fn ensure_known(&self, subject: &Subject) -> Result<(), Failure> {
        if self.are_given() || *subject == Subject::Everyone {
            return Ok(());
        }
        let why = format!(
            "--allow: a rule is for {subject}, and there are no accounts (name them with --users FILE, or use everyone)"
        );
        Err(WrongUsage(why).into())
    }

    /// The user of this name in the users file. With a shared password, any name stands for its user.
    pub(super) fn find(&self, name: &str) -> Result<User, Failure> {
        let Some(path) = &self.users else {
            if self.are_given() {
                return Ok(User { name: GUEST.to_owned(), groups: Vec::new() });
            }
            let why = "there are no users (name their file with --users, or leave out USER)";
            return Err(WrongUsage(why.to_owned()).into());
        };
        let stored = store::read(path, Blocking::own_thread())?;
        let shown = Printable::text(name);
        let user = stored.users.users().find(|user| user.name.as_str() == name);
        let user = user.ok_or_else(|| {
            format!("there is no user {shown} in {} (wharf user list)", Printable::path(path))
        })?;
        if user.is_disabled {
            return Err(format!("the user {shown} is disabled (remove the ! before the hash)").into());
        }
        let groups = user.groups.iter().map(|group| group.as_str().to_owned()).collect();
        Ok(User { name: name.to_owned(), groups })
    }

    /// The flag or variable that sets the users, as text for people; it contains no secret.
    pub(super) fn origin(&self) -> Option<(&'static str, String)> {
        let set = |origin: &str| Some(("password", format!("set ({origin})")));
        match (&self.users, &self.password_file, &self.variable) {
            (Some(users), ..) => Some(("users", Printable::path(users).to_string())),
            (_, Some(file), _) => set(&format!("--password-file {}", Printable::path(file))),
            (.., Some(_)) => set(PASSWORD_VARIABLE),
            _ => self.password.then(|| ("password", "asked for on startup (--password)".to_owned())),
        }
    }
}

impl AccountsArgs {
    /// What identifies the user of a request, besides credentials.
    pub(super) fn ambient_users(&self, config: &Config) -> Result<AmbientUsers, Failure> {
        if self.unix_users && config.proxies.are_at_unix_sockets() {
            let why = "--unix-users cannot be used with --trust-proxy unix: proxies connect there, not users (leave \
                       one of them out)";
            return Err(WrongUsage(why.to_owned()).into());
        }
        Ok(AmbientUsers {
            header: self.trust_user_header.clone(),
            login_names: self.unix_users.then(LoginNames::of_this_system),
        })
    }

    /// Reads or asks for the accounts, if there are any. None of the files may be in the shared folder. With `--check`,
    /// no password is asked for.
    pub(super) fn read(
        self,
        state: &StateArgs,
        config: &Config,
        is_check: bool,
    ) -> Result<Option<Accounts>, Failure> {
        self.ensure_private(config)?;
        if !self.users.are_given() || is_check && self.users.password {
            return Ok(None);
        }
        hide_memory()?;
        let disk = Blocking::own_thread();
        let folder = folder_id(&config.folder)?.to_string();
        let shared = |password: &Password| -> Result<AccountsSource, Failure> {
            AccountsSource::shared(password, &state.open(config)?, &folder, disk)
        };
        let source = match (self.users.users, self.users.password_file, self.users.variable) {
            (Some(users), ..) => AccountsSource::File(users),
            (_, Some(file), _) => shared(&password_of(&file, &config.root)?)?,
            (.., Some(password)) => shared(&password)?,
            (None, None, None) => shared(&ask_twice("Password", "--password-file reads it from a file")?)?,
        };
        let root = config.root.clone();
        let check = move |path: &Path| containment::ensure_outside(path, &root);
        let plain = self.allow_plain_passwords;
        let directory = state.open(config)?;
        let (records, attempts) = match Option::clone(&config.shared) {
            Some(address) => shared_room::records(address, &folder, is_check, disk)?,
            None => (Records::open(directory.path(), &folder, WallTime::now(), disk)?, None),
        };
        let known = KnownFile::new(directory, &folder);
        Ok(Some(Accounts::new(source, records, known, attempts, plain, Box::new(check), disk)?))
    }

    /// Fails if clients of the network would have to send passwords without TLS.
    fn ensure_private(&self, config: &Config) -> Result<(), Failure> {
        let has_accounts = self.users.are_given();
        if self.allow_plain_passwords && !has_accounts {
            let why =
                "--allow-plain-passwords has an effect only with --users, --password or --password-file";
            return Err(WrongUsage(why.to_owned()).into());
        }
        let is_private = self.allow_plain_passwords || config.tls.is_some() || config.proxies.are_given();
        let is_local = config.listen.tcp_addresses().iter().all(|address| address.ip().is_loopback());
        if !has_accounts || is_private || is_local {
            return Ok(());
        }
        let why = "passwords would be sent over the network, where others can read them: serve HTTPS (--tls-cert or \
                   --tls-self-signed), or name a proxy that does (--trust-proxy), or accept it \
                   (--allow-plain-passwords)";
        Err(WrongUsage(why.to_owned()).into())
    }
}

/// The first line of a file that is not in the shared folder.
fn password_of(path: &Path, root: &Path) -> Result<Password, Failure> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", Printable::path(path));
    containment::ensure_outside(path, root).map_err(failed)?;
    Ok(first_line(File::open(path).map_err(failed)?).map_err(failed)?)
}
