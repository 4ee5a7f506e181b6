//! The response to PROPFIND (RFC 4918 §9.1): the properties of a file, or of a directory and its entries.
//!
//! The response is made in pieces while it is sent, in the order of the disk, so a directory of any size needs the memory of one
//! piece.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use crate::access::{Judge, Principal, ToList, ToRead};
use crate::blocking::Blocking;
use crate::dav::multistatus::{self, PropStat};
use crate::dav::{LiveProperty, NAMESPACE, PropertyName, Propfind};
use crate::folder::{Description, EntryKind, Error, Rules, Scan};
use crate::http::destination::Depth;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::content::{Chunk, ContentSource, Produced};
use crate::server::dav;
use crate::server::dav::XML;
use crate::server::dav::hrefs::Hrefs;
use crate::server::disk::Disk;
use crate::server::error_response::{self, bad_request, of_read_error};
use crate::server::folder_locks::Dav;
use crate::server::gate::authorise;
use crate::server::handle::dav::live::DescribedResource;
use crate::server::handle::dav::stored::StoredProperties;
use crate::server::handle::dav::{MAX_BODY, failed, locks, refuse_body};
use crate::server::handle::posted;
use crate::server::handled::Handled;
use crate::server::receive::{AfterBody, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How many bytes are made at once.
const CHUNK: usize = 48 * 1024;

/// The properties that `allprop` returns, besides dead ones. Explorer reads at most 1,000,000 bytes, so entries have to be
/// short; clients ask for the others by name.
const USUAL: [LiveProperty; 3] =
    [LiveProperty::ResourceType, LiveProperty::ContentLength, LiveProperty::LastModified];

/// What a request asks for.
#[derive(Debug)]
struct Question {
    path: SharePath,
    principal: Principal,
    hrefs: Hrefs,
    is_deep: bool,
    /// Whether the client may know how much space there is. macOS 15.4 waits for 90 seconds if it does.
    tells_space: bool,
}

/// Checks the head, and receives the body.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let dav = locks(state)?;
    let is_deep = match Depth::of(request.head.fields).map_err(bad_request)? {
        Depth::Zero => false,
        Depth::One => true,
        Depth::Infinity => return Err(failed(Status::FORBIDDEN, "propfind-finite-depth")),
    };
    let question = Question {
        path: request.path.clone(),
        principal: request.principal.clone(),
        hrefs: Hrefs::of(request, state),
        is_deep,
        tells_space: !request.head.fields.text("User-Agent").is_some_and(waits_for_space),
    };
    let then = AfterBody::Work(Box::new(move |body, state, disk| {
        let answer = Propfind::parse(&body).map_err(|error| refuse_body(&error));
        let answer = answer.and_then(|propfind| respond(question, propfind, dav, state, disk));
        JobOutcome::Respond(answer.unwrap_or_else(|refused| refused), None)
    }));
    posted::receive(request.head, MAX_BODY, then)
}

/// Whether this is a client of macOS 15.4 or later: `WebDAVFS/… Darwin/24.4…`.
fn waits_for_space(agent: &str) -> bool {
    let version =
        agent.split_once("Darwin/").filter(|_| agent.starts_with("WebDAVFS/")).map(|(_, version)| version);
    let mut numbers = version.unwrap_or_default().split('.').map(|number| number.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (24, 4)
}

fn respond(
    question: Question,
    propfind: Propfind,
    dav: Arc<Dav>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, Response> {
    let refuse = |error: Error| of_read_error(&error);
    let Question { path, principal, hrefs, is_deep, tells_space } = question;
    // A principal that may only list learns as much about a file as from the listing of its directory.
    let list = authorise::grant::<ToList>(&principal, &path, state);
    let read = authorise::grant::<ToRead>(&principal, &path, state);
    let found = match (&list, &read) {
        (Ok(grant), _) => state.folder.describe(grant, disk),
        (_, Ok(grant)) => state.folder.describe(grant, disk),
        (Err(_), Err(_)) => return Err(read.err().unwrap_or_else(error_response::not_found)),
    };
    let found = found.map_err(refuse)?;
    let stored = read.ok().and_then(|grant| state.folder.properties(&grant, disk).ok()).flatten();
    let scan = match list {
        Ok(grant) if is_deep && found.kind == EntryKind::Directory => {
            Some(state.folder.scan(&grant, disk).map_err(refuse)?)
        }
        Err(refused) if is_deep && found.kind == EntryKind::Directory => return Err(refused),
        _ => None,
    };
    let asks_for_space = |property: &PropertyName| {
        matches!(
            LiveProperty::of(property),
            Some(LiveProperty::QuotaAvailableBytes | LiveProperty::QuotaUsedBytes)
        )
    };
    let wants_space = match &propfind {
        Propfind::Named(names) | Propfind::All(names) => names.iter().any(asks_for_space),
        Propfind::Names => true,
    };
    let space = (wants_space && tells_space).then(|| state.folder.space(disk).ok()).flatten();
    dav.catch_up(disk).map_err(refuse)?;
    let place = if dav.has_locks() { dav::whereabouts(&path, &principal, state, disk) } else { None };
    let mut body = PropfindBody {
        lies_at: place.map_or_else(|| path.clone(), |place| place.resolved().clone()),
        judge: state.access.judge(&principal),
        rules: state.folder.rules().clone(),
        made: multistatus::BEFORE.to_owned(),
        wants_stored: propfind.wants_stored(),
        propfind,
        directory: path,
        scan,
        hrefs,
        dav,
        space,
        has_ended: false,
        properties: Pieces::default(),
    };
    let (path, lies_at) = (body.directory.clone(), body.lies_at.clone());
    body.write((&path, &lies_at), found, stored.as_deref(), SystemTime::now());
    let head = Head::new(Status::MULTI_STATUS)
        .field("Content-Type", XML)
        .field("X-Content-Type-Options", "nosniff")
        .field("Cache-Control", "no-store");
    body.make(disk).map_err(refuse)?;
    Ok(if body.has_ended {
        Response::new(head, body.made.into_bytes())
    } else {
        Response::new(head, Chunk::source(body, &state.chores))
    })
}

impl Propfind {
    /// Whether dead properties are asked for, or may be.
    fn wants_stored(&self) -> bool {
        match self {
            Self::All(_) | Self::Names => true,
            Self::Named(names) => names.iter().any(|name| LiveProperty::of(name).is_none()),
        }
    }
}

/// The response, as far as it has been made.
#[derive(Debug)]
struct PropfindBody {
    /// What has been made but not taken.
    made: String,
    propfind: Propfind,
    wants_stored: bool,
    directory: SharePath,
    /// Where the directory really lies.
    lies_at: SharePath,
    /// Decides what is told about locks: of one at a path that the principal may not list, only that it exists.
    judge: Judge,
    rules: Rules,
    /// The entries that are left; `None` if only the resource itself is asked for.
    scan: Option<Scan>,
    hrefs: Hrefs,
    dav: Arc<Dav>,
    space: Option<(u64, u64)>,
    has_ended: bool,
    properties: Pieces,
}

/// Memory that is used again for each entry: the properties that it has, and those that it lacks.
#[derive(Debug, Default)]
struct Pieces {
    there: String,
    missing: String,
}

impl PropfindBody {
    /// Makes more, until there is enough to send or the response is complete.
    fn make(&mut self, disk: Blocking<'_>) -> Result<(), Error> {
        let now = SystemTime::now();
        self.made.reserve(CHUNK);
        while self.made.len() < CHUNK && !self.has_ended {
            let Some(candidate) = self.scan.as_mut().and_then(Iterator::next) else {
                self.made.push_str(multistatus::BEHIND);
                self.has_ended = true;
                self.scan = None;
                return Ok(());
            };
            let Some(scan) = &self.scan else { continue };
            let Some((name, found)) = scan.describe(candidate?, disk) else { continue };
            let (Ok(path), Ok(lies_at)) = (self.directory.join(&name), self.lies_at.join(&name)) else {
                continue;
            };
            let stored = if self.wants_stored { scan.properties(&name, disk) } else { None };
            self.write((&path, &lies_at), found, stored.as_deref(), now);
        }
        Ok(())
    }

    /// Writes the response about the resource that has this path, and really lies at the other.
    fn write(
        &mut self,
        (path, lies_at): (&SharePath, &SharePath),
        found: Description,
        stored: Option<&[u8]>,
        now: SystemTime,
    ) {
        let stored = StoredProperties::parse(stored);
        let mut locks: Vec<_> = self.dav.on(lies_at, now);
        for lock in &mut locks {
            let list = self.judge.check::<ToList>(&lock.path);
            if lock.path != *path && !list.is_ok_and(|grant| self.rules.shares(&grant)) {
                lock.owner = Box::default();
                lock.path = path.clone();
                lock.is_directory = found.kind == EntryKind::Directory;
            }
        }
        let Self { made, propfind, hrefs, space, properties: Pieces { there, missing }, .. } = self;
        there.clear();
        missing.clear();
        let resource = DescribedResource { path, found, locks: &locks, space: *space, hrefs, now };
        match propfind {
            Propfind::All(more) => {
                for property in USUAL {
                    resource.write(property, there);
                }
                if !locks.is_empty() {
                    resource.write(LiveProperty::LockDiscovery, there);
                }
                stored.iter().for_each(|(_, xml)| there.push_str(xml));
                let has = |name: &PropertyName| {
                    LiveProperty::of(name).is_some_and(|property| USUAL.contains(&property))
                        || stored.find(name).is_some()
                };
                for name in more.iter().filter(|name| !has(name)) {
                    find(name, &resource, &stored, there, missing);
                }
            }
            Propfind::Names => {
                for property in LiveProperty::ALL {
                    let mut value = String::new();
                    if resource.write(property, &mut value) {
                        multistatus::write_name(&PropertyName::new(NAMESPACE, property.local_name()), there);
                    }
                }
                stored.iter().for_each(|(name, _)| multistatus::write_name(&name, there));
            }
            Propfind::Named(names) => {
                for name in names {
                    find(name, &resource, &stored, there, missing);
                }
            }
        }
        // A response needs at least one propstat (§14.24).
        let none = there.is_empty() && missing.is_empty();
        let stats = [
            (none || !there.is_empty()).then_some(PropStat {
                status: "200 OK",
                properties: there,
                error: "",
            }),
            (!missing.is_empty()).then_some(PropStat {
                status: "404 Not Found",
                properties: missing,
                error: "",
            }),
        ];
        let href = hrefs.path(path, resource.is_directory());
        multistatus::write_response(&href, stats.into_iter().flatten(), made);
    }
}

/// Writes the property of this name with its value, or its name among those that are missing.
fn find(
    name: &PropertyName,
    resource: &DescribedResource<'_>,
    stored: &StoredProperties,
    there: &mut String,
    missing: &mut String,
) {
    // A client may set a display name of its own.
    let found = match (stored.find(name), LiveProperty::of(name)) {
        (Some(xml), _) => {
            there.push_str(xml);
            true
        }
        (None, Some(property)) => resource.write(property, there),
        (None, None) => false,
    };
    if !found {
        multistatus::write_name(name, missing);
    }
}

impl ContentSource for PropfindBody {
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        self.make(disk).map_err(|error| match error {
            Error::Io(error) => error,
            other => io::Error::other(format!("a response to PROPFIND was aborted: {other}")),
        })?;
        let bytes = std::mem::take(&mut self.made).into_bytes();
        Ok(if bytes.is_empty() { Produced::End } else { Produced::bytes(bytes) })
    }

    fn descriptors(&self) -> u32 {
        u32::from(self.scan.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::waits_for_space;

    #[test]
    fn clients_that_wait_for_the_space() {
        for (agent, waits) in [
            ("WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)", true),
            ("WebDAVFS/3.0.0 (03008000) Darwin/25.0.0 (arm64)", true),
            ("WebDAVFS/3.0.0 (03008000) Darwin/24.3.0 (arm64)", false),
            ("WebDAVFS/1.2 Darwin/8.1", false),
            ("WebDAVFS/3.0.0", false),
            ("curl/8.0 Darwin/25.0", false),
            ("", false),
        ] {
            assert_eq!(waits_for_space(agent), waits, "{agent}");
        }
    }
}
