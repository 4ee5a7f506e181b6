//! `wharf chat USER [HOST [PORT]]`: joins the chat room.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::trust::TrustArgs;
use super::{exit, remote, signals};
use crate::client::address::{AddressError, DEFAULT_HOST, ServerAddress, parse_port};
use crate::client::chat::display::Style;
use crate::client::chat::member::ChatMember;
use crate::client::chat::shell::ChatShell;
use crate::client::error::ClientError;

const USAGE: &str = "usage: wharf chat USER [HOST [PORT]]";

/// Chat with the other users of a server
#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// Your name in the chat room
    #[arg(value_name = "USER")]
    name: Option<String>,
    /// The server's address or name, or `https://host` [default: 127.0.0.1]
    host: Option<String>,
    /// The server's port [default: 8080]
    port: Option<String>,
    /// The directory for downloads [default: the user's name]
    #[arg(long)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// Runs the command.
pub(super) fn run(args: ChatArgs) -> ExitCode {
    let Some(name) = &args.name else { return exit::wrong_usage(&USAGE) };
    match args.address() {
        Ok(typed) => join(name, &typed.address, args.dir),
        Err(error) => exit::wrong_usage(&format_args!("wharf: {error}\n{USAGE}")),
    }
}

impl ChatArgs {
    /// The server; `None` if the command will print its usage.
    pub(super) fn servers(&self) -> Option<Vec<NamedServer>> {
        let typed = self.name.as_ref().and_then(|_| self.address().ok());
        Some(vec![typed?.at_port(None)?])
    }

    fn address(&self) -> Result<TypedAddress<ServerAddress>, AddressError> {
        let typed = remote::parse_server(self.host.as_deref().unwrap_or(DEFAULT_HOST))?;
        match &self.port {
            Some(port) => Ok(TypedAddress { address: typed.address.at_port(parse_port(port)?)?, ..typed }),
            None => Ok(typed),
        }
    }
}

/// Joins the room and runs the prompt, until the user leaves or the server cannot be reached any more.
pub(super) fn join(user: &str, address: &ServerAddress, downloads: Option<PathBuf>) -> ExitCode {
    let member = match ChatMember::join(address, user) {
        Ok(member) => member,
        Err(ClientError::Refused(_, Some(said))) => return exit::failed(&said),
        Err(error) => return exit::failed(&error),
    };
    if let Err(error) = signals::say_farewell_on_interrupt(|| None) {
        return exit::code(Err(error));
    }
    let downloads = downloads.unwrap_or_else(|| PathBuf::from(&member.name));
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let shell = ChatShell::new(member, downloads, &mut out, &mut err);
    let lost = |error: &ClientError| exit::leave(error);
    exit::code(if io::stdin().is_terminal() {
        let style = if std::env::var_os("NO_COLOR").is_none() { Style::Coloured } else { Style::Plain };
        shell.run_interactive(style, lost).map(|()| true)
    } else {
        shell.run_piped(io::stdin().lock(), lost)
    })
}
