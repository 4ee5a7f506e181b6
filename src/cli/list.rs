//! `wharf list [ADDRESS]`: lists a directory of a server.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::link::LinkUse;
use super::remote::{self, Remote};
use super::trust::TrustArgs;
use super::{exit, link, signals};
use crate::client::address::ServerAddress;
use crate::client::error::ClientError;
use crate::client::listing::NOTHING;
use crate::client::session::Session;
use crate::client::shown_target::ShownTarget;
use crate::client::tftp::address::from_root;
use crate::client::tree::{Http, ListFormat, ListOrder, Tftp, Tree};

/// List a directory of a server
///
/// In a terminal: size, time and name. In a pipe: one name per line; directories end in a slash.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The server and the directory on it: `http://host:port/dir/`, `https://host/dir/`, `host:port`, `unix:SOCKET!/dir/` or
    /// `tftp://host:port/dir/` [default: 127.0.0.1:8080]
    #[arg(value_parser = remote::parse_directory)]
    address: Option<TypedAddress<Remote<ServerAddress>>>,
    /// Sort by name, by size (largest first) or by time (newest first)
    #[arg(long, value_enum, default_value_t = Sort::Name)]
    sort: Sort,
    /// Include subdirectories
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Print a JSON array of objects, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// The values of `--sort`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    Name,
    Size,
    Time,
}

impl ListArgs {
    /// The server, if it speaks HTTP.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        match &self.address {
            Some(typed) => typed.server(|address| &address.server).into_iter().collect(),
            None => vec![NamedServer { server: ServerAddress::default().server, login: None }],
        }
    }

    fn remote(&self) -> Remote<ServerAddress> {
        let typed = self.address.as_ref().map(|typed| typed.address.clone());
        typed.unwrap_or_else(|| Remote::Http(ServerAddress::default()))
    }
}

/// Runs the command.
pub(super) fn run(args: &ListArgs) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt("Interrupted.", || {}) {
        return exit::code(Err(error));
    }
    let mut remote = args.remote();
    if let Err(code) = link::open(&mut remote, LinkUse::Read) {
        return code;
    }
    match find(&remote, args.recursive) {
        Ok(mut found) => {
            found.sort(args.sort.into());
            exit::code(show(found, args))
        }
        Err(error) => {
            exit::say_about(&name(&remote), &error);
            ExitCode::FAILURE
        }
    }
}

/// The directory, for an error message.
fn name(remote: &Remote<ServerAddress>) -> String {
    match remote {
        Remote::Http(address) => ShownTarget(&address.target("")).path(),
        Remote::Tftp(site) => format!("/{}", String::from_utf8_lossy(from_root(site.path()))),
    }
}

fn find(remote: &Remote<ServerAddress>, recursive: bool) -> Result<Tree, ClientError> {
    match remote {
        Remote::Http(address) => {
            let mut lister = Http(Session::new(address.server.clone()));
            Tree::gather(&mut lister, &address.target(""), recursive)
        }
        Remote::Tftp(site) => Tree::gather(&mut Tftp(site), "", recursive),
    }
}

/// Prints the tree; true if all of it was listed.
fn show(mut found: Tree, args: &ListArgs) -> io::Result<bool> {
    let failures = std::mem::take(&mut found.failures);
    let format = match args.json {
        true => ListFormat::Json,
        false if io::stdout().is_terminal() => ListFormat::Columns,
        false => ListFormat::Names,
    };
    if found.is_empty() && format == ListFormat::Names {
        exit::say(&NOTHING);
    }
    found.show(format, &mut io::stdout().lock())?;
    for (name, error) in &failures {
        exit::say_about(name, error);
    }
    Ok(failures.is_empty())
}

impl From<Sort> for ListOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Name => Self::Name,
            Sort::Size => Self::Size,
            Sort::Time => Self::Time,
        }
    }
}
