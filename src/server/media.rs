//! Media types by file name, and the fields that keep a browser from running scripts that others put into the folder.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::http::response::Head;

/// The type of text that the server itself writes.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The media type of a file of this name; text is assumed to be UTF-8.
pub(super) fn of(path: &[u8]) -> Cow<'static, str> {
    let guess = mime_guess::from_path(Path::new(OsStr::from_bytes(path))).first_raw();
    match guess {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
        Some(other) => other.into(),
        None => "application/octet-stream".into(),
    }
}

/// Adds `X-Content-Type-Options: nosniff`, so that the browser does not guess another type. Adds
/// `Content-Security-Policy: sandbox` if others may write into the folder and its owner does not trust them
/// (`--trust-html`), so that a page from it cannot act as one of the server's own.
pub(super) fn protect(head: Head, media_type: &str, is_trusted: bool) -> Head {
    let head = head.field("X-Content-Type-Options", "nosniff");
    if is_trusted || cannot_act(media_type) {
        return head;
    }
    head.field("Content-Security-Policy", "sandbox allow-scripts")
}

/// Whether a browser shows this type without running scripts from it.
fn cannot_act(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    match essence.split_once('/') {
        Some(("text", kind)) => kind != "html" && kind != "xml",
        Some(("image", kind)) => kind != "svg+xml",
        Some(("audio" | "video", _)) => true,
        _ => essence == "application/pdf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_and_whether_they_run_scripts() {
        let cases: [(&[u8], &str, bool); 8] = [
            (b"a/b.txt", "text/plain; charset=utf-8", false),
            (b"INDEX.HTML", "text/html; charset=utf-8", true),
            (b"a.jpg", "image/jpeg", false),
            (b"a.svg", "image/svg+xml", true),
            (b"a.xml", "text/xml; charset=utf-8", true),
            (b"a.pdf", "application/pdf", false),
            (b"a.xhtml", "application/xhtml+xml", true),
            (b"\xff", "application/octet-stream", true),
        ];
        for (path, media_type, acts) in cases {
            assert_eq!(of(path), media_type);
            assert_eq!(!cannot_act(&of(path)), acts, "{media_type}");
        }
    }
}
