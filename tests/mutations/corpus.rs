//! Valid requests of every kind, which are mutated.

use crate::common::Wharf;
use crate::common::tftp::request;

/// The request line's method and target, the field lines, and the content.
type Row = (&'static str, &'static str, &'static str);

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\
    Content-Type: text/plain\r\n\r\nform\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--\r\n";

const PARTIAL: &str =
    "Content-Type: application/partial-upload\r\nUpload-Offset: 0\r\nUpload-Complete: ?1\r\n";

/// `TOKEN` is the token of a member of the chat, `UPLOAD` the URL of an incomplete upload, `ETAG` the `ETag` of `/a.txt`.
const REQUESTS: [Row; 43] = [
    ("GET /a.txt", "", ""),
    ("HEAD /a.txt", "Accept-Encoding: gzip\r\n", ""),
    ("GET /large.bin", "", ""),
    ("GET /a.txt", "Range: bytes=2-5\r\n", ""),
    ("GET /a.txt", "Range: bytes=-4\r\nIf-Range: ETAG\r\n", ""),
    ("GET /a.txt", "Range: bytes=0-0,2-3,5-\r\n", ""),
    ("HEAD /large.bin", "Range: bytes=100-\r\n", ""),
    ("GET /a.txt", "If-None-Match: W/\"x\", ETAG\r\n", ""),
    ("GET /a.txt", "If-Match: \"x\"\r\n", ""),
    ("GET /a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""),
    ("GET /a.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""),
    ("GET /", "Accept: text/html\r\nAccept-Language: de;q=0.5, en\r\n", ""),
    ("GET /d/?list", "Accept: application/json\r\n", ""),
    ("GET /?sort=-time", "Accept: text/plain, text/html;q=0.3\r\n", ""),
    ("GET /d", "", ""),
    ("GET /d/?tar", "", ""),
    ("GET /d/?zip", "Range: bytes=0-99\r\n", ""),
    ("GET /a.txt?sha256", "", ""),
    ("GET /a%20b/%F0%9F%98%80", "Connection: close\r\n", ""),
    ("GET /.wharf/health", "", ""),
    ("GET /.wharf/qr.svg", "", ""),
    ("OPTIONS *", "", ""),
    ("OPTIONS /d/", "Access-Control-Request-Method: PUT\r\nOrigin: http://evil.example\r\n", ""),
    ("CONNECT example.com:443", "", ""),
    ("TRACE /", "Max-Forwards: 1\r\n", ""),
    ("PUT /put.txt", "Content-Type: text/plain\r\nX-OC-MTime: 1700000000\r\n", "hello\n"),
    ("PUT /a.txt", "If-Match: ETAG\r\n", "0123456789"),
    ("PUT /n.txt", "If-None-Match: *\r\nExpect: 100-continue\r\n", "new"),
    ("POST /up/post.txt", "Connection: keep-alive\r\n", "posted"),
    ("PUT /c.txt", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n1;x=\"y\"\r\n!\r\n0\r\nX: y\r\n\r\n"),
    ("POST /c2", "Transfer-Encoding: chunked\r\nTrailer: X\r\n", "00a\r\n0123456789\r\n0\r\n\r\n"),
    ("POST /", "Content-Type: multipart/form-data; boundary=b\r\nAccept: text/html\r\n", FORM),
    ("POST /d/", "Content-Type: multipart/form-data; boundary=\"b\"\r\n", FORM),
    ("POST /r1", "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?0\r\nUpload-Length: 8\r\n", "1234"),
    ("PUT /r2", "Upload-Draft-Interop-Version: 9\r\nUpload-Complete: ?1\r\n", "12345678"),
    ("PATCH UPLOAD", PARTIAL, "rest of it"),
    ("HEAD UPLOAD", "Upload-Draft-Interop-Version: 9\r\n", ""),
    ("GET UPLOAD", "", ""),
    ("DELETE UPLOAD", "", ""),
    ("POST /.wharf/chat/join", "Content-Type: application/x-www-form-urlencoded\r\n", "user=bob%201"),
    ("POST /.wharf/chat/messages?to=ann", "Wharf-Member: TOKEN\r\n", "hello \u{1f600}"),
    ("GET /.wharf/chat/events", "Wharf-Member: TOKEN\r\nLast-Event-ID: 1-1\r\n", ""),
    ("POST /.wharf/chat/leave", "Cookie: a=b\r\nWharf-Member: TOKEN\r\nSec-Fetch-Site: same-origin\r\n", ""),
];

/// The requests for this server, with a new upload and a new member of the chat.
pub(super) fn requests(wharf: &Wharf) -> Vec<Vec<u8>> {
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").text();
    let token = joined.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("none");
    let upload = wharf.ask("POST", "/resumed", "Upload-Complete: ?0\r\n", b"").field("Location");
    let etag = wharf.ask("HEAD", "/a.txt", "", b"").field("ETag");
    let fill = |text: &str| text.replace("TOKEN", token).replace("UPLOAD", &upload).replace("ETAG", &etag);
    let host = wharf.address();
    let whole = |(line, fields, content): Row| {
        let length = content.len();
        let is_sized = !content.is_empty() && !fields.contains("chunked");
        let length = if is_sized { format!("Content-Length: {length}\r\n") } else { String::new() };
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{length}{fields}\r\n");
        [fill(&head).as_bytes(), content.as_bytes()].concat()
    };
    let mut requests: Vec<_> = REQUESTS.into_iter().map(whole).collect();
    requests.push(format!("GET http://{host}/a.txt HTTP/1.1\r\nHost: other\r\n\r\n").into_bytes());
    requests.push(b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec());
    requests
}

/// How many of the datagrams are requests.
pub(super) const REQUESTS_OF_TFTP: usize = 6;

/// Datagrams to a listener, and to a transfer.
pub(super) fn datagrams() -> Vec<Vec<u8>> {
    let options = [("blksize", "1428"), ("windowsize", "4"), ("tsize", "0"), ("timeout", "1")];
    vec![
        request(1, b"a.txt", &[]),
        request(1, b"large.bin", &options),
        request(1, b"d/", &options[..1]),
        request(2, b"written", &[]),
        request(2, b"up/written", &options),
        b"\0\x01a.txt\0netascii\0".to_vec(),
        [&b"\0\x03\0\x01"[..], &[b'x'; 512]].concat(),
        b"\0\x03\0\x01end".to_vec(),
        b"\0\x04\0\0".to_vec(),
        b"\0\x04\0\x01".to_vec(),
        b"\0\x05\0\0no\0".to_vec(),
        b"\0\x06blksize\08\0".to_vec(),
    ]
}

/// The end of a transfer, for a client that leaves.
pub(super) const GIVES_UP: &[u8] = b"\0\x05\0\0bye\0";

/// Whether this is a packet that a server may send.
pub(super) fn is_answer(datagram: &[u8]) -> bool {
    match datagram {
        [0, 3, _, _, content @ ..] => content.len() <= 65_464,
        [0, 5, 0, code, .., 0] => *code <= 8,
        [0, 4, _, _] | [0, 6, .., 0] => true,
        _ => false,
    }
}
