//! Sizes on the command line.

/// Parses a number of bytes, optionally with `k`, `M`, `G` or `T` for powers of 1,024, as in nginx and curl.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(format!("{:?} is not a unit (use k, M, G or T)", &text[digits.len()..])),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{digits:?} is not a number of bytes"))?;
    number.checked_mul(1024_u64.pow(power)).ok_or_else(|| "too large for a file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("17", Some(17)),
            ("2k", Some(2048)),
            ("1MiB", Some(1 << 20)),
            ("3G", Some(3 << 30)),
            ("k", None),
            ("-1", None),
            ("1.5M", None),
            ("1x", None),
            ("99999999T", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
