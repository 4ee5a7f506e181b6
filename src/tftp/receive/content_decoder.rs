//! The file's bytes in the mode of the transfer.

use crate::tftp::fields::Mode;
use crate::tftp::netascii::NetasciiDecoder;

/// The file's bytes in the mode of the transfer.
#[derive(Debug)]
pub(super) enum ContentDecoder {
    Octet,
    Netascii { decoder: NetasciiDecoder, decoded: Vec<u8> },
}

impl ContentDecoder {
    pub(super) fn new(mode: Mode) -> Self {
        match mode {
            Mode::Octet => Self::Octet,
            Mode::Netascii => Self::Netascii { decoder: NetasciiDecoder::default(), decoded: Vec::new() },
        }
    }

    /// The file's bytes in this block.
    pub(super) fn more<'a>(&'a mut self, block: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Octet => block,
            Self::Netascii { decoder, decoded } => {
                decoded.clear();
                decoder.decode(block, decoded);
                decoded
            }
        }
    }

    /// Like [`Self::more`], for the last block.
    pub(super) fn last<'a>(&'a mut self, block: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Octet => block,
            Self::Netascii { decoder, decoded } => {
                decoded.clear();
                decoder.decode(block, decoded);
                decoder.finish(decoded);
                decoded
            }
        }
    }
}
