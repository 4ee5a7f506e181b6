//! Why an address is invalid.

use std::fmt;

use crate::printable::Printable;

/// Why an address is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// It has no host.
    NoHost(String),
    /// The host has characters that a Host field cannot carry.
    Host(String),
    /// The port is not 1 to 65535.
    Port(String),
    /// The scheme is not supported.
    Scheme(String),
    /// It has a user name before `@`, and wharf has no accounts. Only what follows is kept: a password is never printed.
    User(String),
    /// It has a query or a fragment.
    Query(String),
    /// `unix:` without a path.
    NoSocket,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost(_) => f.write_str("the address has no host (write host:port)"),
            Self::Host(host) => write!(f, "{host:?} is not a valid host (write host:port)"),
            Self::Port(port) => write!(f, "invalid port {port:?} (1 to 65535; a Unix socket has none)"),
            Self::Scheme(scheme) => {
                write!(
                    f,
                    "{}:// is not supported (use http://host:port, https://host, unix:PATH or tftp://host:port)",
                    Printable::text(scheme)
                )
            }
            Self::User(text) => {
                write!(f, "the address has a user name, and wharf has no accounts (use {text:?})")
            }
            Self::Query(path) => {
                write!(f, "{path:?} has a query or a fragment, which an address cannot have")
            }
            Self::NoSocket => f.write_str("unix: needs the path of a socket (unix:/run/wharf.sock)"),
        }
    }
}

impl std::error::Error for AddressError {}
