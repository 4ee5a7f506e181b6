//! A datagram as a packet, and back (RFC 1350 §5, RFC 2347).
//!
//! Parsing is strict: a truncated field, a missing NUL, trailing bytes or an unknown opcode is an error,
//! which provides the ERROR packet to answer with. Only trailing NULs are ignored, in every packet but DATA:
//! some boot ROMs pad their packets. Every parsed packet can be written again. This module does not know what
//! options mean or which packet may come when.

use super::error::{ErrorCode, Fault};
use super::fields::{Mode, Options, Reader, Text};
pub use super::packet_error::PacketError;
use super::size::DATA_HEAD;
pub use super::size::{MAX_CONTENT, MAX_PACKET, MAX_REQUEST};

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// The content of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: the client reads a file.
    Read(TransferRequest<'a>),
    /// WRQ: the client writes a file.
    Write(TransferRequest<'a>),
    /// A block of the file.
    Data {
        /// Its number, modulo 65,536; the first is 1.
        block: u16,
        /// Its bytes, at most [`MAX_CONTENT`]; the last block has fewer than the block size.
        content: &'a [u8],
    },
    /// All blocks up to this one have arrived; 0 accepts a write request or an OACK.
    Ack {
        /// Its number, modulo 65,536.
        block: u16,
    },
    /// The transfer failed. An ERROR is never answered and never repeated (RFC 1350 §2).
    Error {
        /// For the program.
        code: ErrorCode,
        /// For people.
        message: Text<'a>,
    },
    /// OACK: the server's answer to the requested options (RFC 2347).
    OptionAck(Options<'a>),
}

/// A read or a write request. It fits in [`MAX_REQUEST`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRequest<'a> {
    filename: Text<'a>,
    mode: Mode,
    options: Options<'a>,
}

impl<'a> TransferRequest<'a> {
    /// Creates a request; fails with [`PacketError::RequestTooLong`] if it does not fit in [`MAX_REQUEST`]
    /// bytes.
    pub fn new(filename: Text<'a>, mode: Mode, options: Options<'a>) -> Result<Self, PacketError> {
        let len =
            size_of::<u16>() + filename.written_len() + mode.text().written_len() + options.written_len();
        within(len)?;
        Ok(Self { filename, mode, options })
    }

    /// The name as it was sent: any bytes but NUL, possibly none. It is not checked.
    pub fn filename(&self) -> &[u8] {
        self.filename.as_bytes()
    }

    /// How the bytes are encoded in packets.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The requested options, known or not.
    pub fn options(&self) -> &Options<'a> {
        &self.options
    }

    fn read(mut reader: Reader<'a>) -> Result<Self, PacketError> {
        let filename = reader.text("file name")?;
        let mode = Mode::from_text(&reader.text("mode")?)?;
        Self::new(filename, mode, reader.options()?)
    }

    fn write(&self, opcode: u16, out: &mut Vec<u8>) {
        put(out, opcode);
        self.filename.write(out);
        self.mode.text().write(out);
        self.options.write(out);
    }
}

impl<'a> Packet<'a> {
    /// Parses a datagram. The packet borrows from it: a block's content is not copied.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let mut reader = Reader::new(datagram);
        let opcode = reader.number("opcode")?;
        if matches!(opcode, READ | WRITE | OACK) && unpadded(datagram).len() > MAX_REQUEST {
            return Err(PacketError::RequestTooLong(datagram.len()));
        }
        match opcode {
            READ => TransferRequest::read(reader).map(Self::Read),
            WRITE => TransferRequest::read(reader).map(Self::Write),
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

    /// The answer to a datagram that a different address sends to the port of a transfer (RFC 1350 §4); the
    /// transfer continues. `None` for an ERROR, even a malformed one.
    pub fn answer_to_stranger(datagram: &[u8]) -> Option<Vec<u8>> {
        if datagram.starts_with(&ERROR.to_be_bytes()) {
            return None;
        }
        let fault = Fault::new(ErrorCode::UnknownTransferId, "this port belongs to another transfer");
        let mut answer = Vec::new();
        Packet::from_fault(&fault).write(&mut answer);
        Some(answer)
    }

    /// Parses a datagram from the peer; the error is the answer to a malformed one. A malformed ERROR is not
    /// answered: it ends the transfer, as a valid one does.
    pub fn of_peer(datagram: &'a [u8]) -> Result<Self, Fault> {
        Self::parse(datagram).or_else(|error| {
            let message = Text::up_to_nul("malformed error packet");
            let ends = Self::Error { code: ErrorCode::NotDefined, message };
            error.answer().map_or(Ok(ends), Err)
        })
    }

    /// The ERROR packet for a fault. The message is cut at a NUL, which a packet cannot contain.
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

/// The head of a DATA packet; the content follows it.
pub(super) fn data_head(block: u16) -> [u8; DATA_HEAD] {
    let ([a, b], [c, d]) = (DATA.to_be_bytes(), block.to_be_bytes());
    [a, b, c, d]
}

fn put(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// A datagram without its trailing NULs, even the one that may end its last field.
fn unpadded(datagram: &[u8]) -> &[u8] {
    let padding = datagram.iter().rev().take_while(|byte| **byte == 0).count();
    datagram.split_at(datagram.len() - padding).0
}

fn within(len: usize) -> Result<(), PacketError> {
    if len <= MAX_REQUEST { Ok(()) } else { Err(PacketError::RequestTooLong(len)) }
}

#[cfg(test)]
mod tests;
