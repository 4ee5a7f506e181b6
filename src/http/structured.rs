//! Structured fields (RFC 9651): items and dictionaries, parsed as strictly as the RFC requires. A value that
//! does not follow the grammar is `None`, because the draft on resumable uploads says that such a field is
//! ignored.
//!
//! Only Booleans and Integers have a value here; the other types are checked and skipped.

use super::fields::is_token_byte;

/// The maximum number of digits of an Integer (§3.3.1).
const INTEGER_DIGITS: usize = 15;

/// The largest Integer.
pub const LARGEST_INTEGER: u64 = 999_999_999_999_999;

/// The maximum number of digits before and after the point of a Decimal (§3.3.2).
const DECIMAL_DIGITS: (usize, usize) = (12, 3);

/// A bare item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareItem {
    /// A Boolean.
    Boolean(bool),
    /// An Integer.
    Integer(i64),
    /// An item of any other type, or an inner list.
    Other,
}

/// Parses an Item (§4.2.3); its parameters are checked and ignored.
pub fn item(value: &[u8]) -> Option<BareItem> {
    let mut parser = Parser { rest: value };
    parser.skip(b" ");
    let item = parser.item()?;
    parser.skip(b" ");
    parser.rest.is_empty().then_some(item)
}

/// Parses a Dictionary (§4.2.2) on one line, or on several lines joined with commas. If two members have the
/// same key, the last counts.
pub fn dictionary(value: &[u8]) -> Option<Vec<(&str, BareItem)>> {
    let mut parser = Parser { rest: value };
    let mut members = Vec::new();
    parser.skip(b" ");
    while !parser.rest.is_empty() {
        let key = parser.key()?;
        let value = if parser.take(b'=') {
            parser.item_or_inner_list()?
        } else {
            parser.parameters()?;
            BareItem::Boolean(true)
        };
        members.retain(|(other, _)| *other != key);
        members.push((key, value));
        parser.skip(b" \t");
        if parser.rest.is_empty() {
            break;
        }
        let goes_on = parser.take(b',');
        parser.skip(b" \t");
        if !goes_on || parser.rest.is_empty() {
            return None;
        }
    }
    Some(members)
}

/// The part of a value that is not parsed yet.
struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Consumes the next byte, if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    fn skip(&mut self, space: &[u8]) {
        self.take_while(|byte| space.contains(&byte));
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().take_while(|byte| belongs(**byte)).count();
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    fn item(&mut self) -> Option<BareItem> {
        let item = self.bare_item()?;
        self.parameters()?;
        Some(item)
    }

    fn item_or_inner_list(&mut self) -> Option<BareItem> {
        if !self.take(b'(') {
            return self.item();
        }
        loop {
            self.skip(b" ");
            if self.take(b')') {
                break;
            }
            self.item()?;
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return None;
            }
        }
        self.parameters()?;
        Some(BareItem::Other)
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }

    fn key(&mut self) -> Option<&'a str> {
        let starts = |byte: u8| byte.is_ascii_lowercase() || byte == b'*';
        if !self.rest.first().copied().is_some_and(starts) {
            return None;
        }
        let key = self.take_while(|byte| starts(byte) || byte.is_ascii_digit() || b"_-.".contains(&byte));
        std::str::from_utf8(key).ok()
    }

    fn bare_item(&mut self) -> Option<BareItem> {
        match self.rest.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'?' => {
                self.next();
                match self.next()? {
                    b'0' => Some(BareItem::Boolean(false)),
                    b'1' => Some(BareItem::Boolean(true)),
                    _ => None,
                }
            }
            b'"' => self.string(),
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => {
                self.take_while(|byte| is_token_byte(byte) || b":/".contains(&byte));
                Some(BareItem::Other)
            }
            b':' => {
                self.next();
                self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':').then_some(BareItem::Other)
            }
            b'@' => {
                self.next();
                matches!(self.number()?, BareItem::Integer(_)).then_some(BareItem::Other)
            }
            b'%' => self.display_string(),
            _ => None,
        }
    }

    /// An Integer or a Decimal (§4.2.4).
    fn number(&mut self) -> Option<BareItem> {
        let is_negative = self.take(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if self.take(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            let (most, most_after) = DECIMAL_DIGITS;
            let fits = (1..=most).contains(&digits.len()) && (1..=most_after).contains(&fraction.len());
            return fits.then_some(BareItem::Other);
        }
        if digits.len() > INTEGER_DIGITS {
            return None;
        }
        let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(BareItem::Integer(if is_negative { -value } else { value }))
    }

    /// A String (§4.2.5).
    fn string(&mut self) -> Option<BareItem> {
        self.next();
        loop {
            match self.next()? {
                b'"' => return Some(BareItem::Other),
                b'\\' => {
                    if !matches!(self.next()?, b'"' | b'\\') {
                        return None;
                    }
                }
                b' '..=b'~' => {}
                _ => return None,
            }
        }
    }

    /// A Display String (§4.2.10).
    fn display_string(&mut self) -> Option<BareItem> {
        self.next();
        if !self.take(b'"') {
            return None;
        }
        let mut decoded = Vec::new();
        loop {
            match self.next()? {
                b'"' => return std::str::from_utf8(&decoded).ok().map(|_| BareItem::Other),
                b'%' => {
                    let digits = [self.next()?, self.next()?];
                    if !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
                        return None;
                    }
                    decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                }
                byte @ b' '..=b'~' => decoded.push(byte),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BareItem::{Boolean, Integer, Other};
    use super::*;

    #[test]
    fn items() {
        let table = [
            ("?1", Some(Boolean(true))),
            ("?0", Some(Boolean(false))),
            (" ?1 ", Some(Boolean(true))),
            ("?1;x", Some(Boolean(true))),
            ("?1; x=1;y=\"a;b\";z=?0", Some(Boolean(true))),
            ("?1;*a_-.9=tok/en:x", Some(Boolean(true))),
            ("?1;a=:aGk=:;b=@-1;c=1.5;d=%\"%c3%a9\"", Some(Boolean(true))),
            ("?2", None),
            ("?", None),
            ("??1", None),
            ("?1 ;x", None),
            ("?1;", None),
            ("?1;X", None),
            ("?1;1", None),
            ("?1;x=", None),
            ("?1;x=\"", None),
            ("?1;x=\"\\n\"", None),
            ("?1;x=:a", None),
            ("?1;x=@1.5", None),
            ("?1;x=%\"%C3%A9\"", None),
            ("?1;x=%\"%ff\"", None),
            ("?1, ?1", None),
            ("?1?1", None),
            ("\t?1", None),
            ("0", Some(Integer(0))),
            ("-0", Some(Integer(0))),
            ("007", Some(Integer(7))),
            ("-5", Some(Integer(-5))),
            ("999999999999999", Some(Integer(999_999_999_999_999))),
            ("-999999999999999", Some(Integer(-999_999_999_999_999))),
            ("1000000000000000", None),
            ("99999999999999999999999999999999", None),
            ("+1", None),
            ("--1", None),
            ("-", None),
            ("1e3", None),
            ("0x1", None),
            ("1 2", None),
            ("1.5", Some(Other)),
            ("1.", None),
            (".5", None),
            ("1.2345", None),
            ("1234567890123.1", None),
            ("1.2.3", None),
            ("yes", Some(Other)),
            ("\"1\"", Some(Other)),
            ("", None),
            (" ", None),
            ("\u{e9}", None),
            ("(1 2)", None),
        ];
        for (value, expected) in table {
            assert_eq!(item(value.as_bytes()), expected, "{value:?}");
        }
        assert_eq!(item(b"1;a=\"\x00\""), None);
        assert_eq!(item(b"1;a=\"\xff\""), None);
    }

    #[test]
    fn dictionaries() {
        type Members = &'static [(&'static str, BareItem)];
        let table: [(&str, Option<Members>); 18] = [
            ("", Some(&[])),
            ("  ", Some(&[])),
            ("a=1, b=?0", Some(&[("a", Integer(1)), ("b", Boolean(false))])),
            ("a", Some(&[("a", Boolean(true))])),
            ("a;x=1,\tb=2;y", Some(&[("a", Boolean(true)), ("b", Integer(2))])),
            ("a=1, b=2, a=3", Some(&[("b", Integer(2)), ("a", Integer(3))])),
            ("a=(1 2;x \"c\");y=1", Some(&[("a", Other)])),
            ("a=()", Some(&[("a", Other)])),
            ("a=( 1 )", Some(&[("a", Other)])),
            ("a=(1\t2)", None),
            ("a=(1", None),
            ("a=", None),
            ("a=1,", None),
            (",a=1", None),
            ("a=1 b=2", None),
            ("a = 1", None),
            ("A=1", None),
            ("a=1;", None),
        ];
        for (value, expected) in table {
            assert_eq!(dictionary(value.as_bytes()).as_deref(), expected, "{value:?}");
        }
    }

    /// A value that is truncated or changed anywhere is parsed or refused, without a panic.
    #[test]
    fn damaged_values_are_refused_without_a_panic() {
        let whole = b"a=1.5;x=%\"%c3%a9\", b=(\"\\\\\" :aGk=: @-1);y, c=?1;*z=tok";
        assert!(dictionary(whole).is_some());
        for at in 0..whole.len() {
            let _ = (dictionary(&whole[..at]), item(&whole[at..]));
            for byte in 0..=u8::MAX {
                let mut damaged = whole.to_vec();
                damaged[at] = byte;
                let _ = (dictionary(&damaged), item(&damaged));
            }
        }
    }
}
