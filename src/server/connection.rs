//! One persistent connection: the only place that reads a request and writes an answer.
//!
//! A connection is always in one state, a type that owns what it needs: waiting for a head, told to go on, receiving a
//! body, sending an answer, lingering. [`Connection::advance`] moves it as far as the socket allows. Nothing here ever
//! waits for a client: what would wait is parked, in the state that it is in, with a deadline.
//!
//! ```text
//!             ┌────────────────────────────── keep ──────────────────────────────┐
//!             ▼                                                                  │
//!   waiting for a head ──► (100 Continue) ──► receiving a body ──► [job] ──► sending an answer
//!             └──────────────────────────────────────────────────────────────►   │
//!                                                                             lingering ──► closed
//! ```

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::exchange::Exchange;
use super::input::Input;
use super::lot::Wish;
use super::outgoing::{Outgoing, Progress};
use super::receiving::{Job, Need, Outcome, Receiving};
use super::route::{self, Routed};
use super::sending::Sending;
use super::state::State;
use super::timing::Deadline;
use crate::http::head_end::EndFinder;
use crate::http::persistence::{Persistence, Why};
use crate::http::request::{Expectation, FieldSpace, Head, HeadError};
use crate::http::status::Status;
use crate::net::poller::Interest;
use crate::net::stream::{More, Moved, Stream};

/// How many bytes one turn moves before the others get theirs.
const TURN: u64 = 1 << 20;

/// How many pipelined requests one turn answers before the others get theirs.
const TURN_REQUESTS: u32 = 16;

/// How long a connection that is being closed waits for its client to see why (RFC 9112 §9.6), and how much of what
/// the client still sends is thrown away meanwhile, in bytes.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LIMIT: usize = 64 * 1024;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    phase: Phase,
    /// What arrived and has not been read, while it is parked.
    unread: Vec<u8>,
}

/// The state that it is in.
#[derive(Debug)]
enum Phase {
    Head(WaitingForHead),
    GoOn(Box<GoingOn>),
    Body(Box<ReceivingBody>),
    Answer(Box<SendingAnswer>),
    Linger(Lingering),
    /// Its job has it, or it is over.
    Away,
}

#[derive(Debug, Default)]
struct WaitingForHead {
    end: EndFinder,
    /// From the head's first byte on: when it has to be whole.
    deadline: Option<Deadline>,
}

/// `100 Continue` is being sent; the body comes next (RFC 9110 §10.1.1).
#[derive(Debug)]
struct GoingOn {
    outgoing: Outgoing,
    exchange: Exchange,
    receiving: Box<Receiving>,
    deadline: Deadline,
}

#[derive(Debug)]
struct ReceivingBody {
    exchange: Exchange,
    receiving: Box<Receiving>,
    deadline: Deadline,
}

#[derive(Debug)]
struct SendingAnswer {
    sending: Sending,
    deadline: Deadline,
    /// What the kernel had not got rid of when it was parked, in bytes.
    unacknowledged: Option<u64>,
}

#[derive(Debug)]
struct Lingering {
    left: usize,
    deadline: Deadline,
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
}

/// What becomes of a connection after a turn.
#[derive(Debug)]
pub enum Next {
    /// It is to be parked.
    Park(Wish),
    /// It belongs to this job until that is done.
    Work(Work),
    /// It is over.
    Close,
}

/// A job, and the request that it is for.
pub struct Work {
    job: Job,
    exchange: Exchange,
}

/// What one step came to.
enum Step {
    Go(Phase),
    Wait(Phase, Wish),
    Work(Work),
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
        Self { stream, phase: Phase::Head(WaitingForHead::default()), unread: Vec::new() }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> SocketAddr {
        self.stream.peer()
    }

    /// What a connection that has just been accepted waits for.
    pub fn first_wish(timeout: Duration) -> Wish {
        idle_wish(timeout)
    }

    /// Tells a client for whom there is no place so, as far as that can be done without waiting.
    pub fn turn_away(self, answer: &[u8]) {
        let told = self.stream.write(answer, More::Ends).and_then(|_| self.stream.end_sending());
        log::warn!(
            "{} found no place{}",
            self.peer(),
            if told.is_ok() { "" } else { " and did not wait to hear it" }
        );
    }

    /// Goes as far as the socket allows.
    pub fn advance(&mut self, turn: &mut Turn<'_>) -> Next {
        turn.input.load(&self.unread);
        let next = self.run(turn);
        self.unread = turn.input.unload();
        next
    }

    /// Does a job, and says what the connection waits for then.
    pub fn work(&mut self, work: Work, state: &State, timeout: Duration) -> Wish {
        let Work { job, mut exchange } = work;
        let deadline = Deadline::after(Instant::now(), state.stall);
        self.phase = match job(state) {
            Outcome::Answer(answer, saved) => {
                exchange.saved = saved;
                SendingAnswer::phase(answer, exchange, timeout, deadline)
            }
            Outcome::Receive(receiving) => {
                Phase::Body(Box::new(ReceivingBody { exchange, receiving, deadline }))
            }
        };
        writable(deadline)
    }

    /// Its time is up: says so where a request had begun, and closes.
    pub fn expire(&mut self, turn: &mut Turn<'_>) -> Next {
        let now = Instant::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::Head(WaitingForHead { deadline: Some(_), .. }) => {
                let exchange = Exchange::of_no_head(&self.unread, Why::TimedOut, now, turn.state);
                let text = "the request did not arrive in time\n";
                let answer = Answer::text(Status::REQUEST_TIMEOUT, text);
                SendingAnswer::phase(answer, exchange, turn.timeout, Deadline::after(now, turn.state.stall))
            }
            Phase::Body(body) => {
                let mut exchange = body.exchange;
                exchange.persistence = Persistence::Close(Why::TimedOut);
                let answer = Answer::text(Status::REQUEST_TIMEOUT, "the body stopped coming\n");
                SendingAnswer::phase(answer, exchange, turn.timeout, Deadline::after(now, turn.state.stall))
            }
            Phase::Answer(mut answer) => {
                if answer.still_moves(&self.stream, now, turn.state.stall) {
                    let wish = writable(answer.deadline);
                    self.phase = Phase::Answer(answer);
                    return Next::Park(wish);
                }
                log::debug!("{} stopped reading", self.peer());
                answer.note(self.peer(), turn.state);
                return Next::Close;
            }
            Phase::Head(_) | Phase::GoOn(_) | Phase::Linger(_) | Phase::Away => return Next::Close,
        };
        self.advance(turn)
    }

    fn run(&mut self, turn: &mut Turn<'_>) -> Next {
        let mut share = Share { bytes: TURN, requests: TURN_REQUESTS };
        loop {
            let step = match std::mem::replace(&mut self.phase, Phase::Away) {
                Phase::Head(waiting) => self.read_head(waiting, turn, &mut share),
                Phase::GoOn(going) => self.go_on(going, turn, &mut share),
                Phase::Body(body) => self.receive(body, turn, &mut share),
                Phase::Answer(answer) => self.send(answer, turn, &mut share),
                Phase::Linger(lingering) => self.linger(lingering, turn),
                Phase::Away => Ok(Step::Close),
            };
            match step {
                Ok(Step::Go(phase)) => self.phase = phase,
                Ok(Step::Wait(phase, wish)) => {
                    self.phase = phase;
                    return Next::Park(wish);
                }
                Ok(Step::Work(work)) => return Next::Work(work),
                Ok(Step::Close) => return Next::Close,
                Err(error) => {
                    log::debug!("{} was lost: {error}", self.peer());
                    return Next::Close;
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
    ) -> io::Result<Step> {
        loop {
            match waiting.end.find(turn.input.unread()) {
                Ok(Some(length)) => return Ok(self.serve(length, turn, share)),
                Ok(None) => {}
                Err(error) => return Ok(refuse(error, turn)),
            }
            let now = Instant::now();
            if !turn.input.unread().is_empty() && waiting.deadline.is_none() {
                waiting.deadline = Some(Deadline::after(now, turn.timeout));
            }
            match turn.input.fill(&self.stream)? {
                Moved::Bytes(_) => {}
                Moved::End => return Ok(Step::Close),
                Moved::WouldWait => {
                    let wish = match waiting.deadline {
                        Some(deadline) => Wish { interest: Interest::Readable, deadline, is_idle: false },
                        None => idle_wish(turn.timeout),
                    };
                    return Ok(Step::Wait(Phase::Head(waiting), wish));
                }
            }
        }
    }

    /// Finds the answer to the head that stands at the start of the input.
    fn serve(&mut self, length: usize, turn: &mut Turn<'_>, share: &mut Share) -> Step {
        let now = Instant::now();
        let deadline = Deadline::after(now, turn.state.stall);
        let bytes = &turn.input.unread()[..length];
        let mut space = FieldSpace::new();
        let head = match Head::parse(bytes, &mut space) {
            Ok(head) => head,
            Err(error) => return refuse(error, turn),
        };
        share.requests = share.requests.saturating_sub(1);
        let mut exchange = Exchange::of(&head, bytes, now, turn.state);
        let waits = head.expectation == Expectation::Continue;
        let routed = route::route(&head, turn.state, self.peer());
        turn.input.consume(length);
        match routed {
            Routed::Answer(answer) => {
                Step::Go(SendingAnswer::phase(answer, exchange, turn.timeout, deadline))
            }
            Routed::Work(job) => Step::Work(Work { job, exchange }),
            Routed::Receive(receiving) if receiving.is_done() => {
                exchange.body_was_read();
                Step::Work(Work { job: receiving.into_job(), exchange })
            }
            // A client that has begun its body already does not wait to be told (RFC 9110 §10.1.1).
            Routed::Receive(receiving) if waits && turn.input.unread().is_empty() => {
                let line = format!("HTTP/1.1 {}\r\n\r\n", Status::CONTINUE).into_bytes();
                let outgoing = Outgoing::new(line, None);
                Step::Go(Phase::GoOn(Box::new(GoingOn { outgoing, exchange, receiving, deadline })))
            }
            Routed::Receive(receiving) => {
                Step::Go(Phase::Body(Box::new(ReceivingBody { exchange, receiving, deadline })))
            }
        }
    }

    fn go_on(&mut self, mut going: Box<GoingOn>, turn: &mut Turn<'_>, share: &mut Share) -> io::Result<Step> {
        match going.outgoing.proceed(&self.stream, &mut share.bytes)? {
            Progress::Done => {
                let GoingOn { exchange, receiving, .. } = *going;
                let deadline = Deadline::after(Instant::now(), turn.state.stall);
                Ok(Step::Go(Phase::Body(Box::new(ReceivingBody { exchange, receiving, deadline }))))
            }
            Progress::WouldWait | Progress::TurnIsOver => {
                let wish = writable(going.deadline);
                Ok(Step::Wait(Phase::GoOn(going), wish))
            }
        }
    }

    /// Takes what has come of the body, until there is no more, or enough for a turn.
    fn receive(
        &mut self,
        mut body: Box<ReceivingBody>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Step> {
        loop {
            let need = match body.receiving.absorb(turn.input.unread(), turn.state) {
                Ok((used, need)) => {
                    turn.input.consume(used);
                    need
                }
                Err(answer) => {
                    let deadline = Deadline::after(Instant::now(), turn.state.stall);
                    return Ok(Step::Go(SendingAnswer::phase(answer, body.exchange, turn.timeout, deadline)));
                }
            };
            if let Need::Job = need {
                let ReceivingBody { mut exchange, receiving, .. } = *body;
                if receiving.is_done() {
                    exchange.body_was_read();
                }
                return Ok(Step::Work(Work { job: receiving.into_job(), exchange }));
            }
            if share.bytes == 0 {
                let wish = Wish { interest: Interest::Readable, ..writable(body.deadline) };
                return Ok(Step::Wait(Phase::Body(body), wish));
            }
            match turn.input.fill(&self.stream)? {
                Moved::Bytes(count) => {
                    share.bytes = share.bytes.saturating_sub(count as u64);
                    body.deadline = Deadline::after(Instant::now(), turn.state.stall);
                }
                Moved::End => {
                    log::info!("{} went away in the middle of an upload; nothing of it is kept", self.peer());
                    return Ok(Step::Close);
                }
                Moved::WouldWait => {
                    let wish = Wish { interest: Interest::Readable, ..writable(body.deadline) };
                    return Ok(Step::Wait(Phase::Body(body), wish));
                }
            }
        }
    }

    /// Sends what there is room for; once all is sent, goes on with what comes next.
    fn send(
        &mut self,
        mut answer: Box<SendingAnswer>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Step> {
        let before = answer.sending.sent();
        let progress = answer.sending.proceed(&self.stream, &mut share.bytes);
        if !matches!(progress, Ok(Progress::WouldWait | Progress::TurnIsOver)) {
            answer.note(self.peer(), turn.state);
        }
        if progress? == Progress::Done {
            return Ok(self.after(answer.sending.exchange.persistence, turn, share));
        }
        if answer.sending.sent() > before {
            answer.deadline = Deadline::after(Instant::now(), turn.state.stall);
        }
        answer.unacknowledged = self.stream.unacknowledged().ok();
        let wish = writable(answer.deadline);
        Ok(Step::Wait(Phase::Answer(answer), wish))
    }

    /// An answer has been sent: the next request, or the end.
    fn after(&mut self, persistence: Persistence, turn: &mut Turn<'_>, share: &mut Share) -> Step {
        let waiting = Phase::Head(WaitingForHead::default());
        match persistence {
            Persistence::Keep if turn.input.unread().is_empty() => {
                Step::Wait(waiting, idle_wish(turn.timeout))
            }
            Persistence::Keep if share.requests > 0 && share.bytes > 0 => Step::Go(waiting),
            // Pipelined requests are here already; the others get a turn first.
            Persistence::Keep => Step::Wait(waiting, writable(Deadline::after(Instant::now(), turn.timeout))),
            Persistence::Close(Why::Asked | Why::Http10 | Why::Stopping)
                if turn.input.unread().is_empty() =>
            {
                Step::Close
            }
            Persistence::Close(_) => {
                // To close while the client still sends would reset the connection, and the answer would be lost.
                turn.input.consume(turn.input.unread().len());
                match self.stream.end_sending() {
                    Ok(()) => {
                        let deadline = Deadline::after(Instant::now(), LINGER);
                        Step::Go(Phase::Linger(Lingering { left: LINGER_LIMIT, deadline }))
                    }
                    Err(_) => Step::Close,
                }
            }
        }
    }

    /// Throws away what the client still sends, until it has seen that it should not, or for a short while.
    fn linger(&mut self, mut lingering: Lingering, turn: &mut Turn<'_>) -> io::Result<Step> {
        loop {
            match turn.input.fill(&self.stream)? {
                Moved::Bytes(count) if count < lingering.left => {
                    turn.input.consume(count);
                    lingering.left -= count;
                }
                Moved::WouldWait => {
                    let wish = Wish { interest: Interest::Readable, ..writable(lingering.deadline) };
                    return Ok(Step::Wait(Phase::Linger(lingering), wish));
                }
                Moved::Bytes(_) | Moved::End => return Ok(Step::Close),
            }
        }
    }
}

impl SendingAnswer {
    fn phase(answer: Answer, exchange: Exchange, timeout: Duration, deadline: Deadline) -> Phase {
        let sending = Sending::new(answer, exchange, timeout);
        Phase::Answer(Box::new(Self { sending, deadline, unacknowledged: None }))
    }

    /// Whether the client has taken anything since it was parked. A slow one may take long to make enough room for
    /// the kernel to call the socket writable.
    fn still_moves(&mut self, stream: &Stream, now: Instant, stall: Duration) -> bool {
        let left = stream.unacknowledged().ok();
        let moved = matches!((left, self.unacknowledged), (Some(left), Some(before)) if left < before);
        self.unacknowledged = left;
        self.deadline = Deadline::after(now, stall);
        moved
    }

    fn note(&self, peer: SocketAddr, state: &State) {
        self.sending.exchange.note(peer, self.sending.status(), self.sending.content_sent(), state);
    }
}

/// Answers what is no request. Nothing after it is read as one.
fn refuse(error: HeadError, turn: &mut Turn<'_>) -> Step {
    let now = Instant::now();
    let exchange = Exchange::of_no_head(turn.input.unread(), Why::Framing, now, turn.state);
    let answer = Answer::text(error.status(), format_args!("{error}\n"));
    Step::Go(SendingAnswer::phase(answer, exchange, turn.timeout, Deadline::after(now, turn.state.stall)))
}

/// Room to write, by then.
fn writable(deadline: Deadline) -> Wish {
    Wish { interest: Interest::Writable, deadline, is_idle: false }
}

/// The first byte of a request.
fn idle_wish(timeout: Duration) -> Wish {
    Wish { interest: Interest::Readable, deadline: Deadline::after(Instant::now(), timeout), is_idle: true }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
