//! The fields of a form: `name=value&name=value` (`application/x-www-form-urlencoded`, WHATWG URL §5.1).

use percent_encoding::percent_decode;

/// The first field with this name, decoded. Trailing line ends, which some programs send, are ignored.
pub fn field(body: &[u8], name: &str) -> Option<Vec<u8>> {
    let pairs = body.trim_ascii_end().split(|byte| *byte == b'&');
    pairs.into_iter().find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        (pair.get(..at)? == name.as_bytes()).then(|| pair.get(at + 1..).map(decode))?
    })
}

/// All values of the fields with this name, decoded, in order. Trailing line ends are ignored.
pub fn values<'a>(body: &'a [u8], name: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    let pairs = body.trim_ascii_end().split(|byte| *byte == b'&');
    pairs.filter_map(move |pair| Some(decode(pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?)))
}

/// A decoded value. Its buffer is never reallocated, so that wiping it leaves no copy behind.
pub fn decode(value: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(value.len());
    for (at, piece) in value.split(|byte| *byte == b'+').enumerate() {
        if at > 0 {
            decoded.push(b' ');
        }
        decoded.extend(percent_decode(piece));
    }
    decoded
}

/// A decoded value; `None` if it has a `%` without two hexadecimal digits.
pub fn decode_strictly(value: &[u8]) -> Option<Vec<u8>> {
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    value.split(|byte| *byte == b'%').skip(1).all(is_escape).then(|| decode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_decoded() {
        let table: [(&str, Option<&[u8]>); 11] = [
            ("", None),
            ("a", None),
            ("a=", Some(b"")),
            ("a=b", Some(b"b")),
            ("a=b\r\n", Some(b"b")),
            ("aa=b&a=c&a=d", Some(b"c")),
            ("A=b", None),
            ("b=a=c&a=x=y", Some(b"x=y")),
            ("a=+b+%2B%26%3d", Some(b" b +&=")),
            ("a=%ff%0a", Some(b"\xff\n")),
            ("a=%2&b=", Some(b"%2")),
        ];
        for (body, expected) in table {
            assert_eq!(field(body.as_bytes(), "a").as_deref(), expected, "{body:?}");
            assert_eq!(values(body.as_bytes(), "a").next().as_deref(), expected, "{body:?}");
        }
    }

    #[test]
    fn escapes_are_whole() {
        let table: [(&str, Option<&[u8]>); 7] = [
            ("", Some(b"")),
            ("a+%2B%ff", Some(b"a +\xff")),
            ("%25%41", Some(b"%A")),
            ("%", None),
            ("%2", None),
            ("a%zz", None),
            ("%%41", None),
        ];
        for (value, expected) in table {
            assert_eq!(decode_strictly(value.as_bytes()).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_field_can_have_several_values() {
        let found: Vec<_> = values(b"zip&a=x&aa=y&a&a=%2F+&a=\r\n", "a").collect();
        assert_eq!(found, [b"x".as_slice(), b"/ ", b""]);
    }
}
