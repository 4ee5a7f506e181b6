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
//! result then, and it is not tried in pieces again. The way of pieces itself is `resumable`'s.

mod resumable;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Instant, SystemTime};

use self::resumable::UploadState;
use super::PutOrder;
use super::memory::{FileIdentity, Memory, Note, UploadKey};
use super::sent::Sent;
use super::there::Knowledge;
use crate::client::address::{Endpoint, ServerAddress};
use crate::client::content::RequestContent;
use crate::client::error::{ClientError, shown};
use crate::client::error_response;
use crate::client::fetch::trial::{FailedAttempt, Trials};
use crate::client::progress::WorkerProgress;
use crate::client::request::{HttpMethod, HttpRequest};
use crate::client::response::HttpResponse;
use crate::client::session::Session;
use crate::client::timeouts::Timeouts;
use crate::format::Time;
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
    pub timeouts: Timeouts,
}

/// What all senders know of their server.
#[derive(Debug)]
pub struct PutServer {
    address: ServerAddress,
    /// Whether it has answered in this run: then a refused connection may pass.
    was_there: AtomicBool,
    /// Whether it takes uploads that can be gone on with, once that was asked.
    resumes: OnceLock<bool>,
    /// Whether it tells what it has.
    knowledge: Knowledge,
}

/// Sends one file after the other, over one connection.
pub struct FileSender<'a> {
    session: Session,
    server: &'a PutServer,
    memory: &'a Memory,
    options: PutOptions,
    /// Where it is shown what is under way.
    progress: Arc<WorkerProgress>,
}

/// What is sent, and where to.
struct Cargo<'o> {
    file: &'o Path,
    target: String,
    length: u64,
    key: UploadKey,
    /// How much of it the server had when this run first asked.
    resumed: Option<u64>,
    /// Whether it is sent as a whole, because the server does not take it in pieces.
    is_plain: bool,
}

impl PutServer {
    /// The server, and the directory there, at this address.
    pub fn new(address: ServerAddress) -> Self {
        let knowledge = Knowledge::default();
        Self { address, was_there: AtomicBool::new(false), resumes: OnceLock::new(), knowledge }
    }

    /// Over a socket of this machine nothing breaks that would be worth going on with.
    fn is_far(&self) -> bool {
        matches!(self.address.server, Endpoint::Tcp { .. })
    }
}

impl<'a> FileSender<'a> {
    /// One that has no connection yet.
    pub fn new(
        server: &'a PutServer,
        memory: &'a Memory,
        options: PutOptions,
        progress: &Arc<WorkerProgress>,
    ) -> Self {
        let session = Session::with_timeouts(server.address.server.clone(), options.timeouts);
        Self { session, server, memory, options, progress: Arc::clone(progress) }
    }

    /// Sends a file; tries again where that may help.
    pub fn send(&mut self, order: &PutOrder) -> Result<Sent, ClientError> {
        let begun = Instant::now();
        let length = RequestContent::open(&order.file)?.length();
        let target = self.server.address.resolve(&format!("/{}", encode_path(&order.path)), false);
        if !self.options.force
            && self.server.knowledge.is_there(&mut self.session, &target, &order.file, length)
        {
            return Ok(Sent::Unchanged { target, length });
        }
        let key = UploadKey::of(&self.server.address.server, &target, &order.file);
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
            if matches!(failure.error, ClientError::NotRunning(_))
                && !self.server.was_there.load(Ordering::Relaxed)
            {
                return Err(failure.error);
            }
            thread::sleep(trials.next(failure, reached)?);
        }
    }

    fn attempt(&mut self, cargo: &mut Cargo<'_>, reached: &mut u64) -> Result<Status, FailedAttempt> {
        let mut content = RequestContent::open(cargo.file)?;
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
            Some((upload, UploadState::At(offset))) => (upload, offset),
            Some((_, UploadState::Complete(status))) => {
                cargo.resumed.get_or_insert(cargo.length);
                self.memory.forget(&cargo.key);
                return Ok(status);
            }
            Some((_, UploadState::Gone)) | None => {
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
    fn put_instead(
        &mut self,
        cargo: &mut Cargo<'_>,
        content: &RequestContent,
    ) -> Result<Status, FailedAttempt> {
        cargo.is_plain = true;
        cargo.resumed = None;
        self.put(cargo, content)
    }

    /// Sends it as a whole.
    fn put(&mut self, cargo: &Cargo<'_>, content: &RequestContent) -> Result<Status, FailedAttempt> {
        let fields = [("Content-Type", "application/octet-stream")];
        self.progress.begin(&shown(cargo.file), 0, Some(cargo.length));
        let response = self.ask(HttpMethod::Put, &cargo.target, &fields, Some(content))?;
        taken(response)
    }

    fn ask(
        &mut self,
        method: HttpMethod,
        target: &str,
        fields: &[(&str, &str)],
        content: Option<&RequestContent>,
    ) -> Result<HttpResponse<'_>, FailedAttempt> {
        let response = self.session.send(&HttpRequest { method, target, fields, content })?;
        self.server.was_there.store(true, Ordering::Relaxed);
        Ok(response)
    }
}

/// The answer to what was sent, if it says that it was taken.
fn taken(response: HttpResponse<'_>) -> Result<Status, FailedAttempt> {
    let status = response.head.status;
    if !status.is_success() {
        return Err(refused(response));
    }
    response.body.discard()?;
    Ok(status)
}

fn refused(response: HttpResponse<'_>) -> FailedAttempt {
    let head = response.head.clone();
    FailedAttempt::refused(error_response::read(response), &head, SystemTime::now())
}

fn identity(file: &Path) -> Result<FileIdentity, ClientError> {
    let metadata = fs::metadata(file).map_err(|error| ClientError::Local("read", file.to_owned(), error))?;
    Ok(FileIdentity::of(&metadata))
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
