//! A request as gates and handlers see it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::access::Principal;
use crate::http::request::{Head, Method};
use crate::http::target::PathAndQuery;
use crate::net::peer::Peer;
use crate::path::SharePath;
use crate::server::client_key::{self, ClientKey};
use crate::server::link_view::LinkView;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::tls::ClientCertificate;

thread_local! {
    /// The path of the last request on this thread. The next request uses its memory: to allocate and to free it would take
    /// 140 instructions.
    static SPARE: Cell<SharePath> = const { Cell::new(SharePath::root()) };
}

/// A request on its way to its handler.
pub(super) struct Request<'a, 'h, 'b> {
    /// Its head.
    pub head: &'a Head<'h, 'b>,
    /// Its method, which its route has.
    pub method: Method,
    /// Its target, encoded, with its query.
    pub target: PathAndQuery<'b>,
    /// The path in the folder that the target names; the root for the server's own paths.
    pub path: SharePath,
    /// Whether the target is in the folder, not one of the server's own paths.
    #[cfg_attr(not(feature = "dav"), allow(dead_code, reason = "only the locks gate asks for it"))]
    pub is_in_folder: bool,
    /// What follows the route's prefix in the target: the token of an upload, the name of an asset. Empty elsewhere.
    pub rest: &'b str,
    /// The principal that the request acts for.
    pub principal: Principal,
    /// The client.
    pub client: ClientAddress,
    /// The scheme that the client used, if a trusted proxy names it, or if the connection uses TLS.
    pub scheme: Option<Scheme>,
    /// The link through which the request came.
    pub link: Option<Arc<LinkView>>,
}

/// Where a request comes from: its client, and the statements of a trusted proxy, which are not checked yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestSource<'b> {
    /// The client.
    pub client: ClientAddress,
    /// The scheme that it used, if that is known.
    pub scheme: Option<Scheme>,
    /// The host that it asked for.
    pub host: Option<&'b [u8]>,
    /// What the proxy has removed from the start of the path.
    pub prefix: Option<&'b [u8]>,
    /// The certificate of the connection's client.
    pub certificate: Option<&'b ClientCertificate>,
    /// Whether it comes from a trusted proxy, so that its header fields count.
    #[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "no field names a user"))]
    pub is_by_proxy: bool,
    /// The verdict on the password in the request, if the password has been checked.
    pub verdict: Option<&'b PasswordVerdict>,
}

/// The scheme of a URL (RFC 9110 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// The client of a request, for limits, logs and handlers. The client gate finds it. It need not be the peer of the
/// connection: a proxy sends the requests of many clients over one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAddress {
    /// The peer of the connection.
    Peer(Peer),
    /// A client behind a trusted proxy. Its port is unknown.
    Forwarded(IpAddr),
}

impl Request<'_, '_, '_> {
    /// The root, from which the path of the next request is built.
    pub(super) fn spare_path() -> SharePath {
        SPARE.take().reused()
    }

    /// The path as its client sees it. Through a link, it is relative to the root of the link.
    pub(super) fn shown_path(&self) -> Cow<'_, SharePath> {
        match &self.link {
            Some(link) => Cow::Owned(link.shown(&self.path)),
            None => Cow::Borrowed(&self.path),
        }
    }
}

impl Drop for Request<'_, '_, '_> {
    fn drop(&mut self) {
        SPARE.set(std::mem::take(&mut self.path));
    }
}

impl RequestSource<'_> {
    /// The source of a request from this client, without a trusted proxy.
    pub(super) fn direct(client: ClientAddress) -> Self {
        Self {
            client,
            scheme: None,
            host: None,
            prefix: None,
            certificate: None,
            is_by_proxy: false,
            verdict: None,
        }
    }
}

impl Scheme {
    /// The scheme that a proxy names; anything but `https` is `http`.
    pub(super) fn parse(value: &[u8]) -> Self {
        if value.eq_ignore_ascii_case(b"https") { Self::Https } else { Self::Http }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl ClientAddress {
    /// The client is the peer itself.
    pub(super) fn of_peer(peer: Peer) -> Self {
        Self::Peer(peer)
    }

    /// The client is at this address, which a trusted proxy names.
    pub(super) fn forwarded(address: IpAddr) -> Self {
        Self::Forwarded(address)
    }

    /// Whether it is a program at a Unix-domain socket.
    pub(super) fn is_on_this_machine(self) -> bool {
        matches!(self, Self::Peer(Peer::Unix(_)))
    }

    /// The user id of the program, if it is one at a Unix-domain socket.
    #[cfg(feature = "accounts")]
    pub(super) fn uid(self) -> Option<u32> {
        match self {
            Self::Peer(Peer::Unix(Some(program))) => Some(program.uid()),
            Self::Peer(Peer::Unix(None) | Peer::Inet(_)) | Self::Forwarded(_) => None,
        }
    }

    /// Its IP address; a program at a Unix-domain socket has none.
    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Peer(Peer::Inet(address)) => Some(address.ip()),
            Self::Peer(Peer::Unix(_)) => None,
            Self::Forwarded(address) => Some(address),
        }
    }

    /// The key under which its limits are counted.
    pub(super) fn key(self) -> ClientKey {
        match self {
            Self::Peer(peer) => client_key::of(peer),
            Self::Forwarded(address) => ClientKey::of_address(address),
        }
    }

    /// The key as text, for the folder: the owner of an unfinished upload.
    pub(super) fn key_text(self) -> String {
        client_key::as_text(self.key())
    }
}

/// As the log names it.
impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Forwarded(address) => address.fmt(f),
        }
    }
}
