//! `wharf mv` and `wharf cp`: moves and copies on one server.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::change_args::{Changer, INTERRUPTED, ReachArgs, tell};
use super::credentials::{NamedServer, TypedAddress};
use super::exit::WrongUsage;
use super::{exit, link, remote, signals};
use crate::client::address::Resource;
use crate::client::change::{self, Relocate, RelocateOptions, RelocateTo};

/// Move or rename files and directories on a server
///
/// A file that has the new name is replaced, and stays in the server's trash for a while: `wharf undo` brings it back. A directory
/// is never replaced.
#[derive(Debug, Args)]
#[command(override_usage = "wharf mv [OPTIONS] <SRC>... <DST>")]
pub(super) struct MvArgs {
    #[command(flatten)]
    pub(super) paths: RelocateArgs,
}

/// Copy files on a server, and directories with -r
///
/// A file that has the new name is replaced, and stays in the server's trash for a while: `wharf undo` brings it back. A directory
/// is never replaced.
#[derive(Debug, Args)]
#[command(override_usage = "wharf cp [OPTIONS] <SRC>... <DST>")]
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
    /// `'dir/*.txt'` stands for the names that match. The last path, DST, is the new name on the same server, or the directory
    /// there into which all of them go.
    #[arg(required = true, value_name = "PATH", value_parser = remote::parse_path)]
    paths: Vec<TypedAddress<Resource>>,
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
        self.paths.iter().map(TypedAddress::named_server).collect()
    }

    /// The sources, and the destination.
    fn ends(&self) -> Result<(&[TypedAddress<Resource>], &Resource), WrongUsage> {
        let Some((to, from @ [_, ..])) = self.paths.split_last() else {
            return Err(WrongUsage("DST is missing: the last path is the new name".to_owned()));
        };
        let to = &to.address;
        match from.iter().map(|typed| &typed.address).find(|source| source.server != to.server) {
            Some(source) => Err(WrongUsage(format!(
                "{source} is not on the server of {to}: wharf get downloads it, and wharf put uploads it there"
            ))),
            None => Ok((from, to)),
        }
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
    let (from, to) = match args.ends() {
        Ok(ends) => ends,
        Err(error) => return exit::wrong_usage(&format_args!("wharf: {error}")),
    };
    if let Err(error) = signals::leave_on_interrupt(INTERRUPTED, || {}) {
        return exit::code(Err(error));
    }
    if let Err(code) = link::open_all(args.paths.iter().map(|typed| &typed.address)) {
        return code;
    }
    let RelocateArgs { no_clobber, dry_run, .. } = *args;
    let options = RelocateOptions { how, recursive, no_clobber, dry_run };
    exit::code(relocate_all(args.reach.changer(), from, to, options))
}

/// Moves or copies all; true if nothing failed.
fn relocate_all(
    mut changer: Changer,
    from: &[TypedAddress<Resource>],
    to: &Resource,
    options: RelocateOptions,
) -> io::Result<bool> {
    let Resource { server, target } = to;
    let mut sources = Vec::new();
    for Resource { target, .. } in from.iter().map(|typed| &typed.address) {
        let expanded = changer.try_at(server, target, |session| change::expand(session, target));
        sources.extend(expanded.into_iter().flatten());
    }
    let count = sources.len().max(from.len());
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
