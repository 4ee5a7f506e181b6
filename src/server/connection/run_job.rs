//! Running the job of a connection, if its client is still there.

use std::time::Duration;

use crate::blocking::Blocking;
use crate::folder;
use crate::http::body::BodyDecoder;
use crate::net::transport::OtherEnd;
use crate::server::connection::after_password::AfterPassword;
use crate::server::connection::phase::{Phase, expect_body};
use crate::server::connection::sending::Sending;
use crate::server::connection::work::Work;
use crate::server::connection::{AfterTurn, Connection};
use crate::server::connections::wait_for::WaitFor;
use crate::server::error_response;
use crate::server::jobs::JobKind;
use crate::server::jobs::deferred::Deferred;
use crate::server::moment::Moment;
use crate::server::receive::JobOutcome;
use crate::server::state::State;
use crate::server::timing::Deadline;

impl Connection {
    /// Whether a job for this connection would be pointless: the client has reset the connection, or has shut down its
    /// sending side before its body was complete. A client that has only shut down its sending side may still read the
    /// response, but an `impatient` server treats this client as gone.
    pub(in crate::server) fn has_gone(&self, rest: Option<&BodyDecoder>, impatient: bool) -> bool {
        match self.transport.other_end() {
            OtherEnd::Open => false,
            OtherEnd::Gone => true,
            OtherEnd::Ended => {
                impatient || rest.is_some_and(|rest| self.is_cut_short(rest.clone(), &self.unread))
            }
        }
    }

    /// Runs a job and returns what comes next: something to wait for, or another job.
    pub(in crate::server) fn work(
        &mut self,
        work: Work,
        state: &State,
        timeout: Duration,
        disk: Blocking<'_>,
    ) -> AfterTurn {
        let Work { job, mut exchange, waits, rest, descriptors, kind, begun } = work;
        // Jobs for the store may have waited for seconds.
        let outcome = if kind == JobKind::AsksStore && exchange.has_lost_rights() {
            JobOutcome::Respond(error_response::of(&folder::Error::Unauthenticated), None)
        } else {
            job.into_inner(disk)(state, disk)
        };
        // The client's time starts now; the job may have waited for the disk for longer than any timeout.
        let deadline = Deadline::after(Moment::now(), state.stall);
        self.phase = match outcome {
            JobOutcome::Respond(answer, saved) => {
                exchange.saved = saved;
                Phase::SendResponse(Box::new(Sending::new(answer, exchange, timeout, state)))
            }
            JobOutcome::Receive(receiving) => {
                let waits = waits && self.unread.is_empty();
                expect_body(receiving, exchange, waits, deadline)
            }
            JobOutcome::Again(job) => {
                let job = Deferred::new(job, &state.chores);
                if exchange.has_lost_rights() {
                    log::info!(
                        "{} may not have the rest of its work: its credentials have ended",
                        exchange.client
                    );
                    let answer = error_response::of(&folder::Error::Unauthenticated);
                    let sending = Sending::new(answer, exchange, timeout, state);
                    self.phase = Phase::SendResponse(Box::new(sending));
                    return AfterTurn::Park(WaitFor::writable(deadline));
                }
                let begun = begun.or_else(|| Some(Moment::now()));
                let work = Work { job, exchange, waits, rest, descriptors, kind, begun };
                return AfterTurn::Work(Box::new(work));
            }
            JobOutcome::AskStore(job) => return AfterTurn::Work(Work::asks_store(job, exchange, state)),
            JobOutcome::CheckPassword(check, then) => {
                return AfterTurn::CheckPassword(check, AfterPassword::respond(exchange, then));
            }
        };
        AfterTurn::Park(WaitFor::writable(deadline))
    }
}
