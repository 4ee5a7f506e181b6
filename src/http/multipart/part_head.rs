//! The head of a part of a form: the names of its field and of its file (RFC 7578 §4).

use super::error::MultipartProblem;
use super::parameters;

/// The maximum number of field lines in a part head. Forms send two or three.
const FIELDS_LIMIT: usize = 16;

/// The head of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the form's field.
    pub name: Vec<u8>,
    /// The file's name, without directories: unchecked bytes. `None` if the part is not a file; empty if a
    /// browser's file field was left empty.
    pub filename: Option<Vec<u8>>,
    /// The part's media type, as sent.
    pub content_type: Option<Vec<u8>>,
}

impl PartHead {
    /// Parses a whole head, including its empty line.
    pub(super) fn parse(head: &[u8]) -> Result<Self, MultipartProblem> {
        let mut lines = [httparse::EMPTY_HEADER; FIELDS_LIMIT];
        let Ok(httparse::Status::Complete((_, lines))) = httparse::parse_headers(head, &mut lines) else {
            return Err(MultipartProblem::Head);
        };
        let disposition = field(lines, "Content-Disposition")?.ok_or(MultipartProblem::Disposition)?;
        if field(lines, "Content-Transfer-Encoding")?.is_some_and(changes_content) {
            return Err(MultipartProblem::TransferEncoding);
        }
        let (kind, parameters) = parameters::split(disposition);
        if !kind.eq_ignore_ascii_case(b"form-data") {
            return Err(MultipartProblem::Disposition);
        }
        let get = |name: &[u8]| parameters.get(name).map_err(|_| MultipartProblem::Disposition);
        Ok(Self {
            name: undo_form_escapes(&get(b"name")?.ok_or(MultipartProblem::Disposition)?),
            filename: get(b"filename")?.map(|path| last_component(&undo_form_escapes(&path)).to_vec()),
            content_type: field(lines, "Content-Type")?.map(<[u8]>::to_vec),
        })
    }
}

/// The value of the only line with this name.
fn field<'b>(lines: &[httparse::Header<'b>], name: &str) -> Result<Option<&'b [u8]>, MultipartProblem> {
    let mut values = lines.iter().filter(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value);
    let value = values.next();
    if values.next().is_some() { Err(MultipartProblem::Head) } else { Ok(value) }
}

/// Whether this encoding changes the content. RFC 7578 §4.7 deprecates such encodings; saving the encoded
/// bytes would save the wrong content.
fn changes_content(encoding: &[u8]) -> bool {
    !["7bit", "8bit", "binary"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain.as_bytes()))
}

/// Decodes a name as browsers encode it: quotes and line breaks as `%22`, `%0D`, `%0A` (WHATWG HTML, "multipart/form-data
/// encoding algorithm"). They do not encode `%`, so nothing else may be decoded.
fn undo_form_escapes(mut rest: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(rest.len());
    loop {
        let (byte, after) = match rest {
            [b'%', b'2', b'2', after @ ..] => (b'"', after),
            [b'%', b'0', b'D' | b'd', after @ ..] => (b'\r', after),
            [b'%', b'0', b'A' | b'a', after @ ..] => (b'\n', after),
            [byte, after @ ..] => (*byte, after),
            [] => return name,
        };
        name.push(byte);
        rest = after;
    }
}

/// The part after the last slash or backslash: the sender's directories do not matter to the receiver (RFC 7578 §4.2).
fn last_component(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| b"/\\".contains(byte)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_as_clients_send_them() {
        let cases: [(&str, &str, Option<&[u8]>); 18] = [
            ("none", "", None),
            ("plain", "; filename=\"a.txt\"", Some(b"a.txt")),
            ("unquoted", "; filename=a.txt", Some(b"a.txt")),
            ("empty: no file was chosen", "; filename=\"\"", Some(b"")),
            ("semicolon", "; filename=\"a;b.txt\"", Some(b"a;b.txt")),
            ("UTF-8", "; filename=\"é.txt\"", Some("é.txt".as_bytes())),
            ("quote of a browser (WHATWG)", "; filename=\"a%22b\"", Some(b"a\"b")),
            ("line break of a browser", "; filename=\"a%0D%0Ab%0d%0a\"", Some(b"a\r\nb\r\n")),
            ("no other escape", "; filename=\"100%25 %2f%\"", Some(b"100%25 %2f%")),
            ("quote of curl", "; filename=\"a\\\"b\"", Some(b"a\"b")),
            ("directories (§4.2)", "; filename=\"/etc/passwd\"", Some(b"passwd")),
            ("directories upward", "; filename=\"../../x\"", Some(b"x")),
            ("directories of Windows", "; filename=\"C:\\dir\\a.txt\"", Some(b"a.txt")),
            ("the same, escaped", "; filename=\"C:\\\\dir\\\\a.txt\"", Some(b"a.txt")),
            ("both", "; filename=\"a\\b/c\"", Some(b"c")),
            ("dots are left to the folder", "; filename=\"..\"", Some(b"..")),
            ("filename* is not to be used (§4.2)", "; filename*=UTF-8''x", None),
            ("nor to take precedence over filename", "; filename=a; filename*=UTF-8''x", Some(b"a")),
        ];
        for (name, parameters, expected) in cases {
            let head = format!("Content-Disposition: form-data; name=\"f\"{parameters}\r\n\r\n");
            let found = PartHead::parse(head.as_bytes()).expect(name);
            assert_eq!(found.filename.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_other_fields() {
        let head = "content-disposition: FORM-DATA; NAME=\"a%22\"\r\nX: y\r\n\
            Content-Type: text/plain; a=b\r\n\
            Content-Transfer-Encoding: Binary\r\n\r\n";
        let expected = PartHead {
            name: b"a\"".to_vec(),
            filename: None,
            content_type: Some(b"text/plain; a=b".to_vec()),
        };
        assert_eq!(PartHead::parse(head.as_bytes()), Ok(expected));
    }

    #[test]
    fn heads_that_are_refused() {
        let many = format!("Content-Disposition: form-data; name=a\r\n{}", "X: y\r\n".repeat(FIELDS_LIMIT));
        let cases = [
            ("no fields", "", MultipartProblem::Disposition),
            ("no Content-Disposition (§4.2)", "Content-Type: text/plain\r\n", MultipartProblem::Disposition),
            (
                "another disposition",
                "Content-Disposition: attachment; name=a\r\n",
                MultipartProblem::Disposition,
            ),
            (
                "no name (§4.2)",
                "Content-Disposition: form-data; filename=a\r\n",
                MultipartProblem::Disposition,
            ),
            (
                "two names",
                "Content-Disposition: form-data; name=a; name=b\r\n",
                MultipartProblem::Disposition,
            ),
            (
                "quote left open",
                "Content-Disposition: form-data; name=\"a\r\n",
                MultipartProblem::Disposition,
            ),
            (
                "two dispositions",
                "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n",
                MultipartProblem::Head,
            ),
            ("no colon", "Content-Disposition\r\n", MultipartProblem::Head),
            ("NUL", "Content-Disposition: form-data; name=\"\0\"\r\n", MultipartProblem::Head),
            ("folded line", "Content-Disposition: form-data;\r\n name=a\r\n", MultipartProblem::Head),
            ("too many", &many, MultipartProblem::Head),
            (
                "encoded content (§4.7)",
                "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n",
                MultipartProblem::TransferEncoding,
            ),
        ];
        for (name, fields, expected) in cases {
            assert_eq!(PartHead::parse(format!("{fields}\r\n").as_bytes()), Err(expected), "{name}");
        }
    }
}
