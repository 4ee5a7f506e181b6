//! A step of decoding.

use std::ops::Range;

/// The result of one call of [`BodyDecoder::decode`](super::BodyDecoder::decode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that were consumed.
    pub used: usize,
    /// The range of content in the input; may be empty, and never ends after `used`.
    pub content: Range<usize>,
}

/// Takes the available bytes, but no more than are left, and returns their number.
pub(super) fn take(left: &mut u64, available: usize) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left -= taken as u64;
    taken
}
