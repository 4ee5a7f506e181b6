//! The errors of the protocol, and how a transfer ends.
//!
//! The server converts the folder's errors to these.

use crate::printable::Printable;
use std::borrow::Cow;
use std::fmt;

/// The error codes of RFC 1350 (appendix) and RFC 2347.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// 0: not defined; the message describes the error.
    NotDefined,
    /// 1: file not found.
    FileNotFound,
    /// 2: access violation.
    AccessViolation,
    /// 3: disk full or allocation exceeded.
    DiskFull,
    /// 4: illegal TFTP operation.
    IllegalOperation,
    /// 5: unknown transfer ID: the packet came from a port that is not part of the transfer.
    UnknownTransferId,
    /// 6: file already exists.
    FileAlreadyExists,
    /// 7: no such user (for the mail mode, which is obsolete: RFC 1123 §4.2.2.1).
    NoSuchUser,
    /// 8: the transfer ends because of its options (RFC 2347).
    OptionNegotiation,
}

impl ErrorCode {
    /// Every code, at the index of its number.
    const ALL: [Self; 9] = [
        Self::NotDefined,
        Self::FileNotFound,
        Self::AccessViolation,
        Self::DiskFull,
        Self::IllegalOperation,
        Self::UnknownTransferId,
        Self::FileAlreadyExists,
        Self::NoSuchUser,
        Self::OptionNegotiation,
    ];

    /// The code's number in packets.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code with this number; [`Self::NotDefined`] if no RFC defines it.
    pub fn from_number(number: u16) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::NotDefined)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDefined => "error",
            Self::FileNotFound => "file not found",
            Self::AccessViolation => "access violation",
            Self::DiskFull => "disk full or allocation exceeded",
            Self::IllegalOperation => "illegal TFTP operation",
            Self::UnknownTransferId => "unknown transfer ID",
            Self::FileAlreadyExists => "file already exists",
            Self::NoSuchUser => "no such user",
            Self::OptionNegotiation => "option negotiation failed",
        })
    }
}

/// The content of an ERROR packet: a code, and a message for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code, for programs.
    pub code: ErrorCode,
    /// The message. If it comes from the peer, it is untrusted text; `Display` escapes it.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// A fault with its message.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.code.number(), Printable::text(&self.message))
    }
}

impl std::error::Error for Fault {}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The whole file was sent and acknowledged, or received and committed.
    Complete,
    /// The peer ended it with an ERROR packet.
    Refused(Fault),
    /// This side ended the transfer with an ERROR packet.
    Aborted(Fault),
    /// The peer no longer answered.
    TimedOut,
}

impl Ending {
    /// Whether the file arrived.
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Refused(fault) => write!(f, "the other side ended the transfer: {fault}"),
            Self::Aborted(fault) => write!(f, "the transfer was ended: {fault}"),
            Self::TimedOut => f.write_str("the other side no longer answers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_keeps_its_number() {
        for (number, code) in (0u16..).zip(ErrorCode::ALL) {
            assert_eq!(code.number(), number, "{code:?}");
            assert_eq!(ErrorCode::from_number(number), code, "{code:?}");
        }
        assert_eq!(ErrorCode::from_number(9), ErrorCode::NotDefined);
        assert_eq!(ErrorCode::from_number(u16::MAX), ErrorCode::NotDefined);
    }

    #[test]
    fn foreign_text_is_shown_without_its_control_characters() {
        let fault = Fault::new(ErrorCode::FileNotFound, "no\u{1b}[2J such\nfile\u{202e}");
        assert_eq!(fault.to_string(), "file not found (1): no\\u{1b}[2J such\\nfile\\u{202e}");
    }
}
