//! What takes the content of an answer: a part on the disk, or memory.
//!
//! A short file begins again after a break, so nothing of it has to be on the disk before all of it is here: it is held,
//! and `settle` puts it down. Of many short files the disk takes the most time, and a directory lets in one
//! thread at a time: where each worker made its own files, they stood in each other's way.

use std::io::{self, Write};
use std::time::SystemTime;

use super::anonymous::AnonymousFile;
use super::digest::{self, Sum};
use super::part::{NOTED_FROM, Part, Version};
use super::spot::Spot;
use crate::client::error::ClientError;

/// The longest content that is held, in bytes: no part of that length is resumed.
const HELD_UP_TO: u64 = NOTED_FROM;

/// A file on its way in.
#[derive(Debug)]
pub(super) enum IncomingDownload {
    /// On the disk.
    Part(Part),
    /// In memory.
    Held(Held),
}

/// A short file, in memory.
#[derive(Debug)]
pub(super) struct Held {
    spot: Spot,
    content: Vec<u8>,
}

/// A file whose bytes are all on the file system, where nobody sees it yet.
#[derive(Debug)]
pub(super) enum Whole {
    /// Under the name of a part.
    Part(Part),
    /// Anonymous, without a name.
    Anonymous(AnonymousFile),
}

impl IncomingDownload {
    /// For content of this length, where that is known, and of this version.
    pub(super) fn begin(
        spot: Spot,
        version: Option<&Version>,
        length: Option<u64>,
    ) -> Result<Self, ClientError> {
        match length.filter(|length| *length <= HELD_UP_TO).map(usize::try_from) {
            Some(Ok(length)) => Ok(Self::Held(Held { spot, content: Vec::with_capacity(length) })),
            _ => Part::begin(spot, version).map(Self::Part),
        }
    }

    /// Where it is not known how much comes: in memory, until that is much.
    pub(super) fn begin_unknown(spot: Spot) -> Self {
        Self::Held(Held { spot, content: Vec::new() })
    }

    /// The same, with room for these bytes.
    pub(super) fn with_room(self, bytes: usize) -> Result<Self, ClientError> {
        let Held { spot, content } = match self {
            Self::Held(held) if held.content.len() as u64 + bytes as u64 > HELD_UP_TO => held,
            other => return Ok(other),
        };
        Ok(Self::Part(part_with(spot, &content)?))
    }

    /// How much of it is here, in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Part(part) => part.length(),
            Self::Held(held) => held.content.len() as u64,
        }
    }

    /// Where it will be.
    pub(super) fn spot(&self) -> &Spot {
        match self {
            Self::Part(part) => part.spot(),
            Self::Held(held) => &held.spot,
        }
    }

    /// The sum of what is here.
    pub(super) fn sum(&mut self) -> Result<Sum, ClientError> {
        let path = self.spot().path.clone();
        let sum = match self {
            Self::Part(part) => digest::of(part.content()?),
            Self::Held(held) => digest::of(&mut &*held.content),
        };
        sum.map_err(|error| ClientError::Local("read", path, error))
    }

    /// All that is here, on the file system.
    pub(super) fn put_down(self) -> Result<Whole, ClientError> {
        let Held { spot, content } = match self {
            Self::Part(part) => return Ok(Whole::Part(part)),
            Self::Held(held) => held,
        };
        if let Some(file) = AnonymousFile::write(&spot, &content)? {
            return Ok(Whole::Anonymous(file));
        }
        Ok(Whole::Part(part_with(spot, &content)?))
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        if let Self::Part(part) = self {
            part.discard();
        }
    }

    /// Leaves it for the next run, or throws it away where that could not go on with it; how much of it need not come
    /// again, in bytes.
    pub(super) fn leave(self) -> u64 {
        match self {
            Self::Part(part) => part.leave(),
            Self::Held(_) => 0,
        }
    }
}

/// A part with this content, with which no other run can go on.
fn part_with(spot: Spot, content: &[u8]) -> Result<Part, ClientError> {
    let path = spot.path.clone();
    let mut part = Part::begin(spot, None)?;
    match part.write_all(content) {
        Ok(()) => Ok(part),
        Err(error) => {
            part.discard();
            Err(ClientError::Local("write", path, error))
        }
    }
}

impl Write for IncomingDownload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Part(part) => part.write(bytes),
            Self::Held(held) => held.content.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Whole {
    /// Where it will be.
    pub(super) fn spot(&self) -> &Spot {
        match self {
            Self::Part(part) => part.spot(),
            Self::Anonymous(file) => file.spot(),
        }
    }

    /// Gives it the server's time, where that is known, and its record.
    pub(super) fn date(&self, modified: Option<SystemTime>) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.date(modified),
            Self::Anonymous(file) => file.date(modified),
        }
    }

    /// Puts it on the disk.
    pub(super) fn sync(&self) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.sync(),
            Self::Anonymous(file) => file.sync(),
        }
    }

    /// Puts it in its place.
    pub(super) fn appear(&self) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.appear(),
            Self::Anonymous(file) => file.appear(),
        }
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        if let Self::Part(part) = self {
            part.discard();
        }
    }

    /// Leaves it for the next run, or throws it away where that could not go on with it.
    pub(super) fn leave(self) {
        if let Self::Part(part) = self {
            part.leave();
        }
    }
}
