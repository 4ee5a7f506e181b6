//! Handles one request: sends or receives a file, sends a listing, or stops the server.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::net::SocketAddr;
use std::time::Instant;

use super::error_packet;
use super::sessions::TransferPermit;
use super::socket::{FileSink, TransferSocket};
use crate::access::{Grant, Operation, Principal, Rights};
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{self, Guard, Incoming, Node, OpenFile, Remover};
use crate::net::peer::Peer;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::dav;
use crate::server::error_response::EXIT_DISABLED;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::listing::{self, ListingBody};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::remover;
use crate::server::state::State;
use crate::server::timing::Active;
use crate::stop::StopReason;
use crate::tftp::error::{Ending, ErrorCode, Fault};
use crate::tftp::fields::Mode;
use crate::tftp::options::{Caps, Direction, Terms, WindowSize};
use crate::tftp::packet::TransferRequest;
use crate::tftp::receive::Receiver;
use crate::tftp::send::Sender;

/// How many bytes of a file are read or written at once: with blocks of 512 bytes, each would cost a system call.
/// Blocks larger than this are read directly into their place.
const CHUNK: usize = 32 * 1024;

/// The name to write to in order to stop the server.
const EXIT: &[u8] = crate::own_paths::TFTP_EXIT.as_bytes();

/// One transfer, starting with its request.
pub(super) struct Transfer<'a> {
    pub state: &'a State,
    pub socket: TransferSocket,
    /// The client.
    pub peer: SocketAddr,
    pub permit: TransferPermit,
    /// While this exists, the server is not idle.
    pub active: Active,
}

/// The rest of a transfer whose file is committed: its last ACK, which the peer may not have received.
pub(super) struct LastAck {
    socket: TransferSocket,
    receiver: Receiver,
}

/// The result of a transfer, for the log.
pub(super) struct TransferOutcome {
    /// How it ended.
    pub ending: Ending,
    /// How many bytes of the file it transferred.
    pub bytes: u64,
    /// The last ACK, if it may have to be repeated.
    pub last_ack: Option<LastAck>,
    /// Kept until the transfer is logged and has dallied: a server that shuts down waits for it.
    pub permit: TransferPermit,
}

impl LastAck {
    /// Waits for a while to repeat the last ACK.
    pub(super) fn dally(mut self) {
        self.socket.dally(&mut self.receiver);
    }
}

/// What is sent.
type TransferSource = Box<dyn BufRead>;

impl Transfer<'_> {
    /// Sends what the request names.
    pub(super) fn read(mut self, request: &TransferRequest<'_>) -> TransferOutcome {
        let (source, size) = match self.open(request.filename()) {
            Ok(opened) => opened,
            Err(fault) => return self.refuse(fault),
        };
        let direction = Direction::Read { size };
        let terms = Terms::answer(request.options(), request.mode(), direction, &Caps::default());
        let ending =
            self.socket.give(Sender::serve(Instant::now(), terms, request.mode(), source), &self.permit);
        self.permit.give_up();
        let bytes = size.filter(|_| ending.is_complete()).unwrap_or(0);
        TransferOutcome { ending, bytes, last_ack: None, permit: self.permit }
    }

    /// Receives the file that the request announces.
    pub(super) fn write(self, request: &TransferRequest<'_>) -> TransferOutcome {
        if self.state.udp_read_only {
            return self.refuse(error_packet::is_read_only());
        }
        let name = with_slashes(request.filename());
        let path = match SharePath::parse(&name) {
            Ok(path) => path,
            Err(error) => return self.refuse(error_packet::of_path_error(error)),
        };
        let terms = Terms::answer(request.options(), request.mode(), Direction::Write, &Caps::default());
        let terms = within(terms, self.socket.room());
        if path.as_bytes() == EXIT {
            return self.exit(terms, request.mode());
        }
        // In netascii, the file may become shorter than the data sent.
        let size = terms.tsize.filter(|_| request.mode() == Mode::Octet);
        let received = self
            .grant(&path)
            .and_then(|grant| self.state.folder.receive(&grant, size, Blocking::own_thread()));
        match received {
            Ok(_) if name.ends_with(b"/") => self.refuse(error_packet::is_directory()),
            Ok(incoming) => {
                let mut upload = TftpUpload::new(incoming, self.state, self.peer);
                let outcome = self.take(terms, request.mode(), &mut upload);
                TransferOutcome { bytes: upload.received, ..outcome }
            }
            Err(error) => self.refuse(error_packet::of_write_error(&error)),
        }
    }

    /// Stops the server. The client has sent a data block, which proves that its address is real.
    fn exit(self, terms: Terms, mode: Mode) -> TransferOutcome {
        if !self.state.allow_exit {
            return self.refuse(Fault::new(ErrorCode::AccessViolation, EXIT_DISABLED));
        }
        if let Err(denied) = self.state.access.require(Rights::ADMIN, &self.principal(), &SharePath::root()) {
            return self.refuse(error_packet::of_write_error(&denied.into()));
        }
        let (state, peer) = (self.state, self.peer);
        let outcome = self.take(terms, mode, &mut Nowhere);
        if outcome.ending.is_complete() {
            log::info!("{peer} requested a shutdown");
            state.stop.ask(StopReason::Client);
        }
        outcome
    }

    fn take(self, terms: Terms, mode: Mode, sink: &mut impl FileSink) -> TransferOutcome {
        let Self { mut socket, permit, active, .. } = self;
        let mut receiver = Receiver::serve(Instant::now(), terms, mode);
        let mut may_dally = false;
        let settled = || may_dally = permit.give_up();
        let ending = socket.take(&mut receiver, terms.block_size(), sink, &permit, settled);
        // Without a file, `settled` was never called.
        if !may_dally {
            permit.give_up();
        }
        // The server may exit before the last ACK is repeated.
        drop(active);
        let last_ack = may_dally.then_some(LastAck { socket, receiver });
        TransferOutcome { ending, bytes: 0, last_ack, permit }
    }

    fn refuse(self, fault: Fault) -> TransferOutcome {
        self.permit.give_up();
        self.socket.refuse(&fault);
        TransferOutcome { ending: Ending::Aborted(fault), bytes: 0, last_ack: None, permit: self.permit }
    }

    /// The file of this name, or the listing of a directory; with its size in bytes, if known. A backslash is a slash, unless
    /// there is a file with a backslash in its name.
    fn open(&self, name: &[u8]) -> Result<(TransferSource, Option<u64>), Fault> {
        let exact = self.open_exactly(name);
        if exact.is_err() && name.contains(&b'\\') { self.open_exactly(&with_slashes(name)) } else { exact }
    }

    fn open_exactly(&self, name: &[u8]) -> Result<(TransferSource, Option<u64>), Fault> {
        let path = SharePath::parse(name).map_err(error_packet::of_path_error)?;
        if name.is_empty() || name.ends_with(b"/") {
            return self.list(&path).map_err(|error| error_packet::of_read_error(&error));
        }
        let opened =
            self.grant(&path).and_then(|grant| self.state.folder.open(&grant, Blocking::own_thread()));
        match opened.map_err(|error| error_packet::of_read_error(&error))? {
            Node::File(OpenFile { file, facts, .. }) => {
                Ok((Box::new(FileReader::new(file, facts.len)), Some(facts.len)))
            }
            Node::Directory { .. } => Err(error_packet::is_directory()),
        }
    }

    /// The grant for an operation at this path.
    fn grant<'p, O: Operation>(&self, path: &'p SharePath) -> Result<Grant<'p, O>, folder::Error> {
        Ok(self.state.access.check(&self.principal(), path)?)
    }

    /// TFTP has no credentials.
    fn principal(&self) -> Principal {
        Principal::anonymous(Some(self.peer.ip()))
    }

    /// The listing of a directory. If it does not fit into a chunk, it is produced while it is sent, so its size is
    /// unknown.
    fn list(&self, path: &SharePath) -> Result<(TransferSource, Option<u64>), folder::Error> {
        let directory = self.grant(path)?;
        let mut listing =
            listing::text(&self.state.folder, &directory, &self.state.listings, Blocking::own_thread())?;
        Ok(match listing.whole(Blocking::own_thread())? {
            Some(text) => {
                let size = text.len() as u64;
                (Box::new(Cursor::new(text)), Some(size))
            }
            None => (Box::new(ListingReader { listing, chunk: Cursor::default() }), None),
        })
    }
}

/// The name with slashes for the backslashes that Windows boot programs send.
fn with_slashes(name: &[u8]) -> Cow<'_, [u8]> {
    if name.contains(&b'\\') {
        name.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
    } else {
        name.into()
    }
}

/// A listing that is read while it is produced.
struct ListingReader {
    listing: ListingBody,
    chunk: Cursor<Vec<u8>>,
}

impl BufRead for ListingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.fill_buf()?.is_empty() {
            self.chunk = Cursor::new(self.listing.chunk(Blocking::own_thread()).map_err(io::Error::other)?);
        }
        self.chunk.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.chunk.consume(count);
    }
}

impl Read for ListingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?;
        self.chunk.read(into)
    }
}

/// The terms with a window that fits into the socket's receive buffer: more would be lost and sent again. Half of the
/// buffer is taken for the kernel's own data.
fn within(terms: Terms, room: usize) -> Terms {
    let blocks = (room / 2 / terms.block_size().bytes()).clamp(1, WindowSize::MAX.blocks());
    let most = u16::try_from(blocks).ok().and_then(WindowSize::new);
    Terms { windowsize: terms.windowsize.min(most.filter(|_| terms.windowsize.is_some())), ..terms }
}

/// A file whose length has been announced: if it is truncated, it must not look complete.
struct FileReader {
    file: BufReader<File>,
    left: u64,
}

impl FileReader {
    fn new(file: File, length: u64) -> Self {
        Self { file: BufReader::with_capacity(CHUNK, file), left: length }
    }
}

impl BufRead for FileReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let buffer = self.file.fill_buf()?;
        if buffer.is_empty() {
            return Err(shorter());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        Ok(buffer.get(..most).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        self.file.consume(count);
    }
}

impl Read for FileReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let count = self.file.read(into.get_mut(..most).unwrap_or_default())?;
        if count == 0 && most > 0 {
            return Err(shorter());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated while it was sent")
}

/// A file that is being received.
struct TftpUpload<'a> {
    /// `None` once it has been committed.
    incoming: Option<Incoming>,
    buffer: Vec<u8>,
    received: u64,
    state: &'a State,
    by: Uploader,
    principal: Principal,
    remover: Remover,
}

impl<'a> TftpUpload<'a> {
    fn new(incoming: Incoming, state: &'a State, peer: SocketAddr) -> Self {
        let principal = Principal::anonymous(Some(peer.ip()));
        let peer = Peer::Inet(peer);
        let (by, remover) = (Uploader::Address(peer.to_string()), remover::of_peer(peer));
        let buffer = Vec::with_capacity(CHUNK);
        Self { incoming: Some(incoming), buffer, received: 0, state, by, principal, remover }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if let Some(incoming) = &mut self.incoming {
            incoming
                .write(&self.buffer, Blocking::own_thread())
                .map_err(|error| error_packet::of_write_error(&error))?;
        }
        self.buffer.clear();
        Ok(())
    }
}

impl FileSink for TftpUpload<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.received += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<(), Fault> {
        self.flush()?;
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        let disk = Blocking::own_thread();
        // TFTP has no tokens.
        let tokens = SubmittedTokens::default();
        let change = IntendedChange {
            path: incoming.path(),
            intent: Intent::Save,
            tokens: &tokens,
            principal: &self.principal,
        };
        let _unlocked = dav::ensure_unlocked(&change, self.state, disk)
            .map_err(|refused| error_packet::of_refusal(&refused))?;
        let saved = incoming
            .commit(Guard::None, &self.remover, disk)
            .map_err(|error| error_packet::of_write_error(&error))?;
        announce::saved(&self.by, &saved, self.state);
        Ok(())
    }
}

/// Discards the data of a shutdown request.
struct Nowhere;

impl FileSink for Nowhere {
    fn write(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
