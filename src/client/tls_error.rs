//! Why TLS with a server failed, each as one line.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use crate::printable::Printable;

/// How many names of a certificate are printed.
const MOST_NAMES: usize = 5;

/// Why TLS with a server failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsError {
    /// wharf was built without TLS.
    Missing,
    /// The server responded with something else.
    NotTls,
    /// The server closed the connection during the handshake.
    Closed,
    /// The host cannot be a certificate's name.
    Name,
    /// No trusted certificate has signed the server's.
    UnknownIssuer,
    /// The certificate has expired, at this time if it is known.
    Expired(Option<SystemTime>),
    /// The certificate is not valid yet, but from this time if it is known.
    NotYetValid(Option<SystemTime>),
    /// The certificate is for these names.
    OtherNames(Vec<String>),
    /// The certificate does not match `--pin`; this is its hash.
    OtherPin([u8; 32]),
    /// The certificate is invalid in another way.
    Certificate(String),
    /// The server has ended the handshake, or the connection, with this alert.
    Refused(String),
    /// The server and wharf have no version or algorithm in common.
    Incompatible(String),
    /// This machine has no list of trusted certificates, for this reason.
    NoRoots(String),
    /// The server does not follow the protocol, or the connection failed.
    Other(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("wharf was built without TLS"),
            Self::NotTls => f.write_str("the server does not speak TLS (use http://)"),
            Self::Closed => f.write_str("the server closed the connection in the TLS handshake"),
            Self::Name => f.write_str("no certificate can be issued for this host"),
            Self::UnknownIssuer => f.write_str(
                "the certificate is from an unknown issuer (--cacert FILE trusts an issuer, --pin sha256:HEX one certificate)",
            ),
            Self::Expired(None) => f.write_str("the certificate has expired"),
            Self::Expired(Some(time)) => write!(f, "the certificate expired at {}", shown(*time)),
            Self::NotYetValid(None) => f.write_str("the certificate is not valid yet (is the clock right?)"),
            Self::NotYetValid(Some(time)) => {
                write!(f, "the certificate is not valid before {} (is the clock right?)", shown(*time))
            }
            Self::OtherNames(names) if names.is_empty() => f.write_str("the certificate is for another host"),
            Self::OtherNames(names) => {
                let listed = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if names.len() > MOST_NAMES { ", …" } else { "" };
                write!(f, "the certificate is for another host: {}{more}", Printable::text(&listed))
            }
            Self::OtherPin(pin) => {
                write!(f, "the certificate does not match --pin, it is {}", fingerprint(pin))
            }
            Self::Certificate(why) => write!(f, "the certificate is invalid: {}", Printable::text(why)),
            Self::Refused(alert) => write!(f, "the server refused the TLS handshake: {}", Printable::text(alert)),
            Self::Incompatible(why) => {
                write!(f, "no TLS version or algorithm in common: {}", Printable::text(why))
            }
            Self::NoRoots(why) => write!(
                f,
                "this machine has no list of trusted certificates: {} (--cacert FILE names one)",
                Printable::text(why)
            ),
            Self::Other(why) => write!(f, "TLS failed: {}", Printable::text(why)),
        }
    }
}

impl std::error::Error for TlsError {}

/// The SHA-256 of a certificate, as `--pin` takes it.
pub fn fingerprint(sum: &[u8; 32]) -> String {
    sum.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time in RFC 3339 format, in seconds.
fn shown(time: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_seconds(time)
}
