//! A listing, produced in chunks while it is sent.

use std::io;

use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::folder::{Error, Folder};
use crate::server::content::{ContentSource, Produced};
use crate::server::jobs::permits::Permits;
use crate::server::listing::form::{Framed, WriteRow};
use crate::server::listing::sort_order::SortOrder;
use crate::server::listing::window::Windows;

/// How many bytes are produced at once.
const CHUNK: usize = 48 * 1024;

/// A listing that is being sent.
#[derive(Debug)]
pub(crate) struct ListingBody {
    windows: Windows,
    row: WriteRow,
    /// The query for links to directories.
    query: String,
    /// How many rows have been produced.
    count: usize,
    /// What has been produced but not taken.
    made: Vec<u8>,
    /// What follows the rows; `None` once it has been produced.
    behind: Option<Vec<u8>>,
}

/// The listing of a directory as text, for TFTP.
pub(crate) fn text(
    folder: &Folder,
    directory: &Grant<'_, ToList>,
    pool: &Permits,
    disk: Blocking<'_>,
) -> Result<ListingBody, Error> {
    let (windows, _) = Windows::open(folder, directory, SortOrder::default(), pool, disk)?;
    Ok(ListingBody::new(windows, Framed::text()))
}

impl ListingBody {
    /// A listing of these entries, in this format.
    pub(crate) fn new(windows: Windows, framed: Framed) -> Self {
        let Framed { before, row, query, behind } = framed;
        Self { windows, row, query, count: 0, made: before, behind: Some(behind) }
    }

    /// The whole listing, if it fits into a chunk.
    pub(crate) fn whole(&mut self, disk: Blocking<'_>) -> Result<Option<Vec<u8>>, Error> {
        self.make(disk)?;
        Ok(self.behind.is_none().then(|| std::mem::take(&mut self.made)))
    }

    /// The next bytes; empty at the end. May block on the disk.
    pub(crate) fn chunk(&mut self, disk: Blocking<'_>) -> Result<Vec<u8>, Error> {
        self.make(disk)?;
        Ok(std::mem::take(&mut self.made))
    }

    /// Produces more, until there is enough for a chunk or the listing is complete.
    fn make(&mut self, disk: Blocking<'_>) -> Result<(), Error> {
        while self.made.len() < CHUNK {
            if let Some(entry) = self.windows.next() {
                (self.row)(&entry, self.count, &self.query, &mut self.made);
                self.count += 1;
            } else if !self.windows.go_on(disk)? {
                self.made.extend(self.behind.take().unwrap_or_default());
                return Ok(());
            }
        }
        Ok(())
    }
}

impl ContentSource for ListingBody {
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced> {
        let bytes = self.chunk(disk).map_err(|error| match error {
            Error::Io(error) => error,
            other => io::Error::other(format!("a listing was aborted: {other}")),
        })?;
        Ok(if bytes.is_empty() { Produced::End } else { Produced::bytes(bytes) })
    }

    /// It opens the directory only while it produces a chunk.
    fn descriptors(&self) -> u32 {
        0
    }
}
