//! `multipart/form-data`: the files of a form, as their bytes arrive (RFC 7578, RFC 2046 §5.1).
//!
//! ```text
//! preamble --delimiter--> after it --CRLF--> part head --empty line--> data --delimiter--> after it …
//!                            `--"--"--> epilogue
//! ```
//!
//! A [`MultipartDecoder`] takes the bytes that have arrived and returns one [`MultipartEvent`] at a time. It
//! buffers a part head until that is complete, but no content. So a body of any length takes the same few
//! kilobytes, and the caller need not keep any bytes. The caller decides what to do with the parts, where
//! files go and which names are valid.

mod boundary;
mod decoder;
mod delimiter;
mod error;
mod limits;
mod parameters;
mod part_head;

pub use boundary::{BOUNDARY_LIMIT, Boundary, BoundaryError, boundary};
pub use decoder::{DecodedEvent, MultipartDecoder, MultipartEvent};
pub use error::{MultipartError, MultipartProblem};
pub use limits::{PART_HEAD_LIMIT, PARTS_LIMIT};
pub use part_head::PartHead;

#[cfg(test)]
mod tests;
