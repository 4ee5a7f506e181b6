//! `wharf share`: links to a file or a folder of a server.

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::Args;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::exit::Failure;
use super::trust::TrustArgs;
use super::{qr_code, record_values, remote, user};
use crate::accounts::password::Password;
use crate::client::address::ServerAddress;
use crate::client::records::{LinkOrder, RemoteLink, RemoteRecords};
use crate::printable::Printable;

/// The names of the fields of a line, at a terminal.
const HEADER: &str = "ID\tSTATE\tEXPIRES\tUSES\tRIGHTS\tPATH";

/// Make a link to a file or a folder of a server, for people without an account there
///
/// Prints the link; at a terminal, also its QR code. The server shows it only once.
#[derive(Debug, Args)]
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct ShareArgs {
    /// The file or folder: `https://host/path`, `host:port/path` or `unix:SOCKET!/path`; for --list and --revoke, the server
    #[arg(value_name = "URL", value_parser = remote::parse_server)]
    address: TypedAddress<ServerAddress>,
    /// How long the link works, such as `12h` or `2d`
    #[arg(long = "for", value_name = "TIME", value_parser = record_values::life, required_unless_present_any = ["list", "revoke"])]
    life: Option<String>,
    /// How often the link can be opened [default: any number of times]
    #[arg(long, value_name = "N")]
    uses: Option<NonZeroU32>,
    /// Only take files: visitors with the link can upload files, and see nothing
    #[arg(long)]
    drop: bool,
    /// What the link allows, such as `view,add` [default: view, or with --drop, add]
    #[arg(long, value_name = "RIGHTS", value_parser = record_values::link_rights, conflicts_with = "drop")]
    rights: Option<String>,
    /// Protect the link with a password; asks for it
    #[arg(long)]
    password: bool,
    /// The same, but read the password from stdin, up to the first line end
    #[arg(long, conflicts_with = "password")]
    password_stdin: bool,
    /// List your links: id, state, when it expires, uses left, rights and path
    #[arg(long, conflicts_with_all = ["life", "revoke"])]
    list: bool,
    /// Revoke the link with this id, or all of your links
    #[arg(long, value_name = "ID|all", conflicts_with = "life")]
    revoke: Option<String>,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

impl ShareArgs {
    /// The server.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.address.at_port(None).into_iter().collect()
    }

    fn password(&self) -> Result<Option<Password>, Failure> {
        if self.password_stdin {
            return Ok(Some(user::first_line(io::stdin().lock())?));
        }
        let ask = || user::ask_twice("Password of the link", "--password-stdin reads it from stdin");
        self.password.then(ask).transpose()
    }
}

/// Runs the command.
pub(super) fn run(args: &ShareArgs) -> Result<ExitCode, Failure> {
    let password = args.password()?;
    let password = match password.as_ref().map(|password| password.text().ok_or("the password is not UTF-8"))
    {
        None => None,
        Some(text) => Some(text?),
    };
    let mut records = RemoteRecords::at(&args.address.address)?;
    if let Some(id) = &args.revoke {
        records.revoke_link(id)?;
    } else if args.list {
        print(record_values::header(HEADER).into_iter().chain(records.links()?.iter().map(line)))?;
    } else {
        let made = records.add_link(LinkOrder {
            life: args.life.as_deref().unwrap_or_default(),
            uses: args.uses,
            drop: args.drop,
            rights: args.rights.as_deref(),
            password,
        })?;
        let link = made.link.unwrap_or_default();
        let code = io::stdout().is_terminal().then(|| qr_code::lines(&link)).flatten();
        print([Printable::text(&link).to_string()].into_iter().chain(code.unwrap_or_default()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The fields of a link, separated by tabs.
fn line(link: &RemoteLink) -> String {
    let RemoteLink { id, path, rights, expires, state, uses_left, .. } = link;
    let uses = uses_left.map_or_else(|| "-".to_owned(), |uses| uses.to_string());
    [id, state, expires, &uses, rights, path].map(|field| Printable::text(field).to_string()).join("\t")
}

fn print(lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
}
