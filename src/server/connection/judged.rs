//! After the check of a request's password.

use std::io;
use std::time::Instant;

use crate::http::head_end::EndFinder;
use crate::net::transport::OtherEnd;
use crate::server::accounts::{CheckedPassword, PasswordVerdict};
use crate::server::connection::phase::{JudgedHead, Phase};
use crate::server::connection::{AfterTurn, Connection, Share, Transition, Turn};
use crate::server::connections::wait_for::WaitFor;
use crate::server::request::ClientAddress;
use crate::server::state::State;
use crate::server::timing::Deadline;

impl Connection {
    /// Takes the verdict on the password of its request. A worker answers a success as soon as it can; a failure waits until
    /// it is due.
    pub(in crate::server) fn judge(
        &mut self,
        checked: CheckedPassword,
        client: ClientAddress,
        state: &State,
    ) -> AfterTurn {
        let CheckedPassword { verdict, due } = checked;
        let wait_for = match verdict {
            PasswordVerdict::Wrong => WaitFor::until(due),
            PasswordVerdict::Right(_) | PasswordVerdict::TooMany(_) => {
                WaitFor::writable(Deadline::after(Instant::now(), state.stall))
            }
        };
        self.phase = Phase::Judged(Box::new(JudgedHead { verdict, due, client }));
        AfterTurn::Park(wait_for)
    }

    /// Answers the request, if that is due. Only a broken connection is an event before.
    pub(super) fn serve_judged(
        &mut self,
        judged: JudgedHead,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        if !judged.due.is_over(Instant::now()) {
            if self.transport.other_end() == OtherEnd::Gone {
                return Ok(Transition::Close);
            }
            let wait_for = WaitFor::until(judged.due);
            return Ok(Transition::Wait(Phase::Judged(Box::new(judged)), wait_for));
        }
        match EndFinder::default().find(turn.input.unread()) {
            Ok(Some(length)) => self.serve(length, Some(&judged.verdict), turn, share),
            // The head was complete, and has not been consumed.
            Ok(None) | Err(_) => Ok(Transition::Close),
        }
    }
}
