//! The records file: a line with the version, a line for each record, and a line with the number of records.
//!
//! ```text
//! wharf records 1
//! session 3f8k2m9q user=anna …
//! end 1
//! ```
//!
//! The last line shows that nothing is missing.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::str;

use super::limits::RECORDS;
use super::line::{RecordLine, RecordLineError};
use super::record::Record;

/// The beginning of the first line; the version follows.
const BEGIN: &str = "wharf records ";
/// The version that is read and written.
const VERSION: &str = "1";
/// The beginning of the last line; the number of records follows.
const END: &str = "end ";

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongRecordLine {
    /// The number of the line, from 1.
    pub number: usize,
    /// What is wrong.
    pub error: RecordFileError,
}

/// What is wrong with a records file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFileError {
    /// It is not a records file.
    Foreign,
    /// It has a different version.
    Version,
    /// The line is not a record.
    Line(RecordLineError),
    /// This earlier line has the same id or secret.
    Duplicate(usize),
    /// It has more than the allowed number of records.
    TooMany,
    /// It does not end with the number of records.
    Torn,
}

/// Parses the content of a file. One invalid line makes the whole file invalid.
pub fn parse(bytes: &[u8]) -> Result<Vec<Record>, WrongRecordLine> {
    let mut lines = Lines { rest: bytes, number: 0 };
    let first = lines.next();
    match first.and_then(|line| str::from_utf8(line).ok()?.strip_prefix(BEGIN)) {
        Some(VERSION) => {}
        Some(_) => return Err(lines.wrong(RecordFileError::Version)),
        None if first.is_none() && BEGIN.as_bytes().starts_with(bytes) => {
            return Err(WrongRecordLine { number: 1, error: RecordFileError::Torn });
        }
        None => return Err(WrongRecordLine { number: 1, error: RecordFileError::Foreign }),
    }
    let (mut records, mut ids, mut digests) = (Vec::new(), HashMap::new(), HashMap::new());
    while let Some(line) = lines.next() {
        let number = lines.number;
        let text =
            str::from_utf8(line).map_err(|_| lines.wrong(RecordFileError::Line(RecordLineError::NotUtf8)))?;
        if let Some(count) = text.strip_prefix(END) {
            let is_whole = count == records.len().to_string() && lines.rest.is_empty();
            return if is_whole { Ok(records) } else { Err(lines.wrong(RecordFileError::Torn)) };
        }
        if records.len() == RECORDS {
            return Err(lines.wrong(RecordFileError::TooMany));
        }
        let record = Record::parse(text).map_err(|error| lines.wrong(RecordFileError::Line(error)))?;
        let same = [ids.insert(record.id, number), digests.insert(record.digest, number)];
        if let Some(earlier) = same.into_iter().flatten().next() {
            return Err(lines.wrong(RecordFileError::Duplicate(earlier)));
        }
        records.push(record);
    }
    Err(WrongRecordLine { number: lines.number + 1, error: RecordFileError::Torn })
}

/// The content of a file with these records, in this order.
pub fn print<'r>(records: impl IntoIterator<Item = &'r Record>) -> String {
    let mut text = format!("{BEGIN}{VERSION}\n");
    let mut count = 0_usize;
    for record in records {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", RecordLine(record));
        count += 1;
    }
    let _ = writeln!(text, "{END}{count}");
    text
}

/// The lines, each of which must have a line end.
struct Lines<'b> {
    rest: &'b [u8],
    number: usize,
}

impl<'b> Lines<'b> {
    fn next(&mut self) -> Option<&'b [u8]> {
        let at = self.rest.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.rest.split_at(at);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += 1;
        Some(line)
    }

    fn wrong(&self, error: RecordFileError) -> WrongRecordLine {
        WrongRecordLine { number: self.number, error }
    }
}

impl fmt::Display for WrongRecordLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Display for RecordFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => {
                write!(f, "it is not a file of wharf's records: it must begin with `{BEGIN}{VERSION}`")
            }
            Self::Version => {
                write!(f, "another version of wharf has written it: this one reads `{BEGIN}{VERSION}` only")
            }
            Self::Line(error) => error.fmt(f),
            Self::Duplicate(earlier) => write!(f, "line {earlier} has the same id or secret"),
            Self::TooMany => write!(f, "there are more than {RECORDS} records"),
            Self::Torn => {
                write!(f, "records are missing: the file must end with `{END}` and the number of its records")
            }
        }
    }
}
