//! Sending an interim response, and receiving the body of a request.

use std::io;

use crate::folder;
use crate::http::body::BodyDecoder;
use crate::net::transport::Transferred;
use crate::server::connection::outgoing::Progress;
use crate::server::connection::phase::{Phase, ReceivingBody, SendingInterim, send_interim};
use crate::server::connection::work::Work;
use crate::server::connection::{Connection, Share, Transition, Turn, responding};
use crate::server::connections::wait_for::WaitFor;
use crate::server::error_response;
use crate::server::jobs::JobKind;
use crate::server::moment::Moment;
use crate::server::receive::{Finish, Need};
use crate::server::timing::Deadline;

/// How many bytes waiting in the socket are examined to find out whether they complete a body.
const PEEK: usize = 64 * 1024;

impl Connection {
    pub(super) fn send_interim(
        &mut self,
        mut sending: Box<SendingInterim>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let progress =
            sending.outgoing.proceed(&mut self.transport, &mut share.bytes, &mut turn.disk, turn.state)?;
        if progress == Progress::Done {
            let SendingInterim { exchange, receiving, .. } = *sending;
            let deadline = Deadline::after(Moment::now(), turn.state.stall);
            return Ok(Transition::Go(Phase::RecvBody(Box::new(ReceivingBody {
                exchange,
                receiving,
                deadline,
            }))));
        }
        let wait_for = WaitFor::writable(sending.deadline);
        Ok(Transition::Wait(Phase::SendInterim(sending), wait_for))
    }

    /// Receives the body until no more bytes are available or the turn's share is used up.
    pub(super) fn receive(
        &mut self,
        mut body: Box<ReceivingBody>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        if body.exchange.has_lost_rights() {
            let ReceivingBody { exchange, receiving, .. } = *body;
            log::info!("{} may not send the rest of a body: its credentials have ended", exchange.client);
            receiving.close(&mut turn.disk, turn.state);
            let answer = error_response::of(&folder::Error::Unauthenticated);
            return Ok(Transition::Go(responding(answer, exchange, turn)));
        }
        loop {
            match body.receiving.absorb(turn.input.unread(), &mut turn.disk, turn.state) {
                Ok((used, Need::Bytes)) => turn.input.consume(used),
                Ok((_, Need::Disk)) => {
                    let client = body.exchange.client;
                    return Ok(Transition::NeedsThread(Phase::RecvBody(body), client, JobKind::General));
                }
                Ok((used, Need::Finish)) => {
                    turn.input.consume(used);
                    return Ok(finish(*body, turn));
                }
                Err(answer) => {
                    let ReceivingBody { exchange, receiving, .. } = *body;
                    receiving.close(&mut turn.disk, turn.state);
                    return Ok(Transition::Go(responding(answer, exchange, turn)));
                }
            }
            let moved =
                if share.bytes > 0 { turn.input.fill(&mut self.transport)? } else { Transferred::WouldWait };
            match moved {
                Transferred::Bytes(count) => {
                    share.bytes = share.bytes.saturating_sub(count as u64);
                    body.deadline = Deadline::after(Moment::now(), turn.state.stall);
                }
                Transferred::End => {
                    let fate = body.receiving.fate();
                    log::info!("{} disconnected during an upload; {fate}", body.exchange.client);
                    body.receiving.close(&mut turn.disk, turn.state);
                    return Ok(Transition::Close);
                }
                Transferred::WouldWait => {
                    if self.transport.take_progress() {
                        body.deadline = Deadline::after(Moment::now(), turn.state.stall);
                    }
                    if let Some(interim) = body.receiving.take_interim(Moment::now()) {
                        return Ok(Transition::Go(send_interim(interim, *body)));
                    }
                    let interim = body.receiving.interim_deadline();
                    let wait_for =
                        WaitFor::readable(interim.map_or(body.deadline, |due| due.min(body.deadline)));
                    return Ok(Transition::Wait(Phase::RecvBody(body), wait_for));
                }
            }
        }
    }

    /// Whether the body is incomplete even with the bytes that have arrived. Examines at most [`PEEK`] bytes; if there
    /// are more, assumes that the body is complete.
    pub(super) fn is_cut_short(&self, mut rest: BodyDecoder, unread: &[u8]) -> bool {
        let mut arrived = vec![0; PEEK];
        let count = match self.transport.peek(&mut arrived) {
            Ok(Some(count)) => count,
            // Encrypted input may complete the body.
            Ok(None) => return false,
            Err(_) => return true,
        };
        if count == arrived.len() {
            return false;
        }
        let parts = [unread, arrived.get(..count).unwrap_or_default()];
        !parts.into_iter().any(|part| completes(&mut rest, part))
    }
}

/// Responds, or hands the request to a job: the body is complete, or its sink has work to do.
fn finish(body: ReceivingBody, turn: &mut Turn<'_>) -> Transition {
    let ReceivingBody { mut exchange, receiving, .. } = body;
    if receiving.is_done() {
        exchange.body_was_read();
    }
    let (rest, descriptors) = (receiving.rest(), 1 + receiving.descriptors());
    match receiving.finish(&mut turn.disk, turn.state) {
        Finish::Respond(response) => Transition::Go(responding(response, exchange, turn)),
        Finish::Job(job, kind) => {
            let work = Work { job, exchange, waits: false, rest, descriptors, kind, begun: None };
            Transition::Work(Box::new(work))
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
