//! Receiving the header with which a trusted proxy names its client (`--proxy-protocol`).

use std::io;

use crate::http::proxy_protocol;
use crate::net::transport::Transferred;
use crate::server::connection::phase::Phase;
use crate::server::connection::{Connection, Transition, Turn, first_phase};
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::timing::Deadline;

impl Connection {
    /// Reads until the header is complete, which takes at most as long as a head may. Anything else closes the
    /// connection: what follows could be a request whose client is unknown.
    pub(super) fn read_proxy_header(
        &mut self,
        mut deadline: Option<Deadline>,
        turn: &mut Turn<'_>,
    ) -> io::Result<Transition> {
        loop {
            match proxy_protocol::parse(turn.input.unread()) {
                Ok(Some((source, length))) => {
                    turn.input.consume(length);
                    self.source = Some(Box::new(source));
                    return Ok(Transition::Go(first_phase(&self.transport, turn.state.tls.is_some())));
                }
                Ok(None) => {}
                Err(error) => {
                    log::warn!("closed {}: {error}", self.peer());
                    return Ok(Transition::Close);
                }
            }
            if !turn.input.unread().is_empty() && deadline.is_none() {
                deadline = Some(Deadline::after(Moment::now(), turn.timeout));
            }
            match turn.input.fill(&mut self.transport)? {
                Transferred::Bytes(_) => {}
                Transferred::End => {
                    if !turn.input.unread().is_empty() {
                        log::warn!("{} disconnected during its PROXY header", self.peer());
                    }
                    return Ok(Transition::Close);
                }
                Transferred::WouldWait => {
                    let wait_for = match deadline {
                        Some(deadline) => WaitFor::readable(deadline),
                        None => WaitFor::idle(Moment::now(), turn.timeout),
                    };
                    return Ok(Transition::Wait(Phase::RecvProxyHeader(deadline), wait_for.for_news()));
                }
            }
        }
    }
}
