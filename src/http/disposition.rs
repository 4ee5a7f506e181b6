//! `Content-Disposition`: the name under which a browser saves a download (RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are encoded in an extended value: all but `attr-char` (RFC 8187 §3.2.1).
const NOT_IN_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value for a download with this name. Bytes that are not UTF-8 are replaced. In the plain parameter,
/// for older clients, characters that it cannot contain, or that some clients take for an escape, become
/// underscores (§4.3, appendix D).
pub fn attachment(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%' | '/');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let extended = utf8_percent_encode(&name, NOT_IN_VALUE);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let table: [(&[u8], &str, &str); 5] = [
            (b"a.tar", "a.tar", "a.tar"),
            (b"my photos.zip", "my photos.zip", "my%20photos.zip"),
            ("gr\u{f6}\u{df}e.tar".as_bytes(), "gr__e.tar", "gr%C3%B6%C3%9Fe.tar"),
            (
                b"\"; filename=\"evil.exe\\\r\n",
                "_; filename=_evil.exe___",
                "%22%3B%20filename%3D%22evil.exe%5C%0D%0A",
            ),
            (b"100%\xff", "100__", "100%25%EF%BF%BD"),
        ];
        for (name, plain, extended) in table {
            let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}");
            assert_eq!(attachment(name), expected);
        }
    }
}
