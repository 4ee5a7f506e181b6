//! Sending the response, and what follows it: the next request, or the end of the connection.

use std::io;
use std::time::Duration;

use crate::http::persistence::{CloseReason, Persistence};
use crate::net::transport::Transferred;
use crate::server::connection::outgoing::Progress;
use crate::server::connection::phase::{Lingering, Phase, WaitingForHead};
use crate::server::connection::sending::Sending;
use crate::server::connection::{Connection, LINGER_LIMIT, LINGER_PIECE, Share, Transition, Turn};
use crate::server::connections::wait_for::WaitFor;
use crate::server::jobs::JobKind;
use crate::server::moment::Moment;
use crate::server::timing::Deadline;

impl Connection {
    /// Continues a response, if its credentials are still valid. Otherwise the connection is closed, so that the client
    /// sees that the response is incomplete.
    pub(super) fn send_on(
        &mut self,
        mut sending: Sending,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        if sending.has_lost_rights() {
            log::info!(
                "{} may not have the rest of a response: its credentials have ended",
                sending.client()
            );
            sending.end(turn.state);
            return Ok(Transition::Close);
        }
        self.send(sending, turn, share)
    }

    /// Sends as much as the socket and the turn's share allow; after the last byte, continues with the next request.
    pub(super) fn send(
        &mut self,
        mut sending: Sending,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let progress = sending.proceed(&mut self.transport, &mut share.bytes, &mut turn.disk, turn.state);
        if let Ok(Progress::NeedsDisk) = progress {
            let client = sending.client();
            let phase = Phase::SendResponse(Box::new(sending));
            return Ok(Transition::NeedsThread(phase, client, JobKind::General));
        }
        if let Ok(Progress::WouldWait | Progress::TurnIsOver) = progress {
            let wait_for = WaitFor::writable(sending.deadline());
            return Ok(Transition::Wait(Phase::SendResponse(Box::new(sending)), wait_for));
        }
        let promised = sending.promised();
        if let (Ok(_), Some(events)) = (&progress, sending.take_events()) {
            sending.end(turn.state);
            return Ok(Transition::Subscribe(events));
        }
        let persistence = sending.end(turn.state);
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
        let waiting = |idle_since| {
            Phase::RecvHead(WaitingForHead { idle_since, promised, ..WaitingForHead::default() })
        };
        let deadline = |time| Deadline::after(Moment::now(), time);
        let nothing_unread = turn.input.unread().is_empty();
        match persistence {
            // The server may have become busier while a long response was sent; the timeout in its head still holds.
            Persistence::Keep if nothing_unread => {
                let now = Moment::now();
                let wait_for = WaitFor::idle(now, turn.timeout.max(promised));
                Transition::Wait(
                    waiting(Some(now)),
                    if turn.input.is_drained() { wait_for.for_news() } else { wait_for },
                )
            }
            Persistence::Keep if share.requests > 0 && share.bytes > 0 => Transition::Go(waiting(None)),
            // Pipelined requests have already arrived; other connections get a turn first.
            Persistence::Keep => Transition::Wait(waiting(None), WaitFor::writable(deadline(turn.timeout))),
            Persistence::Close(CloseReason::Asked | CloseReason::Http10 | CloseReason::Stopping)
                if self.is_silent(turn) =>
            {
                Transition::Close
            }
            Persistence::Close(why) => {
                turn.input.consume(turn.input.unread().len());
                self.end_sending(if why == CloseReason::PieceUnread { LINGER_PIECE } else { LINGER_LIMIT })
                    .into()
            }
        }
    }

    /// Whether the client has sent nothing that is still unread.
    fn is_silent(&mut self, turn: &mut Turn<'_>) -> bool {
        turn.input.unread().is_empty()
            && !matches!(turn.input.fill(&mut self.transport), Ok(Transferred::Bytes(_)))
    }

    /// Reads and discards input until the client closes its side, for a limited time and a limited number of bytes.
    pub(super) fn linger(
        &mut self,
        mut lingering: Lingering,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        while share.bytes > 0 {
            match turn.input.fill(&mut self.transport)? {
                Transferred::Bytes(count) if count < lingering.left => {
                    turn.input.consume(count);
                    lingering.left -= count;
                    share.bytes = share.bytes.saturating_sub(count as u64);
                }
                Transferred::WouldWait => break,
                Transferred::Bytes(_) | Transferred::End => return Ok(Transition::Close),
            }
        }
        let wait_for = WaitFor::readable(lingering.deadline);
        Ok(Transition::Wait(Phase::Linger(lingering), wait_for))
    }
}
