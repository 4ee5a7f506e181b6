//! Status codes (RFC 9110 §15) that wharf sends or a client refers to.

use std::fmt;

/// A three-digit status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(u16);

/// Makes the constants and the table of reason phrases from one list.
macro_rules! statuses {
    ($($name:ident = $code:literal $reason:literal),* $(,)?) => {
        impl Status {
            $(#[doc = concat!($reason, ".")] pub const $name: Status = Status($code);)*

            /// The reason phrase; empty for a code that wharf never sends.
            pub fn reason(self) -> &'static str {
                match self.0 { $($code => $reason,)* _ => "" }
            }
        }
    };
}

statuses! {
    CONTINUE = 100 "Continue",
    RESUMPTION_SUPPORTED = 104 "Upload Resumption Supported",
    OK = 200 "OK",
    CREATED = 201 "Created",
    ACCEPTED = 202 "Accepted",
    NO_CONTENT = 204 "No Content",
    PARTIAL_CONTENT = 206 "Partial Content",
    MULTI_STATUS = 207 "Multi-Status",
    MOVED_PERMANENTLY = 301 "Moved Permanently",
    FOUND = 302 "Found",
    SEE_OTHER = 303 "See Other",
    NOT_MODIFIED = 304 "Not Modified",
    TEMPORARY_REDIRECT = 307 "Temporary Redirect",
    PERMANENT_REDIRECT = 308 "Permanent Redirect",
    BAD_REQUEST = 400 "Bad Request",
    UNAUTHORIZED = 401 "Unauthorized",
    FORBIDDEN = 403 "Forbidden",
    NOT_FOUND = 404 "Not Found",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed",
    PROXY_AUTHENTICATION_REQUIRED = 407 "Proxy Authentication Required",
    REQUEST_TIMEOUT = 408 "Request Timeout",
    CONFLICT = 409 "Conflict",
    GONE = 410 "Gone",
    LENGTH_REQUIRED = 411 "Length Required",
    PRECONDITION_FAILED = 412 "Precondition Failed",
    CONTENT_TOO_LARGE = 413 "Content Too Large",
    URI_TOO_LONG = 414 "URI Too Long",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type",
    RANGE_NOT_SATISFIABLE = 416 "Range Not Satisfiable",
    EXPECTATION_FAILED = 417 "Expectation Failed",
    MISDIRECTED_REQUEST = 421 "Misdirected Request",
    LOCKED = 423 "Locked",
    TOO_MANY_REQUESTS = 429 "Too Many Requests",
    HEAD_TOO_LARGE = 431 "Request Header Fields Too Large",
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error",
    NOT_IMPLEMENTED = 501 "Not Implemented",
    BAD_GATEWAY = 502 "Bad Gateway",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable",
    GATEWAY_TIMEOUT = 504 "Gateway Timeout",
    VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported",
    INSUFFICIENT_STORAGE = 507 "Insufficient Storage",
}

impl Status {
    /// The status with this code; `None` unless it is 100 to 999.
    pub fn new(code: u16) -> Option<Self> {
        (100..=999).contains(&code).then_some(Self(code))
    }

    /// The three digits as a number.
    pub fn code(self) -> u16 {
        self.0
    }

    /// 1xx: an interim response.
    pub fn is_interim(self) -> bool {
        self.0 < 200
    }

    /// 2xx.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0)
    }

    /// 4xx and 5xx.
    pub fn is_error(self) -> bool {
        self.0 >= 400
    }

    /// Whether a response with this status never has content, whatever its fields say (RFC 9112 §6.3, rule
    /// 1).
    pub fn has_no_content(self) -> bool {
        self.is_interim() || self == Self::NO_CONTENT || self == Self::NOT_MODIFIED
    }
}

/// `404 Not Found`, as in a status line.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}
