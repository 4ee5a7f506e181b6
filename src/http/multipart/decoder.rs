//! The decoder of a multipart body.

use super::boundary::Boundary;
use super::delimiter::{Scanned, Scanner};
use super::error::{MultipartError, MultipartProblem};
use super::limits::{PART_HEAD_LIMIT, PARTS_LIMIT};
use super::part_head::PartHead;

/// The next thing in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultipartEvent<'a> {
    /// A part begins; all `Data` up to `PartEnds` belongs to it.
    PartBegins(PartHead),
    /// Content of the part, never empty: bytes of the input, or earlier bytes that could have been a
    /// delimiter until now.
    Data(&'a [u8]),
    /// The part is complete.
    PartEnds,
    /// There are no more parts. Anything after this is ignored.
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

/// Decodes a body. After an error, the decoder cannot be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartDecoder {
    state: State,
    scanner: Scanner,
    /// The number of parts that have begun.
    parts: usize,
}

/// The place in the body of the next byte.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Before the first delimiter: ignored (RFC 2046 §5.1.1).
    Preamble,
    AfterDelimiter(After),
    /// In a part head; these bytes of it have arrived.
    PartHead(Vec<u8>),
    Data,
    /// After the closing delimiter: ignored.
    Epilogue,
}

/// After a delimiter: `--` if it closes the body, otherwise white space up to CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Boundary,
    Dash,
    Padding,
    Cr,
}

impl MultipartDecoder {
    /// For a body with this boundary.
    pub fn new(boundary: &Boundary) -> Self {
        let mut scanner = Scanner::new(boundary);
        // The body may begin with the first delimiter, without a line break before it.
        scanner.begin_line();
        Self { state: State::Preamble, scanner, parts: 0 }
    }

    /// Decodes up to the next event. Call it again with the rest of the input until all input is used. A call with
    /// input always makes progress, even if it uses no bytes.
    pub fn decode<'a>(&'a mut self, input: &'a [u8]) -> Result<DecodedEvent<'a>, MultipartError> {
        let part = self.parts;
        self.decode_event(input).map_err(|problem| MultipartError { part, problem })
    }

    /// Whether a body that ends here is complete.
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

    /// Searches for the delimiter that ends the preamble or the data.
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

    /// Handles a byte after a delimiter.
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

    /// Parses a complete part head.
    fn begin_part(&mut self) -> Result<MultipartEvent<'static>, MultipartProblem> {
        let State::PartHead(head) = std::mem::replace(&mut self.state, State::Data) else {
            return Err(MultipartProblem::Head);
        };
        // A part may be empty: then the line break of the delimiter is the one that ends the head.
        self.scanner.begin_line();
        PartHead::parse(&head).map(MultipartEvent::PartBegins)
    }
}

/// Moves the input, up to the end of its first line, into the head, and returns the number of bytes.
fn take_line(head: &mut Vec<u8>, input: &[u8]) -> Result<usize, MultipartProblem> {
    let end = input.iter().position(|&byte| byte == b'\n').map_or(input.len(), |at| at + 1);
    let (line, _) = input.split_at(end);
    if head.len() + line.len() > PART_HEAD_LIMIT {
        return Err(MultipartProblem::HeadTooLarge);
    }
    head.extend_from_slice(line);
    if head.ends_with(b"\n") && !head.ends_with(b"\r\n") { Err(MultipartProblem::Head) } else { Ok(end) }
}

/// Whether the head is complete: it ends with its empty line.
fn is_whole(head: &[u8]) -> bool {
    head == b"\r\n" || head.ends_with(b"\r\n\r\n")
}

impl DecodedEvent<'_> {
    /// `used` bytes without an event.
    fn none(used: usize) -> Self {
        Self { used, event: None }
    }
}
