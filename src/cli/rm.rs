//! `wharf rm URL…`: removes files and directories on a server.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::change_args::{INTERRUPTED, ReachArgs, agrees, is_at_terminal, tell};
use super::credentials::{NamedServer, TypedAddress};
use super::{exit, link, remote, signals};
use crate::client::address::{Endpoint, Resource};
use crate::client::change::{self, RemoveOptions};

/// Remove files on a server, and directories with -r
///
/// The server keeps what was removed in its trash, for seven days by default: `wharf undo` brings it back. It does not keep empty
/// files, files that you have made within the last minute, and files that programs leave behind, such as `.DS_Store` and `~$x`.
/// `removed X for good` says so.
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// What to remove: `http://host:port/path`, `https://host/path`, `host:port/path` or `unix:SOCKET!/path`
    ///
    /// `'dir/*.tmp'` removes the names that match.
    #[arg(required = true, value_name = "URL", value_parser = remote::parse_path)]
    addresses: Vec<TypedAddress<Resource>>,
    /// Remove directories too, with everything in them; at a terminal, wharf asks first
    #[arg(short, long, short_alias = 'R')]
    recursive: bool,
    /// Ask nothing, and ignore what is missing
    #[arg(short, long)]
    force: bool,
    /// Only print what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

impl RmArgs {
    /// The servers.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.addresses.iter().map(TypedAddress::named_server).collect()
    }
}

/// Runs the command.
pub(super) fn run(args: &RmArgs) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt(INTERRUPTED, || {}) {
        return exit::code(Err(error));
    }
    if let Err(code) = link::open_all(args.addresses.iter().map(|typed| &typed.address)) {
        return code;
    }
    exit::code(remove_all(args))
}

/// Removes all; true if nothing failed.
fn remove_all(args: &RmArgs) -> io::Result<bool> {
    let RmArgs { recursive, force, dry_run, .. } = *args;
    let options = RemoveOptions { recursive, force, dry_run };
    let mut changer = args.reach.changer();
    let mut found: Vec<(&Endpoint, String)> = Vec::new();
    for Resource { server, target } in args.addresses.iter().map(|typed| &typed.address) {
        let expanded = changer.try_at(server, target, |session| match change::expand(session, target) {
            Err(error) if force && error.is_missing() => Ok(Vec::new()),
            expanded => expanded,
        });
        found.extend(expanded.into_iter().flatten().map(|target| (server, target)));
    }
    if recursive && !force && !dry_run && is_at_terminal() {
        let mut directories = Vec::new();
        for (server, target) in &found {
            directories.extend(change::directories(changer.with(server), std::slice::from_ref(target)));
        }
        if let Some(question) = change::question(&directories)
            && !agrees(&question)?
        {
            return Ok(changer.is_well());
        }
    }
    for (server, target) in found {
        let removed = changer.try_at(server, &target, |session| change::remove(session, &target, options));
        if let Some(change) = removed.flatten() {
            tell(&change, dry_run)?;
        }
    }
    Ok(changer.is_well())
}
