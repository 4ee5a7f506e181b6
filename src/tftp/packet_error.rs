//! Why a datagram is not a packet.

use std::fmt;

use super::error::{ErrorCode, Fault};
use super::size::{MAX_CONTENT, MAX_REQUEST};

/// Why a datagram is not a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketError {
    /// The datagram ends within this field.
    Truncated(&'static str),
    /// This field has no NUL at its end.
    Unterminated(&'static str),
    /// This many bytes follow the end of the packet.
    TrailingBytes(usize),
    /// The opcode is unknown.
    UnknownOpcode(u16),
    /// The request or OACK has this many bytes, more than [`MAX_REQUEST`].
    RequestTooLong(usize),
    /// The block has this many bytes, more than [`MAX_CONTENT`].
    BlockTooLong(usize),
    /// The mode does not exist.
    UnknownMode(String),
    /// The mode is mail.
    Mail,
    /// This option occurs twice.
    DoubledOption(String),
    /// It is a malformed ERROR packet.
    InError(Box<PacketError>),
}

impl PacketError {
    /// The error to send back; `None` for an ERROR packet, even a malformed one (RFC 1350 §2).
    pub fn answer(&self) -> Option<Fault> {
        let code = match self {
            Self::InError(_) => return None,
            Self::DoubledOption(_) => ErrorCode::OptionNegotiation,
            _ => ErrorCode::IllegalOperation,
        };
        Some(Fault::new(code, self.to_string()))
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(what) => write!(f, "the packet ends in its {what}"),
            Self::Unterminated(what) => write!(f, "the {what} does not end with a NUL"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes follow the end of the packet"),
            Self::UnknownOpcode(opcode) => write!(f, "unknown opcode {opcode}"),
            Self::RequestTooLong(len) => {
                write!(
                    f,
                    "the request has {len} bytes, more than the {MAX_REQUEST} allowed: use a shorter name"
                )
            }
            Self::BlockTooLong(len) => {
                write!(f, "the block has {len} bytes, more than the {MAX_CONTENT} allowed")
            }
            Self::UnknownMode(mode) => {
                write!(f, "unknown mode {}: use octet or netascii", mode.escape_default())
            }
            Self::Mail => f.write_str("the mail mode is obsolete: use octet or netascii"),
            Self::DoubledOption(name) => {
                write!(f, "option {} occurs twice: send it once", name.escape_default())
            }
            Self::InError(what) => write!(f, "malformed error packet: {what}"),
        }
    }
}

impl std::error::Error for PacketError {}
