//! Why a proxy does not lead to a server.

use std::fmt;

use crate::http::status::Status;

/// Why a proxy does not lead to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyError {
    /// Its address cannot be used, for this reason.
    Address(String),
    /// It responded with this status.
    Refused(Status),
    /// It closed the connection without a response.
    Closed,
    /// It did not open a tunnel within this many seconds.
    Slow(u64),
    /// Its response is not HTTP.
    NotHttp,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(why) => f.write_str(why),
            Self::Refused(status) => write!(f, "it refuses to connect to the server: {status}"),
            Self::Closed => f.write_str("it closed the connection without a response"),
            Self::Slow(seconds) => write!(f, "it did not open a tunnel within {seconds} s"),
            Self::NotHttp => f.write_str("its response is not that of an HTTP proxy"),
        }
    }
}
