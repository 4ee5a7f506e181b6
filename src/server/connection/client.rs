//! The peer of a connection, and the client whose request it serves.

use crate::http::fields::Fields;
use crate::http::proxy_protocol::ProxySource;
use crate::net::peer::Peer;
use crate::server::connection::Connection;
use crate::server::connection::phase::Phase;
use crate::server::gate::client;
use crate::server::request::{ClientAddress, RequestSource, Scheme};
use crate::server::state::State;

impl Connection {
    /// The peer, or the one that the PROXY header names.
    pub(in crate::server) fn peer(&self) -> Peer {
        match self.source.as_deref() {
            Some(ProxySource::Client(address)) => Peer::Inet(*address),
            Some(ProxySource::Itself) | None => self.transport.peer(),
        }
    }

    /// The origin of a request with these fields: its client, and what trusted proxies say about it. If a PROXY header
    /// names no client, the fields do not count: the proxy may have passed them on unread.
    pub(super) fn request_source<'b>(&self, fields: Fields<'_, 'b>, state: &State) -> RequestSource<'b> {
        let mut source = match self.source.as_deref() {
            Some(ProxySource::Itself) => RequestSource::direct(ClientAddress::of_peer(self.peer())),
            Some(ProxySource::Client(_)) | None => client::find(self.peer(), fields, &state.proxies),
        };
        if self.transport.is_encrypted() {
            source.scheme = source.scheme.or(Some(Scheme::Https));
        }
        source
    }

    /// The client whose request it serves; between requests, the one that its PROXY header names.
    pub(in crate::server) fn client(&self) -> Option<ClientAddress> {
        match &self.phase {
            Phase::RecvBody(body) => Some(body.exchange.client),
            Phase::SendInterim(sending) => Some(sending.exchange.client),
            Phase::SendResponse(sending) => Some(sending.client()),
            Phase::Judged(judged) => Some(judged.client),
            Phase::RecvProxyHeader(_)
            | Phase::StartTls(_)
            | Phase::RecvHead(_)
            | Phase::Linger(_)
            | Phase::Away => self.source.as_ref().map(|_| ClientAddress::of_peer(self.peer())),
        }
    }

    /// The client whose request it serves, or else the peer.
    pub(in crate::server) fn sender(&self) -> ClientAddress {
        self.client().unwrap_or(ClientAddress::of_peer(self.peer()))
    }
}
