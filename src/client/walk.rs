//! Walks a tree of directories on a server: depth first, each directory once, within limits.

use super::error::ClientError;
use super::listing::{RemoteListing, Seen};

/// How deep a tree may go, on a server or on this machine. Deeper ones are usually cycles.
pub const DEEPEST: usize = 64;

/// How many files a tree may hold: all their names are in memory at once.
pub const MOST_FILES: usize = 1_000_000;

/// A directory to visit.
#[derive(Debug)]
pub struct Directory {
    /// The path to request, with its slash.
    pub path: String,
    /// What it is called in messages.
    pub name: String,
    /// How many levels it is below the first directory.
    pub depth: usize,
}

/// Lists directories, and gathers their contents.
pub trait Visitor {
    /// The contents of a directory.
    fn list(&mut self, path: &str) -> Result<RemoteListing, ClientError>;

    /// Takes the contents of a directory, and adds its subdirectories to `below`. The last of these is visited first.
    fn take(&mut self, directory: &Directory, listing: RemoteListing, below: &mut Vec<Directory>);

    /// A link has led to a directory that was visited under the path `before`.
    fn again(&mut self, _directory: Directory, _before: &str) {}

    /// A directory cannot be visited. The others still are, unless the tree is too large.
    fn failed(&mut self, directory: Directory, error: ClientError);

    /// How many files have been gathered.
    fn count(&self) -> usize;
}

/// Visits the first directory, which has this listing, and everything below it if `recursive`.
pub fn walk(visitor: &mut dyn Visitor, first: &Directory, listing: RemoteListing, recursive: bool) {
    let (mut below, mut seen) = (Vec::new(), Seen::default());
    seen.before(&listing, &first.path);
    visitor.take(first, listing, &mut below);
    while let Some(directory) = below.pop().filter(|_| recursive) {
        if directory.depth > DEEPEST || visitor.count() > MOST_FILES {
            let error = ClientError::Endless(directory.name.clone());
            return visitor.failed(directory, error);
        }
        match visitor.list(&directory.path) {
            Ok(listing) => match seen.before(&listing, &directory.path) {
                Some(before) => visitor.again(directory, before),
                None => visitor.take(&directory, listing, &mut below),
            },
            Err(error) => visitor.failed(directory, error),
        }
    }
}
