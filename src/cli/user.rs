//! `wharf user`: the users of a server, in a file.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::exit::Failure;
use super::{exit, question};
use crate::accounts::file::{CannotAdd, UserLine, UsersFile};
use crate::accounts::name::{GroupName, UserName};
use crate::accounts::password::{PASSWORD_LIMIT, Password, PasswordHash};
use crate::accounts::store;
use crate::blocking::Blocking;
use crate::printable::Printable;

/// Add, change, remove and list the users of a server
#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user; asks for the password
    Add {
        name: UserName,
        #[command(flatten)]
        file: FileArgs,
        /// A group of the user (repeatable)
        #[arg(long, value_name = "NAME")]
        group: Vec<GroupName>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Change a user's password
    Passwd {
        name: UserName,
        #[command(flatten)]
        file: FileArgs,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Remove a user
    Remove {
        name: UserName,
        #[command(flatten)]
        file: FileArgs,
    },
    /// List the users and their groups
    List {
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Debug, Args)]
struct FileArgs {
    /// The users file; `add` creates it if it is missing
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// Read the password from stdin, up to the first line end
    #[arg(long)]
    password_stdin: bool,
}

/// Runs the command.
pub(super) fn run(args: UserArgs) -> Result<ExitCode, Failure> {
    let disk = Blocking::own_thread();
    match args.command {
        UserCommand::Add { name, file, group, password } => {
            let hash = PasswordHash::of(&password.ask("Password")?, disk)?;
            let user = UserLine { name: name.clone(), hash, is_disabled: false, groups: group };
            file.change(|users| users.add(user).map_err(|error| cannot_add(&name, &error)))
        }
        UserCommand::Passwd { name, file, password } => {
            let password = password.ask("New password")?;
            file.change(|users| {
                let user = users.get(&name).ok_or_else(|| unknown(&name))?;
                let hash = user.hash.successor(&password, disk)?;
                users.set_hash(&name, hash).then_some(()).ok_or_else(|| unknown(&name))
            })
        }
        UserCommand::Remove { name, file } => {
            file.change(|users| users.remove(&name).then_some(()).ok_or_else(|| unknown(&name)))
        }
        UserCommand::List { file } => {
            let stored = store::read(&file.users, disk)?;
            file.warn(stored.is_exposed);
            return Ok(exit::code(list(&stored.users).map(|()| true)));
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn cannot_add(name: &UserName, error: &CannotAdd) -> Failure {
    let shown = Printable::text(name.as_str());
    match error {
        CannotAdd::Exists => {
            format!("there is a user {shown} already (wharf user passwd changes the password)")
        }
        CannotAdd::Invisible => "nothing of the name can be seen (choose another name)".to_owned(),
        CannotAdd::LooksLike(other) => {
            let other = Printable::text(other.as_str());
            format!("{shown} looks like the user {other}, so people would confuse them (choose another name)")
        }
    }
    .into()
}

fn unknown(name: &UserName) -> Failure {
    format!("there is no user {name}").into()
}

/// One user in each line: the name, the groups, and whether the user is disabled.
fn list(users: &UsersFile) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for user in users.users() {
        let groups = user.groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(",");
        let parts = [user.name.as_str(), &groups, if user.is_disabled { "disabled" } else { "" }];
        writeln!(out, "{}", parts.join("\t").trim_end_matches('\t'))?;
    }
    out.flush()
}

impl FileArgs {
    fn change(&self, change: impl FnOnce(&mut UsersFile) -> Result<(), Failure>) -> Result<(), Failure> {
        let disk = Blocking::own_thread();
        store::change(&self.users, disk, change)?;
        self.warn(store::read(&self.users, disk)?.is_exposed);
        Ok(())
    }

    fn warn(&self, is_exposed: bool) {
        if is_exposed {
            let path = Printable::path(&self.users);
            exit::say(&format_args!(
                "warning: everybody on this machine can read {path} (chmod 600 protects it)"
            ));
        }
    }
}

impl PasswordArgs {
    /// The new password, from stdin or from the terminal.
    fn ask(&self, question: &str) -> Result<Password, Failure> {
        if self.password_stdin {
            return Ok(first_line(io::stdin().lock())?);
        }
        ask_twice(question, "--password-stdin reads it from stdin")
    }
}

/// Asks for a new password at the terminal, twice, by this name. The hint says what to do without a terminal.
pub(super) fn ask_twice(what: &str, without_terminal: &str) -> Result<Password, Failure> {
    let ask = |prompt: String| {
        let typed = question::ask(&prompt);
        typed.map(|text| Password::new(text.expose().as_bytes().to_vec())).map_err(|error| {
            format!("cannot ask for the password at a terminal: {error} ({without_terminal})")
        })
    };
    let password = ask(format!("{what}: "))?;
    password.check()?;
    if !ask(format!("{what} again: "))?.is(&password) {
        return Err("the two passwords differ; nothing was changed".into());
    }
    Ok(password)
}

/// The bytes before the first line end. More than a password may have are not read.
pub(super) fn first_line(input: impl io::Read) -> io::Result<Password> {
    let mut bytes = Vec::with_capacity(PASSWORD_LIMIT + 2);
    input.take(PASSWORD_LIMIT as u64 + 2).read_to_end(&mut bytes)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Password::new(bytes))
}
