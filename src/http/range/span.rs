//! A span of a representation.

/// A span of a representation, in bytes: never empty, and within the representation's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    start: u64,
    length: u64,
}

impl Span {
    /// `length` bytes from `start`, of `len` bytes in all; `None` if it would be empty or end after `len`.
    pub fn new(start: u64, length: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(length)?;
        (length > 0 && end <= len).then_some(Self { start, length })
    }

    /// The offset of its first byte.
    pub fn start(self) -> u64 {
        self.start
    }

    /// Its length in bytes, at least 1.
    pub fn length(self) -> u64 {
        self.length
    }

    /// The offset after its last byte.
    pub fn end(self) -> u64 {
        self.start + self.length
    }

    /// Its first bytes: at most `at_most`, at least one.
    #[must_use]
    pub fn first(self, at_most: u64) -> Self {
        Self { length: self.length.min(at_most.max(1)), ..self }
    }

    /// The rest after the first `sent` bytes; `None` if nothing is left.
    pub fn after(self, sent: u64) -> Option<Self> {
        let length = self.length.checked_sub(sent).filter(|&left| left > 0)?;
        Some(Self { start: self.start + sent, length })
    }

    /// The offset of its last byte: `last-pos`.
    pub fn last(self) -> u64 {
        self.end() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_within() {
        assert_eq!(Span::new(0, 0, 10), None);
        assert_eq!(Span::new(10, 1, 10), None);
        assert_eq!(Span::new(5, 6, 10), None);
        assert_eq!(Span::new(u64::MAX, 2, u64::MAX), None);
        let span = Span::new(5, 5, 10).expect("within");
        assert_eq!((span.start(), span.length(), span.last(), span.end()), (5, 5, 9, 10));
    }
}
