//! Records requests as a script for `wharf replay`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::http::status::Status;
use crate::own_paths;
use crate::printable::Printable;
use crate::sink::{LineSink, Notices, Reopen};

/// A script that gets one line per request. Clones write to the same script.
#[derive(Debug, Clone)]
pub struct Recorder(LineSink);

/// How missing requests are reported: in the script as a comment, and in the log.
const NOTICES: Notices = Notices {
    name: "record",
    missing: |count| {
        format!("# {count} requests are missing here: they arrived faster than they could be written.\n")
    },
    recovered: |count| log::warn!("{count} requests are missing from the recording"),
    failed: |error| log::warn!("cannot record requests: {error}"),
    reopened: |outcome| match outcome {
        Ok(()) => log::info!("reopened the recording"),
        Err(error) => log::error!("cannot reopen the recording: {error}; still writing to the old file"),
    },
};

impl Recorder {
    /// The first line of each file.
    pub const HEADER: &str = "# Recorded by wharf serve --record; replay it with wharf replay.\n";

    /// Writes a script to this file; `reopen` opens it again, and a new file gets the header.
    pub fn new(file: File, reopen: Reopen) -> io::Result<Self> {
        let sink = LineSink::new(file, Some(reopen), NOTICES)?;
        sink.push(Self::HEADER.as_bytes());
        Ok(Self(sink))
    }

    /// Adds a request. If a script cannot express it, it becomes a comment. A full or slow disk affects the
    /// recording, not the request.
    pub fn note(&self, request_line: &[u8], saved: Option<&Path>, status: Status) {
        self.0.push(script_line(request_line, saved, status).as_bytes());
    }

    /// Reopens the file by its name.
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Waits until everything is written, for at most this long.
    pub fn flush(&self, limit: Duration) {
        self.0.flush(limit);
    }
}

/// The statuses of GET requests that depend on the path alone. The others may depend on fields that a script cannot
/// express, or on the load of the server.
const REPEATABLE: [Status; 4] =
    [Status::OK, Status::PERMANENT_REDIRECT, Status::FORBIDDEN, Status::NOT_FOUND];

/// The script line that repeats this request and expects the same response. If a replay would get another response, the
/// line is a comment.
fn script_line(request_line: &[u8], saved: Option<&Path>, status: Status) -> String {
    let text = String::from_utf8_lossy(request_line);
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let code = status.code();
    // A line end in a name would start another request.
    let saved = saved.filter(|file| Printable::path(file).is_plain()).and_then(Path::to_str);
    match (method, saved) {
        ("GET", _) if is_plain(target) && REPEATABLE.contains(&status) => {
            format!("GET {target} -> {code}\n")
        }
        // The uploaded content is what the folder holds now.
        ("POST", Some(file)) if is_plain(target) && status.is_success() => {
            format!("POST {} {target} -> {code}\n", shell_words::quote(file))
        }
        _ => format!("# {} -> {code}\n", Printable(request_line)),
    }
}

/// Whether a target can be in a script without quotes. The server's own paths need a token, or send an endless
/// response.
fn is_plain(target: &str) -> bool {
    target.starts_with('/')
        && !target.starts_with("//")
        && !target.starts_with(own_paths::ROOT)
        && !target.contains(['"', '\'', '\\', '#'])
        && target.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_line_repeats_the_request() {
        let saved = Some(Path::new("/srv/my files/a.txt"));
        let odd = Some(Path::new("/srv/a\nPOST /etc/passwd #"));
        let cases: [(&[u8], Option<&Path>, Status, &str); 13] = [
            (b"POST /a%0APOST%20/b HTTP/1.1", odd, Status::OK, "# POST /a%0APOST%20/b HTTP/1.1 -> 200\n"),
            (b"GET /a%20b?list HTTP/1.1", None, Status::OK, "GET /a%20b?list -> 200\n"),
            (b"GET /none HTTP/1.0", None, Status::NOT_FOUND, "GET /none -> 404\n"),
            (b"POST /a.txt HTTP/1.1", saved, Status::OK, "POST '/srv/my files/a.txt' /a.txt -> 200\n"),
            (b"POST /a.txt HTTP/1.1", None, Status::FORBIDDEN, "# POST /a.txt HTTP/1.1 -> 403\n"),
            (b"MKCOL /a HTTP/1.1", None, Status::CREATED, "# MKCOL /a HTTP/1.1 -> 201\n"),
            (b"GET /a HTTP/1.1", None, Status::NOT_MODIFIED, "# GET /a HTTP/1.1 -> 304\n"),
            (b"GET /a HTTP/1.1", None, Status::PARTIAL_CONTENT, "# GET /a HTTP/1.1 -> 206\n"),
            (b"GET /a HTTP/1.1", None, Status::MISDIRECTED_REQUEST, "# GET /a HTTP/1.1 -> 421\n"),
            (b"GET //a HTTP/1.1", None, Status::OK, "# GET //a HTTP/1.1 -> 200\n"),
            (
                b"GET /.wharf/chat/events HTTP/1.1",
                None,
                Status::OK,
                "# GET /.wharf/chat/events HTTP/1.1 -> 200\n",
            ),
            (b"POST / HTTP/1.1", saved, Status::SEE_OTHER, "# POST / HTTP/1.1 -> 303\n"),
            (b"\x1bGET", None, Status::BAD_REQUEST, "# \\u{1b}GET -> 400\n"),
        ];
        for (line, saved, status, expected) in cases {
            assert_eq!(script_line(line, saved, status), expected);
        }
    }
}
