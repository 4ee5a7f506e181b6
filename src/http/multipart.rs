//! `multipart/form-data`: the files of a form, as their bytes arrive (RFC 7578, RFC 2046 §5.1).
//!
//! ```text
//! preamble --delimiter--> after it --CRLF--> part head --empty line--> data --delimiter--> after it …
//!                            `--"--"--> epilogue
//! ```
//!
//! A [`MultipartDecoder`] is given whatever has come and tells one [`MultipartEvent`] at a time. It keeps a part head until it
//! is whole and, of the content, only a count: so a body of any length costs the same few kilobytes, and no
//! byte needs to be kept by the caller. What is done with the parts, where files go and what names are good
//! is not known here.

mod boundary;
mod delimiter;
mod parameters;
mod part_head;

use std::fmt;

pub use boundary::{BOUNDARY_LIMIT, Boundary, BoundaryError, boundary};
use delimiter::{Scanned, Scanner};
pub use part_head::PartHead;

/// The longest part head, in bytes: two or three field lines, of which one holds two names.
pub const PART_HEAD_LIMIT: usize = 8 * 1024;

/// The most parts in one body: more than anyone drops into a window at once, and few enough that one request
/// of empty parts cannot fill a folder with millions of names.
pub const PARTS_LIMIT: usize = 10_000;

/// Something that the body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultipartEvent<'a> {
    /// A part begins; what follows, up to `PartEnds`, belongs to it.
    PartBegins(PartHead),
    /// Content of the part, never empty: from the input, or bytes that came before it and could not be told
    /// from a delimiter until now.
    Data(&'a [u8]),
    /// The part is complete.
    PartEnds,
    /// The last part was the last. What may follow says nothing.
    Finished,
}

/// The result of one call of [`MultipartDecoder::decode`].
#[derive(Debug, PartialEq, Eq)]
pub struct DecodedEvent<'a> {
    /// Bytes of the input that were consumed.
    pub used: usize,
    /// The event, if these bytes complete one.
    pub event: Option<MultipartEvent<'a>>,
}

/// Takes a body apart. After an error nothing more can be read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartDecoder {
    state: State,
    scanner: Scanner,
    /// Parts begun.
    parts: usize,
}

/// Where in the body the next byte stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Before the first delimiter: to be ignored (RFC 2046 §5.1.1).
    Preamble,
    AfterDelimiter(After),
    /// In a part head, of which so much has come.
    PartHead(Vec<u8>),
    Data,
    /// Behind the closing delimiter: to be ignored.
    Epilogue,
}

/// Behind a delimiter: `--` if it closes the body, else white space up to CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Boundary,
    Dash,
    Padding,
    Cr,
}

/// A body that is not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultipartError {
    /// In which part, counted from 1; 0 is before the first.
    pub part: usize,
    /// What is wrong.
    pub problem: MultipartProblem,
}

/// What is wrong with a multipart body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultipartProblem {
    /// A boundary is followed by something else than CRLF or `--`.
    Delimiter,
    /// A part head is longer than [`PART_HEAD_LIMIT`].
    HeadTooLarge,
    /// A part head is not made of field lines, or of too many, or has one of them twice.
    Head,
    /// A part has no `Content-Disposition: form-data` with one name.
    Disposition,
    /// A part's content is encoded.
    TransferEncoding,
    /// There are more parts than [`PARTS_LIMIT`].
    TooManyParts,
    /// The body ends before its closing delimiter.
    Truncated,
}

impl MultipartDecoder {
    /// For a body with this boundary.
    pub fn new(boundary: &Boundary) -> Self {
        let mut scanner = Scanner::new(boundary);
        // The first delimiter may stand at the very beginning, without a line break before it.
        scanner.begin_line();
        Self { state: State::Preamble, scanner, parts: 0 }
    }

    /// Reads on, up to the next thing to tell. Call it again with the rest of the input until all of it is
    /// used: a call with input always gets on, though it may use none of it.
    pub fn decode<'a>(&'a mut self, input: &'a [u8]) -> Result<DecodedEvent<'a>, MultipartError> {
        let part = self.parts;
        self.decode_event(input).map_err(|problem| MultipartError { part, problem })
    }

    /// Says whether a body that ends here is whole.
    pub fn finish(&self) -> Result<(), MultipartError> {
        match self.state {
            State::Epilogue => Ok(()),
            _ => Err(MultipartError { part: self.parts, problem: MultipartProblem::Truncated }),
        }
    }

    fn decode_event<'a>(&'a mut self, input: &'a [u8]) -> Result<DecodedEvent<'a>, MultipartProblem> {
        match &mut self.state {
            State::Preamble | State::Data => Ok(self.scan(input)),
            State::AfterDelimiter(after) => {
                let Some(&byte) = input.first() else { return Ok(DecodedEvent::none(0)) };
                let after = *after;
                self.after_delimiter(after, byte)
            }
            State::PartHead(head) => {
                let used = take_line(head, input)?;
                let event = if is_whole(head) { Some(self.begin_part()?) } else { None };
                Ok(DecodedEvent { used, event })
            }
            State::Epilogue => Ok(DecodedEvent::none(input.len())),
        }
    }

    /// Looks for the delimiter that ends the preamble or the data.
    fn scan<'a>(&'a mut self, input: &'a [u8]) -> DecodedEvent<'a> {
        let in_part = self.state == State::Data;
        let (used, found) = self.scanner.scan(input);
        let event = match found {
            Scanned::Content(content) => {
                (in_part && !content.is_empty()).then_some(MultipartEvent::Data(content))
            }
            Scanned::Delimiter => {
                self.state = State::AfterDelimiter(After::Boundary);
                in_part.then_some(MultipartEvent::PartEnds)
            }
            Scanned::Undecided => None,
        };
        DecodedEvent { used, event }
    }

    /// A byte behind a delimiter.
    fn after_delimiter(&mut self, after: After, byte: u8) -> Result<DecodedEvent<'static>, MultipartProblem> {
        self.state = match (after, byte) {
            (After::Boundary, b'-') => State::AfterDelimiter(After::Dash),
            (After::Boundary | After::Padding, b' ' | b'\t') => State::AfterDelimiter(After::Padding),
            (After::Boundary | After::Padding, b'\r') => State::AfterDelimiter(After::Cr),
            (After::Dash, b'-') => {
                self.state = State::Epilogue;
                return Ok(DecodedEvent { used: 1, event: Some(MultipartEvent::Finished) });
            }
            (After::Cr, b'\n') if self.parts == PARTS_LIMIT => return Err(MultipartProblem::TooManyParts),
            (After::Cr, b'\n') => {
                self.parts += 1;
                State::PartHead(Vec::new())
            }
            _ => return Err(MultipartProblem::Delimiter),
        };
        Ok(DecodedEvent::none(1))
    }

    /// The part head is whole.
    fn begin_part(&mut self) -> Result<MultipartEvent<'static>, MultipartProblem> {
        let State::PartHead(head) = std::mem::replace(&mut self.state, State::Data) else {
            return Err(MultipartProblem::Head);
        };
        // A part may be empty, with the end of its head as the line break of the delimiter.
        self.scanner.begin_line();
        PartHead::parse(&head).map(MultipartEvent::PartBegins)
    }
}

/// Moves the input up to the end of its first line into the head, and says how much that was.
fn take_line(head: &mut Vec<u8>, input: &[u8]) -> Result<usize, MultipartProblem> {
    let end = input.iter().position(|&byte| byte == b'\n').map_or(input.len(), |at| at + 1);
    let (line, _) = input.split_at(end);
    if head.len() + line.len() > PART_HEAD_LIMIT {
        return Err(MultipartProblem::HeadTooLarge);
    }
    head.extend_from_slice(line);
    if head.ends_with(b"\n") && !head.ends_with(b"\r\n") { Err(MultipartProblem::Head) } else { Ok(end) }
}

/// Whether a head that ends here ends with its empty line.
fn is_whole(head: &[u8]) -> bool {
    head == b"\r\n" || head.ends_with(b"\r\n\r\n")
}

impl DecodedEvent<'_> {
    /// `used` bytes without an event.
    fn none(used: usize) -> Self {
        Self { used, event: None }
    }
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => write!(f, "multipart body: {}", self.problem),
            part => write!(f, "multipart body, part {part}: {}", self.problem),
        }
    }
}

impl fmt::Display for MultipartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delimiter => f.write_str("a boundary must be followed by a line break or by --"),
            Self::HeadTooLarge => write!(f, "the part's head is longer than {PART_HEAD_LIMIT} bytes"),
            Self::Head => f.write_str("the part's head is malformed"),
            Self::Disposition => f.write_str("the part needs a Content-Disposition: form-data; name=\"…\""),
            Self::TransferEncoding => f.write_str("the part's content is encoded; send it as it is"),
            Self::TooManyParts => {
                write!(f, "there are more than {PARTS_LIMIT} parts; send them in several requests")
            }
            Self::Truncated => f.write_str("the body ends before its closing boundary"),
        }
    }
}

impl std::error::Error for MultipartError {}

#[cfg(test)]
mod tests;
