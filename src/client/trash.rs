//! The trash of a wharf server, below `/.wharf/trash`: lists and restores what this user has removed or replaced there.
//!
//! Without an account, the user is known by the cookies for undo. There may be several of them, so each is asked for its entries.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::address::ServerAddress;
use super::change_error::{RemoteChangeError, UNKNOWN_CLIENT};
use super::error::ClientError;
use super::error_response;
use super::link_path::link_of;
use super::listing::Limited;
use super::own_root;
use super::request::HttpRequest;
use super::response::{HttpResponse, PourError};
use super::session::Session;
use crate::format::Bytes;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::encode_segment;
use crate::own_paths;
use crate::printable::{self, Printable};

/// The maximum number of responses with entries, of which each has up to 1,000: a server that sends more has no end.
const MOST_RESPONSES: usize = 1000;

/// Follows the path of an entry, to restore it.
const RESTORE: &str = "/restore";

/// Printed if there are no entries.
const NOTHING: &str = "the trash is empty";

/// The trash of a server, as this user sees it.
#[derive(Debug)]
pub struct RemoteTrash {
    root: ServerAddress,
    /// The cookies to list the trash with, the newest last; `None` for a user that needs no cookie.
    askers: Vec<Option<String>>,
    /// Whether the server cannot recognise this client.
    is_unknown: bool,
}

/// Something that was removed or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteTrashEntry {
    /// Its id. Later entries have greater ids.
    pub id: String,
    /// Its path before it was removed. The path of a directory ends in a slash.
    pub path: String,
    /// Its length in bytes, if it is known.
    pub size: Option<u64>,
    /// When it was removed or replaced, in RFC 3339 format.
    pub time: String,
    /// The user that has done so, if it has an account.
    pub principal: Option<String>,
}

#[derive(Deserialize)]
struct Entries {
    items: Vec<RemoteTrashEntry>,
    /// Whether there are more.
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct RestoredEntry {
    path: String,
}

#[derive(Deserialize)]
struct Emptied {
    count: usize,
}

impl RemoteTrash {
    /// The trash of the server that has this directory; the trash of the link, if the directory is below a link.
    pub fn at(session: &mut Session, directory: &ServerAddress) -> Result<Self, ClientError> {
        let target = directory.target("");
        let link = link_of(&target);
        let root = match link {
            Some(link) => directory.in_directory(link),
            None => own_root::find(session, directory)?,
        };
        let cookies = session.cookies_for_undo(&root.resolve(own_paths::TRASH, false));
        let askers = if cookies.is_empty() { vec![None] } else { cookies.into_iter().map(Some).collect() };
        // All clients with the same link share one trash.
        let is_unknown = askers == [None] && link.is_none() && !session.may_know_the_user();
        Ok(Self { root, askers, is_unknown })
    }

    /// What is printed if there are no entries.
    pub fn nothing(&self) -> &'static str {
        if self.is_unknown { UNKNOWN_CLIENT } else { NOTHING }
    }

    /// All entries, the newest first.
    pub fn entries(&self, session: &mut Session) -> Result<Vec<RemoteTrashEntry>, ClientError> {
        let mut all = Vec::new();
        for asker in &self.askers {
            all.extend(self.entries_of(session, asker.as_deref())?);
        }
        all.sort_by(|a, b| b.id.cmp(&a.id));
        // If everybody may see all entries, each cookie shows the same entries.
        all.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    /// Restores an entry; returns where it is now.
    pub fn restore(&self, session: &mut Session, id: &str) -> Result<String, ClientError> {
        let path = format!("{}{RESTORE}", path_of(id));
        self.first_found(|asker| restored(self.send(session, Method::Post, &path, asker)?))
    }

    /// Restores what this user has removed or replaced last; returns where it is now.
    pub fn undo(&self, session: &mut Session) -> Result<String, ClientError> {
        if self.askers.len() > 1
            && let Some(RemoteTrashEntry { id, .. }) = self.entries(session)?.first()
        {
            return self.restore(session, id);
        }
        let asker = self.askers.last().and_then(Option::as_deref);
        let undone = self.send(session, Method::Post, own_paths::UNDO, asker).and_then(restored);
        match undone {
            // A server without a trash says so itself.
            Err(ClientError::Refused(Status::NOT_FOUND, _))
                if self.is_unknown && self.entries(session).is_ok_and(|all| all.is_empty()) =>
            {
                Err(RemoteChangeError::UnknownClient.into())
            }
            undone => undone,
        }
    }

    /// Removes an entry for good.
    pub fn discard(&self, session: &mut Session, id: &str) -> Result<(), ClientError> {
        let path = path_of(id);
        self.first_found(|asker| self.send(session, Method::Delete, &path, asker)?.body.discard().map(|_| ()))
    }

    /// Removes all entries for good; returns how many.
    pub fn empty(&self, session: &mut Session) -> Result<usize, ClientError> {
        let mut all = 0;
        for asker in &self.askers {
            let response = self.send(session, Method::Delete, own_paths::TRASH, asker.as_deref())?;
            let Emptied { count } = parse(response)?;
            all += count;
        }
        Ok(all)
    }

    fn entries_of(
        &self,
        session: &mut Session,
        asker: Option<&str>,
    ) -> Result<Vec<RemoteTrashEntry>, ClientError> {
        let (mut all, mut before) = (Vec::new(), String::new());
        for _ in 0..MOST_RESPONSES {
            let path = format!("{}?json{before}", own_paths::TRASH);
            let Entries { items, more } = parse(self.send(session, Method::Get, &path, asker)?)?;
            let Some(last) = items.last() else { break };
            before = format!("&before={}", encode_segment(last.id.as_bytes()));
            all.extend(items);
            if !more {
                break;
            }
        }
        Ok(all)
    }

    /// Asks with each cookie, the newest first, until one knows the entry.
    fn first_found<T>(
        &self,
        mut ask: impl FnMut(Option<&str>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut askers = self.askers.iter().rev();
        let mut result = ask(askers.next().and_then(Option::as_deref));
        for asker in askers {
            let Err(ClientError::Refused(Status::NOT_FOUND, _)) = result else { break };
            result = ask(asker.as_deref());
        }
        result
    }

    fn send<'s>(
        &self,
        session: &'s mut Session,
        method: Method,
        path: &str,
        asker: Option<&str>,
    ) -> Result<HttpResponse<'s>, ClientError> {
        let target = self.root.resolve(path, false);
        let mut fields = vec![("Accept", "application/json")];
        fields.extend(asker.map(|cookie| ("Cookie", cookie)));
        let response =
            session.send(&HttpRequest { method, target: &target, fields: &fields, content: None })?;
        if response.head.status.is_success() { Ok(response) } else { Err(error_response::read(response)) }
    }
}

/// Writes a line for each entry: id, time, size, who has done it if that is known, and the path.
pub fn show(entries: &[RemoteTrashEntry], out: &mut dyn Write) -> io::Result<()> {
    let has_users = entries.iter().any(|entry| entry.principal.is_some());
    let users = entries.iter().filter_map(|entry| entry.principal.as_deref());
    let width = users.map(|user| user.chars().count()).max().unwrap_or_default();
    for RemoteTrashEntry { id, path, size, time, principal } in entries {
        let size = size.map_or_else(|| "-".to_owned(), |size| Bytes(size).to_string());
        write!(out, "{}  {:<20}  {size:>10}  ", Printable::text(id), Printable::text(time).to_string())?;
        if has_users {
            let user = Printable::text(principal.as_deref().unwrap_or("-")).to_string();
            write!(out, "{user:<width$}  ")?;
        }
        writeln!(out, "{}", Printable::text(path))?;
    }
    Ok(())
}

/// The entries with these ids, or all entries if no id is given; and the ids that no entry has.
pub fn chosen(entries: Vec<RemoteTrashEntry>, ids: &[String]) -> (Vec<RemoteTrashEntry>, Vec<&String>) {
    if ids.is_empty() {
        return (entries, Vec::new());
    }
    let missing = ids.iter().filter(|id| !entries.iter().any(|entry| entry.id == **id)).collect();
    (entries.into_iter().filter(|entry| ids.contains(&entry.id)).collect(), missing)
}

/// The error for an id that no entry has.
pub fn missing() -> ClientError {
    ClientError::Refused(Status::NOT_FOUND, None)
}

/// The question before this many entries are deleted; `None` if there are none.
pub fn question(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("delete 1 entry of the trash for good? [y/N] ".to_owned()),
        count => Some(format!("delete {count} entries of the trash for good? [y/N] ")),
    }
}

/// The line that is printed after entries were deleted.
pub fn deleted(count: usize) -> String {
    match count {
        1 => "deleted 1 entry".to_owned(),
        count => format!("deleted {count} entries"),
    }
}

/// `0198…-ab /a/b`.
impl std::fmt::Display for RemoteTrashEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", Printable::text(&self.id), Printable::text(&self.path))
    }
}

/// Writes the entries as a JSON array.
pub fn show_json(entries: &[RemoteTrashEntry], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", printable::json(&serde_json::to_string_pretty(entries)?))
}

fn path_of(id: &str) -> String {
    format!("{}/{}", own_paths::TRASH, encode_segment(id.as_bytes()))
}

/// The path of a restored entry.
fn restored(response: HttpResponse<'_>) -> Result<String, ClientError> {
    parse(response).map(|RestoredEntry { path }| path)
}

fn parse<T: for<'d> Deserialize<'d>>(response: HttpResponse<'_>) -> Result<T, ClientError> {
    let mut json = Limited::default();
    response.body.pour(&mut json).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(_) => RemoteChangeError::NoTrash.into(),
    })?;
    serde_json::from_slice(&json.0).map_err(|_| RemoteChangeError::NoTrash.into())
}

#[cfg(test)]
mod tests;
