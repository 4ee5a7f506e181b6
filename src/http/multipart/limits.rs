//! The limits of a multipart body.

/// The longest part head, in bytes: part heads have two or three field lines, one of them with two names.
pub const PART_HEAD_LIMIT: usize = 8 * 1024;

/// The maximum number of parts in one body. Nobody drops more files onto the page at once, and a request full of empty
/// parts cannot fill a folder with millions of names.
pub const PARTS_LIMIT: usize = 10_000;
