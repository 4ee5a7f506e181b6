//! The fields of packets: text up to a NUL, modes, lists of options, and a reader that parses them from a
//! datagram.
//!
//! [`super::packet`] knows what they mean together.

use std::borrow::Cow;
use std::fmt;

use super::packet_error::PacketError;

/// A string of RFC 1350, such as a file name, an option or a message: bytes without a NUL, not always UTF-8.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, [u8]>);

impl<'a> Text<'a> {
    /// The bytes as text; `None` if they contain a NUL.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.contains(&0)).then_some(Self(bytes))
    }

    /// The text up to its first NUL: for messages, which may be truncated.
    pub fn up_to_nul(text: &'a str) -> Self {
        let end = text.find('\0').unwrap_or(text.len());
        Self(Cow::Borrowed(text.as_bytes().split_at(end).0))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text as an owned string; invalid UTF-8 becomes U+FFFD.
    pub fn to_lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn number(value: u64) -> Self {
        Self(Cow::Owned(value.to_string().into_bytes()))
    }

    /// Appends the text and a NUL.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
        out.push(0);
    }

    /// How many bytes [`Self::write`] adds.
    pub(super) fn written_len(&self) -> usize {
        self.0.len() + 1
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// How a file's bytes are encoded in packets (RFC 1350 §1). The third mode, mail, is rejected (RFC 1123 §4.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Text, with CR LF at line ends.
    Netascii,
    /// The bytes unchanged.
    Octet,
}

impl Mode {
    /// The mode that a request names, in upper or lower case.
    pub(super) fn from_text(text: &Text<'_>) -> Result<Self, PacketError> {
        match text.as_bytes() {
            name if name.eq_ignore_ascii_case(b"octet") => Ok(Self::Octet),
            name if name.eq_ignore_ascii_case(b"netascii") => Ok(Self::Netascii),
            name if name.eq_ignore_ascii_case(b"mail") => Err(PacketError::Mail),
            _ => Err(PacketError::UnknownMode(text.to_lossy())),
        }
    }

    pub(super) fn text(self) -> Text<'static> {
        Text(Cow::Borrowed(match self {
            Self::Netascii => b"netascii",
            Self::Octet => b"octet",
        }))
    }
}

/// The options of a request or an OACK: names with values, in order. No name occurs twice, even in different
/// case.
///
/// RFC 2347 allows each option only once. A duplicate option, known or not, is an error (code 8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'a> Options<'a> {
    /// The value of the option with this name; case is ignored.
    pub fn get(&self, name: &str) -> Option<&Text<'a>> {
        self.iter().find(|(known, _)| known.0.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &(Text<'a>, Text<'a>)> {
        self.0.iter()
    }

    /// Adds an option; fails with [`PacketError::DoubledOption`] if the name already occurs.
    pub fn add(&mut self, name: Text<'a>, value: Text<'a>) -> Result<(), PacketError> {
        if self.iter().any(|(known, _)| known.0.eq_ignore_ascii_case(&name.0)) {
            return Err(PacketError::DoubledOption(name.to_lossy()));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The options that have a number, in the given order. The caller passes each name only once.
    pub(super) fn of_numbers(numbers: [(&'static str, Option<u64>); 4]) -> Options<'static> {
        let given = numbers.into_iter().filter_map(|(name, number)| Some((name, number?)));
        Options(
            given
                .map(|(name, number)| (Text(Cow::Borrowed(name.as_bytes())), Text::number(number)))
                .collect(),
        )
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            name.write(out);
            value.write(out);
        }
    }

    pub(super) fn written_len(&self) -> usize {
        self.iter().map(|(name, value)| name.written_len() + value.written_len()).sum()
    }
}

/// Reads fields from the front of a datagram, and never past its end.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }

    /// Two bytes, the most significant first; `what` names the field for the error.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u16, PacketError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(PacketError::Truncated(what))?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    /// Text up to the next NUL, and the NUL.
    pub(super) fn text(&mut self, what: &'static str) -> Result<Text<'a>, PacketError> {
        let mut parts = self.0.splitn(2, |byte| *byte == 0);
        let (Some(text), Some(rest)) = (parts.next(), parts.next()) else {
            return Err(PacketError::Unterminated(what));
        };
        self.0 = rest;
        Ok(Text(Cow::Borrowed(text)))
    }

    /// Options up to the end of the datagram, or up to NULs that pad it.
    pub(super) fn options(&mut self) -> Result<Options<'a>, PacketError> {
        let mut options = Options::default();
        while !self.is_padding() {
            options.add(self.text("option")?, self.text("value of an option")?)?;
        }
        Ok(options)
    }

    /// The remaining bytes.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Fails if bytes remain that are not padding.
    pub(super) fn end(self) -> Result<(), PacketError> {
        if self.is_padding() { Ok(()) } else { Err(PacketError::TrailingBytes(self.0.len())) }
    }

    /// Whether only NULs remain, or nothing.
    fn is_padding(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}
