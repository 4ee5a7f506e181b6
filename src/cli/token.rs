//! `wharf token`: the tokens with which programs log in.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::exit::Failure;
use super::trust::TrustArgs;
use super::{record_values, remote};
use crate::access::Right;
use crate::client::address::ServerAddress;
use crate::client::records::{RemoteRecords, RemoteToken, TokenOrder};
use crate::printable::Printable;

/// The names of the fields of a line, at a terminal.
const HEADER: &str = "ID\tNAME\tSTATE\tEXPIRES\tRIGHTS\tPATH";

/// Make, list and remove tokens, with which programs log in to a server
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token, and print it; the server shows it only once
    Add {
        /// A name for it, such as `backup`
        name: String,
        #[command(flatten)]
        server: ServerArgs,
        /// Its rights, such as `view` or `read,add` [default: all that you have at the address]
        #[arg(long, value_name = "RIGHTS", value_parser = record_values::rights)]
        rights: Option<String>,
        /// How long it works, such as `30d`, or `never` for a token that does not expire [default: 90d]
        #[arg(long = "for", value_name = "TIME", value_parser = record_values::life)]
        life: Option<String>,
    },
    /// List your tokens: id, name, state, when it expires, rights and path
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a token
    Remove {
        /// Its name or its id
        name: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// The server, and who the user is there.
#[derive(Debug, Args)]
struct ServerArgs {
    /// The server, and for `add` the directory on it that the token is for: `https://host/dir/`, `host:port` or
    /// `unix:SOCKET!/dir/`
    #[arg(value_name = "URL", value_parser = remote::parse_server)]
    address: TypedAddress<ServerAddress>,
    #[command(flatten)]
    credentials: CredentialArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

impl TokenArgs {
    fn server(&self) -> &ServerArgs {
        match &self.command {
            TokenCommand::Add { server, .. }
            | TokenCommand::List { server }
            | TokenCommand::Remove { server, .. } => server,
        }
    }

    /// Which certificates the client trusts.
    pub(super) fn trust(&self) -> &TrustArgs {
        &self.server().trust
    }

    /// Who the user is, and the server.
    pub(super) fn login(&self) -> (&CredentialArgs, Vec<NamedServer>) {
        let server = self.server();
        (&server.credentials, server.address.at_port(None).into_iter().collect())
    }
}

/// Runs the command.
pub(super) fn run(args: &TokenArgs) -> Result<ExitCode, Failure> {
    let mut records = RemoteRecords::at(&args.server().address.address)?;
    match &args.command {
        TokenCommand::Add { name, rights, life, .. } => {
            let order = TokenOrder { name, rights: rights.as_deref(), life: life.as_deref() };
            let made = records.add_token(order)?;
            print([Printable::text(made.token.as_deref().unwrap_or_default()).to_string()])?;
        }
        TokenCommand::List { .. } => {
            print(record_values::header(HEADER).into_iter().chain(records.tokens()?.iter().map(line)))?;
        }
        TokenCommand::Remove { name, .. } => {
            let all = records.tokens()?;
            let found = |token: &&RemoteToken| token.state == "valid" && token.name == *name;
            let token = all.iter().find(found).or_else(|| all.iter().find(|token| token.id == *name));
            let token = token.ok_or_else(|| {
                format!("there is no token {} (wharf token list shows them)", Printable::text(name))
            })?;
            records.remove_token(&token.id)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The fields of a token, separated by tabs.
fn line(token: &RemoteToken) -> String {
    let RemoteToken { id, name, path, rights, expires, state, .. } = token;
    // Rules and presets may give it share, but a token makes no links.
    let rights =
        rights.split(',').filter(|right| *right != Right::Share.name()).collect::<Vec<_>>().join(",");
    [id, name, state, expires, &rights, path].map(|field| Printable::text(field).to_string()).join("\t")
}

fn print(lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
}
