//! What one thumbnail may cost.

/// The longer side of a thumbnail, in pixels: twice the width of a card (9.5rem), for screens with two pixels for each of CSS.
pub(super) const EDGE: u32 = 320;

/// The most bytes of a picture that are read. The largest photos of cameras with 200 megapixels have less.
pub(super) const MOST_READ: u64 = 64 << 20;

/// The most bytes of a picture that are kept in memory, for decoders that need it as a whole.
pub(super) const MOST_LOADED: u64 = 16 << 20;

/// The most memory for the pixels of a decoded picture: 16 megapixels with three bytes for each. The decoder of WebP needs
/// as much again.
pub(super) const MOST_DECODED: u64 = 48 << 20;

/// The most pixels of a JPEG that is decoded as a whole. With several scans, its decoder needs 9 bytes for each.
pub(super) const MOST_WHOLE: u64 = 2560 * 2560;

/// The most pixels of a JPEG of which only the averages of blocks are decoded, at 3 bytes for each 64 pixels.
pub(super) const MOST_AVERAGED: u64 = 300_000_000;

/// The largest thumbnail in bytes. Pictures full of detail are encoded with lower quality.
pub const MOST_BYTES: usize = 24 * 1024;
