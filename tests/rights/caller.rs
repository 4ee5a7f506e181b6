//! The callers of the table: which client, at which listener, with which credentials.

use super::stage::PASSWORD;
use crate::common::accounts::basic;

/// A kind of client, and where it connects: over TCP or TLS from 127.0.0.N, or at the Unix socket, where clients have no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A client without an account, from this address. It claims to be a proxy of anna, and is not trusted.
    From(u8),
    /// A client without an account, at this address, behind the trusted proxy.
    Forwarded(u8),
    /// A program without an account at the Unix socket. It claims to be a proxy, too.
    Unix,
    /// A user.
    User(&'static str, By),
    /// A program with the token of anna for `TOKEN_PATH`, which can only list and read.
    Token,
    /// A visitor with a link of anna to this directory, which can be viewed or only takes files.
    Link(&'static str, Kind),
    /// A client without the certificate that the server requires. It has the password of anna.
    NoCertificate,
}

/// How a user is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// HTTP Basic.
    Password,
    /// The cookie of a login.
    Session,
    /// A client certificate. The request also has a wrong password, which must not count.
    Certificate,
    /// The field of the trusted proxy, for a client at 127.0.0.2.
    Proxy,
    /// The login name of the program at the Unix socket.
    Peer,
}

/// What a link allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    View,
    Drop,
}

/// Where the token leads.
pub const TOKEN_PATH: &str = "private";

/// The last byte of the trusted proxy's address.
pub const PROXY: u8 = 9;

/// The callers of a server with HTTP at TCP and Unix sockets.
pub const CALLERS: [Caller; 10] = [
    Caller::From(2),
    Caller::From(1),
    Caller::Forwarded(2),
    Caller::Unix,
    Caller::User("anna", By::Password),
    Caller::User("ben", By::Password),
    Caller::User("anna", By::Session),
    Caller::User("ben", By::Session),
    Caller::User("anna", By::Proxy),
    Caller::Token,
];

impl Caller {
    /// The field lines with its credentials. The stage knows the secrets of sessions, tokens and links.
    pub fn fields(self) -> String {
        match self {
            Self::User(name, By::Password) => basic(name, PASSWORD),
            Self::User(name, By::Proxy) => format!("X-Forwarded-For: 127.0.0.2\r\nRemote-User: {name}\r\n"),
            Self::User(_, By::Certificate) => basic("ben", "wrong"),
            Self::Forwarded(host) => format!("X-Forwarded-For: 127.0.0.{host}\r\n"),
            Self::From(_) | Self::Unix => "X-Forwarded-For: 127.0.0.2\r\nRemote-User: anna\r\n".to_owned(),
            Self::NoCertificate => basic("anna", PASSWORD),
            Self::User(_, By::Session | By::Peer) | Self::Token | Self::Link(..) => String::new(),
        }
    }

    /// The name of the user.
    pub fn user(self) -> Option<&'static str> {
        if let Self::User(name, _) = self { Some(name) } else { None }
    }

    /// The last byte of the address by which it is judged; `None` at the Unix socket.
    pub fn address(self) -> Option<u8> {
        match self {
            Self::From(host) | Self::Forwarded(host) => Some(host),
            Self::User(_, By::Proxy) => Some(2),
            Self::User(_, By::Peer) | Self::Unix => None,
            Self::User(..) | Self::Token | Self::Link(..) | Self::NoCertificate => Some(1),
        }
    }

    /// The last byte of the address that it connects from.
    pub fn peer(self) -> Option<u8> {
        match self {
            Self::Forwarded(_) | Self::User(_, By::Proxy) => Some(PROXY),
            _ => self.address(),
        }
    }
}
