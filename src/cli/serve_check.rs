//! `wharf serve --check`: what a server would do, without listening.

use std::net::SocketAddr;

use super::access_args::withheld_by;
use super::banner;
use super::exit::Failure;
use super::outputs::Outputs;
use super::rights_line;
use super::serve_args::ServeArgs;
use super::serve_config::{Prepared, prepare};
use crate::access::{Access, Right, Rights, Rule};
use crate::folder::{Error, Folder, Rules};
use crate::format::{Bytes, Lasting};
use crate::net::listener::ListenAddress;
use crate::printable::Printable;
use crate::server::{self, Config};

/// Reads everything as a start would, and prints what it means. Secrets are shown as `set`, with where they come from.
pub(super) fn run(args: ServeArgs, outputs: &Outputs) -> Result<(), Failure> {
    let secrets: Vec<_> = args.accounts.users.origin().into_iter().chain(args.tls.origins()).collect();
    let Prepared { config, set_by } = prepare(args, None)?;
    let mut lines = vec![format!("wharf would serve {}", Printable::path(&config.root))];
    lines.extend(addresses(&config));
    lines.extend(secrets.iter().map(|(what, origin)| format!("{what}: {origin}")));
    lines.push(trash(config.folder.rules()));
    lines.extend(file_system(&config.folder));
    lines.push(rights_line::of(&config.access, set_by));
    lines.push(String::new());
    lines.extend(rules(&config.access));
    lines.extend(withheld(config.access.withheld()));
    outputs.print_before_log(&(lines.join("\n") + "\n"));
    Ok(())
}

/// What the folder's file system can do, and which servers have the folder now.
fn file_system(folder: &Folder) -> Option<String> {
    match server::survey(folder) {
        Ok((abilities, others)) => Some(format!("file system: {abilities}; other servers: {others}")),
        Err(Error::ReadOnly) => None,
        Err(error) => Some(format!("file system: it cannot be tested ({error})")),
    }
}

/// How long the trash keeps entries, and its maximum size.
fn trash(rules: &Rules) -> String {
    match (rules.trash, rules.trash_size) {
        _ if rules.read_only => "trash: nothing can be removed (--read-only)".to_owned(),
        (None, _) => "trash: off (what is removed or replaced is gone at once)".to_owned(),
        (Some(time), None) => format!("trash: kept for {}", Lasting(time)),
        (Some(time), Some(size)) => format!("trash: kept for {}, up to {}", Lasting(time), Bytes(size)),
    }
}

/// Where the server would listen. For port 0, the system picks a port.
fn addresses(config: &Config) -> Vec<String> {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let port = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) | ListenAddress::Udp(address) => Some(SocketAddr::port(address)),
        ListenAddress::Unix(_) => None,
    };
    let shown = |address: ListenAddress| {
        let note = if port(&address) == Some(0) { " (a free port)" } else { "" };
        banner::urls_at([address], scheme, &config.base).into_iter().map(move |url| format!("{url}{note}"))
    };
    config.listen.addresses().into_iter().flat_map(shown).collect()
}

/// The rules in columns, in the order in which they are asked. The first matching rule is the one of the closest folder
/// and the most specific subject.
fn rules(access: &Access) -> Vec<String> {
    let row = |rule: &Rule| {
        let given = rule.rights.without(access.withheld()).short();
        let path = format!("/{}", rule.path.display());
        let from = rule.from.map_or_else(|| "anywhere".to_owned(), |from| from.to_string());
        let path = if rule.path.is_root() { "/".to_owned() } else { path };
        [rule.subject.to_string(), given, path, from].map(|cell| Printable::text(&cell).to_string())
    };
    let head = ["WHO", "RIGHTS", "PATH", "FROM"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(access.rules().iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [who, rights, path] = [0, 1, 2].map(width);
    let line =
        |row: &[String; 4]| format!("{:who$}  {:rights$}  {:path$}  {}", row[0], row[1], row[2], row[3]);
    rows.iter().map(line).collect()
}

/// The rights that nobody has, and the reason.
fn withheld(rights: Rights) -> Option<String> {
    let held: Vec<_> = Right::ALL.into_iter().filter(|right| rights.has(*right)).collect();
    let mut why: Vec<_> = held.iter().map(|right| withheld_by(*right)).collect();
    why.dedup();
    (!held.is_empty()).then(|| format!("Nobody has: {} ({}).", rights.list(), why.join(", ")))
}
