//! The request line in the log, without secrets.

use percent_encoding::percent_decode;

use crate::folder::is_litter;
use crate::own_paths::{LINK, SEGMENT, UPLOADS};

/// Appends the request line from the bytes of a head, as it is logged; `-` if it is empty.
pub(crate) fn push(out: &mut Vec<u8>, head: &[u8]) {
    let head = head.trim_ascii_start();
    let (mut end, mut behind_slash, mut may_have_token) = (head.len(), None, false);
    // One pass: most bytes are letters and digits, which are greater than the bytes searched for.
    for (at, byte) in head.iter().enumerate().filter(|(_, byte)| **byte <= b'/') {
        match byte {
            b'\r' | b'\n' => {
                end = at;
                break;
            }
            b'/' => {
                may_have_token |= behind_slash == Some(at);
                behind_slash = Some(at + 1);
            }
            b'.' => may_have_token |= behind_slash == Some(at),
            b'%' => may_have_token = true,
            _ => {}
        }
    }
    let line = head.get(..end).unwrap_or_default();
    if line.is_empty() {
        out.push(b'-');
    } else if may_have_token {
        push_without_secrets(out, line);
    } else {
        out.extend_from_slice(line);
    }
}

/// Whether the target of a request line has a name that operating systems leave behind. Only its last name counts: scanners
/// must not stay out of the log by such a name on the way.
pub(crate) fn names_litter(line: &[u8]) -> bool {
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    names.clone().next_back().is_some_and(is_litter) && !names.any(|name| name == SEGMENT)
}

/// Appends a line without secrets: passwords in a query, the tokens of uploads, and the secrets of links.
fn push_without_secrets(out: &mut Vec<u8>, line: &[u8]) {
    let query = line.iter().position(|byte| *byte == b'?');
    let Some((before, query)) = query.and_then(|at| line.split_at_checked(at)) else {
        return push_without_tokens(out, line);
    };
    let version = query.windows(VERSION.len()).rposition(|part| part == VERSION);
    let (query, version) = query.split_at(version.unwrap_or(query.len()));
    if !may_have_password(before, query) {
        return push_without_tokens(out, line);
    }
    push_without_tokens(out, before);
    out.push(b'?');
    out.extend_from_slice(HIDDEN_TEXT.as_bytes());
    out.extend_from_slice(version);
}

/// Whether the query may hold a password. A form of an own path belongs into the body, but a script may send it as the query. Below
/// the path of a link, a single word is the query of a listing.
fn may_have_password(line: &[u8], query: &[u8]) -> bool {
    let decoded: Vec<u8> = percent_decode(line).collect();
    let mut segments = decoded.split(|byte| *byte == b'/').filter(|segment| !matches!(*segment, b"" | b"."));
    if !segments.any(|segment| segment.eq_ignore_ascii_case(SEGMENT)) {
        return false;
    }
    match segments.next() {
        Some(b"l" | b"uploads") => !query.iter().skip(1).all(u8::is_ascii_lowercase),
        Some(name) => !WITHOUT_FORMS.contains(&name),
        None => true,
    }
}

/// Appends a line without the tokens of uploads and the secrets of links: with them, a reader of the log could write to the
/// upload, or open the link.
fn push_without_tokens(out: &mut Vec<u8>, mut line: &[u8]) {
    while let Some((before, shown, behind)) =
        HIDDEN.iter().filter_map(|hidden| hidden.find(line)).min_by_key(|it| it.0.len())
    {
        push_without_look_alikes(out, before);
        out.extend_from_slice(shown.as_bytes());
        line = behind;
    }
    push_without_look_alikes(out, line);
}

/// Appends a part of a line. Leaves out text that looks like the secret of a link, in any spelling of the link's path,
/// and a name and a password before a host.
fn push_without_look_alikes(out: &mut Vec<u8>, mut line: &[u8]) {
    if let Some(at) = line.windows(3).position(|part| part == b"://").map(|at| at + 3) {
        let authority = line[at..].split(|byte| *byte == b'/').next().unwrap_or_default();
        if let Some(end) = authority.iter().rposition(|byte| *byte == b'@') {
            out.extend_from_slice(&line[..at]);
            out.extend_from_slice(HIDDEN_TEXT.as_bytes());
            line = &line[at + end..];
        }
    }
    let is_in_secret = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    while let Some(first) = line.first() {
        // An encoded byte is a separator.
        let separators = match first {
            b'%' => line.len().min(3),
            _ => line.iter().take_while(|byte| !is_in_secret(byte) && **byte != b'%').count(),
        };
        out.extend_from_slice(&line[..separators]);
        line = &line[separators..];
        let run = line.iter().take_while(|byte| is_in_secret(byte)).count();
        out.extend_from_slice(if run == SECRET_LENGTH { HIDDEN_TEXT.as_bytes() } else { &line[..run] });
        line = &line[run..];
    }
}

/// Replaces the secret of a link by its public id.
pub(crate) fn name_link(line: &mut Vec<u8>, id: &str) {
    let secret = [LINK.as_bytes(), HIDDEN_TEXT.as_bytes()].concat();
    if let Some(at) = line.windows(secret.len()).position(|part| part == secret) {
        line.splice(at + LINK.len()..at + secret.len(), id.bytes());
    }
}

/// A secret in a path.
struct Hidden {
    /// The text before the secret.
    prefix: &'static str,
    /// Whether a byte may be a part of the secret.
    has: fn(&u8) -> bool,
    /// What is logged instead.
    shown: &'static str,
}

/// The number of characters of a link's secret: 256 bits in base64url.
const SECRET_LENGTH: usize = 43;

/// Stands for a secret, and for a link whose public id is not known yet.
const HIDDEN_TEXT: &str = "…";

/// The own paths that take no password, by their first segments below `/.wharf/`.
const WITHOUT_FORMS: [&[u8]; 6] = [b"assets", b"chat", b"health", b"qr", b"ready", b"trash"];

/// The text between the target and the version of HTTP.
const VERSION: &[u8] = b" HTTP/";

const HIDDEN: [Hidden; 2] = [
    Hidden { prefix: UPLOADS, has: u8::is_ascii_hexdigit, shown: "TOKEN" },
    Hidden {
        prefix: LINK,
        has: |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'%'),
        shown: HIDDEN_TEXT,
    },
];

impl Hidden {
    /// The parts before and after the first secret in a line, and what is logged between them.
    fn find<'l>(&self, line: &'l [u8]) -> Option<(&'l [u8], &'static str, &'l [u8])> {
        let prefix = self.prefix.as_bytes();
        let at = line.windows(prefix.len()).position(|part| part == prefix)?;
        let (before, behind) = line.split_at_checked(at + prefix.len())?;
        let end = behind.iter().position(|byte| !(self.has)(byte)).unwrap_or(behind.len());
        Some((before, self.shown, behind.get(end..)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::printable::Printable;

    use super::*;

    fn request_line(head: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        push(&mut line, head);
        line
    }

    #[test]
    fn no_spelling_shows_the_secret_of_a_link() {
        let secret = "UkLgF7QePyP3RYkcSf9arHKQYgJSoeMJLZnzono9gYA";
        for path in [
            "/%2ewharf/l/SECRET",
            "/.wharf//l/SECRET/a",
            "/.wharf/%6c/SECRET",
            "/.WHARF/l/SECRET?list",
            "/.wharf%2fl%2fSECRET",
            "/.wharf/l//SECRET",
            "/.wharf/l/~SECRET",
            "/.wharf/login?next=%2F.wharf%2Fl%2FSECRET",
        ] {
            let line = request_line(format!("GET {} HTTP/1.1", path.replace("SECRET", secret)).as_bytes());
            let line = String::from_utf8(line).expect("text");
            assert!(!line.contains(secret) && line.contains('…'), "{line}");
        }
        let line = request_line(b"GET http://u:p@127.0.0.1:80/a%20b/.c HTTP/1.1");
        assert_eq!(String::from_utf8_lossy(&line), "GET http://…@127.0.0.1:80/a%20b/.c HTTP/1.1");
        let line = request_line(b"GET /a%20b/%zz HTTP/1.1");
        assert_eq!(String::from_utf8_lossy(&line), "GET /a%20b/%zz HTTP/1.1");
    }

    #[test]
    fn no_query_with_a_password_is_logged() {
        for path in [
            "/.wharf/login",
            "/files/.wharf/login",
            "http://h/.wharf/login",
            "/.wharf/password",
            "/.wharf/links",
            "/.wharf/links/3f8k2m9q",
            "/.wharf/tokens",
            "/.wharf/l/aB9",
            "/.wharf/l/aB9/a/b",
            "/%2ewharf/login",
            "/.wharf%2flogin",
            "/.WHARF//login",
            "/./.wharf/login",
            "/.wharf/",
            "/.wharf/HEALTH",
        ] {
            for query in
                ["name=anna&password=hunter2", "password=a?b/c d", "password=/.wharf/l/x", "x=%68unter2"]
            {
                for version in [" HTTP/1.1", ""] {
                    let line = format!("POST {path}?{query}{version}");
                    let logged = request_line(line.as_bytes());
                    let path = path.replace("aB9", HIDDEN_TEXT);
                    assert_eq!(String::from_utf8_lossy(&logged), format!("POST {path}?…{version}"));
                }
            }
        }
        for line in [
            "GET /a.b/?sort=name HTTP/1.1",
            "GET //a?b=c HTTP/1.1",
            "GET /.wharf/login HTTP/1.1",
            "GET /.wharf/health?a=b HTTP/1.1",
            "GET /.wharf/trash?before=1 HTTP/1.1",
            "GET /.wharf/l/aB9/a?zip HTTP/1.1",
        ] {
            let expected = line.replace("aB9", HIDDEN_TEXT);
            assert_eq!(String::from_utf8_lossy(&request_line(line.as_bytes())), expected);
        }
    }

    #[test]
    fn the_request_line_is_the_first_non_empty_line() {
        let table: [(&[u8], &[u8]); 5] = [
            (b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n", b"GET /a HTTP/1.1"),
            (b"\r\n\nGET /a\nHost: b", b"GET /a"),
            (b"GET /a", b"GET /a"),
            (b"\r\n", b"-"),
            (b"", b"-"),
        ];
        for (head, line) in table {
            assert_eq!(request_line(head), line, "{}", Printable(head));
        }
    }

    #[test]
    fn names_of_operating_systems_are_recognised() {
        for (line, expected) in [
            ("PROPFIND /a/._b HTTP/1.1", true),
            ("GET /.Spotlight-V100/ HTTP/1.1", true),
            ("GET http://h/Thumbs.db?x HTTP/1.1", true),
            ("GET /a/b HTTP/1.1", false),
            ("GET /a?b=/._c HTTP/1.1", false),
            ("GET /.git HTTP/1.1", false),
            ("GET /._a/wp-admin HTTP/1.1", false),
            ("POST /.wharf/login/desktop.ini HTTP/1.1", false),
            ("-", false),
        ] {
            assert_eq!(names_litter(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_link_is_logged_by_its_id() {
        let mut line = request_line(b"GET /.wharf/l/aB9/a HTTP/1.1");
        name_link(&mut line, "3f8k2m9q");
        assert_eq!(line, b"GET /.wharf/l/3f8k2m9q/a HTTP/1.1");
        name_link(&mut line, "00000000");
        assert_eq!(line, b"GET /.wharf/l/3f8k2m9q/a HTTP/1.1");
    }

    #[test]
    fn no_token_is_logged() {
        let table = [
            ("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
            ("HEAD /.wharf/uploads/0aF9 HTTP/1.1", "HEAD /.wharf/uploads/TOKEN HTTP/1.1"),
            ("HEAD http://h/.wharf/uploads/00?x", "HEAD http://h/.wharf/uploads/TOKEN?x"),
            ("GET /a.b/./.wharf/uploads/00", "GET /a.b/./.wharf/uploads/TOKEN"),
            ("GET /?a=/.wharf/uploads/00", "GET /?a=/.wharf/uploads/TOKEN"),
            ("GET //.wharf/uploads/00//a.b", "GET //.wharf/uploads/TOKEN//a.b"),
            ("/.wharf/uploads/00", "/.wharf/uploads/TOKEN"),
            (".wharf/uploads/00 /.wharf/", ".wharf/uploads/00 /.wharf/"),
            ("GET /.wharf/l/aB-_9/x?y HTTP/1.1", "GET /.wharf/l/…/x?y HTTP/1.1"),
            ("GET /b/.wharf/l/aB9 HTTP/1.1", "GET /b/.wharf/l/… HTTP/1.1"),
            (
                "PATCH /.wharf/l/aB9/.wharf/uploads/0f HTTP/1.1",
                "PATCH /.wharf/l/…/.wharf/uploads/TOKEN HTTP/1.1",
            ),
        ];
        for (line, logged) in table {
            assert_eq!(request_line(line.as_bytes()), logged.as_bytes(), "{line}");
        }
    }
}
