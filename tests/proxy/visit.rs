//! What clients do through a proxy: the same at the root and below a prefix.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::AtSocket;
use crate::common::{Answer, Place, ReverseProxy, Wharf, Wire, eventually, run, sample};

/// A directory of the folder has the name of the base, because a directory may have any name.
const NAMES: [(&str, &str); 4] = [
    ("files/inner.txt", "/files/inner.txt"),
    ("dir/a b%20#?ä.txt", "/dir/a%20b%2520%23%3F%C3%A4.txt"),
    ("dir/sub/deep.txt", "/dir/sub/deep.txt"),
    ("plain.txt", "/plain.txt"),
];

/// A client's address, which must appear in the log.
const CLIENT: u8 = 77;

/// Clients of a server behind a proxy.
pub(super) struct Visit<'s> {
    wharf: &'s Wharf,
    proxy: &'s ReverseProxy,
    /// The prefix of all paths.
    below: &'static str,
    name: String,
}

impl<'s> Visit<'s> {
    pub(super) fn new(server: &'s AtSocket, proxy: &'s ReverseProxy, place: Place, name: String) -> Self {
        Self::of(&server.wharf, proxy, place, name)
    }

    pub(super) fn of(wharf: &'s Wharf, proxy: &'s ReverseProxy, place: Place, name: String) -> Self {
        for (path, _) in NAMES {
            wharf.write(path, path);
        }
        wharf.write("large.bin", sample(3 << 20, 3));
        Self { wharf, proxy, below: place.prefix(), name }
    }

    /// Everything.
    pub(super) fn all(&self) {
        self.downloads();
        self.links();
        self.uploads(&[0, 1, 1 << 20, 50 << 20]);
        self.resumable_upload();
        self.chat();
        self.programs();
        self.clients();
    }

    /// A request for an absolute target; `Host` is the proxy's address.
    fn ask_at(&self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let mut wire = Wire::connect_from(CLIENT, self.proxy.address());
        wire.ask(method, target, &format!("{fields}Connection: close\r\n"), body)
    }

    /// A request for a path of the server.
    fn ask(&self, method: &str, path: &str, fields: &str, body: &[u8]) -> Answer {
        self.ask_at(method, &format!("{}{path}", self.below), fields, body)
    }

    /// An absolute target in a field of the response, which must be below the prefix.
    fn target_in(&self, answer: &Answer, field: &str) -> String {
        let value = answer.field(field);
        let own = format!("http://{}", self.proxy.address());
        let target = value.strip_prefix(&own).unwrap_or(&value);
        assert!(target.starts_with(&format!("{}/", self.below)), "{}: {field}: {value:?}", self.name);
        target.to_owned()
    }

    /// Files, ranges and conditional requests.
    pub(super) fn downloads(&self) {
        let name = &self.name;
        for (content, path) in NAMES {
            let answer = self.ask("GET", path, "", b"");
            assert_eq!((answer.code(), answer.text().as_str()), (200, content), "{name}: {path}");
            assert_eq!(self.ask("HEAD", path, "", b"").code(), 200, "{name}: {path}");
        }
        assert_eq!(self.ask("GET", "/missing", "", b"").code(), 404, "{name}");
        let large = sample(3 << 20, 3);
        let whole = self.ask("GET", "/large.bin", "", b"");
        assert!(whole.code() == 200 && whole.body == large, "{name}: {}", whole.code());
        for (range, part) in
            [("0-0", 0..1), ("1000000-2000000", 1_000_000..2_000_001), ("-7", (3 << 20) - 7..3 << 20)]
        {
            let answer = self.ask("GET", "/large.bin", &format!("Range: bytes={range}\r\n"), b"");
            assert!(answer.code() == 206 && answer.body == large[part], "{name}: {range}: {}", answer.code());
        }
        let beyond = self.ask("GET", "/large.bin", "Range: bytes=9999999-\r\n", b"");
        assert_eq!(beyond.code(), 416, "{name}");
        let etag = whole.field("ETag");
        let if_known = self.ask("GET", "/large.bin", &format!("If-None-Match: {etag}\r\n"), b"");
        assert_eq!(if_known.code(), 304, "{name}");
        let resumed = format!("If-Range: {etag}\r\nRange: bytes=5-6\r\n");
        assert_eq!(self.ask("GET", "/large.bin", &resumed, b"").code(), 206, "{name}");
        let changed = self.ask("PUT", "/plain.txt", "If-Match: \"other\"\r\n", b"x");
        assert_eq!(changed.code(), 412, "{name}");
    }

    /// Everything that pages link to, starting at the root, is below the prefix and exists.
    pub(super) fn links(&self) {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![format!("{}/", self.below)]);
        while let Some(target) = waiting.pop() {
            if !seen.insert(target.clone()) {
                continue;
            }
            let answer = self.ask_at("GET", &target, "Accept: text/html\r\n", b"");
            assert_eq!(answer.code(), 200, "{}: {target}", self.name);
            if !answer.field("Content-Type").starts_with("text/html") {
                continue;
            }
            for link in references(&answer.text()) {
                let target = resolved(&target, &link);
                assert!(target.starts_with(&format!("{}/", self.below)), "{}: {link}: {target}", self.name);
                waiting.push(target);
            }
        }
        for (_, path) in NAMES {
            assert!(seen.contains(&format!("{}{path}", self.below)), "{}: {path} of {seen:?}", self.name);
        }
        // Directories without their slash, and the base itself.
        for directory in ["/dir", "/dir/sub", "/files", ""] {
            let at = format!("{}{directory}", self.below);
            if at.is_empty() {
                continue;
            }
            let answer = self.ask_at("GET", &at, "", b"");
            let code = answer.code();
            assert!(code == 308 || code == 301 && directory.is_empty(), "{}: {at}: {code}", self.name);
            assert_eq!(self.target_in(&answer, "Location"), format!("{at}/"), "{}", self.name);
        }
    }

    /// New files and replaced ones, of these sizes.
    pub(super) fn uploads(&self, sizes: &[usize]) {
        for (seed, &size) in (1..).zip(sizes) {
            let path = format!("/new/{size}.bin");
            for (content, code) in [(sample(size, seed), 201), (sample(size, seed + 100), 204)] {
                let answer = self.ask("PUT", &path, "", &content);
                assert_eq!(answer.code(), code, "{}: {size} bytes: {}", self.name, answer.text());
                let saved = self.target_in(&answer, "Content-Location");
                assert_eq!(saved, format!("{}{path}", self.below), "{}", self.name);
                assert!(self.wharf.read(&path[1..]) == content, "{}: {size} bytes", self.name);
                let back = self.ask_at("GET", &saved, "", b"");
                assert!(back.code() == 200 && back.body == content, "{}: {size} bytes", self.name);
            }
            fs::remove_file(self.wharf.folder().join(&path[1..])).expect("removed");
        }
        let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n";
        let mut wire = Wire::connect(self.proxy.address());
        let host = self.proxy.address();
        wire.send(format!("PUT {}/new/chunked HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n", self.below));
        let answer = wire.read_answer(false);
        assert!(matches!(answer.code(), 201 | 204), "{}: chunked: {}", self.name, answer.code());
        assert_eq!(self.wharf.read("new/chunked"), b"hello", "{}", self.name);
    }

    /// An upload in pieces, at the location that the response names.
    fn resumable_upload(&self) {
        let name = &self.name;
        let content = sample(2 << 20, 8);
        let begun = self.ask("POST", "/new/pieces.bin", "Upload-Complete: ?0\r\n", b"");
        assert_eq!(begun.code(), 201, "{name}: {}", begun.text());
        let upload = self.target_in(&begun, "Location");
        for (offset, piece, complete) in
            [(0, &content[..700_000], "?0"), (700_000, &content[700_000..], "?1")]
        {
            let at = self.ask_at("HEAD", &upload, "", b"");
            assert_eq!(at.field("Upload-Offset"), offset.to_string(), "{name}: {}", at.code());
            let length = piece.len();
            let fields = format!(
                "Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: {complete}\r\n\
                 Content-Length: {length}\r\n"
            );
            let answer = self.ask_at("PATCH", &upload, &fields, piece);
            assert!(matches!(answer.code(), 200 | 201 | 204), "{name}: {}: {}", answer.code(), answer.text());
        }
        assert!(self.wharf.read("new/pieces.bin") == content, "{name}");
    }

    /// Two members receive each other's messages, from the first event on.
    fn chat(&self) {
        let names = ["ann", "bob"];
        let mut members = names.map(|user| {
            let joined = self.ask("POST", "/.wharf/chat/join", "", format!("user={user}").as_bytes());
            assert_eq!(joined.code(), 200, "{}: {}", self.name, joined.text());
            let token: Value = serde_json::from_slice(&joined.body).expect("JSON");
            let token = format!("Wharf-Member: {}\r\n", token["token"].as_str().expect("a token"));
            let mut ear = Wire::connect_from(CLIENT, self.proxy.address());
            let (below, host) = (self.below, self.proxy.address());
            ear.send(format!("GET {below}/.wharf/chat/events HTTP/1.1\r\nHost: {host}\r\n{token}\r\n"));
            ear.read_until("welcome");
            (token, ear)
        });
        for said in [0, 1] {
            let words = format!("words of {}", names[said]);
            let answer = self.ask("POST", "/.wharf/chat/messages", &members[said].0, words.as_bytes());
            assert_eq!(answer.code(), 202, "{}: {}", self.name, answer.text());
            for (_, ear) in &mut members {
                ear.read_until(&words);
            }
        }
        for (token, _) in &members {
            self.ask("POST", "/.wharf/chat/leave", token, b"");
        }
    }

    /// wharf's own client.
    fn programs(&self) {
        let name = &self.name;
        let place = tempfile::tempdir().expect("a folder");
        let url = format!("http://{}{}/", self.proxy.address(), self.below);
        let content = sample(5 << 20, 6);
        fs::write(place.path().join("sent.bin"), &content).expect("written");
        let put =
            run(&["put", "sent.bin", "--retries", "0", "--to", &format!("{url}put/")], "", place.path());
        assert_eq!(put.code, Some(0), "{name}: {put:?}");
        assert!(self.wharf.read("put/sent.bin") == content, "{name}");
        let list = run(&["list", &format!("{url}put/")], "", place.path());
        assert_eq!((list.code, list.stdout.trim()), (Some(0), "sent.bin"), "{name}: {list:?}");
        let tree = run(&["list", "-R", &url], "", place.path());
        assert!(
            tree.stdout.contains("dir/sub/deep.txt") && tree.stdout.contains("files/inner.txt"),
            "{name}: {tree:?}"
        );
        let get = run(&["get", "-R", &format!("{url}dir/"), "--dir", "got"], "", place.path());
        assert_eq!(get.code, Some(0), "{name}: {get:?}");
        // Saved under the path in the URL.
        let got = format!("got{}/dir/sub/deep.txt", self.below);
        let got = fs::read_to_string(place.path().join(got));
        assert_eq!(got.ok().as_deref(), Some("dir/sub/deep.txt"), "{name}: {get:?}");
        let split = ["get", "--split", "1M", &format!("{url}put/sent.bin"), "-o", "back.bin"];
        let split = run(&split, "", place.path());
        assert_eq!(split.code, Some(0), "{name}: {split:?}");
        assert!(fs::read(place.path().join("back.bin")).expect("it is there") == content, "{name}");
        let chat = run(&["chat", "cleo", &url], "hello from a pipe\n", place.path());
        assert_eq!(chat.code, Some(0), "{name}: {chat:?}");
        fs::remove_file(self.wharf.folder().join("put/sent.bin")).expect("removed");
    }

    /// The log has the client's address, whatever the client writes in the fields.
    fn clients(&self) {
        let forged = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\n\
                      X-Forwarded-Host: evil.example\r\nX-Forwarded-Prefix: /evil\r\n";
        let target = format!("/plain.txt?{}", self.name.replace(|c: char| !c.is_alphanumeric(), "-"));
        assert_eq!(self.ask("GET", &target, forged, b"").code(), 200, "{}", self.name);
        let logged = || self.wharf.log().lines().find(|line| line.contains(&target)).map(str::to_owned);
        eventually("it is logged", || logged().is_some());
        let line = logged().expect("it is logged");
        let before = line.split(" \"GET").next().and_then(|words| words.split_whitespace().last());
        let client = before.and_then(|client| client.split(':').next());
        assert_eq!(client, Some(format!("127.0.0.{CLIENT}").as_str()), "{}: {line}", self.name);
        // If the proxy makes a tunnel for events, the second request must not pass through it unchecked.
        let mut wire = Wire::connect_from(CLIENT, self.proxy.address());
        let (below, host) = (self.below, self.proxy.address());
        for path in ["/.wharf/chat/events", "/plain.txt"] {
            wire.send(format!("GET {below}{path} HTTP/1.1\r\nHost: {host}\r\n{forged}\r\n"));
        }
        assert_eq!(wire.read_answer(false).code(), 401, "{}", self.name);
        drop(wire);
        assert!(!self.wharf.log().contains(" 203.0.113.9 "), "{}: {}", self.name, self.wharf.log());
    }
}

/// The links of a page, without fragments and other schemes.
fn references(page: &str) -> Vec<String> {
    let after = |attribute: &str| {
        let parts: Vec<_> = page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        parts
    };
    let links = [" href=\"", " src=\"", " action=\""].into_iter().flat_map(after);
    let links = links.filter(|link| !link.contains(':') && !link.starts_with('#') && !link.is_empty());
    links.map(|link| link.split('#').next().unwrap_or(link).replace("&amp;", "&")).collect()
}

/// A reference in the page at this target, as an absolute target.
fn resolved(page: &str, link: &str) -> String {
    let page = page.split('?').next().unwrap_or(page);
    if link.starts_with('/') {
        return link.to_owned();
    }
    if link.starts_with('?') {
        return format!("{page}{link}");
    }
    let directory = &page[..=page.rfind('/').expect("a path")];
    let (path, query) =
        link.split_once('?').map_or((link, String::new()), |(path, query)| (path, format!("?{query}")));
    let mut segments: Vec<&str> = directory.trim_end_matches('/').split('/').collect();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "." => {}
            ".." => drop(segments.pop()),
            part => segments.push(part),
        }
        if parts.peek().is_none() && matches!(part, "." | "..") {
            segments.push("");
        }
    }
    segments.join("/") + &query
}
