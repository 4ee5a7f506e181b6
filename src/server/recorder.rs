//! Writes what is served as a request script, for `wharf replay`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::http::status::Status;
use crate::printable::Printable;

/// A script that grows by a line a request.
#[derive(Debug)]
pub struct Recorder(Mutex<File>);

impl Recorder {
    /// Begins a script in this file, which is emptied.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(b"# Recorded by wharf serve --record; replay it with wharf replay.\n")?;
        Ok(Self(Mutex::new(file)))
    }

    /// Adds a request. One that a script cannot ask for stands there as a comment. A disk that is full costs the
    /// recording, not the request.
    pub fn note(&self, request_line: &[u8], saved: Option<&Path>, status: Status) {
        let line = script_line(request_line, saved, status);
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            log::warn!("cannot record a request: {error}");
        }
    }
}

/// The line of a script that asks for the same again and expects the same.
fn script_line(request_line: &[u8], saved: Option<&Path>, status: Status) -> String {
    let text = String::from_utf8_lossy(request_line);
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let code = status.code();
    match (method, saved.and_then(Path::to_str)) {
        ("GET", _) if is_plain(target) => format!("GET {target} -> {code}\n"),
        // What was sent is what the folder holds now.
        ("POST", Some(file)) if is_plain(target) => {
            format!("POST {} {target} -> {code}\n", shell_words::quote(file))
        }
        _ => format!("# {} -> {code}\n", Printable(request_line)),
    }
}

/// Whether a target can stand in a script without quotes.
fn is_plain(target: &str) -> bool {
    target.starts_with('/')
        && !target.contains(['"', '\'', '\\', '#'])
        && target.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_asks_for_the_same_again() {
        let saved = Some(Path::new("/srv/my files/a.txt"));
        let cases: [(&[u8], Option<&Path>, Status, &str); 5] = [
            (b"GET /a%20b?list HTTP/1.1", None, Status::OK, "GET /a%20b?list -> 200\n"),
            (b"GET /none HTTP/1.0", None, Status::NOT_FOUND, "GET /none -> 404\n"),
            (b"POST /a.txt HTTP/1.1", saved, Status::OK, "POST '/srv/my files/a.txt' /a.txt -> 200\n"),
            (b"POST /a.txt HTTP/1.1", None, Status::FORBIDDEN, "# POST /a.txt HTTP/1.1 -> 403\n"),
            (b"\x1bGET", None, Status::BAD_REQUEST, "# \\u{1b}GET -> 400\n"),
        ];
        for (line, saved, status, expected) in cases {
            assert_eq!(script_line(line, saved, status), expected);
        }
    }
}
