//! Whether a connection persists after a message (RFC 9112 §9.3), and if not, the reason for the log.

use std::fmt;

use super::fields::Fields;
use super::request::HttpVersion;

/// What happens to the connection after the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Keep it open for the next request.
    Keep,
    /// Close it, for this reason.
    Close(CloseReason),
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer sent `Connection: close`.
    Asked,
    /// HTTP/1.0 without `Connection: keep-alive`.
    Http10,
    /// The message has invalid framing, so nothing after it can be parsed.
    Framing,
    /// The client asked for a tunnel (CONNECT): the bytes after the request may not be HTTP.
    Tunnel,
    /// The response was sent before the whole body was read.
    BodyUnread,
    /// Like `BodyUnread`, for a piece of an upload: the client can ask how much arrived, and resume from
    /// there.
    PieceUnread,
    /// The end of the connection ends the response.
    Endless,
    /// The server is shutting down.
    Stopping,
    /// A message timed out.
    TimedOut,
    /// The server has too many connections.
    Full,
    /// The request came without TLS.
    Plain,
}

impl Persistence {
    /// The persistence that a message with this version and these fields requests.
    pub fn of_message(version: HttpVersion, fields: Fields<'_, '_>) -> Self {
        if fields.has_token("Connection", "close") {
            return Self::Close(CloseReason::Asked);
        }
        match version {
            HttpVersion::Http11 => Self::Keep,
            HttpVersion::Http10 if fields.has_token("Connection", "keep-alive") => Self::Keep,
            HttpVersion::Http10 => Self::Close(CloseReason::Http10),
        }
    }

    /// Whether the connection stays open.
    pub fn keeps(self) -> bool {
        self == Self::Keep
    }

    /// Closes a connection that would have been kept; an earlier reason to close wins.
    #[must_use]
    pub fn unless(self, ends: bool, why: CloseReason) -> Self {
        match self {
            Self::Keep if ends => Self::Close(why),
            other => other,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "the client asked for it",
            Self::Http10 => "HTTP/1.0 without keep-alive",
            Self::Framing => "the request has invalid framing",
            Self::Tunnel => "a tunnel was refused",
            Self::BodyUnread | Self::PieceUnread => "its body was not read",
            Self::Endless => "only the end of the connection ends the response",
            Self::Stopping => "the server is shutting down",
            Self::TimedOut => "a message timed out",
            Self::Full => "too many connections",
            Self::Plain => "it does not speak TLS",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_message() {
        let cases: [(&str, HttpVersion, &[u8], Persistence); 6] = [
            ("1.1 keeps", HttpVersion::Http11, b"", Persistence::Keep),
            ("1.1 close", HttpVersion::Http11, b"close", Persistence::Close(CloseReason::Asked)),
            ("close among others", HttpVersion::Http11, b"TE, Close", Persistence::Close(CloseReason::Asked)),
            ("1.0 closes", HttpVersion::Http10, b"", Persistence::Close(CloseReason::Http10)),
            ("1.0 keep-alive", HttpVersion::Http10, b"Keep-Alive", Persistence::Keep),
            ("close wins", HttpVersion::Http10, b"keep-alive, close", Persistence::Close(CloseReason::Asked)),
        ];
        for (name, version, value, expected) in cases {
            let lines = [httparse::Header { name: "Connection", value }];
            assert_eq!(Persistence::of_message(version, Fields::new(&lines)), expected, "{name}");
        }
    }
}
