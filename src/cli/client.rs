//! `wharf client [ADDRESS]`: a prompt for a server.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::remote::{self, Remote};
use super::trust::TrustArgs;
use super::{chat, exit, signals};
use crate::client::address::{DEFAULT_HOST, DEFAULT_PORT, ServerAddress};
use crate::client::shell::Shell;
use crate::client::tftp::{self, address::TftpSite};
use crate::client::undo_cookies::UndoCookies;

/// Prompt for a server: GET, POST, LIST, cd, pwd, shutdown, exit, help
#[derive(Debug, Args)]
pub(super) struct ClientArgs {
    /// The server: `http://host:port/path`, `https://host/path`, `host:port`, `unix:PATH` or `tftp://host:port` [default:
    /// 127.0.0.1:8080]
    #[arg(value_parser = remote::parse_directory, conflicts_with_all = ["ip", "port"])]
    address: Option<TypedAddress<Remote<ServerAddress>>>,
    /// The server's address or name
    #[arg(short, long, value_name = "ADDR", default_value = DEFAULT_HOST, value_parser = remote::parse_server)]
    ip: TypedAddress<ServerAddress>,
    /// The server's port
    #[arg(short, long, default_value_t = DEFAULT_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The directory for downloads; created if missing
    #[arg(long, default_value = "downloads")]
    dir: PathBuf,
    /// Join the chat room under this name
    #[arg(long, value_name = "NAME")]
    chat: Option<String>,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

impl ClientArgs {
    /// The server, if it speaks HTTP. `None` if the command will refuse the given port.
    pub(super) fn servers(&self) -> Option<Vec<NamedServer>> {
        match &self.address {
            Some(typed) => Some(typed.server(|address| &address.server).into_iter().collect()),
            None => Some(vec![self.ip.at_port(Some(self.port))?]),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: ClientArgs) -> ExitCode {
    let address = match args.address.map(|typed| typed.address) {
        Some(Remote::Http(address)) => Ok(address),
        Some(Remote::Tftp(_)) if args.chat.is_some() => {
            return exit::wrong_usage(&"wharf: TFTP has no chat room (use http://host:port)");
        }
        Some(Remote::Tftp(site)) => return exit::code(run_tftp(site, args.dir)),
        None => args.ip.address.at_port(args.port),
    };
    match address {
        Ok(address) => match args.chat {
            Some(name) => chat::join(&name, &address, Some(args.dir)),
            None => exit::code(run_http(address, args.dir)),
        },
        Err(error) => exit::wrong_usage(&format_args!("wharf: {error}")),
    }
}

/// Runs the prompt; returns whether all succeeded.
fn run_http(address: ServerAddress, downloads: PathBuf) -> io::Result<bool> {
    signals::say_farewell_on_interrupt(|| None)?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let undo = UndoCookies::of_this_user();
    let mut shell = Shell::new(address, downloads, undo, &mut out, &mut err);
    let is_connected = shell.connect()?;
    if io::stdin().is_terminal() {
        shell.run_interactive().map(|()| true)
    } else if is_connected {
        shell.run_piped(io::stdin().lock())
    } else {
        Ok(false)
    }
}

/// Runs the prompt over TFTP; returns whether all succeeded.
fn run_tftp(site: TftpSite, downloads: PathBuf) -> io::Result<bool> {
    signals::say_farewell_on_interrupt(|| None)?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let shell = tftp::shell::TftpShell::new(site, downloads, &mut out, &mut err);
    if io::stdin().is_terminal() {
        shell.run_interactive().map(|()| true)
    } else {
        shell.run_piped(io::stdin().lock())
    }
}
