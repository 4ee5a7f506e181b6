//! `wharf mv` and `wharf cp`: moves and copies on one server.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::change_args::{INTERRUPTED, ReachArgs, tell};
use super::credentials::{NamedServer, TypedAddress};
use super::{exit, remote, signals};
use crate::client::address::Resource;
use crate::client::change::{self, Relocate, RelocateOptions, RelocateTo};

/// Move or rename files and directories on a server
///
/// A file that has the new name is replaced, and stays in the server's trash for a while: `wharf undo` brings it back. A directory
/// is never replaced.
#[derive(Debug, Args)]
pub(super) struct MvArgs {
    #[command(flatten)]
    pub(super) paths: RelocateArgs,
}

/// Copy files on a server, and directories with -r
///
/// A file that has the new name is replaced, and stays in the server's trash for a while: `wharf undo` brings it back. A directory
/// is never replaced.
#[derive(Debug, Args)]
pub(super) struct CpArgs {
    /// Copy directories too, with everything in them
    #[arg(short, long, short_alias = 'R')]
    recursive: bool,
    #[command(flatten)]
    pub(super) paths: RelocateArgs,
}

/// What is moved or copied, and where to.
#[derive(Debug, Args)]
pub(super) struct RelocateArgs {
    /// Files and directories: `http://host:port/path`, `https://host/path`, `host:port/path` or `unix:SOCKET!/path`
    ///
    /// `'dir/*.txt'` stands for the names that match.
    #[arg(required = true, value_name = "SRC", value_parser = remote::parse_path)]
    from: Vec<TypedAddress<Resource>>,
    /// The new name on the same server, or the directory there into which all of them go
    #[arg(required = true, value_name = "DST", value_parser = remote::parse_path)]
    to: TypedAddress<Resource>,
    /// Replace no file
    #[arg(long)]
    no_clobber: bool,
    /// Only print what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

impl RelocateArgs {
    /// The server.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.from.iter().chain([&self.to]).map(TypedAddress::named_server).collect()
    }

    /// The source on another server than the destination, if there is one.
    fn elsewhere(&self) -> Option<&Resource> {
        let sources = self.from.iter().map(|typed| &typed.address);
        sources.into_iter().find(|source| source.server != self.to.address.server)
    }
}

/// Runs `wharf mv`.
pub(super) fn mv(args: &MvArgs) -> ExitCode {
    run(&args.paths, Relocate::Move, false)
}

/// Runs `wharf cp`.
pub(super) fn cp(args: &CpArgs) -> ExitCode {
    run(&args.paths, Relocate::Copy, args.recursive)
}

fn run(args: &RelocateArgs, how: Relocate, recursive: bool) -> ExitCode {
    if let Some(source) = args.elsewhere() {
        return exit::wrong_usage(&format_args!(
            "wharf: {source} is not on the server of {}: wharf get downloads it, and wharf put uploads it there",
            args.to.address
        ));
    }
    if let Err(error) = signals::leave_on_interrupt(INTERRUPTED, || {}) {
        return exit::code(Err(error));
    }
    let RelocateArgs { no_clobber, dry_run, .. } = *args;
    exit::code(relocate_all(args, RelocateOptions { how, recursive, no_clobber, dry_run }))
}

/// Moves or copies all; true if nothing failed.
fn relocate_all(args: &RelocateArgs, options: RelocateOptions) -> io::Result<bool> {
    let mut changer = args.reach.changer();
    let Resource { server, target } = &args.to.address;
    let mut sources = Vec::new();
    for Resource { target, .. } in args.from.iter().map(|typed| &typed.address) {
        let expanded = changer.try_at(server, target, |session| change::expand(session, target));
        sources.extend(expanded.into_iter().flatten());
    }
    let count = sources.len().max(args.from.len());
    let to = changer.try_at(server, target, |session| RelocateTo::of(session, target.clone(), count));
    let Some(to) = to else { return Ok(false) };
    for from in sources {
        let relocated =
            changer.try_at(server, &from, |session| change::relocate(session, &from, &to, options));
        if let Some(change) = relocated {
            tell(&change, options.dry_run)?;
        }
    }
    Ok(changer.is_well())
}
