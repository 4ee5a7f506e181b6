//! What a request leads to: a file given away or taken in, a listing, or the server's end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::net::SocketAddr;
use std::time::Instant;

use super::error_packet;
use super::sessions::TransferPermit;
use super::socket::{FileSink, TransferSocket};
use crate::chat::event::Uploader;
use crate::folder::{self, Guard, Incoming, Node, OpenFile, SharePath};
use crate::net::peer::Peer;
use crate::server::listing::{self, ListingBody};
use crate::server::state::State;
use crate::server::timing::Active;
use crate::stop::StopReason;
use crate::tftp::error::{Ending, ErrorCode, Fault};
use crate::tftp::fields::Mode;
use crate::tftp::options::{Caps, Direction, Terms, WindowSize};
use crate::tftp::packet::Request;
use crate::tftp::receive::Receiver;
use crate::tftp::send::Sender;

/// How much of a file is read or written at a time, in bytes: blocks of 512 would cost a system call each. The largest
/// blocks are larger, and are read into their place.
const CHUNK: usize = 32 * 1024;

/// The name that, written to, asks the server to leave.
const EXIT: &[u8] = crate::own_paths::TFTP_EXIT.as_bytes();

/// One transfer, from its request on.
pub struct Transfer<'a> {
    /// What every answer may use.
    pub state: &'a State,
    /// Its socket.
    pub socket: TransferSocket,
    /// Who asked.
    pub peer: SocketAddr,
    /// Its permit.
    pub permit: TransferPermit,
    /// While this is held, the server is not idle.
    pub active: Active,
}

/// What is left of a transfer once the file is there: its last word, which the peer may not have heard.
pub struct LastAck {
    socket: TransferSocket,
    receiver: Receiver,
}

/// How a transfer went, for the log.
pub struct TransferOutcome {
    /// How it ended.
    pub ending: Ending,
    /// How many bytes of the file it moved.
    pub bytes: u64,
    /// What may still have to be said.
    pub last_ack: Option<LastAck>,
    /// Kept until the transfer is logged and has said its last word: a server that leaves waits for that.
    pub permit: TransferPermit,
}

impl LastAck {
    /// Stays for a while to say the last word again.
    pub fn dally(mut self) {
        self.socket.dally(&mut self.receiver);
    }
}

/// What is given away.
type TransferSource = Box<dyn BufRead>;

impl Transfer<'_> {
    /// Gives away what the request names.
    pub fn read(mut self, request: &Request<'_>) -> TransferOutcome {
        let (source, size) = match self.open(request.filename()) {
            Ok(opened) => opened,
            Err(fault) => return self.refuse(fault),
        };
        let direction = Direction::Read { size };
        let terms = Terms::answer(request.options(), request.mode(), direction, &Caps::default());
        let ending = self.socket.give(Sender::serve(Instant::now(), terms, request.mode(), source));
        self.permit.give_up();
        let bytes = size.filter(|_| ending.is_complete()).unwrap_or(0);
        TransferOutcome { ending, bytes, last_ack: None, permit: self.permit }
    }

    /// Takes in the file that the request announces.
    pub fn write(self, request: &Request<'_>) -> TransferOutcome {
        let path = match SharePath::parse(request.filename()) {
            Ok(path) => path,
            Err(error) => return self.refuse(error_packet::of_path_error(error)),
        };
        let terms = Terms::answer(request.options(), request.mode(), Direction::Write, &Caps::default());
        let terms = within(terms, self.socket.room());
        if path.as_bytes() == EXIT {
            return self.exit(terms, request.mode());
        }
        // In netascii the file may come out shorter than what is sent.
        let size = terms.tsize.filter(|_| request.mode() == Mode::Octet);
        match self.state.folder.receive(&path, size) {
            Ok(_) if request.filename().ends_with(b"/") => self.refuse(error_packet::is_directory()),
            Ok(incoming) => {
                let mut upload = TftpUpload::new(incoming, self.state, self.peer);
                let outcome = self.take(terms, request.mode(), &mut upload);
                TransferOutcome { bytes: upload.received, ..outcome }
            }
            Err(error) => self.refuse(error_packet::of_write_error(&error)),
        }
    }

    /// Leaves, once the client has shown by its block that it is where it says it is.
    fn exit(self, terms: Terms, mode: Mode) -> TransferOutcome {
        if !self.state.allow_exit {
            let text = "this server does not leave on request (wharf serve --allow-exit lets it)";
            return self.refuse(Fault::new(ErrorCode::AccessViolation, text));
        }
        let (state, peer) = (self.state, self.peer);
        let outcome = self.take(terms, mode, &mut Nowhere);
        if outcome.ending.is_complete() {
            log::info!("{peer} asked the server to leave");
            state.stop.ask(StopReason::Client);
        }
        outcome
    }

    fn take(self, terms: Terms, mode: Mode, sink: &mut impl FileSink) -> TransferOutcome {
        let Self { mut socket, permit, active, .. } = self;
        let mut receiver = Receiver::serve(Instant::now(), terms, mode);
        let mut may_dally = false;
        let ending = socket.take(&mut receiver, terms.block_size(), sink, || may_dally = permit.give_up());
        // Where there is no file, nothing has settled.
        if !may_dally {
            permit.give_up();
        }
        // The server need not stay for the last word.
        drop(active);
        let last_ack = may_dally.then_some(LastAck { socket, receiver });
        TransferOutcome { ending, bytes: 0, last_ack, permit }
    }

    fn refuse(self, fault: Fault) -> TransferOutcome {
        self.permit.give_up();
        self.socket.refuse(&fault);
        TransferOutcome { ending: Ending::Aborted(fault), bytes: 0, last_ack: None, permit: self.permit }
    }

    /// The file of this name, or the listing of a directory; with its size in bytes, where that is known.
    fn open(&self, name: &[u8]) -> Result<(TransferSource, Option<u64>), Fault> {
        let path = SharePath::parse(name).map_err(error_packet::of_path_error)?;
        if name.is_empty() || name.ends_with(b"/") {
            return self.list(&path).map_err(|error| error_packet::of_read_error(&error));
        }
        match self.state.folder.open(&path).map_err(|error| error_packet::of_read_error(&error))? {
            Node::File(OpenFile { file, facts }) => {
                Ok((Box::new(FileReader::new(file, facts.len)), Some(facts.len)))
            }
            Node::Directory { .. } => Err(error_packet::is_directory()),
        }
    }

    /// The listing of a directory. One that does not fit into a chunk is made while it is sent: its size is not known.
    fn list(&self, path: &SharePath) -> Result<(TransferSource, Option<u64>), folder::Error> {
        let mut listing = listing::text(&self.state.folder, path, &self.state.listings)?;
        Ok(match listing.whole()? {
            Some(text) => {
                let size = text.len() as u64;
                (Box::new(Cursor::new(text)), Some(size))
            }
            None => (Box::new(ListingReader { listing, chunk: Cursor::default() }), None),
        })
    }
}

/// A listing that is read while it is made.
struct ListingReader {
    listing: ListingBody,
    chunk: Cursor<Vec<u8>>,
}

impl BufRead for ListingReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.fill_buf()?.is_empty() {
            self.chunk = Cursor::new(self.listing.chunk().map_err(io::Error::other)?);
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

/// The terms with a window that fits into what the socket keeps: more would be lost, and sent again. Half of it is
/// reckoned for the kernel's own notes.
fn within(terms: Terms, room: usize) -> Terms {
    let blocks = (room / 2 / terms.block_size().bytes()).clamp(1, WindowSize::MAX.blocks());
    let most = u16::try_from(blocks).ok().and_then(WindowSize::new);
    Terms { windowsize: terms.windowsize.min(most.filter(|_| terms.windowsize.is_some())), ..terms }
}

/// A file of a length that was told: one that has become shorter must not look whole.
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
    io::Error::new(io::ErrorKind::UnexpectedEof, "it has become shorter")
}

/// A file on its way into the folder.
struct TftpUpload<'a> {
    /// None once it has been committed.
    incoming: Option<Incoming>,
    buffer: Vec<u8>,
    received: u64,
    state: &'a State,
    by: Uploader,
}

impl<'a> TftpUpload<'a> {
    fn new(incoming: Incoming, state: &'a State, peer: SocketAddr) -> Self {
        let by = Uploader::Address(Peer::Inet(peer).to_string());
        Self { incoming: Some(incoming), buffer: Vec::with_capacity(CHUNK), received: 0, state, by }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if let Some(incoming) = &mut self.incoming {
            incoming.write(&self.buffer).map_err(|error| error_packet::of_write_error(&error))?;
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
        let saved = incoming.commit(Guard::None).map_err(|error| error_packet::of_write_error(&error))?;
        self.state.saved(&self.by, &saved);
        Ok(())
    }
}

/// What comes with a request to leave: it says nothing.
struct Nowhere;

impl FileSink for Nowhere {
    fn write(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
