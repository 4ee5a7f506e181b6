//! Receiving the head of a request, and finding its response.

use std::io;
use std::sync::Arc;

use crate::http::persistence::CloseReason;
use crate::http::request::{Expectation, FieldSpace, Head, HeadError};
use crate::net::transport::{OtherEnd, Transferred};
use crate::server::connection::exchange::Exchange;
use crate::server::connection::phase::{Phase, WaitingForHead, expect_body};
use crate::server::connection::sending::Sending;
use crate::server::connection::work::Work;
use crate::server::connection::{Connection, Share, Transition, Turn, responding};
use crate::server::connections::wait_for::WaitFor;
use crate::server::disk::Disk;
use crate::server::gate::plain;
use crate::server::handled::Handled;
use crate::server::jobs::JobKind;
use crate::server::jobs::deferred::Deferred;
use crate::server::moment::Moment;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::pipeline;
use crate::server::receive::{Job, Receiving};
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::routing;
use crate::server::timing::Deadline;

impl Connection {
    /// Reads until the head is complete, then serves it.
    pub(super) fn read_head(
        &mut self,
        mut waiting: WaitingForHead,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        loop {
            if !turn.input.unread().is_empty() {
                match waiting.end.find(turn.input.unread()) {
                    Ok(Some(length)) => return self.serve(length, None, turn, share),
                    Ok(None) => {}
                    Err(error) => return Ok(Transition::Go(self.rejecting(error, turn))),
                }
                waiting.deadline.get_or_insert_with(|| Deadline::after(Moment::now(), turn.timeout));
            }
            match turn.input.fill(&mut self.transport)? {
                Transferred::Bytes(_) => {}
                Transferred::End => {
                    log::debug!("{} disconnected", self.peer());
                    return Ok(Transition::Close);
                }
                Transferred::WouldWait => {
                    let wait_for = if let Some(deadline) = waiting.deadline {
                        WaitFor::readable(deadline)
                    } else {
                        let since = *waiting.idle_since.get_or_insert_with(Moment::now);
                        WaitFor::idle(since, turn.timeout.max(waiting.promised))
                    };
                    return Ok(Transition::Wait(Phase::RecvHead(waiting), wait_for.for_news()));
                }
            }
        }
    }

    /// Finds the response to the head at the start of the input. The verdict is about its password, if that
    /// has been checked.
    #[inline]
    pub(super) fn serve(
        &mut self,
        length: usize,
        verdict: Option<&PasswordVerdict>,
        turn: &mut Turn<'_>,
        share: &mut Share,
    ) -> io::Result<Transition> {
        let now = Moment::now();
        let bytes = &turn.input.unread()[..length];
        let mut space = FieldSpace::new();
        let mut head = match Head::parse(bytes, &mut space) {
            Ok(head) => head,
            Err(error) => return Ok(Transition::Go(self.rejecting(error, turn))),
        };
        let mut source = self.request_source(head.fields, turn.state);
        source.certificate = self.certificate.as_deref();
        source.verdict = verdict;
        let refused =
            if self.is_exposed { plain::check(&head, self.peer(), &source, turn.state).err() } else { None };
        // If a proxy names the prefix, it has already removed the prefix from the target.
        if source.prefix.is_none() && !turn.state.base.is_root() {
            head.target = turn.state.base.strip(head.target);
        }
        let again = || Phase::RecvHead(WaitingForHead::default());
        let client = source.client;
        // Checked before anything is opened for the upload.
        if verdict.is_none() && routing::is_upload(&head) {
            let has_waited = std::mem::take(&mut self.has_waited);
            if !has_waited && turn.jobs.is_crowded(client.key()) {
                return Ok(Transition::HeldBack(again(), client));
            }
        }
        let mut exchange = Exchange::of(&head, bytes, client, now, turn.state);
        exchange.wanted.is_encrypted = self.transport.is_encrypted();
        exchange.persistence = exchange.persistence.unless(self.is_exposed, CloseReason::Plain);
        let waits = head.expectation == Expectation::Continue;
        exchange.credential = self.credential.take();
        let disk = if turn.may_open { &mut turn.disk } else { &mut Disk::Never };
        let routed = if let Some(response) = refused {
            Handled::Respond(response)
        } else {
            let Exchange { wanted, credential, .. } = &mut exchange;
            pipeline::run(&mut head, turn.state, self.peer(), &source, wanted, credential, disk)
        };
        if let Some(credential) = exchange.credential.as_ref().filter(|proof| proof.is_remembered()) {
            self.credential = Some(Arc::clone(credential));
        }
        let step = match routed {
            // The next turn parses it again.
            Handled::NeedsDisk => return Ok(Transition::NeedsThread(again(), client, JobKind::General)),
            Handled::NeedsStore => return Ok(Transition::NeedsThread(again(), client, JobKind::AsksStore)),
            // The turn after the check parses it again, too.
            Handled::CheckPassword(check) => return Ok(Transition::CheckPassword(check)),
            // Sent at once: most responses are sent whole, and need not be stored in a phase.
            Handled::Respond(answer) => {
                turn.input.consume(length);
                share.requests = share.requests.saturating_sub(1);
                return self.send(Sending::new(answer, exchange, turn.timeout, turn.state), turn, share);
            }
            Handled::Work(job) => Transition::Work(work(job, JobKind::General, exchange, waits, turn)),
            #[cfg(feature = "thumbs")]
            Handled::Draw(job) => Transition::Work(work(job, JobKind::Draws, exchange, waits, turn)),
            Handled::Save(job) => Transition::Work(work(job, JobKind::Saves, exchange, waits, turn)),
            Handled::AskStore(job) => Transition::Work(work(job, JobKind::AsksStore, exchange, waits, turn)),
            Handled::Receive(receiving) if self.is_in_vain(&receiving, &turn.input.unread()[length..]) => {
                log::debug!("{client} disconnected; its form is dropped");
                Transition::Close
            }
            Handled::Receive(receiving) => {
                let deadline = Deadline::after(Moment::now(), turn.state.stall);
                let waits = waits && turn.input.unread().len() == length;
                Transition::Go(expect_body(receiving, exchange, waits, deadline))
            }
        };
        turn.input.consume(length);
        share.requests = share.requests.saturating_sub(1);
        Ok(step)
    }

    /// Whether a form that is about to start is already truncated. Creating a file and deleting it again is
    /// expensive: ext4 does not reuse an inode within minutes of its deletion, and has to search for another.
    fn is_in_vain(&self, receiving: &Receiving, unread: &[u8]) -> bool {
        receiving.opens_later()
            && self.transport.other_end() != OtherEnd::Open
            && receiving.rest().is_some_and(|rest| self.is_cut_short(rest, unread))
    }

    /// Responds to a malformed head. The bytes after it are never parsed as a request.
    fn rejecting(&self, error: HeadError, turn: &Turn<'_>) -> Phase {
        let (bytes, client) = (turn.input.unread(), ClientAddress::of_peer(self.peer()));
        let exchange = Exchange::of_no_head(bytes, client, CloseReason::Framing, Moment::now(), turn.state);
        responding(Response::text(error.status(), format_args!("{error}\n")), exchange, turn)
    }
}

/// A job for a request whose body is not received, or not yet.
fn work(job: Job, kind: JobKind, exchange: Exchange, waits: bool, turn: &Turn<'_>) -> Box<Work> {
    let job = Deferred::new(job, &turn.state.chores);
    Box::new(Work { job, exchange, waits, rest: None, descriptors: 1, kind, begun: None })
}
