//! The body of a response to PROPFIND, which is made in pieces.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use crate::access::{Judge, ToList};
use crate::blocking::Blocking;
use crate::dav::locks::Lock;
use crate::dav::multistatus;
use crate::dav::{LiveProperty, NAMESPACE, PropertyName, Propfind};
use crate::folder::{Description, EntryKind, Error, Rules, Scan};
use crate::http::date::{Date, DateText};
use crate::http::target::encoded_parts;
use crate::path::SharePath;
use crate::server::content::{Chunk, Content, ContentSource, Produced};
use crate::server::dav::hrefs::Hrefs;
use crate::server::folder_locks::Dav;
use crate::server::handle::dav::live::DescribedResource;
use crate::server::handle::dav::stored::StoredProperties;
use crate::server::jobs::Chores;

/// How many bytes are made at once.
const CHUNK: usize = 48 * 1024;

/// How many more bytes have room: the last entry is written before it is known that there are enough.
const MARGIN: usize = 2 * 1024;

/// The properties that `allprop` returns, besides dead ones. Explorer reads at most 1,000,000 bytes, so entries have to be
/// short; clients ask for the others by name.
const USUAL: [LiveProperty; 3] =
    [LiveProperty::ResourceType, LiveProperty::ContentLength, LiveProperty::LastModified];

/// What a client wants to see, and may see.
#[derive(Debug)]
pub(super) struct PropfindView {
    pub propfind: Propfind,
    /// Whether dead properties are asked for.
    pub wants_stored: bool,
    /// Decides what is told about locks: of one at a path that the principal may not list, only that it exists.
    pub judge: Judge,
    pub rules: Rules,
    pub hrefs: Hrefs,
    pub dav: Arc<Dav>,
    /// How many bytes can be added, and how many are used; `None` if that is not told.
    pub space: Option<(u64, u64)>,
}

/// The response, as far as it has been made.
#[derive(Debug)]
pub(super) struct PropfindBody {
    view: PropfindView,
    directory: SharePath,
    /// Where the directory really lies.
    lies_at: SharePath,
    /// The entries that are left; `None` if only the resource itself is asked for.
    scan: Option<Scan>,
    has_ended: bool,
    /// What has been made but not taken.
    made: String,
    /// What the response about each entry begins with: everything before its encoded name.
    entry_prefix: String,
    /// The name of the last entry.
    name: OsString,
    memory: Memory,
}

/// Memory that is used again for each entry.
#[derive(Debug)]
struct Memory {
    /// The names of the properties that it lacks.
    missing: String,
    modified: DateText,
}

/// A resource that the response is about.
struct ShownResource<'r> {
    /// The last segment of its path.
    name: &'r OsStr,
    found: &'r Description,
    stored: StoredProperties,
    /// The locks that cover it.
    locks: &'r [Lock],
    now: SystemTime,
}

impl PropfindBody {
    /// The response about what has this path, and really lies at the other, and about its entries.
    pub(super) fn new(view: PropfindView, path: SharePath, lies_at: SharePath, scan: Option<Scan>) -> Self {
        let mut entry_prefix = multistatus::RESPONSE.to_owned();
        multistatus::escape(&view.hrefs.path(&path, true), &mut entry_prefix);
        let modified = DateText::from(Date::from_secs(0));
        Self {
            view,
            directory: path,
            lies_at,
            scan,
            has_ended: false,
            made: String::new(),
            entry_prefix,
            name: OsString::new(),
            memory: Memory { missing: String::new(), modified },
        }
    }

    /// Makes the beginning, with the resource itself.
    pub(super) fn begin(&mut self, found: Description, stored: Option<&[u8]>) {
        self.made.reserve(if self.scan.is_some() { CHUNK + MARGIN } else { MARGIN });
        self.made.push_str(multistatus::BEFORE);
        let now = SystemTime::now();
        let Self { view, directory, lies_at, made, memory, .. } = self;
        let locks = view.locks(directory, lies_at, found.kind, now);
        let href = view.hrefs.path(directory, found.kind == EntryKind::Directory);
        let shown = ShownResource {
            name: directory.name().unwrap_or_default(),
            found: &found,
            stored: StoredProperties::parse(stored),
            locks: &locks,
            now,
        };
        let start = |made: &mut String| {
            made.push_str(multistatus::RESPONSE);
            multistatus::escape(&href, made);
        };
        view.write(start, &shown, memory, made);
    }

    /// Makes more, until there is enough to send or the response is complete.
    pub(super) fn make(&mut self, disk: Blocking<'_>) -> Result<(), Error> {
        let now = SystemTime::now();
        let Self { view, directory, lies_at, scan, has_ended, made, entry_prefix, name, memory } = self;
        if scan.is_some() {
            made.reserve((CHUNK + MARGIN).saturating_sub(made.len()));
        }
        while made.len() < CHUNK && !*has_ended {
            let found = match scan {
                Some(scan) => scan.describe_next(name, disk)?,
                None => None,
            };
            let (Some(found), Some(scan)) = (&found, &*scan) else {
                made.push_str(multistatus::BEHIND);
                *has_ended = true;
                break;
            };
            let mut locks = Vec::new();
            if view.dav.has_locks()
                && let (Ok(path), Ok(lies_at)) = (directory.join(name), lies_at.join(name))
            {
                locks = view.locks(&path, &lies_at, found.kind, now);
            }
            let stored = if view.wants_stored { scan.properties(name, disk) } else { None };
            let stored = StoredProperties::parse(stored.as_deref());
            let shown = ShownResource { name, found, stored, locks: &locks, now };
            let start = |made: &mut String| {
                made.push_str(entry_prefix);
                write_name(name.as_bytes(), made);
                if found.kind == EntryKind::Directory {
                    made.push('/');
                }
            };
            view.write(start, &shown, memory, made);
        }
        if *has_ended {
            *scan = None;
        }
        Ok(())
    }

    /// What has been made, and is made later.
    pub(super) fn into_content(self, chores: &Chores) -> Content {
        if self.has_ended { self.made.into_bytes().into() } else { Chunk::source(self, chores).into() }
    }
}

impl PropfindView {
    /// The locks on what has this path, and really lies at the other, as far as the client may know of them.
    fn locks(&self, path: &SharePath, lies_at: &SharePath, kind: EntryKind, now: SystemTime) -> Vec<Lock> {
        let mut locks = self.dav.on(lies_at, now);
        for lock in &mut locks {
            let list = self.judge.check::<ToList>(&lock.path);
            if lock.path != *path && !list.is_ok_and(|grant| self.rules.shares(&grant)) {
                lock.owner = Box::default();
                lock.path = path.clone();
                lock.is_directory = kind == EntryKind::Directory;
            }
        }
        locks
    }

    /// Writes the response about a resource. `start` writes what it begins with, to the end of the encoded path.
    fn write(
        &self,
        start: impl FnOnce(&mut String),
        shown: &ShownResource<'_>,
        memory: &mut Memory,
        made: &mut String,
    ) {
        let ShownResource { name, found, ref stored, locks, now } = *shown;
        let Memory { missing, modified } = memory;
        let modified = modified.of(Date::from(found.facts.modified));
        let Self { propfind, space, hrefs, .. } = self;
        let resource = DescribedResource { name, found, modified, locks, space: *space, hrefs, now };
        let write = |there: &mut String, missing: &mut String| match propfind {
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
                    find(name, &resource, stored, there, missing);
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
                    find(name, &resource, stored, there, missing);
                }
            }
        };
        multistatus::write_found(start, write, missing, made);
    }
}

/// Writes a name, percent-encoded and escaped.
fn write_name(name: &[u8], made: &mut String) {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    match std::str::from_utf8(name) {
        // Most names are like this, and searching them once costs less.
        Ok(name) if name.as_bytes().iter().all(is_plain) => made.push_str(name),
        _ => encoded_parts(name).for_each(|part| multistatus::escape(part, made)),
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
