//! `wharf undo` and `wharf trash`: restore what was removed or replaced on a server, or delete it for good.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::change_args::{Changer, INTERRUPTED, ReachArgs, agrees, is_at_terminal};
use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::trust::TrustArgs;
use super::{exit, link, remote, signals};
use crate::client::address::ServerAddress;
use crate::client::error::ClientError;
use crate::client::session::Session;
use crate::client::trash::{self, RemoteTrash, RemoteTrashEntry};
use crate::printable::Printable;

/// Bring back what you have removed or replaced last on a server
///
/// Repeat the command to bring back earlier entries. It never replaces anything: if the name is taken, the file gets a
/// different name.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    #[command(flatten)]
    server: TrashServerArgs,
}

/// List, restore and delete what was removed or replaced on a server
#[derive(Debug, Args)]
pub(super) struct TrashArgs {
    #[command(subcommand)]
    command: TrashCommand,
}

#[derive(Debug, Subcommand)]
enum TrashCommand {
    /// List what you have removed or replaced, the newest first: id, time, size and path
    List {
        #[command(flatten)]
        server: TrashServerArgs,
        /// Print a JSON array of objects, for programs
        #[arg(long)]
        json: bool,
    },
    /// Bring entries back to where they were
    Restore {
        #[command(flatten)]
        server: TrashServerArgs,
        /// The ids of the entries
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Delete everything that you have in the trash for good, or these entries; at a terminal, wharf asks first
    Empty {
        #[command(flatten)]
        server: TrashServerArgs,
        /// The ids of the entries
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// Ask nothing
        #[arg(short, long)]
        force: bool,
        /// Only print what would be deleted
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// The server, and who the user is there.
#[derive(Debug, Args)]
struct TrashServerArgs {
    /// The server: `http://host:port`, `https://host`, `host:port` or `unix:SOCKET`, or a directory on it
    #[arg(value_name = "URL", value_parser = remote::parse_server)]
    address: TypedAddress<ServerAddress>,
    #[command(flatten)]
    reach: ReachArgs,
}

impl UndoArgs {
    /// Which certificates the client trusts.
    pub(super) fn trust(&self) -> &TrustArgs {
        &self.server.reach.trust
    }

    /// Who the user is, and the server.
    pub(super) fn login(&self) -> (&CredentialArgs, Vec<NamedServer>) {
        self.server.login()
    }
}

impl TrashArgs {
    fn server(&self) -> &TrashServerArgs {
        match &self.command {
            TrashCommand::List { server, .. }
            | TrashCommand::Restore { server, .. }
            | TrashCommand::Empty { server, .. } => server,
        }
    }

    /// Which certificates the client trusts.
    pub(super) fn trust(&self) -> &TrustArgs {
        &self.server().reach.trust
    }

    /// Who the user is, and the server.
    pub(super) fn login(&self) -> (&CredentialArgs, Vec<NamedServer>) {
        self.server().login()
    }
}

impl TrashServerArgs {
    fn login(&self) -> (&CredentialArgs, Vec<NamedServer>) {
        (&self.reach.credentials, self.address.at_port(None).into_iter().collect())
    }

    /// The result of this with the trash; `None` after an error, which is printed after the name.
    fn try_with<T>(
        &self,
        changer: &mut Changer,
        name: &str,
        act: impl FnOnce(&RemoteTrash, &mut Session) -> Result<T, ClientError>,
    ) -> Option<T> {
        let address = &self.address.address;
        let with_trash = |session: &mut Session| act(&RemoteTrash::at(session, address)?, session);
        changer.try_at(&address.server, name, with_trash)
    }
}

/// Runs `wharf undo`.
pub(super) fn undo(args: &UndoArgs) -> ExitCode {
    interruptible(&args.server, || {
        let mut changer = args.server.reach.changer();
        let restored = args.server.try_with(&mut changer, "undo", RemoteTrash::undo);
        restored.map_or(Ok(()), |path| tell_restored(&path))?;
        Ok(changer.is_well())
    })
}

/// Runs `wharf trash`.
pub(super) fn run(args: &TrashArgs) -> ExitCode {
    interruptible(args.server(), || {
        let mut changer = args.server().reach.changer();
        match &args.command {
            TrashCommand::List { server, json } => list(server, &mut changer, *json)?,
            TrashCommand::Restore { server, ids } => {
                for id in ids {
                    let restored =
                        server.try_with(&mut changer, id, |trash, session| trash.restore(session, id));
                    restored.map_or(Ok(()), |path| tell_restored(&path))?;
                }
            }
            TrashCommand::Empty { server, ids, dry_run: true, .. } => plan(server, &mut changer, ids)?,
            TrashCommand::Empty { server, ids, force, .. } => empty(server, &mut changer, ids, *force)?,
        }
        Ok(changer.is_well())
    })
}

fn interruptible(server: &TrashServerArgs, act: impl FnOnce() -> io::Result<bool>) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt(INTERRUPTED, || {}) {
        return exit::code(Err(error));
    }
    link::open_all([&server.address.address]).map_or_else(|code| code, |()| exit::code(act()))
}

fn tell_restored(path: &str) -> io::Result<()> {
    writeln!(io::stdout(), "restored {}", Printable::text(path))
}

fn list(server: &TrashServerArgs, changer: &mut Changer, json: bool) -> io::Result<()> {
    let found =
        server.try_with(changer, "trash", |trash, session| Ok((trash.entries(session)?, trash.nothing())));
    let Some((entries, nothing)) = found else { return Ok(()) };
    let mut out = io::stdout().lock();
    match json {
        true => trash::show_json(&entries, &mut out),
        // A pipe gets entries only.
        false if entries.is_empty() => writeln!(io::stderr(), "{nothing}"),
        false => trash::show(&entries, &mut out),
    }
}

/// Prints what would be deleted.
fn plan(server: &TrashServerArgs, changer: &mut Changer, ids: &[String]) -> io::Result<()> {
    let Some((chosen, missing)) = chosen(server, changer, ids) else { return Ok(()) };
    for entry in &chosen {
        writeln!(io::stdout(), "would delete {entry}")?;
    }
    for id in missing {
        changer.failed(&server.address.address.server, id, &trash::missing());
    }
    Ok(())
}

fn chosen<'i>(
    server: &TrashServerArgs,
    changer: &mut Changer,
    ids: &'i [String],
) -> Option<(Vec<RemoteTrashEntry>, Vec<&'i String>)> {
    let entries = server.try_with(changer, "trash", RemoteTrash::entries)?;
    Some(trash::chosen(entries, ids))
}

fn empty(server: &TrashServerArgs, changer: &mut Changer, ids: &[String], force: bool) -> io::Result<()> {
    if !force && is_at_terminal() {
        let Some((chosen, _)) = chosen(server, changer, ids) else { return Ok(()) };
        if let Some(question) = trash::question(chosen.len())
            && !agrees(&question)?
        {
            return Ok(());
        }
    }
    if ids.is_empty() {
        let emptied =
            server.try_with(changer, "trash", |trash, session| Ok((trash.empty(session)?, trash.nothing())));
        return match emptied {
            None => Ok(()),
            Some((0, nothing)) => writeln!(io::stdout(), "{nothing}"),
            Some((count, _)) => writeln!(io::stdout(), "{}", trash::deleted(count)),
        };
    }
    for id in ids {
        if server.try_with(changer, id, |trash, session| trash.discard(session, id)).is_some() {
            writeln!(io::stdout(), "deleted {}", Printable::text(id))?;
        }
    }
    Ok(())
}
