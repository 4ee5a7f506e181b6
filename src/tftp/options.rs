//! Option negotiation: blksize (RFC 2348), tsize and timeout (RFC 2349), windowsize (RFC 7440).
//!
//! [`Terms`] are the values that a client requests, a server acknowledges and both then use: the same four
//! options each time. A missing one has its default from RFC 1350. The caller passes the size of the file.

use std::num::NonZeroU8;
use std::time::Duration;

use super::error::{ErrorCode, Fault};
use super::fields::{Mode, Options};
use super::size::MAX_CONTENT;
use super::timing::MAX_INTERVAL;

const BLKSIZE: &str = "blksize";
const TSIZE: &str = "tsize";
const TIMEOUT: &str = "timeout";
const WINDOWSIZE: &str = "windowsize";

/// The size of every block but the last, in bytes: 8 to 65,464 (RFC 2348).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockSize(u16);

impl BlockSize {
    /// The minimum in RFC 2348.
    pub const MIN: Self = Self(8);
    /// The maximum in RFC 2348.
    pub const MAX: Self = Self(MAX_CONTENT as u16);
    /// The size in RFC 1350, used if none was agreed.
    pub const DEFAULT: Self = Self(512);

    /// A block size of this many bytes; `None` if it is out of range.
    pub const fn new(bytes: u16) -> Option<Self> {
        if bytes < Self::MIN.0 || bytes > Self::MAX.0 { None } else { Some(Self(bytes)) }
    }

    /// In bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

/// How many blocks may be in flight without an acknowledgment: 1 to 32,767.
///
/// RFC 7440 allows 65,535. But with more than half of the 16-bit numbers in flight, a later block cannot be
/// distinguished from an earlier one. A server may agree to less than was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WindowSize(u16);

impl WindowSize {
    /// Lock-step, as in RFC 1350; used if nothing was agreed.
    pub const MIN: Self = Self(1);
    /// The maximum.
    pub const MAX: Self = Self(32_767);
    /// The server's default limit: larger windows were no faster on any link in a lab, and with the largest blocks a session
    /// needs 4 MiB.
    pub const SERVED: Self = Self(64);

    /// A window of this many blocks; `None` if it is out of range.
    pub const fn new(blocks: u16) -> Option<Self> {
        if blocks < Self::MIN.0 || blocks > Self::MAX.0 { None } else { Some(Self(blocks)) }
    }

    /// In blocks.
    pub const fn blocks(self) -> usize {
        self.0 as usize
    }
}

/// The limits on what a server agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// The largest block.
    pub blksize: BlockSize,
    /// The largest window.
    pub windowsize: WindowSize,
    /// The longest fixed interval between retransmissions, in seconds. A longer one is left out of the answer.
    pub timeout: NonZeroU8,
}

impl Default for Caps {
    fn default() -> Self {
        Self { blksize: BlockSize::MAX, windowsize: WindowSize::SERVED, timeout: MOST_TIMEOUT }
    }
}

/// The longest `timeout` that a server agrees to by default: [`MAX_INTERVAL`], so that the session of a silent peer ends as
/// early as one without options. 255 would keep it for half an hour.
pub const MOST_TIMEOUT: NonZeroU8 = match NonZeroU8::new(MAX_INTERVAL.as_secs() as u8) {
    Some(seconds) => seconds,
    None => NonZeroU8::MIN,
};

/// The direction of a transfer, with the facts that the options depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A read request; `size` is the file's size in bytes, if known.
    Read {
        /// The answer to `tsize`.
        size: Option<u64>,
    },
    /// A write request.
    Write,
}

/// The values of options: requested, acknowledged, or in force. `None` means not requested, or not
/// acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// RFC 2348.
    pub blksize: Option<BlockSize>,
    /// RFC 2349: the size of the file in bytes. In a read request, it is 0.
    pub tsize: Option<u64>,
    /// RFC 2349: the fixed interval between retransmissions, in seconds.
    pub timeout: Option<NonZeroU8>,
    /// RFC 7440.
    pub windowsize: Option<WindowSize>,
}

impl Terms {
    /// The server's answer to the requested options: the ones that it acknowledges, with their values.
    ///
    /// Nothing is an error here. Invalid and unknown options are left out of the answer, and the client then continues
    /// without them or ends the transfer (RFC 2347). In particular:
    ///
    /// - `blksize` and `windowsize`: a value above the limit becomes the limit, however many digits it has; a `blksize` below
    ///   8 and a `windowsize` of 0 are left out, since the answer must not be larger than the request.
    /// - `timeout`: the answer must be the requested number. If this is not between 1 and the limit, the option is left
    ///   out.
    /// - `tsize`: for a read, the file's size; left out if the mode changes it or the file is empty, as curl
    ///   takes 0 for an error. For a write, the announced size; more than 64 bits become [`u64::MAX`], which
    ///   no folder accepts.
    pub fn answer(asked: &Options<'_>, mode: Mode, direction: Direction, caps: &Caps) -> Self {
        let at_most = |name, most: u16| number(asked, name).map(|n| n.min(most.into()) as u16);
        Self {
            blksize: at_most(BLKSIZE, caps.blksize.0).and_then(BlockSize::new),
            windowsize: at_most(WINDOWSIZE, caps.windowsize.0).and_then(WindowSize::new),
            timeout: number(asked, TIMEOUT).and_then(seconds).filter(|asked| *asked <= caps.timeout),
            tsize: number(asked, TSIZE).and_then(|announced| match (direction, mode) {
                (Direction::Write, _) => Some(announced),
                (Direction::Read { size }, Mode::Octet) => size.filter(|size| *size > 0),
                (Direction::Read { .. }, Mode::Netascii) => None,
            }),
        }
    }

    /// Checks the OACK that answers a client's request (`self`): returns the terms in force, or a fault with
    /// code 8.
    ///
    /// Faults are an option that was not requested, a value larger than requested, a different `timeout`, and
    /// anything that is not a number within its range (RFC 2347, 2348, 2349, 7440). An option that is missing
    /// from the OACK is off.
    pub fn judge(&self, oack: &Options<'_>) -> Result<Self, Fault> {
        if let Some((name, _)) = oack.iter().find(|(name, _)| !self.asks(name.as_bytes())) {
            return Err(not_agreed(&format!("option {} was not requested", name.as_bytes().escape_ascii())));
        }
        Ok(Self {
            blksize: value(oack, BLKSIZE, |n| {
                BlockSize::new(n.try_into().ok()?).filter(|n| Some(*n) <= self.blksize)
            })?,
            tsize: value(oack, TSIZE, Some)?,
            timeout: value(oack, TIMEOUT, |n| seconds(n).filter(|n| Some(*n) == self.timeout))?,
            windowsize: value(oack, WINDOWSIZE, |n| {
                WindowSize::new(n.try_into().ok()?).filter(|n| Some(*n) <= self.windowsize)
            })?,
        })
    }

    fn asks(&self, name: &[u8]) -> bool {
        self.numbers()
            .iter()
            .any(|(known, value)| value.is_some() && known.as_bytes().eq_ignore_ascii_case(name))
    }

    fn numbers(&self) -> [(&'static str, Option<u64>); 4] {
        [
            (BLKSIZE, self.blksize.map(|size| size.0.into())),
            (TSIZE, self.tsize),
            (TIMEOUT, self.timeout.map(|seconds| seconds.get().into())),
            (WINDOWSIZE, self.windowsize.map(|size| size.0.into())),
        ]
    }

    /// The terms as the options of a request or an OACK.
    pub fn to_options(&self) -> Options<'static> {
        Options::of_numbers(self.numbers())
    }

    /// Whether there are no options: then a server answers without an OACK (RFC 2347).
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The block size in force.
    pub fn block_size(&self) -> BlockSize {
        self.blksize.unwrap_or(BlockSize::DEFAULT)
    }

    /// The window size in force.
    pub fn window_size(&self) -> WindowSize {
        self.windowsize.unwrap_or(WindowSize::MIN)
    }

    /// The interval between retransmissions, if one was agreed.
    pub fn interval(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds.get().into()))
    }
}

/// The seconds of a `timeout` option: 1 to 255 (RFC 2349).
fn seconds(number: u64) -> Option<NonZeroU8> {
    NonZeroU8::new(number.try_into().ok()?)
}

/// An option's value as a number; `None` if it is missing or not all digits. A number that is too large
/// becomes the largest.
fn number(options: &Options<'_>, name: &str) -> Option<u64> {
    let digits = options.get(name)?.as_bytes();
    let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
    valid.then(|| digits.iter().fold(0, add))
}

/// The value of an acknowledged option, if present; a fault if `accept` rejects it.
fn value<T>(
    oack: &Options<'_>,
    name: &str,
    accept: impl FnOnce(u64) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(text) = oack.get(name) else {
        return Ok(None);
    };
    match number(oack, name).and_then(accept) {
        Some(value) => Ok(Some(value)),
        None => {
            Err(not_agreed(&format!("{name} {} does not match the request", text.as_bytes().escape_ascii())))
        }
    }
}

fn not_agreed(what: &str) -> Fault {
    Fault::new(ErrorCode::OptionNegotiation, what.to_owned())
}

#[cfg(test)]
mod tests;
