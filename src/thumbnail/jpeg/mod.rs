//! The parts of a JPEG (ITU-T T.81) that a thumbnail of a large one needs: its headers, and the average of each block.
//!
//! The first coefficient of a block of 8x8 pixels, "DC", is eight times their average. The other 63 are read over. In a
//! progressive JPEG they have their own scans, which are skipped.
//!
//! Only what cameras and programs write is supported: 8 bits, Huffman coding, grey or three colours. All other JPEGs are left
//! to the crate `image`.

mod averages;
mod bits;
mod details;
mod frame;
mod headers;
mod huffman;
mod input;
mod planes;

pub(super) use self::averages::averages;
pub(super) use self::headers::Headers;
