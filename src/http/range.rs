//! Ranges: which bytes of a representation a `Range` field selects (RFC 9110 §14).
//!
//! A field that is malformed or requests too many ranges is ignored, as §14.2 allows, and the whole representation is
//! sent, which is always correct. The result is [`Span`]s, which lie within the representation by construction.
//! [`content_range`] writes them as field values, [`byteranges`] frames several as one body.
//!
//! Whether a range applies at all (`If-Range`) is decided in `conditional`. This module sees lengths, not content.

pub mod byteranges;
pub mod content_range;
mod selection;
mod span;

pub use selection::{RANGES_LIMIT, Selection, select};
pub use span::Span;
