//! Expands addresses to files: a directory to what is in it, a pattern to the names that match.
//!
//! A listing is checked before it is used: a name must be one segment of a path, and a tree must have an end.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::address::Resource;
use super::error::ClientError;
use super::fetch::{FetchOptions, FetchOrder};
use super::listing::{self, RemoteEntry, RemoteListing};
use super::pattern;
use super::session::Session;
use super::shown_target::ShownTarget;
use super::transfer::retry::retry;
use super::walk::{self, Directory, Visitor};
use crate::http::date::Date;
use crate::http::status::Status;
use crate::http::target::{Target, encode_segment};
use crate::printable::Printable;

/// The selected files, and the addresses that failed.
#[derive(Debug, Default)]
pub struct Targets {
    /// The files.
    pub orders: Vec<FetchOrder>,
    /// The targets of directories in a tree that have nothing in them to download.
    pub directories: Vec<String>,
    /// Names that cannot be downloaded, and why.
    pub failures: Vec<(String, ClientError)>,
    /// Whether listed names that begin with a dot are included.
    takes_hidden: bool,
    /// Listed entries that are not downloaded.
    pub skipped: SkippedEntries,
}

/// Listed entries that are not downloaded.
#[derive(Debug, Default)]
pub struct SkippedEntries {
    /// The number of names that begin with a dot.
    hidden: usize,
    /// Directories that were seen before, and the paths under which they were.
    again: Vec<(String, String)>,
}

/// Lists directories of one server.
struct Finder<'a> {
    session: Session,
    options: &'a FetchOptions,
    targets: &'a mut Targets,
    /// The pattern for names in the first directory, until that has been visited.
    pattern: Option<String>,
    /// Whether a whole tree is visited.
    tree: bool,
}

impl Targets {
    /// No targets yet. Listed names that begin with a dot are included only if `takes_hidden`: a server could send a
    /// `.bashrc`.
    pub fn new(takes_hidden: bool) -> Self {
        Self { takes_hidden, ..Self::default() }
    }

    /// Whether the target of a listed entry is included; if not, it is counted.
    pub fn admits(&mut self, target: &str) -> bool {
        let is_admitted = self.takes_hidden || !is_hidden(target);
        self.skipped.hidden += usize::from(!is_admitted);
        is_admitted
    }

    /// Adds an address: a file; the files of a directory (`dir/`); or the names that match a pattern (`*.jpg`). With
    /// `tree`, subdirectories are added too, each once, even if they are empty.
    pub fn add(&mut self, resource: &Resource, tree: bool, options: &FetchOptions) {
        let session = Session::with_timeouts(resource.server.clone(), options.timeouts);
        let mut finder = Finder { session, options, targets: self, pattern: None, tree };
        if let Err(error) = finder.find(resource) {
            self.failures.push((ShownTarget(&resource.target).path(), error));
        }
    }
}

impl Finder<'_> {
    fn find(&mut self, resource: &Resource) -> Result<(), ClientError> {
        let tree = self.tree;
        let target = resource.target.as_str();
        let (directory, last) = target.split_at(target.rfind('/').map_or(0, |slash| slash + 1));
        if target.contains('?') {
            return self.order(resource);
        }
        if last.contains('*') {
            return self.find_like(directory, last);
        }
        if !last.is_empty() && !tree {
            return self.order(resource);
        }
        match self.list(target) {
            Ok(listing) => {
                let directory = if last.is_empty() { target.to_owned() } else { format!("{target}/") };
                let nothing = nothing_in(&listing, tree);
                let before = self.count();
                self.walk(directory, listing);
                nothing.filter(|_| self.count() == before).map_or(Ok(()), Err)
            }
            // The address is a file, or a page from a server without listings.
            Err(ClientError::NoListing) if !tree => self.order(resource),
            Err(ClientError::NoListing | ClientError::Refused(..) | ClientError::Moved(..))
                if !last.is_empty() =>
            {
                self.order(resource)
            }
            Err(error) => Err(error),
        }
    }

    fn find_like(&mut self, directory: &str, like: &str) -> Result<(), ClientError> {
        self.pattern = Some(decode(like)?);
        let listing = self.list(directory)?;
        let before = self.count();
        self.walk(directory.to_owned(), listing);
        if self.count() == before { Err(ClientError::NoMatch) } else { Ok(()) }
    }

    /// Adds the files of a directory, which is an encoded path with a slash at its end, and of its subdirectories if a
    /// tree was requested.
    fn walk(&mut self, directory: String, listing: RemoteListing) {
        let first = Directory { name: directory.clone(), path: directory, depth: 0 };
        let tree = self.tree;
        walk::walk(self, &first, listing, tree);
    }

    fn take_entry(
        &mut self,
        directory: &Directory,
        entry: &RemoteEntry,
        below: &mut Vec<Directory>,
    ) -> Result<(), ClientError> {
        let target = target_of(&directory.path, entry)?;
        if !self.targets.admits(&target) {
            return Ok(());
        }
        if entry.is_directory() {
            let path = format!("{target}/");
            below.push(Directory { name: path.clone(), path, depth: directory.depth + 1 });
        } else {
            let resource = Resource { server: self.session.server().clone(), target };
            self.targets.orders.push(with_facts(FetchOrder::of(resource)?, entry));
        }
        Ok(())
    }

    fn order(&mut self, resource: &Resource) -> Result<(), ClientError> {
        self.targets.orders.push(FetchOrder::of(resource.clone())?);
        Ok(())
    }
}

impl Visitor for Finder<'_> {
    fn list(&mut self, path: &str) -> Result<RemoteListing, ClientError> {
        retry(self.options.retries, |_| Ok(listing::fetch(&mut self.session, path)?))
    }

    fn take(&mut self, directory: &Directory, listing: RemoteListing, below: &mut Vec<Directory>) {
        let (inner, files) = (below.len(), self.targets.orders.len());
        let pattern = self.pattern.take();
        let fits =
            |entry: &&RemoteEntry| pattern.as_ref().is_none_or(|pattern| pattern::fits(pattern, &entry.name));
        for entry in listing.entries.iter().filter(fits) {
            if let Err(error) = self.take_entry(directory, entry, below) {
                self.targets.failures.push((entry.name.clone(), error));
            }
        }
        // A directory with files is created for them.
        if self.tree && pattern.is_none() && (inner, files) == (below.len(), self.targets.orders.len()) {
            self.targets.directories.push(directory.path.clone());
        }
        // The first one is visited first.
        if let Some(new) = below.get_mut(inner..) {
            new.reverse();
        }
    }

    fn again(&mut self, directory: Directory, before: &str) {
        self.targets.skipped.again.push((ShownTarget(&directory.path).path(), ShownTarget(before).path()));
    }

    fn failed(&mut self, directory: Directory, error: ClientError) {
        self.targets.failures.push((ShownTarget(&directory.name).path(), error));
    }

    fn count(&self) -> usize {
        self.targets.orders.len() + self.targets.directories.len() + self.targets.failures.len()
    }
}

/// Lists a directory, or a file as the only entry of its directory.
pub fn list(session: &mut Session, target: &str) -> Result<RemoteListing, ClientError> {
    let error = match listing::fetch(session, target) {
        Err(error @ (ClientError::Refused(Status::NOT_FOUND, _) | ClientError::NoListing)) => error,
        other => return other,
    };
    let name = target.trim_end_matches('/');
    let parent = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1)).0;
    let decoded = |target: &str| percent_decode_str(target).collect::<Vec<u8>>();
    match listing::fetch(session, parent) {
        Ok(mut listing) if !parent.is_empty() => {
            let is_it =
                |entry: &RemoteEntry| target_of(parent, entry).is_ok_and(|it| decoded(&it) == decoded(name));
            listing.entries.retain(|entry| !entry.is_directory() && is_it(entry));
            // This is no longer the listing of the directory itself.
            listing.id = None;
            if listing.entries.is_empty() { Err(error) } else { Ok(listing) }
        }
        _ => Err(error),
    }
}

/// The error if nothing is downloaded from a directory.
fn nothing_in(listing: &RemoteListing, tree: bool) -> Option<ClientError> {
    if listing.entries.is_empty() {
        Some(ClientError::EmptyDirectory)
    } else if !tree && listing.entries.iter().all(RemoteEntry::is_directory) {
        Some(ClientError::OnlyDirectories)
    } else {
        None
    }
}

/// The target of an entry, by its link if it has one. Fails if the target is not one segment below the directory.
pub fn target_of(directory: &str, entry: &RemoteEntry) -> Result<String, ClientError> {
    let outside = || ClientError::Outside(entry.name.clone());
    let segment = match entry.href.as_deref() {
        Some(href) => {
            let href = href.strip_prefix("./").unwrap_or(href);
            href.strip_suffix('/').unwrap_or(href).to_owned()
        }
        None => encode_segment(entry.name.as_bytes()),
    };
    let target = format!("{directory}{segment}");
    let is_segment = !segment.is_empty() && !segment.contains(['/', '?', '#']);
    let parsed = Target::parse(&target)?;
    let last = parsed.path().and_then(|path| path.segments().last()).transpose()?;
    let is_name = last.is_some_and(|last| !matches!(&*last, b"" | b"." | b".."));
    if is_segment && is_name { Ok(target) } else { Err(outside()) }
}

/// Whether the last name of a target, under which it would be saved, begins with a dot.
fn is_hidden(target: &str) -> bool {
    let path = Target::parse(target).ok().and_then(|target| target.path());
    path.and_then(|path| path.segments().last()?.ok()).is_some_and(|name| name.starts_with(b"."))
}

/// Adds the size and the time from the listing to an order.
pub fn with_facts(order: FetchOrder, entry: &RemoteEntry) -> FetchOrder {
    let modified = entry.modified.as_deref().and_then(|time| humantime::parse_rfc3339(time).ok());
    match entry.size.zip(modified) {
        Some((size, modified)) => order.listed(size, Date::from(modified).into()),
        None => order,
    }
}

/// Decodes a pattern.
pub(super) fn decode(segment: &str) -> Result<String, ClientError> {
    let target = format!("/{segment}");
    let path = Target::parse(&target)?.path();
    let decoded = path.and_then(|path| path.segments().last()).transpose()?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

impl fmt::Display for SkippedEntries {
    /// A line for each reason; nothing if nothing was skipped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (directory, before) in &self.again {
            let (directory, before) = (Printable::text(directory), Printable::text(before));
            writeln!(f, "skipped {directory}: it is the same directory as {before}")?;
        }
        match self.hidden {
            0 => Ok(()),
            1 => writeln!(f, "skipped 1 name that begins with a dot (--hidden fetches it)"),
            count => writeln!(f, "skipped {count} names that begin with a dot (--hidden fetches them)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::listing::RemoteEntryKind;

    #[test]
    fn hidden_names() {
        let table = [
            ("/a/.bashrc", true),
            ("/a/%2ebashrc", true),
            ("/a/..b", true),
            ("/a/b.c", false),
            ("/.a/b", false),
            ("/", false),
        ];
        for (target, expected) in table {
            assert_eq!(is_hidden(target), expected, "{target}");
        }
    }

    #[test]
    fn an_entry_is_one_segment_below_the_directory() {
        let cases = [
            ("a", None, Some("/d/a")),
            ("a b%", None, Some("/d/a%20b%25")),
            ("a/b", None, None),
            ("..", None, None),
            ("", None, None),
            ("a", Some("./b"), Some("/d/b")),
            ("a", Some("./%FF/"), Some("/d/%FF")),
            ("a", Some("../b"), None),
            ("a", Some("/b"), None),
            ("a", Some("b/c"), None),
            ("a", Some("b%2Fc"), None),
            ("a", Some("%2e%2e"), None),
            ("a", Some("b?list"), None),
            ("a", Some("a b"), None),
            ("a", Some("./"), None),
        ];
        for (name, href, expected) in cases {
            let href = href.map(str::to_owned);
            let entry = RemoteEntry {
                name: name.to_owned(),
                kind: RemoteEntryKind::File,
                size: None,
                modified: None,
                href,
            };
            assert_eq!(target_of("/d/", &entry).ok().as_deref(), expected, "{entry:?}");
        }
    }
}
