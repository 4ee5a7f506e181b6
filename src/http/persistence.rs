//! Whether a connection goes on after this message (RFC 9112 §9.3), and if not, why: the log says it.

use std::fmt;

use super::fields::Fields;
use super::request::HttpVersion;

/// What becomes of the connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// The next request may come.
    Keep,
    /// It ends, for this reason.
    Close(CloseReason),
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side sent `Connection: close`.
    Asked,
    /// HTTP/1.0 without `Connection: keep-alive`.
    Http10,
    /// What came could not be framed: nothing after it can be read as a message.
    Framing,
    /// The answer was given before the whole body had been read.
    BodyUnread,
    /// The answer goes on until the connection ends.
    Endless,
    /// The program is leaving.
    Stopping,
    /// Time ran out while a message was on its way.
    TimedOut,
    /// There is no place for this connection.
    Full,
}

impl Persistence {
    /// What a message of this version with these fields asks for.
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

    /// Whether the next request may come.
    pub fn keeps(self) -> bool {
        self == Self::Keep
    }

    /// Ends a connection that would have gone on; one that ends already keeps its reason.
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
            Self::Framing => "the request could not be framed",
            Self::BodyUnread => "its body was not read",
            Self::Endless => "the answer had no end of its own",
            Self::Stopping => "the server is leaving",
            Self::TimedOut => "time ran out",
            Self::Full => "too many connections",
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
