//! One persistent connection: the only place that reads requests and writes responses.
//!
//! A connection is always in one state (`phase`). [`Connection::advance`] moves it as far as the socket allows.
//! Nothing here ever waits for a client: a connection that would wait is parked in its current state, with a
//! deadline.
//!
//! ```text
//!         ┌─────────────────────────────────── keep ───────────────────────────────────┐
//!         ▼                                                                            │
//!   waiting for a head ──► (100 Continue) ──► receiving a body ──► [job] ──► sending an answer ──► closed
//!         └───────────────────────────────────────────────────────────────────►        └──► lingering ──┘
//! ```

mod exchange;
pub(super) mod input;
mod outgoing;
mod phase;
pub(super) mod send_buffer;
mod sending;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::http::body::BodyDecoder;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::request::{Expectation, FieldSpace, Head, HeadError};
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::net::stream::{More, OtherEnd, Stream, Transferred};
use crate::server::chat::state::EventStream;
use crate::server::client_key;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::input::Input;
use crate::server::connection::outgoing::{Outgoing, Progress};
use crate::server::connection::phase::{GoingOn, Lingering, Phase, ReceivingBody, WaitingForHead};
use crate::server::connection::sending::Sending;
use crate::server::connections::table::{Tracked, WaitFor};
use crate::server::disk::Disk;
use crate::server::handled::Handled;
use crate::server::jobs::{Chores, Jobs};
use crate::server::pipeline;
use crate::server::receive::{Job, JobOutcome, Need, Receiving};
use crate::server::response::Response;
use crate::server::routes;
use crate::server::state::State;
use crate::server::timing::Deadline;

/// How many bytes a connection may transfer in one turn before the others get theirs; this takes two milliseconds on
/// loopback. With half of it, large files took some 8 % more processor time; with twice or eight times as much, no
/// less.
const TURN: u64 = 2 << 20;

/// How many pipelined requests are answered in one turn.
const TURN_REQUESTS: u32 = 16;

/// How long a connection that is being closed stays readable, so that its client sees the response (RFC 9112 §9.6),
/// and how many bytes are read and discarded in that time.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LIMIT: usize = 64 * 1024;

/// How long a job in several steps continues after its client has shut down its sending side. Most such clients have
/// closed the connection, which looks the same; one that still reads gets its response if the job finishes in this
/// time.
const HALF_CLOSED: Duration = Duration::from_secs(3);

/// How many bytes waiting in the socket are examined to find out whether they complete a body.
const PEEK: usize = 64 * 1024;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    phase: Phase,
    /// Bytes that arrived but were not consumed before the connection was parked.
    unread: Vec<u8>,
    /// Whether it has been held back, so that its next upload starts without a further delay.
    has_waited: bool,
}

/// What a worker lends to the connection that it serves.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub state: &'a State,
    pub input: &'a mut Input,
    /// The keep-alive timeout at this moment.
    pub timeout: Duration,
    /// Whether this thread may block on the disk.
    pub disk: Disk,
    /// The job queue.
    pub jobs: &'a Jobs<Task>,
}

/// What happens to a connection after a turn.
#[derive(Debug)]
pub(super) enum AfterTurn {
    /// Park it.
    Park(WaitFor),
    /// The job owns it until the job is done.
    Work(Work),
    /// It needs another turn, on a thread that may block on the disk.
    NeedsDisk,
    /// It starts an upload, but its client has too many jobs waiting, so the upload is delayed.
    HeldBack,
    /// The broadcaster owns it from now on.
    Subscribe(Box<EventStream>),
    /// Close it.
    Close,
}

/// A job, and the request that it belongs to.
pub(super) struct Work {
    job: Job,
    exchange: Exchange,
    /// Whether the client waits for `100 Continue`.
    waits: bool,
    /// Decodes the rest of the body, if the body is incomplete.
    rest: Option<BodyDecoder>,
    /// How many descriptors the job and its connection hold.
    descriptors: u32,
    /// When the first of several steps finished.
    begun: Option<Instant>,
}

/// A connection in the job queue.
#[derive(Debug)]
pub(super) struct Task {
    pub tracked: Box<Tracked<Connection>>,
    /// The job to run; `None` for just another turn.
    pub work: Option<Work>,
}

/// The result of one step.
enum Transition {
    Go(Phase),
    Wait(Phase, WaitFor),
    Work(Work),
    NeedsDisk(Phase),
    HeldBack(Phase),
    Subscribe(Box<EventStream>),
    Close,
}

/// What the connection may still use in this turn.
struct Share {
    bytes: u64,
    requests: u32,
}

impl Connection {
    /// A connection that has just been accepted.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, phase: Phase::Head(WaitingForHead::default()), unread: Vec::new(), has_waited: false }
    }

    pub(super) fn peer(&self) -> Peer {
        self.stream.peer()
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Lets its next upload start even if its client has too many jobs.
    pub(super) fn has_waited(&mut self) {
        self.has_waited = true;
    }

    /// Starts to close the connection to free its slot. The client can still read why: it gets this response if no
    /// other has begun, and its further input is read and discarded for a moment. Returns what to wait for; `None` if
    /// the connection can be closed at once.
    pub(super) fn turn_away(&mut self, answer: &[u8], chores: &Chores) -> Option<WaitFor> {
        match std::mem::replace(&mut self.phase, Phase::Away) {
            // A client that has had a response knows that an idle connection may be closed.
            Phase::Head(WaitingForHead { promised, .. }) if promised > Duration::ZERO => {}
            // Away: the job has not started.
            Phase::Head(_) | Phase::Away => drop(self.stream.write(answer, More::Ends)),
            Phase::Body(body) => {
                drop(self.stream.write(answer, More::Ends));
                chores.drop_later(body);
            }
            phase => {
                chores.drop_later(phase);
                return None;
            }
        }
        self.stream.end_sending().ok()?;
        let deadline = Deadline::after(Instant::now(), LINGER);
        self.unread = Vec::new();
        self.phase = Phase::Linger(Lingering { left: LINGER_LIMIT, deadline });
        Some(WaitFor::readable(deadline))
    }

    /// How many descriptors it holds while parked, including its socket.
    pub(super) fn descriptors(&self) -> u32 {
        1 + match &self.phase {
            Phase::Body(body) => body.receiving.descriptors(),
            Phase::GoOn(going) => going.receiving.descriptors(),
            Phase::Answer(sending) => sending.descriptors(),
            Phase::Head(_) | Phase::Linger(_) | Phase::Away => 0,
        }
    }

    /// Whether a job for this connection would be pointless: the client has reset the connection, or has shut down
    /// its sending side before its body was complete. A client that has only shut down its sending side may still
    /// read the response; an `impatient` server treats it as gone.
    pub(super) fn has_gone(&self, rest: Option<&BodyDecoder>, impatient: bool) -> bool {
        match self.stream.other_end() {
            OtherEnd::Open => false,
            OtherEnd::Gone => true,
            OtherEnd::Ended => {
                impatient || rest.is_some_and(|rest| self.is_cut_short(rest.clone(), &self.unread))
            }
        }
    }

    /// Whether a form that is about to start is already truncated. Creating a file and deleting it again is
    /// expensive: ext4 does not reuse an inode within minutes of its deletion, and has to search for another.
    fn is_in_vain(&self, receiving: &Receiving, unread: &[u8]) -> bool {
        receiving.opens_later()
            && self.stream.other_end() != OtherEnd::Open
            && receiving.rest().is_some_and(|rest| self.is_cut_short(rest, unread))
    }

    /// Whether the bytes that have arrived do not complete this rest of a body. Examines at most [`PEEK`] bytes; if
    /// there are more, assumes that they do.
    fn is_cut_short(&self, mut rest: BodyDecoder, unread: &[u8]) -> bool {
        let mut arrived = vec![0; PEEK];
        let Ok(count) = self.stream.peek(&mut arrived) else { return true };
        if count == arrived.len() {
            return false;
        }
        let parts = [unread, arrived.get(..count).unwrap_or_default()];
        !parts.into_iter().any(|part| completes(&mut rest, part))
    }

    /// Moves the connection as far as the socket allows.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        turn.input.load(&self.unread);
        let next = self.run(turn);
        self.unread = turn.input.unload();
        next
    }

    /// Runs a job and returns what comes next: something to wait for, or another job.
    pub(super) fn work(&mut self, work: Work, state: &State, timeout: Duration) -> AfterTurn {
        let Work { job, mut exchange, waits, rest, descriptors, begun } = work;
        let outcome = job(state);
        // The client's time starts now; the job may have waited for the disk for longer than any timeout.
        let deadline = Deadline::after(Instant::now(), state.stall);
        self.phase = match outcome {
            JobOutcome::Respond(answer, saved) => {
                exchange.saved = saved;
                Phase::Answer(Box::new(Sending::new(answer, exchange, timeout, state)))
            }
            JobOutcome::Receive(receiving) => {
                let waits = waits && self.unread.is_empty();
                expect_body(receiving, exchange, waits, deadline)
            }
            JobOutcome::Again(job) => {
                let begun = begun.or_else(|| Some(Instant::now()));
                return AfterTurn::Work(Work { job, exchange, waits, rest, descriptors, begun });
            }
        };
        AfterTurn::Park(WaitFor::writable(deadline))
    }

    /// Handles a missed deadline: closes the connection, with an error response if a request has begun.
    pub(super) fn expire(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        let now = Instant::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::Head(WaitingForHead { deadline: Some(_), .. }) => {
                let exchange = Exchange::of_no_head(&self.unread, CloseReason::TimedOut, now, turn.state);
                answering(too_late("the request did not arrive in time"), exchange, turn)
            }
            // Only its interim response is due. A worker sends it after it has read all that has arrived.
            Phase::Body(body) if !body.deadline.is_over(now) => {
                let wait_for = WaitFor::writable(body.deadline);
                self.phase = Phase::Body(body);
                return AfterTurn::Park(wait_for);
            }
            Phase::Body(body) => {
                let ReceivingBody { mut exchange, receiving, .. } = *body;
                exchange.persistence = Persistence::Close(CloseReason::TimedOut);
                turn.state.chores.drop_later(receiving);
                answering(too_late("the request body stalled"), exchange, turn)
            }
            Phase::Answer(mut sending) => {
                if sending.still_moves(&self.stream, turn.state.stall) {
                    let wait_for = WaitFor::writable(sending.deadline());
                    self.phase = Phase::Answer(sending);
                    return AfterTurn::Park(wait_for);
                }
                log::debug!("{} stopped reading its response", self.peer());
                sending.end(self.peer(), turn.state);
                turn.state.chores.drop_later(sending);
                return AfterTurn::Close;
            }
            phase @ (Phase::Head(_) | Phase::GoOn(_) | Phase::Linger(_) | Phase::Away) => {
                self.phase = phase;
                return AfterTurn::Close;
            }
        };
        self.advance(turn)
    }

    fn run(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        let mut share = Share { bytes: TURN, requests: TURN_REQUESTS };
        loop {
            let step = match std::mem::replace(&mut self.phase, Phase::Away) {
                Phase::Head(waiting) => self.read_head(waiting, turn, &mut share),
                Phase::GoOn(going) => self.go_on(going, turn, &mut share),
                Phase::Body(body) => self.receive(body, turn, &mut share),
                Phase::Answer(sending) => self.send(*sending, turn, &mut share),
                Phase::Linger(lingering) => self.linger(lingering, turn),
                Phase::Away => Ok(Transition::Close),
            };
            match step {
                Ok(Transition::Go(phase)) => self.phase = phase,
                Ok(Transition::Wait(phase, wait_for)) => {
                    self.phase = phase;
                    return AfterTurn::Park(wait_for);
                }
                Ok(Transition::Work(work)) => return AfterTurn::Work(work),
                Ok(Transition::NeedsDisk(phase)) => {
                    self.phase = phase;
                    return AfterTurn::NeedsDisk;
                }
                Ok(Transition::HeldBack(phase)) => {
                    self.phase = phase;
                    return AfterTurn::HeldBack;
                }
                Ok(Transition::Subscribe(events)) => return AfterTurn::Subscribe(events),
                Ok(Transition::Close) => return AfterTurn::Close,
                Err(error) => {
                    // Errors from the system are network errors. The others are this server's own, and the client
                    // sees only a closed connection, so they are worth a warning.
                    let level =
                        if error.raw_os_error().is_some() { log::Level::Debug } else { log::Level::Warn };
                    log::log!(level, "connection to {} lost: {error}", self.peer());
                    return AfterTurn::Close;
                }
            }
        }
    }

    /// Reads until the head is complete, then serves it.
    fn read_head(
        &mut self,
        mut waiting: WaitingForHead,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        loop {
            match waiting.end.find(turn.input.unread()) {
                Ok(Some(length)) => return self.serve(length, turn, share),
                Ok(None) => {}
                Err(error) => return Ok(Transition::Go(refusing(error, turn))),
            }
            if !turn.input.unread().is_empty() && waiting.deadline.is_none() {
                waiting.deadline = Some(Deadline::after(Instant::now(), turn.timeout));
            }
            match turn.input.fill(&self.stream)? {
                Transferred::Bytes(_) => {}
                Transferred::End => return Ok(Transition::Close),
                Transferred::WouldWait => {
                    let wait_for = match waiting.deadline {
                        Some(deadline) => WaitFor::readable(deadline),
                        None => WaitFor::idle(Instant::now(), turn.timeout.max(waiting.promised)),
                    };
                    return Ok(Transition::Wait(Phase::Head(waiting), wait_for.for_news()));
                }
            }
        }
    }

    /// Finds the answer to the head that stands at the start of the input.
    fn serve(&mut self, length: usize, turn: &mut Turn<'_>, share: &mut Share) -> io::Result<Transition> {
        let now = Instant::now();
        let bytes = &turn.input.unread()[..length];
        let mut space = FieldSpace::new();
        let head = match Head::parse(bytes, &mut space) {
            Ok(head) => head,
            Err(error) => return Ok(Transition::Go(refusing(error, turn))),
        };
        let again = || Phase::Head(WaitingForHead::default());
        // Before anything is opened for it.
        if routes::is_upload(&head) {
            let has_waited = std::mem::take(&mut self.has_waited);
            if !has_waited && turn.jobs.is_crowded(client_key::of(self.peer())) {
                return Ok(Transition::HeldBack(again()));
            }
        }
        let exchange = Exchange::of(&head, bytes, now, turn.state);
        let waits = head.expectation == Expectation::Continue;
        let routed = pipeline::run(&head, turn.state, self.peer(), &mut turn.disk);
        let step = match routed {
            // It is read again, then.
            Handled::NeedsDisk => return Ok(Transition::NeedsDisk(again())),
            // Sent at once: most answers leave whole, and need not be kept in a state.
            Handled::Respond(answer) => {
                turn.input.consume(length);
                share.requests = share.requests.saturating_sub(1);
                return self.send(Sending::new(answer, exchange, turn.timeout, turn.state), turn, share);
            }
            Handled::Work(job) => {
                Transition::Work(Work { job, exchange, waits, rest: None, descriptors: 1, begun: None })
            }
            Handled::Receive(receiving) if self.is_in_vain(&receiving, &turn.input.unread()[length..]) => {
                log::debug!("{} disconnected; its form is dropped", self.peer());
                Transition::Close
            }
            Handled::Receive(receiving) => {
                let deadline = Deadline::after(Instant::now(), turn.state.stall);
                let waits = waits && turn.input.unread().len() == length;
                Transition::Go(expect_body(receiving, exchange, waits, deadline))
            }
        };
        turn.input.consume(length);
        share.requests = share.requests.saturating_sub(1);
        Ok(step)
    }

    fn go_on(
        &mut self,
        mut going: Box<GoingOn>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let progress = match going.outgoing.proceed(&self.stream, &mut share.bytes) {
            Ok(progress) => progress,
            Err(error) => {
                // Closing the file of an upload may block.
                turn.state.chores.drop_later(going);
                return Err(error);
            }
        };
        if progress == Progress::Done {
            let GoingOn { exchange, receiving, .. } = *going;
            let deadline = Deadline::after(Instant::now(), turn.state.stall);
            return Ok(Transition::Go(Phase::Body(Box::new(ReceivingBody {
                exchange,
                receiving,
                deadline,
            }))));
        }
        let wait_for = WaitFor::writable(going.deadline);
        Ok(Transition::Wait(Phase::GoOn(going), wait_for))
    }

    /// Receives the body until no more bytes are available or the turn's share is used up.
    fn receive(
        &mut self,
        mut body: Box<ReceivingBody>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        if body.receiving.needs_disk() && !turn.disk.may_wait(turn.state) {
            return Ok(Transition::NeedsDisk(Phase::Body(body)));
        }
        loop {
            match body.receiving.absorb(turn.input.unread(), turn.state) {
                Ok((used, Need::Bytes)) => turn.input.consume(used),
                Ok((used, need)) => {
                    turn.input.consume(used);
                    let ReceivingBody { mut exchange, receiving, .. } = *body;
                    if receiving.is_done() {
                        exchange.body_was_read();
                    }
                    let (rest, descriptors) = (receiving.rest(), 1 + receiving.descriptors());
                    let work = Work {
                        job: receiving.into_job(),
                        exchange,
                        waits: false,
                        rest,
                        descriptors,
                        begun: None,
                    };
                    if matches!(need, Need::Job) {
                        return Ok(Transition::Work(work));
                    }
                    return Ok(match self.work(work, turn.state, turn.timeout) {
                        AfterTurn::Work(work) => Transition::Work(work),
                        _ => Transition::Go(std::mem::replace(&mut self.phase, Phase::Away)),
                    });
                }
                Err(answer) => return Ok(Transition::Go(answering(answer, body.exchange, turn))),
            }
            let moved = if share.bytes > 0 { turn.input.fill(&self.stream)? } else { Transferred::WouldWait };
            match moved {
                Transferred::Bytes(count) => {
                    share.bytes = share.bytes.saturating_sub(count as u64);
                    body.deadline = Deadline::after(Instant::now(), turn.state.stall);
                }
                Transferred::End => {
                    let fate = body.receiving.fate();
                    log::info!("{} disconnected during an upload; {fate}", self.peer());
                    return Ok(Transition::Close);
                }
                Transferred::WouldWait => {
                    if let Some(interim) = body.receiving.take_interim(Instant::now()) {
                        return Ok(Transition::Go(going_on(interim, *body)));
                    }
                    let interim = body.receiving.interim_deadline();
                    let wait_for =
                        WaitFor::readable(interim.map_or(body.deadline, |due| due.min(body.deadline)));
                    return Ok(Transition::Wait(Phase::Body(body), wait_for));
                }
            }
        }
    }

    /// Sends as much as the socket and the turn's share allow; after the last byte, continues with the next request.
    fn send(
        &mut self,
        mut sending: Sending,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let progress = sending.proceed(&self.stream, &mut share.bytes, &mut turn.disk, turn.state);
        if let Ok(Progress::NeedsDisk) = progress {
            return Ok(Transition::NeedsDisk(Phase::Answer(Box::new(sending))));
        }
        if let Ok(Progress::WouldWait | Progress::TurnIsOver) = progress {
            let wait_for = WaitFor::writable(sending.deadline());
            return Ok(Transition::Wait(Phase::Answer(Box::new(sending)), wait_for));
        }
        let promised = sending.promised();
        if let (Ok(_), Some(events)) = (&progress, sending.take_events()) {
            sending.end(self.peer(), turn.state);
            return Ok(Transition::Subscribe(events));
        }
        let persistence = sending.end(self.peer(), turn.state);
        // Closing a file may block for as long as reading it.
        if sending.descriptors() > 0 && !turn.disk.may_touch(turn.state) {
            turn.state.chores.drop_later(sending);
        }
        progress.map(|_| self.after(persistence, promised, turn, share))
    }

    /// After a response: waits for the next request, or closes the connection.
    fn after(
        &mut self,
        persistence: Persistence,
        promised: Duration,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> Transition {
        let waiting = Phase::Head(WaitingForHead { promised, ..WaitingForHead::default() });
        let deadline = |time| Deadline::after(Instant::now(), time);
        let nothing_unread = turn.input.unread().is_empty();
        match persistence {
            // The server may have become busier while a long response was sent; the timeout in its head still holds.
            Persistence::Keep if nothing_unread => {
                let wait_for = WaitFor::idle(Instant::now(), turn.timeout.max(promised));
                Transition::Wait(
                    waiting,
                    if turn.input.is_drained() { wait_for.for_news() } else { wait_for },
                )
            }
            Persistence::Keep if share.requests > 0 && share.bytes > 0 => Transition::Go(waiting),
            // Pipelined requests have already arrived; other connections get a turn first.
            Persistence::Keep => Transition::Wait(waiting, WaitFor::writable(deadline(turn.timeout))),
            Persistence::Close(CloseReason::Asked | CloseReason::Http10 | CloseReason::Stopping)
                if self.is_silent(turn) =>
            {
                Transition::Close
            }
            // Closing now, while the client still sends, would reset the connection and lose the response.
            Persistence::Close(_) => {
                turn.input.consume(turn.input.unread().len());
                match self.stream.end_sending() {
                    Ok(()) => Transition::Go(Phase::Linger(Lingering {
                        left: LINGER_LIMIT,
                        deadline: deadline(LINGER),
                    })),
                    Err(_) => Transition::Close,
                }
            }
        }
    }

    /// Whether the client has sent nothing that is still unread.
    fn is_silent(&self, turn: &mut Turn<'_>) -> bool {
        turn.input.unread().is_empty() && !matches!(turn.input.fill(&self.stream), Ok(Transferred::Bytes(_)))
    }

    /// Reads and discards input until the client closes its side, for a limited time and a limited number of bytes.
    fn linger(&mut self, mut lingering: Lingering, turn: &mut Turn<'_>) -> io::Result<Transition> {
        loop {
            match turn.input.fill(&self.stream)? {
                Transferred::Bytes(count) if count < lingering.left => {
                    turn.input.consume(count);
                    lingering.left -= count;
                }
                Transferred::WouldWait => {
                    let wait_for = WaitFor::readable(lingering.deadline);
                    return Ok(Transition::Wait(Phase::Linger(lingering), wait_for));
                }
                Transferred::Bytes(_) | Transferred::End => return Ok(Transition::Close),
            }
        }
    }
}

/// Whether the body ends within these bytes.
fn completes(rest: &mut BodyDecoder, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() && !rest.is_done() {
        match rest.decode(bytes) {
            Ok(found) => bytes = bytes.get(found.used..).unwrap_or_default(),
            // A malformed body gets its error response.
            Err(_) => return true,
        }
    }
    rest.is_done()
}

fn answering(answer: Response, exchange: Exchange, turn: &Turn<'_>) -> Phase {
    Phase::Answer(Box::new(Sending::new(answer, exchange, turn.timeout, turn.state)))
}

/// Responds to a malformed head. The bytes after it are never parsed as a request.
fn refusing(error: HeadError, turn: &Turn<'_>) -> Phase {
    let exchange =
        Exchange::of_no_head(turn.input.unread(), CloseReason::Framing, Instant::now(), turn.state);
    answering(Response::text(error.status(), format_args!("{error}\n")), exchange, turn)
}

fn too_late(what: &str) -> Response {
    Response::text(Status::REQUEST_TIMEOUT, format_args!("{what}\n"))
}

/// Receives the body. A client that waits for 100 Continue, and has not started to send, gets it first (RFC 9110
/// §10.1.1).
fn expect_body(receiving: Box<Receiving>, exchange: Exchange, waits: bool, deadline: Deadline) -> Phase {
    let body = ReceivingBody { exchange, receiving, deadline };
    if !waits || body.receiving.is_done() {
        return Phase::Body(Box::new(body));
    }
    going_on(format!("HTTP/1.1 {}\r\n\r\n", Status::CONTINUE).into_bytes(), body)
}

/// Sends an interim response, then receives the rest of the body.
fn going_on(interim: Vec<u8>, body: ReceivingBody) -> Phase {
    let ReceivingBody { exchange, receiving, deadline } = body;
    let outgoing = Outgoing::new(interim, None);
    Phase::GoOn(Box::new(GoingOn { outgoing, exchange, receiving, deadline }))
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Work {
    /// How many descriptors it holds, including those of its connection.
    pub(super) fn descriptors(&self) -> u32 {
        self.descriptors
    }

    /// Whether it has taken so long that a client that has shut down its sending side is considered gone.
    pub(super) fn takes_long(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() > HALF_CLOSED)
    }

    /// Decodes the rest of the body, if the body is incomplete.
    pub(super) fn rest(&self) -> Option<&BodyDecoder> {
        self.rest.as_ref()
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
