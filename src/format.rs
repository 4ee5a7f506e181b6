//! Sizes, times and numbers as text.

use std::fmt;
use std::time::Duration;

/// A number of bytes: `512 B`, `1.5 KiB`, `2.0 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A span of time: `0.04 ms`, `12.3 ms`, `1.23 s`, `2 min 5 s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// How long something lasts, with its units in words: `7 days`, `1 h 30 m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting(pub Duration);

/// The units above the byte, each 1,024 times the one before.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Appends a number in decimal. Response heads and the access log use it: `std::fmt` takes several times as long.
pub fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        // The size is only displayed: a float's 53 bits are more than that needs.
        let mut size = self.0 as f64 / 1024.0;
        let mut units = UNITS.iter();
        let mut unit = units.next();
        // From 1,023.95 on, it would be displayed as 1024.0.
        while size >= 1023.95 {
            size /= 1024.0;
            unit = units.next();
        }
        f.pad(&format!("{size:.1} {}", unit.unwrap_or(&"")))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let text = match seconds {
            s if s < 0.000_1 => format!("{:.3} ms", s * 1000.0),
            s if s < 0.999_95 => format!("{:.1} ms", s * 1000.0),
            s if s < 59.995 => format!("{s:.2} s"),
            _ => {
                let whole = (self.0 + Duration::from_millis(500)).as_secs();
                format!("{} min {} s", whole / 60, whole % 60)
            }
        };
        f.pad(&text)
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0).to_string();
        let mut is_number = false;
        for c in text.chars() {
            let is_unit = c.is_alphabetic();
            if is_number && is_unit {
                f.write_str(" ")?;
            }
            is_number = c.is_ascii_digit();
            fmt::Write::write_char(f, c)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_something_lasts() {
        let day = 24 * 3600;
        for (seconds, text) in [(7 * day, "7 days"), (day, "1 day"), (5400, "1 h 30 m"), (45, "45 s")] {
            assert_eq!(Lasting(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn decimals() {
        for number in [0, 9, 10, 1024, u64::MAX] {
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }

    #[test]
    fn times() {
        let cases = [
            (42, "0.042 ms"),
            (420, "0.4 ms"),
            (12_340, "12.3 ms"),
            (999_960, "1.00 s"),
            (1_234_000, "1.23 s"),
            (59_996_000, "1 min 0 s"),
            (125_400_000, "2 min 5 s"),
        ];
        for (micros, text) in cases {
            assert_eq!(Time(Duration::from_micros(micros)).to_string(), text);
        }
    }
}
