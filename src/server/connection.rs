//! One persistent connection: the only place that reads a request and writes an answer.
//!
//! A connection is always in one state (`phase`). [`Connection::advance`] moves it as far as the socket allows. Nothing
//! here ever waits for a client: what would wait is parked, in the state that it is in, with a deadline.
//!
//! ```text
//!         ┌─────────────────────────────────── keep ───────────────────────────────────┐
//!         ▼                                                                            │
//!   waiting for a head ──► (100 Continue) ──► receiving a body ──► [job] ──► sending an answer ──► closed
//!         └───────────────────────────────────────────────────────────────────►        └──► lingering ──┘
//! ```

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::chat_state::EventStream;
use super::client_key;
use super::connection_table::{Tracked, WaitFor};
use super::disk::Disk;
use super::exchange::Exchange;
use super::input::Input;
use super::jobs::{Chores, Jobs};
use super::outgoing::{Outgoing, Progress};
use super::phase::{GoingOn, Lingering, Phase, ReceivingBody, WaitingForHead};
use super::receiving::{Job, JobOutcome, Need, Receiving};
use super::route::{self, Routed};
use super::sending::Sending;
use super::state::State;
use super::timing::Deadline;
use crate::http::body::BodyDecoder;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::request::{Expectation, FieldSpace, Head, HeadError};
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::net::stream::{More, OtherEnd, Stream, Transferred};

/// How many bytes one turn moves before the others get theirs: two milliseconds over loopback. With half of it, large
/// files took some 8 % more processor time; with twice or eight times as much, no less.
const TURN: u64 = 2 << 20;

/// How many pipelined requests one turn answers before the others get theirs.
const TURN_REQUESTS: u32 = 16;

/// How long a connection that is being closed waits for its client to see why (RFC 9112 §9.6), and how much of what
/// the client still sends is thrown away meanwhile, in bytes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LIMIT: usize = 64 * 1024;

/// For how long a job in several steps goes on for a client that has ended what it sends. Most such clients have closed the
/// connection, which looks the same; one that still reads gets what takes no longer.
const HALF_CLOSED: Duration = Duration::from_secs(3);

/// How much of what waits in the socket is looked at to find out whether it completes a body, in bytes.
const PEEK: usize = 64 * 1024;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    phase: Phase,
    /// What arrived and has not been read, while it is parked.
    unread: Vec<u8>,
    /// Whether it was held back, and its next upload is not.
    has_waited: bool,
}

/// What a worker lends to the connection that it serves.
#[derive(Debug)]
pub struct Turn<'a> {
    /// What every answer may use.
    pub state: &'a State,
    /// The worker's buffer.
    pub input: &'a mut Input,
    /// How long a connection is kept now.
    pub timeout: Duration,
    /// Whether the disk may be waited for.
    pub disk: Disk,
    /// What waits for the disk elsewhere.
    pub jobs: &'a Jobs<Task>,
}

/// What happens to a connection after a turn.
#[derive(Debug)]
pub enum AfterTurn {
    /// It is to be parked.
    Park(WaitFor),
    /// It belongs to this job until that is done.
    Work(Work),
    /// It needs another turn, on a thread that may wait for the disk.
    NeedsDisk,
    /// It begins an upload, and its client has too many jobs waiting: it is held back.
    HeldBack,
    /// It belongs to the broadcaster from now on.
    Subscribe(Box<EventStream>),
    /// It is over.
    Close,
}

/// A job, and the request that it is for.
pub struct Work {
    job: Job,
    exchange: Exchange,
    /// Whether the client waits for `100 Continue`.
    waits: bool,
    /// What is still to come of the body, if it is not whole.
    rest: Option<BodyDecoder>,
    /// How many descriptors the job holds.
    descriptors: u32,
    /// When its first step was done, if it has several.
    begun: Option<Instant>,
}

/// A connection in the job queue.
#[derive(Debug)]
pub struct Task {
    /// The connection.
    pub tracked: Box<Tracked<Connection>>,
    /// What is to be done for it; none: its next turn.
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

/// What is left of the turn.
struct Share {
    bytes: u64,
    requests: u32,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(stream: Stream) -> Self {
        Self { stream, phase: Phase::Head(WaitingForHead::default()), unread: Vec::new(), has_waited: false }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.stream.peer()
    }

    /// Its socket.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// It was held back; the upload that it begins is not held back again.
    pub fn has_waited(&mut self) {
        self.has_waited = true;
    }

    /// Begins to close a connection for another, without losing what the client is told: it gets this answer, if
    /// no other has begun, and what it still sends is read and thrown away for a moment. Gives what to wait for; `None`
    /// where nothing is left to do but to close it.
    pub fn turn_away(&mut self, answer: &[u8], chores: &Chores) -> Option<WaitFor> {
        match std::mem::replace(&mut self.phase, Phase::Away) {
            // It has been answered before: its client knows that an idle connection may be closed.
            Phase::Head(WaitingForHead { promised, .. }) if promised > Duration::ZERO => {}
            // Away: its job has not begun.
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

    /// How many descriptors it holds while it is parked, its socket included.
    pub fn descriptors(&self) -> u32 {
        1 + match &self.phase {
            Phase::Body(body) => body.receiving.descriptors(),
            Phase::GoOn(going) => going.receiving.descriptors(),
            Phase::Answer(sending) => sending.descriptors(),
            Phase::Head(_) | Phase::Linger(_) | Phase::Away => 0,
        }
    }

    /// Whether there is no point in a job for this connection any more: the client has reset the connection, or it has
    /// ended what it sends and its body is cut short. One that has only ended what it sends may wait for the answer, unless
    /// the server is `impatient`: then it is taken to have gone.
    pub fn has_gone(&self, rest: Option<&BodyDecoder>, impatient: bool) -> bool {
        match self.stream.other_end() {
            OtherEnd::Open => false,
            OtherEnd::Gone => true,
            OtherEnd::Ended => {
                impatient || rest.is_some_and(|rest| self.is_cut_short(rest.clone(), &self.unread))
            }
        }
    }

    /// Whether a form that is about to begin is cut short already. A file for which something is created and deleted again
    /// is dear: ext4 gives out no inode that was deleted within minutes, and searches for another.
    fn is_in_vain(&self, receiving: &Receiving, unread: &[u8]) -> bool {
        receiving.is_form()
            && self.stream.other_end() != OtherEnd::Open
            && receiving.rest().is_some_and(|rest| self.is_cut_short(rest, unread))
    }

    /// Whether what has arrived does not complete the body of which this is still to come. Looks at no more than
    /// [`PEEK`] bytes; beyond that it may.
    fn is_cut_short(&self, mut rest: BodyDecoder, unread: &[u8]) -> bool {
        let mut arrived = vec![0; PEEK];
        let Ok(count) = self.stream.peek(&mut arrived) else { return true };
        if count == arrived.len() {
            return false;
        }
        let parts = [unread, arrived.get(..count).unwrap_or_default()];
        !parts.into_iter().any(|part| completes(&mut rest, part))
    }

    /// Goes as far as the socket allows.
    pub fn advance(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        turn.input.load(&self.unread);
        let next = self.run(turn);
        self.unread = turn.input.unload();
        next
    }

    /// Does a job, and says what comes then: something to wait for, or another job.
    pub fn work(&mut self, work: Work, state: &State, timeout: Duration) -> AfterTurn {
        let Work { job, mut exchange, waits, rest, descriptors, begun } = work;
        let outcome = job(state);
        // From here on the client is waited for again; the disk may have taken longer than any client may.
        let deadline = Deadline::after(Instant::now(), state.stall);
        self.phase = match outcome {
            JobOutcome::Answer(answer, saved) => {
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

    /// Its time is up: says so where a request had begun, and closes.
    pub fn expire(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        let now = Instant::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::Head(WaitingForHead { deadline: Some(_), .. }) => {
                let exchange = Exchange::of_no_head(&self.unread, CloseReason::TimedOut, now, turn.state);
                answering(too_late("the request did not arrive in time"), exchange, turn)
            }
            // Only its interim response is due: a worker sends that, when it has read what has arrived.
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
                Phase::Answer(sending) => self.send(sending, turn, &mut share),
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
                    // What no call of the system said is ours to tell: the client sees only that it was cut.
                    let level =
                        if error.raw_os_error().is_some() { log::Level::Debug } else { log::Level::Warn };
                    log::log!(level, "connection to {} lost: {error}", self.peer());
                    return AfterTurn::Close;
                }
            }
        }
    }

    /// Reads until the head is whole, then serves it.
    fn read_head(
        &mut self,
        mut waiting: WaitingForHead,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        loop {
            match waiting.end.find(turn.input.unread()) {
                Ok(Some(length)) => return Ok(self.serve(length, turn, share)),
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
    fn serve(&mut self, length: usize, turn: &mut Turn<'_>, share: &mut Share) -> Transition {
        let now = Instant::now();
        let bytes = &turn.input.unread()[..length];
        let mut space = FieldSpace::new();
        let head = match Head::parse(bytes, &mut space) {
            Ok(head) => head,
            Err(error) => return Transition::Go(refusing(error, turn)),
        };
        let again = || Phase::Head(WaitingForHead::default());
        // Held back before anything is opened for it.
        if route::is_upload(&head) {
            let has_waited = std::mem::take(&mut self.has_waited);
            if !has_waited && turn.jobs.is_crowded(client_key::of(self.peer())) {
                return Transition::HeldBack(again());
            }
        }
        let exchange = Exchange::of(&head, bytes, now, turn.state);
        let waits = head.expectation == Expectation::Continue;
        let routed = route::route(&head, turn.state, self.peer(), &mut turn.disk);
        let step = match routed {
            // It is read again, then.
            Routed::NeedsDisk => return Transition::NeedsDisk(again()),
            Routed::Answer(answer) => Transition::Go(answering(answer, exchange, turn)),
            Routed::Work(job) => {
                Transition::Work(Work { job, exchange, waits, rest: None, descriptors: 1, begun: None })
            }
            Routed::Receive(receiving) if self.is_in_vain(&receiving, &turn.input.unread()[length..]) => {
                log::debug!("{} disconnected; its form is dropped", self.peer());
                Transition::Close
            }
            Routed::Receive(receiving) => {
                let deadline = Deadline::after(Instant::now(), turn.state.stall);
                let waits = waits && turn.input.unread().len() == length;
                Transition::Go(expect_body(receiving, exchange, waits, deadline))
            }
        };
        turn.input.consume(length);
        share.requests = share.requests.saturating_sub(1);
        step
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
                // To close the file of an upload may take long.
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

    /// Takes what has come of the body, until there is no more, or enough for a turn.
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

    /// Sends what there is room for; once all is sent, goes on with what comes next.
    fn send(
        &mut self,
        mut sending: Box<Sending>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let progress = sending.proceed(&self.stream, &mut share.bytes, &mut turn.disk, turn.state);
        if let Ok(Progress::NeedsDisk) = progress {
            return Ok(Transition::NeedsDisk(Phase::Answer(sending)));
        }
        if let Ok(Progress::WouldWait | Progress::TurnIsOver) = progress {
            let wait_for = WaitFor::writable(sending.deadline());
            return Ok(Transition::Wait(Phase::Answer(sending), wait_for));
        }
        let promised = sending.promised();
        if let (Ok(_), Some(events)) = (&progress, sending.take_events()) {
            sending.end(self.peer(), turn.state);
            return Ok(Transition::Subscribe(events));
        }
        let persistence = sending.end(self.peer(), turn.state);
        // To close a file may take as long as to read it.
        if sending.descriptors() > 0 && !turn.disk.may_touch(turn.state) {
            turn.state.chores.drop_later(sending);
        }
        progress.map(|_| self.after(persistence, promised, turn, share))
    }

    /// An answer has been sent: the next request, or the end.
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
            // While a long answer was sent others may have come; what its head said holds all the same.
            Persistence::Keep if nothing_unread => {
                let wait_for = WaitFor::idle(Instant::now(), turn.timeout.max(promised));
                Transition::Wait(
                    waiting,
                    if turn.input.is_drained() { wait_for.for_news() } else { wait_for },
                )
            }
            Persistence::Keep if share.requests > 0 && share.bytes > 0 => Transition::Go(waiting),
            // Pipelined requests are here already; the others get a turn first.
            Persistence::Keep => Transition::Wait(waiting, WaitFor::writable(deadline(turn.timeout))),
            Persistence::Close(CloseReason::Asked | CloseReason::Http10 | CloseReason::Stopping)
                if self.is_silent(turn) =>
            {
                Transition::Close
            }
            // To close while the client still sends would reset the connection, and the answer would be lost.
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

    /// Whether the client has sent nothing that has not been read.
    fn is_silent(&self, turn: &mut Turn<'_>) -> bool {
        turn.input.unread().is_empty() && !matches!(turn.input.fill(&self.stream), Ok(Transferred::Bytes(_)))
    }

    /// Throws away what the client still sends, until it has seen that it should not, or for a short while.
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

/// Whether a body ends in these bytes.
fn completes(rest: &mut BodyDecoder, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() && !rest.is_done() {
        match rest.decode(bytes) {
            Ok(found) => bytes = bytes.get(found.used..).unwrap_or_default(),
            // What is malformed gets its answer.
            Err(_) => return true,
        }
    }
    rest.is_done()
}

fn answering(answer: Answer, exchange: Exchange, turn: &Turn<'_>) -> Phase {
    Phase::Answer(Box::new(Sending::new(answer, exchange, turn.timeout, turn.state)))
}

/// Answers what is no request. Nothing after it is read as one.
fn refusing(error: HeadError, turn: &Turn<'_>) -> Phase {
    let exchange =
        Exchange::of_no_head(turn.input.unread(), CloseReason::Framing, Instant::now(), turn.state);
    answering(Answer::text(error.status(), format_args!("{error}\n")), exchange, turn)
}

fn too_late(what: &str) -> Answer {
    Answer::text(Status::REQUEST_TIMEOUT, format_args!("{what}\n"))
}

/// The body is wanted. A client that waits to be told, and has not begun already, is told so (RFC 9110 §10.1.1).
fn expect_body(receiving: Box<Receiving>, exchange: Exchange, waits: bool, deadline: Deadline) -> Phase {
    let body = ReceivingBody { exchange, receiving, deadline };
    if !waits || body.receiving.is_done() {
        return Phase::Body(Box::new(body));
    }
    going_on(format!("HTTP/1.1 {}\r\n\r\n", Status::CONTINUE).into_bytes(), body)
}

/// Sends an interim response, then receives the body, or the rest of it.
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
    /// How many descriptors it holds, those of its connection included.
    pub fn descriptors(&self) -> u32 {
        self.descriptors
    }

    /// Whether it has taken so long that a client that has ended what it sends is taken to have gone.
    pub fn takes_long(&self) -> bool {
        self.begun.is_some_and(|begun| begun.elapsed() > HALF_CLOSED)
    }

    /// What is still to come of the body, if it is not whole.
    pub fn rest(&self) -> Option<&BodyDecoder> {
        self.rest.as_ref()
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
pub(super) mod tests;
