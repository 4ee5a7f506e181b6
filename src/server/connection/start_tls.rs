//! The first byte of a connection decides whether it is TLS (RFC 8446 §5.1) or plain HTTP. Then comes the handshake.

use std::io;

use crate::net::transport::{Transferred, Transport};
use crate::server::connection::phase::{Phase, WaitingForHead};
use crate::server::connection::{Connection, LINGER_LIMIT, Transition, Turn};
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::timing::Deadline;
use crate::server::tls::Tls;

/// The type of the first record of a handshake. No request begins with this byte.
const HANDSHAKE: u8 = 22;

impl Connection {
    /// Waits for the first byte and for the handshake, which takes at most as long as a head may. No thread waits for it.
    pub(super) fn start_tls(
        &mut self,
        mut deadline: Option<Deadline>,
        turn: &mut Turn<'_>,
    ) -> io::Result<Transition> {
        if !self.transport.is_encrypted() && turn.input.unread().is_empty() {
            match turn.input.fill(&mut self.transport)? {
                Transferred::Bytes(_) => {}
                Transferred::End => return Ok(Transition::Close),
                Transferred::WouldWait => {
                    let wait_for = WaitFor::idle(Moment::now(), turn.timeout).for_news();
                    return Ok(Transition::Wait(Phase::StartTls(None), wait_for));
                }
            }
        }
        let until = *deadline.get_or_insert_with(|| Deadline::after(Moment::now(), turn.timeout));
        if !self.transport.is_encrypted() {
            let Some(tls) = &turn.state.tls else { return Ok(Transition::Close) };
            let arrived = turn.input.unread();
            if arrived.first() != Some(&HANDSHAKE) {
                if tls.answers_plain() {
                    self.is_exposed = true;
                    return Ok(Transition::Go(Phase::RecvHead(WaitingForHead::default())));
                }
                // The handshake fails, and its alert tells the client that this port uses TLS.
                log::info!("closed {}: it does not speak TLS", self.peer());
            }
            self.transport.encrypt(|socket, peer| tls.begin(socket, peer, arrived))?;
            turn.input.consume(turn.input.unread().len());
        }
        let Transport::Tls(stream) = &mut self.transport else { return Ok(Transition::Close) };
        match stream.handshake() {
            Ok(true) => {
                self.certificate = Tls::client_certificate(stream).map(Box::new);
                Ok(Transition::Go(Phase::RecvHead(WaitingForHead::default())))
            }
            Ok(false) => {
                let wait_for = WaitFor::readable(until).for_news();
                Ok(Transition::Wait(Phase::StartTls(Some(until)), wait_for))
            }
            Err(error) => {
                log::debug!("closed {}: its TLS handshake failed: {error}", self.peer());
                // A client whose certificate is refused has sent its request already.
                Ok(self.end_sending(LINGER_LIMIT).into())
            }
        }
    }
}
