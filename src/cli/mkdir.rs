//! `wharf mkdir URL…`: makes directories on a server.

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::change_args::{INTERRUPTED, ReachArgs, tell};
use super::credentials::{NamedServer, TypedAddress};
use super::{exit, link, remote, signals};
use crate::client::address::Resource;
use crate::client::change;

/// Make directories on a server
#[derive(Debug, Args)]
pub(super) struct MkdirArgs {
    /// The directories: `http://host:port/path`, `https://host/path`, `host:port/path` or `unix:SOCKET!/path`
    #[arg(required = true, value_name = "URL", value_parser = remote::parse_path)]
    addresses: Vec<TypedAddress<Resource>>,
    /// Make the directories above them too; a directory may also exist
    #[arg(short, long)]
    parents: bool,
    #[command(flatten)]
    pub(super) reach: ReachArgs,
}

impl MkdirArgs {
    /// The servers.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.addresses.iter().map(TypedAddress::named_server).collect()
    }
}

/// Runs the command.
pub(super) fn run(args: &MkdirArgs) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt(INTERRUPTED, || {}) {
        return exit::code(Err(error));
    }
    if let Err(code) = link::open_all(args.addresses.iter().map(|typed| &typed.address)) {
        return code;
    }
    exit::code(make_all(args))
}

/// Makes all the directories; returns true if none failed.
fn make_all(args: &MkdirArgs) -> io::Result<bool> {
    let mut changer = args.reach.changer();
    for Resource { server, target } in args.addresses.iter().map(|typed| &typed.address) {
        let made =
            changer.try_at(server, target, |session| change::make_directory(session, target, args.parents));
        if let Some(change) = made {
            tell(&change, false)?;
        }
    }
    Ok(changer.is_well())
}
