//! The TFTP client: downloads, uploads and lists files, one at a time.
//!
//! The state machines of [`tftp`](crate::tftp) run a transfer. `socket` drives them, `address` parses addresses,
//! `open_transfer` aborts transfers on Ctrl-C, and `shell` is the prompt. Downloads are saved by the same code as downloads
//! over HTTP.

pub mod address;
pub mod open_transfer;
pub mod shell;
mod socket;

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use self::address::{TftpSite, from_root};
use self::socket::ClientSocket;
use super::content::RequestContent;
use super::error::{ClientError, shown};
use super::fetch::Downloads;
use super::fetch::save::Saving;
use super::listing::{Limited, RemoteEntry, RemoteEntryKind, RemoteListing};
use crate::format::{Bytes, Time};
use crate::own_paths;
use crate::printable::Printable;
use crate::tftp::fields::{Mode, Text};
use crate::tftp::options::{BlockSize, Terms, WindowSize};
use crate::tftp::packet::TransferRequest;
use crate::tftp::receive::Receiver;
use crate::tftp::send::Sender;

/// The requested block size, in bytes: with its headers a block fits into an Ethernet frame, even inside a tunnel or two.
const BLOCK: BlockSize = match BlockSize::new(1428) {
    Some(size) => size,
    None => BlockSize::DEFAULT,
};

/// The requested window, in blocks: enough for a gigabit link, and few enough that a small device does not lose the
/// burst.
const WINDOW: WindowSize = match WindowSize::new(16) {
    Some(size) => size,
    None => WindowSize::MIN,
};

/// Counts the bytes that are read.
struct Counted<R> {
    source: R,
    count: u64,
}

/// What was transferred, for the line that reports it.
#[derive(Debug)]
pub struct TransferSummary {
    /// The destination.
    to: String,
    length: u64,
    took: Time,
}

/// Downloads a file into the download directory, under its path on the server. `sync` waits until it is on the disk.
pub fn get(
    site: &TftpSite,
    name: &[u8],
    downloads: &Downloads,
    sync: bool,
) -> Result<TransferSummary, ClientError> {
    if name.is_empty() || name.ends_with(b"/") {
        let name = if name.is_empty() { b"/" } else { name };
        return Err(ClientError::NotAFile(PathBuf::from(OsStr::from_bytes(name))));
    }
    get_to(site, name, downloads, local_path(name)?, sync)
}

/// Downloads a file to this path below the download directory.
pub fn get_to(
    site: &TftpSite,
    name: &[u8],
    downloads: &Downloads,
    local: PathBuf,
    sync: bool,
) -> Result<TransferSummary, ClientError> {
    let begun = Instant::now();
    let address = format!("{site}/{}", from_root(name).escape_ascii());
    let path = downloads.path(&local);
    let mut saving = Saving::new(downloads, local, &address, sync)?;
    let outcome = fetch(site, name, &mut saving, &path).map(drop);
    let (path, length) = saving.end(outcome)?;
    Ok(TransferSummary { length, to: shown(&path), took: Time(begun.elapsed()) })
}

/// Writes a file to `out` as it arrives. What was written cannot be taken back.
pub fn pass_on(site: &TftpSite, name: &[u8], out: &mut dyn Write) -> Result<(), ClientError> {
    fetch(site, name, out, Path::new("the output")).map(drop)
}

/// Uploads a file under this name.
pub fn put(site: &TftpSite, file: &Path, name: &[u8]) -> Result<TransferSummary, ClientError> {
    let begun = Instant::now();
    // Only regular files are sent; the errors are those of HTTP.
    let length = RequestContent::open(file)?.length();
    let source = File::open(file).map_err(|error| ClientError::Local("read", file.to_owned(), error))?;
    let asked = Terms { tsize: Some(length), ..terms() };
    give(site, name, asked, BufReader::new(source))?;
    Ok(TransferSummary { to: Printable(name).to_string(), length, took: Time(begun.elapsed()) })
}

/// Uploads what arrives on stdin under this name. Its length is not announced.
pub fn put_stdin(site: &TftpSite, name: &[u8]) -> Result<TransferSummary, ClientError> {
    let begun = Instant::now();
    let mut source = BufReader::new(Counted { source: io::stdin(), count: 0 });
    give(site, name, terms(), &mut source)?;
    let length = source.get_ref().count;
    Ok(TransferSummary { to: Printable(name).to_string(), length, took: Time(begun.elapsed()) })
}

/// Lists a directory.
pub fn list(site: &TftpSite, directory: &[u8]) -> Result<RemoteListing, ClientError> {
    let is_named = !directory.is_empty() && !directory.ends_with(b"/");
    let name = if is_named { &[directory, b"/"].concat() } else { directory };
    let text = fetch(site, name, Limited::default(), Path::new("the listing"))?;
    let text = String::from_utf8_lossy(&text.0).into_owned();
    let entries: Option<Vec<_>> = text.lines().map(entry).collect();
    entries.map(|entries| RemoteListing { entries, id: None }).ok_or(ClientError::NoListing)
}

/// Asks the server to shut down.
pub fn exit(site: &TftpSite) -> Result<(), ClientError> {
    give(site, own_paths::TFTP_EXIT.as_bytes(), Terms::default(), &b""[..])
}

fn terms() -> Terms {
    Terms { blksize: Some(BLOCK), windowsize: Some(WINDOW), ..Terms::default() }
}

fn fetch<W: Write>(site: &TftpSite, name: &[u8], mut into: W, what: &Path) -> Result<W, ClientError> {
    transfer(site, Terms { tsize: Some(0), ..terms() }, |socket, asked| {
        let (now, request) = (Instant::now(), request(name, &asked)?);
        let receiver = Receiver::request(now, request, asked).with_timeout(now, site.silence());
        socket.take(receiver, &mut into, what)
    })?;
    Ok(into)
}

fn give(
    site: &TftpSite,
    name: &[u8],
    asked: Terms,
    mut source: impl std::io::BufRead,
) -> Result<(), ClientError> {
    transfer(site, asked, |socket, asked| {
        let (now, request) = (Instant::now(), request(name, &asked)?);
        let sender = Sender::request(now, request, asked, &mut source).with_timeout(now, site.silence());
        socket.give(sender)
    })
}

/// Runs a transfer with the first address of the server that answers. If the server refuses options, runs the transfer
/// again without them.
fn transfer(
    site: &TftpSite,
    asked: Terms,
    mut run: impl FnMut(&mut ClientSocket, Terms) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    site.at_each_address(|address| {
        let mut socket = ClientSocket::open(address)?;
        let outcome = run(&mut socket, asked);
        if asked.is_empty() || !socket.has_refused_options() {
            return outcome;
        }
        run(&mut ClientSocket::open(address)?, Terms::default())
    })
}

fn request<'a>(name: &'a [u8], asked: &Terms) -> Result<TransferRequest<'a>, ClientError> {
    let no_name = || ClientError::Name(String::from_utf8_lossy(name).into_owned());
    let text = Text::new(name).ok_or_else(no_name)?;
    TransferRequest::new(text, Mode::Octet, asked.to_options()).map_err(|_| no_name())
}

/// The path under which a file is saved; an error if it is not below the download directory.
fn local_path(name: &[u8]) -> Result<PathBuf, ClientError> {
    let outside = || ClientError::Outside(String::from_utf8_lossy(name).into_owned());
    let mut local = PathBuf::new();
    for part in Path::new(OsStr::from_bytes(from_root(name))).components() {
        match part {
            Component::Normal(part) => local.push(part),
            Component::CurDir => {}
            _ => return Err(outside()),
        }
    }
    if local.as_os_str().is_empty() || name.ends_with(b"/") { Err(outside()) } else { Ok(local) }
}

/// Parses a line of a listing: name, size and time, separated by tabs.
fn entry(line: &str) -> Option<RemoteEntry> {
    let mut fields = line.rsplitn(3, '\t');
    let (modified, size, name) = (fields.next()?, fields.next()?, fields.next()?);
    let directory = name.strip_suffix('/');
    Some(RemoteEntry {
        name: directory.unwrap_or(name).to_owned(),
        kind: if directory.is_some() { RemoteEntryKind::Directory } else { RemoteEntryKind::File },
        size: size.parse().ok(),
        modified: Some(modified.to_owned()),
        href: None,
    })
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl TransferSummary {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

/// `→ downloads/a.txt, 512 B in 0.4 ms`.
impl fmt::Display for TransferSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "→ {}, {} in {}", self.to, Bytes(self.length), self.took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_file_is_saved() {
        let table = [
            ("a", Some("a")),
            ("/a/b c", Some("a/b c")),
            ("a//./b", Some("a/b")),
            ("../a", None),
            ("a/../../b", None),
            ("a/", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(local_path(name.as_bytes()).ok(), expected.map(PathBuf::from), "{name:?}");
        }
    }

    #[test]
    fn lines_of_a_listing() {
        let shown = |line: &str| {
            let found = entry(line).expect("an entry");
            (found.name, found.kind, found.size, found.modified.unwrap_or_default())
        };
        assert_eq!(shown("a b\t7\tT"), ("a b".to_owned(), RemoteEntryKind::File, Some(7), "T".to_owned()));
        assert_eq!(shown("d/\t-\tT"), ("d".to_owned(), RemoteEntryKind::Directory, None, "T".to_owned()));
        assert!(entry("<html>").is_none());
    }
}
