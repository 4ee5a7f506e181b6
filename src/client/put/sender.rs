//! Sending one file over HTTP, over breaks.
//!
//! ```text
//! there already (`there`) ───────────────────────────────────────────────────────────────────────────> unchanged
//! small, or the server takes pieces from nobody ── PUT ──────────────────────────────────────────────> saved
//! OPTIONS (once a server) ──> PUT, Upload-Complete: ?0 ──> a place to go on ── PATCH ─────────────────> saved
//!                                   remembered: HEAD ──> where it stands ── PATCH, the rest ──────────> saved
//! ```
//!
//! Where the way of pieces is refused, or the server has lost the upload, the file goes by a plain PUT. Its response is the
//! result then, and it is not tried in pieces again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};
use std::{io, thread};

use super::PutOrder;
use super::memory::{Identity, Key, Memory, Note};
use super::sent::Sent;
use super::there::Knowledge;
use crate::client::address::{self, Address, Resource};
use crate::client::error::{Error, shown};
use crate::client::error_response;
use crate::client::fetch::sessions::follow;
use crate::client::fetch::trial::{Failure, Trials};
use crate::client::progress::WorkerProgress;
use crate::client::session::{Method, Patience, Request, Response, Session};
use crate::client::upload::Content;
use crate::format::Time;
use crate::http::response::Received;
use crate::http::resumable::{
    COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, OFFSET, PARTIAL_UPLOAD, boolean, parse_boolean, parse_integer,
};
use crate::http::status::Status;
use crate::http::target::encode_path;

/// From this length on, in bytes, a file is sent so that it can be gone on with: below it, to send it again costs
/// less than to ask first.
const RESUMABLE_FROM: u64 = 1 << 20;

/// How files are sent.
#[derive(Debug, Clone, Copy)]
pub struct PutOptions {
    /// How often a file is tried again without getting further.
    pub retries: u32,
    /// Whether files that are there and unchanged are sent all the same.
    pub force: bool,
    /// How long the server is waited for.
    pub patience: Patience,
}

/// What all senders know of their server.
#[derive(Debug)]
pub struct Server {
    address: Address,
    /// Whether it has answered in this run: then a refused connection may pass.
    was_there: AtomicBool,
    /// Whether it takes uploads that can be gone on with, once that was asked.
    resumes: OnceLock<bool>,
    /// Whether it tells what it has.
    knowledge: Knowledge,
}

/// Sends one file after the other, over one connection.
pub struct Sender<'a> {
    session: Session,
    server: &'a Server,
    memory: &'a Memory,
    options: PutOptions,
    /// Where it is shown what is under way.
    progress: Arc<WorkerProgress>,
}

/// How far an upload is, as its server says.
enum Standing {
    At(u64),
    Complete(Status),
    Gone,
}

/// What is sent, and where to.
struct Cargo<'o> {
    file: &'o Path,
    target: String,
    length: u64,
    key: Key,
    /// How much of it the server had when this run first asked.
    resumed: Option<u64>,
    /// Whether it is sent as a whole, because the server does not take it in pieces.
    is_plain: bool,
}

impl Server {
    /// The server, and the directory there, at this address.
    pub fn new(address: Address) -> Self {
        let knowledge = Knowledge::default();
        Self { address, was_there: AtomicBool::new(false), resumes: OnceLock::new(), knowledge }
    }

    /// Over a socket of this machine nothing breaks that would be worth going on with.
    fn is_far(&self) -> bool {
        matches!(self.address.server, address::Server::Tcp { .. })
    }
}

impl<'a> Sender<'a> {
    /// One that has no connection yet.
    pub fn new(
        server: &'a Server,
        memory: &'a Memory,
        options: PutOptions,
        progress: &Arc<WorkerProgress>,
    ) -> Self {
        let session = Session::with_patience(server.address.server.clone(), options.patience);
        Self { session, server, memory, options, progress: Arc::clone(progress) }
    }

    /// Sends a file; tries again where that may help.
    pub fn send(&mut self, order: &PutOrder) -> Result<Sent, Error> {
        let begun = Instant::now();
        let length = Content::open(&order.file)?.length();
        let target = self.server.address.resolve(&format!("/{}", encode_path(&order.path)), false);
        if !self.options.force
            && self.server.knowledge.is_there(&mut self.session, &target, &order.file, length)
        {
            return Ok(Sent::Unchanged { target, length });
        }
        let key = Key::of(&self.server.address.server, &target, &order.file);
        let mut cargo = Cargo { file: &order.file, target, length, key, resumed: None, is_plain: false };
        let mut trials = Trials::new(self.options.retries);
        loop {
            let mut reached = 0;
            let attempted = self.attempt(&mut cargo, &mut reached);
            self.progress.end();
            let failure = match attempted {
                Ok(status) => {
                    let (resumed, took) = (cargo.resumed.unwrap_or(0), Time(begun.elapsed()));
                    let Cargo { target, length, .. } = cargo;
                    return Ok(Sent::Saved { status, target, length, resumed, took });
                }
                Err(failure) => failure,
            };
            // Who was never there will hardly come now.
            if matches!(failure.error, Error::NotRunning(_)) && !self.server.was_there.load(Ordering::Relaxed)
            {
                return Err(failure.error);
            }
            thread::sleep(trials.next(failure, reached)?);
        }
    }

    fn attempt(&mut self, cargo: &mut Cargo<'_>, reached: &mut u64) -> Result<Status, Failure> {
        let mut content = Content::open(cargo.file)?;
        content.show_at(&self.progress);
        cargo.length = content.length();
        if cargo.is_plain || cargo.length < RESUMABLE_FROM || !self.server.is_far() {
            return self.put(cargo, &content);
        }
        let identity = identity(cargo.file)?;
        if !identity.is_settled(SystemTime::now()) {
            // It could change and look the same: two versions would be put together.
            return self.put(cargo, &content);
        }
        let (upload, offset) = match self.find(cargo, &identity)? {
            Some((upload, Standing::At(offset))) => (upload, offset),
            Some((_, Standing::Complete(status))) => {
                cargo.resumed.get_or_insert(cargo.length);
                self.memory.forget(&cargo.key);
                return Ok(status);
            }
            Some((_, Standing::Gone)) | None => {
                if !self.resumes(cargo)? {
                    return self.put(cargo, &content);
                }
                let Some(upload) = self.begin(cargo)? else { return self.put_instead(cargo, &content) };
                self.memory.remember(&cargo.key, Note { identity, upload: upload.clone() });
                (upload, 0)
            }
        };
        *reached = offset;
        cargo.resumed.get_or_insert(offset);
        content.begin_at(offset);
        self.progress.begin(&shown(cargo.file), offset, Some(cargo.length));
        if let Some(status) = self.append(cargo, &upload, offset, &content)? {
            return Ok(status);
        }
        self.memory.forget(&cargo.key);
        content.begin_anew();
        self.put_instead(cargo, &content)
    }

    /// Sends it as a whole, this time and every other: the server does not take it in pieces.
    fn put_instead(&mut self, cargo: &mut Cargo<'_>, content: &Content) -> Result<Status, Failure> {
        cargo.is_plain = true;
        cargo.resumed = None;
        self.put(cargo, content)
    }

    /// Sends it as a whole.
    fn put(&mut self, cargo: &Cargo<'_>, content: &Content) -> Result<Status, Failure> {
        let fields = [("Content-Type", "application/octet-stream")];
        self.progress.begin(&shown(cargo.file), 0, Some(cargo.length));
        let response = self.ask(Method::Put, &cargo.target, &fields, Some(content))?;
        taken(response)
    }

    /// An upload of this file that an earlier run, or try, has begun, and how far it is.
    fn find(
        &mut self,
        cargo: &Cargo<'_>,
        identity: &Identity,
    ) -> Result<Option<(String, Standing)>, Failure> {
        let memory = self.memory;
        let Some(note) = memory.recall(&cargo.key) else { return Ok(None) };
        if note.identity != *identity {
            memory.forget(&cargo.key);
            // It is another file by now. That the server throws away what it has of it is a courtesy.
            let _ = self.ask(Method::Delete, &note.upload, &[], None).map(drop);
            return Ok(None);
        }
        let response = self.ask(Method::Head, &note.upload, &[], None)?;
        let status = response.head.status;
        let (complete, offset) = standing(&response.head);
        let standing = match (status.is_success(), complete, offset) {
            (true, Some(true), _) => Standing::Complete(status),
            (true, _, Some(offset)) if offset <= cargo.length => Standing::At(offset),
            (false, ..) if status.code() >= 500 && !is_no_way(status) => return Err(refused(response)),
            _ => Standing::Gone,
        };
        if matches!(standing, Standing::Gone) {
            memory.forget(&cargo.key);
        }
        response.body.discard()?;
        Ok(Some((note.upload, standing)))
    }

    /// Whether the server takes uploads that can be gone on with; asked once.
    fn resumes(&mut self, cargo: &Cargo<'_>) -> Result<bool, Failure> {
        if let Some(resumes) = self.server.resumes.get() {
            return Ok(*resumes);
        }
        let response = self.ask(Method::Options, &cargo.target, &[], None)?;
        let accepts = response.head.field("Accept-Patch").unwrap_or_default();
        let resumes = accepts.split(',').any(|media_type| media_type.trim() == PARTIAL_UPLOAD);
        response.body.discard()?;
        Ok(*self.server.resumes.get_or_init(|| resumes))
    }

    /// Begins an upload without content; where it goes on. `None` where the server refuses that, for whatever reason: it
    /// is for the answer to a plain upload to say whether the file itself is refused.
    fn begin(&mut self, cargo: &Cargo<'_>) -> Result<Option<String>, Failure> {
        let (length, version) = (cargo.length.to_string(), INTEROP_VERSION.to_string());
        let fields = [(COMPLETE, boolean(false)), (LENGTH, &*length), (INTEROP, &*version)];
        let response = self.ask(Method::Put, &cargo.target, &fields, Some(&Content::bytes(Vec::new())))?;
        let location = response.head.field("Location").filter(|_| response.head.status.is_success());
        response.body.discard()?;
        let Some(location) = location else { return Ok(None) };
        let current = Resource { server: self.server.address.server.clone(), target: cargo.target.clone() };
        let upload = follow(&current, &location)?;
        if upload.server == current.server {
            Ok(Some(upload.target))
        } else {
            Err(Error::Elsewhere(location).into())
        }
    }

    /// Sends the rest of an upload. `None` where the server does not know it any more, or does not take pieces.
    fn append(
        &mut self,
        cargo: &Cargo<'_>,
        upload: &str,
        offset: u64,
        content: &Content,
    ) -> Result<Option<Status>, Failure> {
        let (offset, version) = (offset.to_string(), INTEROP_VERSION.to_string());
        let fields = [
            ("Content-Type", PARTIAL_UPLOAD),
            (OFFSET, &*offset),
            (COMPLETE, boolean(true)),
            (INTEROP, &*version),
        ];
        let memory = self.memory;
        let response = self.ask(Method::Patch, upload, &fields, Some(content))?;
        let (complete, elsewhere) = standing(&response.head);
        let status = response.head.status;
        if status.is_success() || complete == Some(true) {
            // It is over, well or not: to go on would change nothing.
            memory.forget(&cargo.key);
        }
        if complete != Some(true) {
            if status == Status::CONFLICT && elsewhere.is_some() {
                response.body.discard()?;
                let why = "another request went on with the upload";
                return Err(Error::Broken(io::Error::other(why)).into());
            }
            let is_lost = [Status::NOT_FOUND, Status::GONE, Status::CONFLICT].contains(&status);
            if is_lost || is_no_way(status) {
                response.body.discard()?;
                return Ok(None);
            }
        }
        taken(response).map(Some)
    }

    fn ask(
        &mut self,
        method: Method,
        target: &str,
        fields: &[(&str, &str)],
        content: Option<&Content>,
    ) -> Result<Response<'_>, Failure> {
        let response = self.session.send(&Request { method, target, fields, content })?;
        self.server.was_there.store(true, Ordering::Relaxed);
        Ok(response)
    }
}

/// Whether the server cannot do at all what was asked.
fn is_no_way(status: Status) -> bool {
    [Status::METHOD_NOT_ALLOWED, Status::NOT_IMPLEMENTED, Status::VERSION_NOT_SUPPORTED].contains(&status)
}

/// The answer to what was sent, if it says that it was taken.
fn taken(response: Response<'_>) -> Result<Status, Failure> {
    let status = response.head.status;
    if !status.is_success() {
        return Err(refused(response));
    }
    response.body.discard()?;
    Ok(status)
}

fn refused(response: Response<'_>) -> Failure {
    let head = response.head.clone();
    Failure::refused(error_response::read(response), &head, SystemTime::now())
}

/// What a head says of an upload: whether it is complete, and its offset.
fn standing(head: &Received) -> (Option<bool>, Option<u64>) {
    let complete = head.field(COMPLETE).and_then(|value| parse_boolean(value.as_bytes()));
    let offset = head.field(OFFSET).and_then(|value| parse_integer(value.as_bytes()));
    (complete, offset)
}

fn identity(file: &Path) -> Result<Identity, Error> {
    let metadata = fs::metadata(file).map_err(|error| Error::Local("read", file.to_owned(), error))?;
    Ok(Identity::of(&metadata))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::client::peer::{Act, Peer};

    /// A request with its content was read, and this is the answer.
    const SAVED: Act = Act::Say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");

    /// Sends a file of this length to a server that plays this part; what came of it, and what the server heard.
    fn send(length: u64, retries: u32, part: &[&[Act]]) -> (Result<Sent, Error>, Vec<String>) {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("a");
        fs::File::create(&file).and_then(|file| file.set_len(length)).expect("a file");
        send_file(file, retries, part)
    }

    fn send_file(file: PathBuf, retries: u32, part: &[&[Act]]) -> (Result<Sent, Error>, Vec<String>) {
        let options = PutOptions { retries, force: true, patience: Patience::default() };
        let peer = Peer::plays(part);
        let server = Server::new(Address::root(peer.server()));
        let sent = Sender::new(&server, &Memory::default(), options, &Arc::default())
            .send(&PutOrder { file, path: b"in/a b".to_vec() });
        (sent, peer.heard())
    }

    #[test]
    fn a_small_file_is_not_asked_about() {
        let (sent, heard) = send(5, 0, &[&[Act::Read, SAVED]]);
        assert!(sent.expect("saved").to_string().starts_with("201 Created → /in/a%20b, 5 B in "));
        assert!(heard[0].starts_with("PUT /in/a%20b HTTP/1.1\r\n"), "{heard:?}");
    }

    #[test]
    fn a_file_whose_version_is_not_settled_is_not_sent_in_pieces() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("a");
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        fs::File::create(&file)
            .and_then(|file| file.set_len(RESUMABLE_FROM).and_then(|()| file.set_modified(later)))
            .expect("a file");
        let go_on = Act::Say("HTTP/1.1 100 Continue\r\n\r\n");
        let part = [Act::ReadHead, go_on, Act::ReadContent(RESUMABLE_FROM as usize), SAVED];
        let (sent, heard) = send_file(file, 0, &[&part]);
        assert!(sent.is_ok() && heard[0].starts_with("PUT "), "{sent:?}");
    }

    #[test]
    fn another_server_gets_a_plain_upload() {
        let no = Act::Say("HTTP/1.1 405 No\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n");
        let go_on = Act::Say("HTTP/1.1 100 Continue\r\n\r\n");
        let content = Act::ReadContent(RESUMABLE_FROM as usize);
        let (sent, heard) =
            send(RESUMABLE_FROM, 0, &[&[Act::Read, no, Act::ReadHead, go_on, content, SAVED]]);
        assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{sent:?}");
        assert!(heard[0].starts_with("OPTIONS /in/a%20b "), "{}", heard[0]);
        assert!(
            heard[1].starts_with("PUT /in/a%20b ") && !heard[1].contains("Upload-"),
            "{}",
            &heard[1][..200]
        );
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let busy = Act::Say("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
        let (sent, heard) = send(5, 1, &[&[Act::Read, busy, Act::Read, SAVED]]);
        assert!(sent.is_ok() && heard.len() == 2, "{sent:?}");
        let (sent, _) = send(5, 1, &[&[Act::Read, busy, Act::Read, busy]]);
        assert!(matches!(sent, Err(Error::Refused(Status::SERVICE_UNAVAILABLE, _))), "{sent:?}");
        let no = Act::Say("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
        let (sent, heard) = send(5, 9, &[&[Act::Read, no]]);
        assert!(sent.is_err() && heard.len() == 1, "that will not pass");
    }

    #[test]
    fn an_upload_that_goes_on_elsewhere_is_not_followed() {
        let yes = Act::Say(
            "HTTP/1.1 204 No Content\r\nAccept-Patch: text/plain, application/partial-upload\r\n\r\n",
        );
        let elsewhere =
            Act::Say("HTTP/1.1 201 Created\r\nLocation: http://evil.example/u\r\nContent-Length: 0\r\n\r\n");
        let (sent, heard) = send(RESUMABLE_FROM, 0, &[&[Act::Read, yes, Act::Read, elsewhere]]);
        assert!(matches!(sent, Err(Error::Elsewhere(_))), "{sent:?}");
        assert!(heard[1].contains("Upload-Complete: ?0\r\nUpload-Length: 1048576\r\n"), "{}", heard[1]);
    }

    /// An answer without content.
    fn says(status: &str, fields: &str) -> Act {
        Act::Say(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n").leak())
    }

    #[test]
    fn where_pieces_are_refused_it_is_sent_as_a_whole() {
        let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
        let begun = says("201 Created", "Location: /u\r\n");
        let go_on = Act::Say("HTTP/1.1 100 Continue\r\n\r\n");
        let content = Act::ReadContent(RESUMABLE_FROM as usize);
        let whole = [Act::ReadHead, go_on, content, SAVED];
        let beginnings = [
            ("too many", says("503 Busy", "Retry-After: 60\r\n")),
            ("another version of the draft", says("400 Bad Request", "")),
            ("no such thing", says("501 Not Implemented", "")),
            ("an answer without a place", says("201 Created", "")),
        ];
        for (name, refusal) in beginnings {
            let acts = [&[Act::Read, yes, Act::Read, refusal][..], &whole].concat();
            let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts]);
            assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{name}: {sent:?}");
            assert!(heard[2].starts_with("PUT ") && !heard[2].contains("Upload-"), "{name}");
        }
        let lost = [
            ("lost", says("404 Not Found", "")),
            ("gone", says("410 Gone", "")),
            ("taken over", says("409 Conflict", "")),
            ("no such method", says("405 Method Not Allowed", "Allow: PUT\r\n")),
            ("no such thing", says("501 Not Implemented", "")),
        ];
        for (name, refusal) in lost {
            let acts = [&[Act::Read, yes, Act::Read, begun, Act::ReadHead, refusal][..], &whole].concat();
            let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts[..6], &acts[6..]]);
            assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{name}: {sent:?}");
            assert!(heard[2].starts_with("PATCH /u ") && heard[3].starts_with("PUT "), "{name}: {heard:?}");
        }
    }

    #[test]
    fn what_refuses_the_file_itself_is_the_outcome() {
        let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
        let begun = says("201 Created", "Location: /u\r\n");
        let exists = says("409 Conflict", "Upload-Complete: ?1\r\n");
        let go_on = Act::Say("HTTP/1.1 100 Continue\r\n\r\n");
        let content = Act::ReadContent(RESUMABLE_FROM as usize);
        let part = [Act::Read, yes, Act::Read, begun, Act::ReadHead, go_on, content, exists];
        let (sent, _) = send(RESUMABLE_FROM, 9, &[&part]);
        assert!(matches!(sent, Err(Error::Refused(Status::CONFLICT, _))), "{sent:?}");
        let busy = says("503 Busy", "");
        let part = [Act::Read, yes, Act::Read, busy, Act::ReadHead, busy];
        let (sent, heard) = send(RESUMABLE_FROM, 0, &[&part]);
        assert!(matches!(sent, Err(Error::Refused(Status::SERVICE_UNAVAILABLE, _))), "{sent:?}");
        assert_eq!(heard.len(), 3, "one try, and no other");
    }
}
