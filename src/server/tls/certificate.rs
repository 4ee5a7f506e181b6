//! The few facts of a certificate that rustls does not tell (RFC 5280 §4.1): when it is valid, and who has signed whom.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tags of DER (X.690).
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version of a certificate.
const VERSION: u8 = 0xa0;

/// What is read from a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CertificateFacts<'a> {
    /// Who has signed it, as DER.
    pub issuer: &'a [u8],
    /// Whose it is, as DER.
    pub subject: &'a [u8],
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

impl<'a> CertificateFacts<'a> {
    /// Reads them; `None` if this is not a certificate.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Elements(Elements(der).next(SEQUENCE)?);
        let mut fields = Elements(certificate.next(SEQUENCE)?);
        // Only since version 2.
        let _ = fields.next(VERSION);
        let _serial_number = fields.next(INTEGER)?;
        let _algorithm = fields.next(SEQUENCE)?;
        let issuer = fields.next(SEQUENCE)?;
        let mut validity = Elements(fields.next(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = fields.next(SEQUENCE)?;
        Some(Self { issuer, subject, not_before, not_after })
    }
}

/// Elements of DER, one after the other.
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Those in this content.
    pub(super) fn of(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The content of the next element, if it has this tag.
    pub(super) fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let rest = self.0.strip_prefix(&[tag])?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            // Four bytes are more than any certificate needs.
            let is_sane = (1..=4).contains(&digits.len());
            let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            (is_sane.then_some(length)?, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    /// The next element, which is a time: `YYMMDDhhmmssZ` until 2049, `YYYYMMDDhhmmssZ` after (RFC 5280 §4.1.2.5).
    fn time(&mut self) -> Option<SystemTime> {
        let (century, text) = match self.next(UTC_TIME) {
            Some(text) => (if text.first()? < &b'5' { "20" } else { "19" }, text),
            None => ("", self.next(GENERALIZED_TIME)?),
        };
        let text = format!("{century}{}", str::from_utf8(text).ok()?);
        let digits = text.strip_suffix('Z').filter(|digits| digits.len() == 14 && digits.is_ascii())?;
        let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
        let days = days(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
        let seconds = (number(8, 10)? * 60 + number(10, 12)?) * 60 + number(12, 14)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(days * 24 * 60 * 60 + seconds))
    }
}

/// The days from 1970 to this one; times before count as 1970.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = before.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let Some(years) = year.checked_sub(1970) else { return Some(0) };
    // The leap days of the years until this one, or, from March on, until the next.
    let until = if month > 2 { year } else { year - 1 };
    let leap_days = (until / 4 - until / 100 + until / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    Some(years * 365 + leap_days + before + day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let table: [(u8, &str, Option<u64>); 10] = [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "240229235959Z", Some(1_709_251_199)),
            (UTC_TIME, "240301000000Z", Some(1_709_251_200)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
            (UTC_TIME, "500101000000Z", Some(0)),
            (UTC_TIME, "2403010000Z", None),
            (UTC_TIME, "241301000000Z", None),
            (GENERALIZED_TIME, "2024030100000é", None),
        ];
        for (tag, text, expected) in table {
            let der = [&[tag, text.len() as u8], text.as_bytes()].concat();
            let expected = expected.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(Elements(&der).time(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let name = [SEQUENCE, 0];
        let times = [[UTC_TIME, 13].as_slice(), b"240301000000Z", &[UTC_TIME, 13], b"250301000000Z"].concat();
        let validity = [&[SEQUENCE, times.len() as u8], &*times].concat();
        let fields = [&[VERSION, 0, INTEGER, 1, 7][..], &name, &name, &validity, &name].concat();
        let inner = [&[SEQUENCE, 0x81, fields.len() as u8], &*fields].concat();
        let whole = [&[SEQUENCE, 0x81, inner.len() as u8], &*inner].concat();
        assert!(CertificateFacts::read(&whole).is_some());
        for length in 0..whole.len() {
            assert_eq!(CertificateFacts::read(&whole[..length]), None, "{length} bytes");
        }
    }
}
