//! Checks the bytes that a server has sent on a connection, without knowing how it parsed the mutated requests.

/// The statuses that a server may send.
const STATUSES: [u16; 34] = [
    100, 104, 200, 201, 202, 204, 206, 303, 304, 308, 400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413,
    414, 415, 416, 417, 421, 429, 431, 500, 501, 503, 505, 507, 101,
];

/// Checks that these bytes are responses. The last one may be cut short only if the connection was not read to its end.
/// `heads` tells whether a request may have been a HEAD.
pub(super) fn check(received: &[u8], is_whole: bool, heads: bool) -> Result<(), String> {
    let mut rest = received;
    while !rest.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(rest) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if !is_whole => return Ok(()),
            parsed => return Err(format!("not a head: {parsed:?}")),
        };
        let code = response.code.unwrap_or(0);
        if !STATUSES.contains(&code) || response.reason.is_none_or(str::is_empty) {
            return Err(format!("status {code}"));
        }
        rest = &rest[length..];
        let field = |name: &str| {
            let mut fields = response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            fields.next().map(|field| String::from_utf8_lossy(field.value).into_owned())
        };
        if code < 200 || matches!(code, 204 | 304) || heads && is_end(rest) {
            continue;
        }
        let content = match (field("Transfer-Encoding"), field("Content-Length")) {
            (Some(_), Some(_)) => return Err("two framings".to_owned()),
            (Some(coding), None) if coding == "chunked" => chunked(rest)?,
            (Some(coding), None) => return Err(format!("the coding {coding}")),
            (None, Some(length)) => {
                let length: usize = length.parse().map_err(|_| format!("the length {length}"))?;
                (rest.len() >= length).then_some(length)
            }
            // The content ends with the connection.
            (None, None) => return Ok(()),
        };
        // An archive is cut off if a file changes while it is sent.
        let may_be_cut =
            !is_whole || field("Content-Type").is_some_and(|is| is.ends_with("zip") || is.ends_with("tar"));
        match content {
            Some(length) if is_end(&rest[length..]) => rest = &rest[length..],
            Some(_) => return Err("more bytes than its length".to_owned()),
            None if may_be_cut => return Ok(()),
            None => return Err("fewer bytes than its length".to_owned()),
        }
    }
    Ok(())
}

/// Whether the next response begins here, or nothing follows.
fn is_end(rest: &[u8]) -> bool {
    let start = b"HTTP/1.1 ";
    rest.starts_with(start) || start.starts_with(rest)
}

/// The length of a chunked body, if it is complete.
fn chunked(body: &[u8]) -> Result<Option<usize>, String> {
    let mut at = 0;
    loop {
        let Some(line) = body[at..].windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let size = String::from_utf8_lossy(&body[at..at + line]).into_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| format!("a chunk of the size {size:?}"))?;
        at += line + 2 + size;
        match body.get(at..at + 2) {
            None => return Ok(None),
            Some(b"\r\n") if size == 0 => return Ok(Some(at + 2)),
            Some(b"\r\n") => at += 2,
            Some(_) => return Err("a chunk of another size".to_owned()),
        }
    }
}

#[test]
fn responses_are_told_from_others() {
    let ok = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}");
    let pieces = |body: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let cases = [
        (String::new(), true),
        (ok("ab"), true),
        (ok("ab") + &ok("cd"), true),
        (ok("abc"), false),
        (ok("a"), false),
        (ok(""), false),
        (pieces("1\r\na\r\n0\r\n\r\n") + &ok("ab"), true),
        (pieces("1\r\na\r\n"), false),
        (pieces("2\r\na\r\n0\r\n\r\n"), false),
        ("HTTP/1.1 999 Odd\r\n\r\n".to_owned(), false),
        ("HTTP/1.1 200 OK\r\n".to_owned(), false),
        ("hello".to_owned(), false),
    ];
    for (received, is_right) in cases {
        assert_eq!(check(received.as_bytes(), true, false).is_ok(), is_right, "{received}");
    }
    assert!(check(ok("").as_bytes(), true, true).is_ok() && check(ok("a").as_bytes(), false, false).is_ok());
}
