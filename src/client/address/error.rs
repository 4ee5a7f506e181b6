//! Why an address is invalid.

use std::fmt;

use crate::printable::Printable;

/// Why a user name and a password cannot be used. The error contains neither of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginError {
    /// The user name is empty.
    NoName,
    /// The user name has a colon, which HTTP cannot send (RFC 7617 §2).
    Colon,
    /// A control character (RFC 7617 §2).
    Control,
    /// A `%` without two hexadecimal digits.
    Percent,
    /// It is not UTF-8.
    Encoding,
    /// A character of a password has ended the host.
    Delimiter,
}

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
    /// It has a user name before `@`, which is not allowed there. Only the text after `@` is kept: a password is never
    /// printed.
    User(String),
    /// The user name or the password before `@` is wrong.
    Login(LoginError),
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
                write!(f, "a user name before the host is not supported here (use {text:?})")
            }
            Self::Login(error) => error.fmt(f),
            Self::Query(path) => {
                write!(f, "{path:?} has a query or a fragment, which an address cannot have")
            }
            Self::NoSocket => f.write_str("unix: needs the path of a socket (unix:/run/wharf.sock)"),
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoName => "the user name is empty (write NAME or NAME:PASSWORD)",
            Self::Colon => "a user name cannot contain a colon",
            Self::Control => "a user name and a password cannot contain control characters",
            Self::Percent => "in an address, write % in a user name or a password as %25",
            Self::Encoding => "the user name or the password is not UTF-8",
            Self::Delimiter => {
                "in an address, write / ? # in a password as %2F %3F %23 (or write NAME@HOST, and wharf asks)"
            }
        })
    }
}

impl std::error::Error for LoginError {}

impl std::error::Error for AddressError {}
