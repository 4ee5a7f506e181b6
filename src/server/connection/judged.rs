//! What a connection does after a password check.

use std::io;
use std::time::Duration;

use crate::blocking::Blocking;
use crate::http::head_end::EndFinder;
use crate::net::transport::OtherEnd;
use crate::server::connection::after_password::AfterPassword;
use crate::server::connection::phase::{JudgedPassword, Phase, WhenDue};
use crate::server::connection::sending::Sending;
use crate::server::connection::work::Work;
use crate::server::connection::{AfterTurn, Connection, Share, Transition, Turn};
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::password_verdict::{CheckedPassword, PasswordVerdict};
use crate::server::receive::CheckOutcome;
use crate::server::request::ClientAddress;
use crate::server::state::State;
use crate::server::timing::Deadline;

impl Connection {
    /// Takes the verdict on a password. A worker continues after a success as soon as it can; a failure waits
    /// until it is due.
    pub(in crate::server) fn judge(
        &mut self,
        checked: CheckedPassword,
        then: AfterPassword,
        client: ClientAddress,
        timeout: Duration,
        state: &State,
        disk: Blocking<'_>,
    ) -> AfterTurn {
        let CheckedPassword { verdict, due } = checked;
        let wait_for = match verdict {
            PasswordVerdict::Wrong => WaitFor::until(due),
            PasswordVerdict::Right(_) | PasswordVerdict::TooMany(_) => {
                WaitFor::writable(Deadline::after(Moment::now(), state.stall))
            }
        };
        let then = match then {
            AfterPassword::Serve => WhenDue::Serve(verdict),
            AfterPassword::Respond(exchange, then) => match then(&verdict, state, disk) {
                CheckOutcome::Respond(response) => {
                    WhenDue::Send(Box::new(Sending::new(response, *exchange, timeout, state)))
                }
                CheckOutcome::AskStore(job) => {
                    return AfterTurn::Work(Work::asks_store(job, *exchange, state));
                }
            },
        };
        self.phase = Phase::Judged(Box::new(JudgedPassword { then, due, client }));
        AfterTurn::Park(wait_for)
    }

    /// Continues if the result is due. Before that, only a broken connection causes an event.
    pub(super) fn after_check(
        &mut self,
        judged: JudgedPassword,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        if !judged.due.is_over(Moment::now()) {
            if self.transport.other_end() == OtherEnd::Gone {
                return Ok(Transition::Close);
            }
            let wait_for = WaitFor::until(judged.due);
            return Ok(Transition::Wait(Phase::Judged(Box::new(judged)), wait_for));
        }
        let verdict = match judged.then {
            WhenDue::Serve(verdict) => verdict,
            WhenDue::Send(sending) => return self.send(*sending, turn, share),
        };
        match EndFinder::default().find(turn.input.unread()) {
            Ok(Some(length)) => self.serve(length, Some(&verdict), turn, share),
            // The head was complete, and has not been consumed.
            Ok(None) | Err(_) => Ok(Transition::Close),
        }
    }
}
