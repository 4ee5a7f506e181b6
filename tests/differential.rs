//! Several hundred unusual and hostile requests: each is parsed in the same way however its bytes arrive, and
//! nothing after a rejected request is read as a request.
//!
//! `differential/corpus.txt` has one request per line, with the expected result and the rule behind it. Each
//! is cut at every position for the parsers of `wharf::http`, and sent to the real server as a whole and byte
//! by byte.

use std::ops::Range;

use wharf::http::body::{BodyDecoder, BodyError, Framing};
use wharf::http::head_end::EndFinder;
use wharf::http::request::{FieldSpace, Head, HeadError};

use crate::common::{Wharf, Wire};

const CORPUS: &str = include_str!("differential/corpus.txt");

/// Requests up to this length, in bytes, are cut at every position, and sent byte by byte.
const EVERY_POSITION: usize = 1024;

/// The number of cuts, and of pieces, for a longer request: most of it is one repeated byte.
const POSITIONS: usize = 100;

/// The request that follows each request, and its response.
const BEHIND: &str = "GET /behind HTTP/1.1\r\nHost: h\r\n\r\n";
const ANSWER_BEHIND: &str = "READ AS A REQUEST";

/// A line of the corpus.
struct Row {
    /// The line number, and the rule.
    name: String,
    /// The statuses of the answers.
    codes: Vec<u16>,
    end: End,
    request: Vec<u8>,
}

/// The state of the connection after the last response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The next request is read.
    Open,
    /// It is closed, whatever the client sends next.
    Close,
    /// The request is incomplete; the client closes its sending side.
    Cut,
}

fn rows() -> Vec<Row> {
    let lines = CORPUS.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| row(at + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Row {
    let [outcome, rule, request] = text.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
    let (mut codes, mut end) = (Vec::new(), End::Open);
    for word in outcome.split(' ') {
        match word {
            "close" => end = End::Close,
            "cut" => end = End::Cut,
            code => codes.push(code.parse().expect("a status")),
        }
    }
    Row { name: format!("line {line}, {rule}"), codes, end, request: unescape(request) }
}

/// `⏎` is CRLF; `\r \n \t \0 \\ \xHH` are bytes; `\{9000:text}` is that text 9,000 times.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '⏎' => bytes.extend(b"\r\n"),
            '\\' => rest = escape(rest, &mut bytes),
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// Parses one escape, without its backslash; returns what follows it.
fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> &'t str {
    let (kind, rest) = text.split_at(1);
    match kind {
        "r" => bytes.push(b'\r'),
        "n" => bytes.push(b'\n'),
        "t" => bytes.push(b'\t'),
        "0" => bytes.push(0),
        "\\" => bytes.push(b'\\'),
        "x" => {
            let (digits, rest) = rest.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            return rest;
        }
        "{" => {
            let (repeated, rest) = rest.split_once('}').expect("a closing brace");
            let (count, what) = repeated.split_once(':').expect("a colon");
            bytes.extend(unescape(what).repeat(count.parse().expect("a number")));
            return rest;
        }
        other => panic!("\\{other} is no escape"),
    }
    rest
}

/// How a parser reads the bytes of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Read {
    /// A head with this method and target, and this framing of the body.
    Head(String, Framing),
    /// The length of the content, if it is complete.
    Body(Vec<u8>),
    /// An invalid head. Nothing is read after it.
    NoHead(HeadError),
    /// An invalid body. Nothing is read after it.
    NoBody(BodyError),
    /// The input ends in the middle of a request.
    Unfinished,
}

/// Parses a connection's bytes as they arrive, with the server's own parsers.
#[derive(Default)]
struct Reader {
    unread: Vec<u8>,
    end: EndFinder,
    body: Option<(BodyDecoder, Vec<u8>)>,
    read: Vec<Read>,
    has_stopped: bool,
}

impl Reader {
    fn feed(&mut self, piece: &[u8]) {
        self.unread.extend_from_slice(piece);
        while !self.has_stopped && self.step() {}
    }

    /// Whether the bytes received so far may contain more.
    fn step(&mut self) -> bool {
        match self.body.take() {
            Some((decoder, content)) => self.read_body(decoder, content),
            None => self.read_head(),
        }
    }

    fn read_head(&mut self) -> bool {
        let length = match self.end.find(&self.unread) {
            Ok(Some(length)) => length,
            Ok(None) => return false,
            Err(error) => return self.stop(Read::NoHead(error)),
        };
        let head: Vec<u8> = self.unread.drain(..length).collect();
        self.end = EndFinder::default();
        match Head::parse(&head, &mut FieldSpace::new()) {
            Ok(head) => {
                self.read.push(Read::Head(format!("{:?} {:?}", head.method, head.target), head.framing));
                self.body = Some((BodyDecoder::new(head.framing), Vec::new()));
                true
            }
            Err(error) => self.stop(Read::NoHead(error)),
        }
    }

    fn read_body(&mut self, mut decoder: BodyDecoder, mut content: Vec<u8>) -> bool {
        while !decoder.is_done() && !self.unread.is_empty() {
            match decoder.decode(&self.unread) {
                Ok(found) => {
                    content.extend_from_slice(&self.unread[found.content]);
                    self.unread.drain(..found.used);
                }
                Err(error) => return self.stop(Read::NoBody(error)),
            }
        }
        if decoder.is_done() {
            self.read.push(Read::Body(content));
            return true;
        }
        self.body = Some((decoder, content));
        false
    }

    fn stop(&mut self, why: Read) -> bool {
        self.read.push(why);
        self.has_stopped = true;
        false
    }

    fn finish(mut self) -> Vec<Read> {
        if !self.has_stopped && (self.body.is_some() || !self.unread.is_empty()) {
            self.read.push(Read::Unfinished);
        }
        self.read
    }
}

fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Read> {
    let mut reader = Reader::default();
    pieces.into_iter().for_each(|piece| reader.feed(piece));
    reader.finish()
}

/// The distance between two cuts of a request of this length.
fn step(length: usize) -> usize {
    if length <= EVERY_POSITION { 1 } else { length.div_ceil(POSITIONS) }
}

#[test]
fn every_cut_is_parsed_alike() {
    let rows = rows();
    assert!(rows.len() > 300, "only {} requests", rows.len());
    for row in &rows {
        let bytes = [row.request.as_slice(), BEHIND.as_bytes()].concat();
        let whole = read([bytes.as_slice()]);
        let piece = step(bytes.len());
        for cut in (1..bytes.len()).step_by(piece) {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(read([first, second]), whole, "{}, cut at {cut}", row.name);
        }
        assert_eq!(read(bytes.chunks(piece)), whole, "{}, {piece} at a time", row.name);
    }
}

#[test]
fn a_rejected_request_ends_the_connection() {
    for row in rows() {
        let refused = read([row.request.as_slice()]).into_iter().find_map(|read| match read {
            Read::NoHead(error) => Some(error.status().code()),
            Read::NoBody(_) => Some(400),
            _ => None,
        });
        if let Some(code) = refused
            && row.codes.last() != Some(&code)
        {
            // The body of a request that was rejected because of its head is not parsed.
            assert_eq!((row.end, row.codes.len()), (End::Close, 1), "{}: {code} {:?}", row.name, row.codes);
        } else if refused.is_some() {
            assert_eq!(row.end, End::Close, "{}", row.name);
        }
    }
}

/// The responses to a row that is sent in pieces of this length, and whether the request after it was
/// answered too.
fn ask(
    wharf: &Wharf,
    row: &Row,
    pieces: impl Iterator<Item = Range<usize>>,
    bytes: &[u8],
) -> (Vec<u16>, bool) {
    let mut wire: Wire = wharf.connect();
    for piece in pieces {
        wire.send(&bytes[piece]);
    }
    wire.end();
    let (mut codes, mut behind) = (Vec::new(), false);
    while let Some(answer) = wire.try_read_answer(row.request.starts_with(b"HEAD") && codes.is_empty()) {
        if answer.text().contains(ANSWER_BEHIND) {
            behind = true;
        } else if !answer.head.status.is_interim() {
            codes.push(answer.code());
        }
    }
    (codes, behind)
}

#[test]
fn the_server_answers_as_the_corpus_says() {
    let wharf = Wharf::serve(&["--host", "h", "--timeout", "60"]);
    let mut wrong = Vec::new();
    for row in rows() {
        let behind = if row.end == End::Cut { "" } else { BEHIND };
        let bytes = [row.request.as_slice(), behind.as_bytes()].concat();
        for piece in [bytes.len(), step(bytes.len())] {
            lay_out(&wharf);
            let pieces = (0..bytes.len()).step_by(piece).map(|at| at..bytes.len().min(at + piece));
            let found = ask(&wharf, &row, pieces, &bytes);
            if found != (row.codes.clone(), row.end == End::Open) {
                wrong.push(format!("{}, {piece} at a time: {found:?}", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Creates the files that the corpus uses. An upload of one row must not affect the next row.
fn lay_out(wharf: &Wharf) {
    for (name, content) in [("a", "0123456789"), ("d/f", "f"), (".hidden", "h"), ("behind", ANSWER_BEHIND)] {
        wharf.write(name, content);
    }
    let _ = std::fs::remove_file(wharf.folder().join("new"));
}
