//! A datagram as a packet, and back (RFC 1350 §5, RFC 2347).
//!
//! Reading is strict: a field cut short, a missing NUL, a byte too many or an unknown opcode is an error that
//! knows which ERROR packet answers it. What it takes, it can write again: `parse` undoes `write`. Knows
//! nothing of what options mean or of which packet may come when.

use std::fmt;

use super::error::{ErrorCode, Fault};
use super::fields::{Mode, Options, Reader, Text};

/// The longest request, and the longest OACK that answers it, in bytes (RFC 2347: "512 octets").
pub const MAX_REQUEST: usize = 512;
/// The most that a DATA packet carries, in bytes (RFC 2348: what fits in a UDP datagram over IPv4).
pub const MAX_CONTENT: usize = 65_464;
/// The longest packet, in bytes: a buffer of one byte more can tell a datagram that is too long from one that
/// fits.
pub const MAX_PACKET: usize = DATA_HEAD + MAX_CONTENT;
/// Opcode and block number in front of a block's content, in bytes.
pub(super) const DATA_HEAD: usize = 4;

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// What one datagram says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: the client wants a file.
    Read(Request<'a>),
    /// WRQ: the client has a file for us.
    Write(Request<'a>),
    /// A block of the file.
    Data {
        /// Which one, modulo 65,536; the first is 1.
        block: u16,
        /// Its bytes, at most [`MAX_CONTENT`]; fewer than the block size in the last block.
        content: &'a [u8],
    },
    /// All blocks up to this one are there; 0 accepts a write request or an OACK.
    Ack {
        /// Which one, modulo 65,536.
        block: u16,
    },
    /// It is over. Never answered, never repeated (RFC 1350 §2).
    Error {
        /// For the program.
        code: ErrorCode,
        /// For the person.
        message: Text<'a>,
    },
    /// OACK: the server's answer to the options that were asked (RFC 2347).
    OptionAck(Options<'a>),
}

/// What a read or a write request asks for. One that exists fits in [`MAX_REQUEST`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    filename: Text<'a>,
    mode: Mode,
    options: Options<'a>,
}

impl<'a> Request<'a> {
    /// A request; [`PacketError::RequestTooLong`] when it would not fit in [`MAX_REQUEST`] bytes.
    pub fn new(filename: Text<'a>, mode: Mode, options: Options<'a>) -> Result<Self, PacketError> {
        let len =
            size_of::<u16>() + filename.written_len() + mode.text().written_len() + options.written_len();
        within(len)?;
        Ok(Self { filename, mode, options })
    }

    /// The name as it was sent: any bytes but NUL, perhaps none at all. Nothing about it has been checked.
    pub fn filename(&self) -> &[u8] {
        self.filename.as_bytes()
    }

    /// How the bytes stand on the wire.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The options that were asked for, known or not.
    pub fn options(&self) -> &Options<'a> {
        &self.options
    }

    fn read(mut reader: Reader<'a>) -> Result<Self, PacketError> {
        let filename = reader.text("file name")?;
        let mode = Mode::from_text(&reader.text("mode")?)?;
        Ok(Self { filename, mode, options: reader.options()? })
    }

    fn write(&self, opcode: u16, out: &mut Vec<u8>) {
        put(out, opcode);
        self.filename.write(out);
        self.mode.text().write(out);
        self.options.write(out);
    }
}

impl<'a> Packet<'a> {
    /// Reads a datagram. The packet borrows from it: a block's content is not copied.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let mut reader = Reader::new(datagram);
        let opcode = reader.number("opcode")?;
        if matches!(opcode, READ | WRITE | OACK) {
            within(datagram.len())?;
        }
        match opcode {
            READ => Request::read(reader).map(Self::Read),
            WRITE => Request::read(reader).map(Self::Write),
            DATA => Self::data(reader),
            ACK => Self::ack(reader),
            ERROR => Self::error(reader).map_err(|what| PacketError::InError(Box::new(what))),
            OACK => reader.options().map(Self::OptionAck),
            unknown => Err(PacketError::UnknownOpcode(unknown)),
        }
    }

    fn data(mut reader: Reader<'a>) -> Result<Self, PacketError> {
        let block = reader.number("block number")?;
        match reader.rest() {
            content if content.len() <= MAX_CONTENT => Ok(Self::Data { block, content }),
            content => Err(PacketError::BlockTooLong(content.len())),
        }
    }

    fn ack(mut reader: Reader<'a>) -> Result<Self, PacketError> {
        let block = reader.number("block number")?;
        reader.end().map(|()| Self::Ack { block })
    }

    fn error(mut reader: Reader<'a>) -> Result<Self, PacketError> {
        let code = ErrorCode::from_number(reader.number("error code")?);
        let message = reader.text("error message")?;
        reader.end().map(|()| Self::Error { code, message })
    }

    /// What is told to a stranger who sends this datagram to the port of somebody else's transfer, which goes on (RFC
    /// 1350 §4); nothing to an ERROR, even to one that is malformed.
    pub fn answer_to_stranger(datagram: &[u8]) -> Option<Vec<u8>> {
        if datagram.starts_with(&ERROR.to_be_bytes()) {
            return None;
        }
        let fault = Fault::new(ErrorCode::UnknownTransferId, "this port talks with somebody else");
        let mut answer = Vec::new();
        Packet::from_fault(&fault).write(&mut answer);
        Some(answer)
    }

    /// What a datagram of the peer says, or what to answer to one that says nothing. A malformed ERROR is not answered: it
    /// meant to end the transfer, and does.
    pub fn of_peer(datagram: &'a [u8]) -> Result<Self, Fault> {
        Self::parse(datagram).or_else(|error| {
            let message = Text::up_to_nul("malformed error packet");
            let ends = Self::Error { code: ErrorCode::NotDefined, message };
            error.answer().map_or(Ok(ends), Err)
        })
    }

    /// The ERROR packet of a fault. A message is cut at a NUL, which cannot stand in a packet.
    pub fn from_fault(fault: &'a Fault) -> Self {
        Self::Error { code: fault.code, message: Text::up_to_nul(&fault.message) }
    }

    /// Appends the datagram to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Read(request) => request.write(READ, out),
            Self::Write(request) => request.write(WRITE, out),
            Self::Data { block, content } => {
                out.extend_from_slice(&data_head(*block));
                out.extend_from_slice(content);
            }
            Self::Ack { block } => {
                put(out, ACK);
                put(out, *block);
            }
            Self::Error { code, message } => {
                put(out, ERROR);
                put(out, code.number());
                message.write(out);
            }
            Self::OptionAck(options) => {
                put(out, OACK);
                options.write(out);
            }
        }
    }
}

/// The head of a DATA packet; its content is read right behind it.
pub(super) fn data_head(block: u16) -> [u8; DATA_HEAD] {
    let ([a, b], [c, d]) = (DATA.to_be_bytes(), block.to_be_bytes());
    [a, b, c, d]
}

fn put(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn within(len: usize) -> Result<(), PacketError> {
    if len <= MAX_REQUEST { Ok(()) } else { Err(PacketError::RequestTooLong(len)) }
}

/// Why a datagram is not a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketError {
    /// It ends before this field does.
    Truncated(&'static str),
    /// This field has no NUL at its end.
    Unterminated(&'static str),
    /// So many bytes follow where the packet should end.
    TrailingBytes(usize),
    /// No RFC here has this opcode.
    UnknownOpcode(u16),
    /// A request or OACK of so many bytes, more than [`MAX_REQUEST`].
    RequestTooLong(usize),
    /// A block of so many bytes, more than [`MAX_CONTENT`].
    BlockTooLong(usize),
    /// The mode is none that exists.
    UnknownMode(String),
    /// The mode is mail.
    Mail,
    /// This option stands there twice.
    DoubledOption(String),
    /// It is an ERROR packet, and wrong in itself.
    InError(Box<PacketError>),
}

impl PacketError {
    /// What to answer; nothing to an ERROR, not even to a malformed one (RFC 1350 §2).
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
            Self::Unterminated(what) => write!(f, "no NUL ends the {what}"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes follow the end of the packet"),
            Self::UnknownOpcode(opcode) => write!(f, "unknown opcode {opcode}"),
            Self::RequestTooLong(len) => {
                write!(f, "the request has {len} bytes, and {MAX_REQUEST} is the most: use a shorter name")
            }
            Self::BlockTooLong(len) => write!(f, "the block has {len} bytes, and {MAX_CONTENT} is the most"),
            Self::UnknownMode(mode) => {
                write!(f, "unknown mode {}: use octet or netascii", mode.escape_default())
            }
            Self::Mail => f.write_str("the mail mode is obsolete: use octet or netascii"),
            Self::DoubledOption(name) => {
                write!(f, "option {} is there twice: give it once", name.escape_default())
            }
            Self::InError(what) => write!(f, "malformed error packet: {what}"),
        }
    }
}

impl std::error::Error for PacketError {}

#[cfg(test)]
mod tests;
