//! Media types by file name, and the fields that keep a browser from running scripts that others put into the folder.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::blocking::Blocking;
use crate::http::response::Head;

/// The type of text that the server itself writes.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The type of a page whose charset is not known.
const HTML: &str = "text/html; charset=utf-8";

/// The policy of a page that may do nothing (W3C CSP 3 §6.3.2).
pub(super) const SANDBOX: &str = "sandbox";

/// How many bytes of a page a browser searches for its charset (HTML, "prescan a byte stream to determine its encoding").
const PRESCAN: usize = 1024;

/// What the browser looks for, in lower case.
const META: &[u8] = b"<meta";
const CHARSET: &[u8] = b"charset";

/// Names without an extension whose files are text.
const TEXT_NAMES: &[&str] = &[
    "authors",
    "changelog",
    "changes",
    "contributing",
    "copying",
    "dockerfile",
    "gemfile",
    "install",
    "justfile",
    "licence",
    "license",
    "makefile",
    "news",
    "notice",
    "rakefile",
    "readme",
    "todo",
    "vagrantfile",
];

/// Extensions of text files. If they had their specific type, a browser would save these files instead of showing them.
const TEXT_EXTENSIONS: &[&str] = &[
    "adoc", "bash", "bat", "c", "cc", "cfg", "cmake", "conf", "cpp", "cs", "diff", "env", "go", "gradle",
    "h", "hpp", "hs", "ini", "java", "jsonl", "kt", "lock", "log", "lua", "m3u", "md", "mk", "ndjson", "nfo",
    "nix", "patch", "php", "pl", "ps1", "py", "r", "rb", "rs", "rst", "scala", "service", "sh", "sql",
    "swift", "tex", "tf", "toml", "vim", "yaml", "yml", "zig",
];

// `TYPES`: the other extensions with their media types, from the crate `mime_guess`, one per line, sorted
// (`build.rs`). `PREFIXES`: what the digit before a type stands for.
include!(concat!(env!("OUT_DIR"), "/media_types.rs"));

/// Extensions that are not in [`TYPES`], or whose type there is not the one that browsers expect.
const OTHER_EXTENSIONS: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("js", "text/javascript"),
    ("jxl", "image/jxl"),
    ("mjs", "text/javascript"),
    ("opus", "audio/ogg"),
    ("svgz", "image/svg+xml"),
    ("webmanifest", "application/manifest+json"),
];

/// The media types of pictures of which the server can make thumbnails.
const DRAWN: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Whether there may be a thumbnail of a file of this name; its content decides in the end.
pub(super) fn may_have_thumbnail(name: &[u8]) -> bool {
    DRAWN.contains(&&*of(name))
}

/// The coding of a file of this name (RFC 9110 §8.4), if its media type describes the decoded content.
pub(super) fn coding_of(path: &[u8]) -> Option<&'static str> {
    extension(path).eq_ignore_ascii_case("svgz").then_some("gzip")
}

/// The extension of a file of this name; empty if it has none.
fn extension(path: &[u8]) -> &str {
    let extension = Path::new(OsStr::from_bytes(path)).extension().unwrap_or_default();
    extension.to_str().unwrap_or_default()
}

/// The media type of a file of this name; text is assumed to be UTF-8.
pub(super) fn of(path: &[u8]) -> Cow<'static, str> {
    let (file, extension) = (Path::new(OsStr::from_bytes(path)), extension(path).to_ascii_lowercase());
    let name = file.file_name().unwrap_or_default().to_ascii_lowercase();
    let is_text_name = || TEXT_NAMES.iter().any(|text| *name == **text);
    if TEXT_EXTENSIONS.contains(&extension.as_str()) || (extension.is_empty() && is_text_name()) {
        return TEXT.into();
    }
    let other = OTHER_EXTENSIONS.iter().find(|(known, _)| *known == extension);
    match other.map(|(_, media_type)| Cow::Borrowed(*media_type)).or_else(|| known(&extension)) {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
        Some(other) => other,
        None => "application/octet-stream".into(),
    }
}

/// The media type that [`TYPES`] has for an extension in lower case.
fn known(extension: &str) -> Option<Cow<'static, str>> {
    let mut lines = TYPES;
    loop {
        let middle = lines[..lines.len() / 2].rfind('\n').map_or(0, |end| end + 1);
        let (before, rest) = lines.split_at(middle);
        let (line, after) = rest.split_once('\n')?;
        let (found, media_type) = line.split_once(' ')?;
        match extension.cmp(found) {
            Ordering::Less => lines = before,
            Ordering::Equal => return expanded(media_type),
            Ordering::Greater => lines = after,
        }
    }
}

/// A media type from [`TYPES`], with the prefix that its digit stands for.
fn expanded(media_type: &'static str) -> Option<Cow<'static, str>> {
    let (place, rest) = media_type.split_at_checked(1)?;
    match *PREFIXES.get(place.parse::<usize>().ok()?)? {
        "" => Some(rest.into()),
        prefix => Some(format!("{prefix}{rest}").into()),
    }
}

/// The media type of this file, by its name, but without `charset` for an HTML page that declares its own.
pub(super) fn of_file(path: &[u8], file: &File, _: Blocking<'_>) -> Cow<'static, str> {
    let media_type = of(path);
    if media_type != HTML {
        return media_type;
    }
    let mut start = [0; PRESCAN];
    let count = file.read_at(&mut start, 0).unwrap_or(0);
    if names_charset(&start[..count]) { "text/html".into() } else { media_type }
}

/// Whether a page that begins like this names its charset in a `<meta>`.
fn names_charset(start: &[u8]) -> bool {
    let start = start.to_ascii_lowercase();
    let mut metas = start.windows(META.len()).enumerate().filter(|(_, window)| *window == META);
    metas.any(|(at, _)| {
        let tag = start[at..].split(|&byte| byte == b'>').next().unwrap_or_default();
        tag.windows(CHARSET.len()).any(|window| window == CHARSET)
    })
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
pub(super) fn cannot_act(media_type: &str) -> bool {
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
    fn each_extension_is_found() {
        let mut before = "";
        for line in TYPES.lines() {
            let (extension, media_type) = line.split_once(' ').expect("two words");
            assert!(before < extension, "{extension} is sorted");
            before = extension;
            assert_eq!(known(extension), expanded(media_type));
            assert!(of(format!("a.{extension}").as_bytes()).contains('/'), "{extension}");
        }
        let usual = [
            ("css", "text/css"),
            ("png", "image/png"),
            ("webm", "video/webm"),
            ("7z", "application/x-7z-compressed"),
            ("zip", "application/zip"),
            ("odt", "application/vnd.oasis.opendocument.text"),
        ];
        for (extension, media_type) in usual {
            assert_eq!(known(extension).as_deref(), Some(media_type), "{extension}");
        }
        for unknown in ["", "!", "3", "none", "zzzzz", "\u{20ac}"] {
            assert_eq!(known(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_page_that_names_its_charset_keeps_it() {
        let cases: [(&[u8], bool); 7] = [
            (b"<!doctype html><meta charset=\"iso-8859-1\"><p>", true),
            (b"<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=koi8-r'>", true),
            (b"<meta name=viewport content=x><meta charset=gbk>", true),
            (b"<meta name=viewport content=x><p>charset", false),
            (b"<p>", false),
            (b"", false),
            (b"<meta charset", true),
        ];
        for (start, names) in cases {
            assert_eq!(names_charset(start), names, "{}", String::from_utf8_lossy(start));
            let file = tempfile::tempfile().expect("a file");
            file.write_all_at(start, 0).expect("written");
            let of = |path| of_file(path, &file, Blocking::own_thread());
            assert_eq!(of(b"a.html"), if names { "text/html" } else { HTML });
            assert_eq!(of(b"a.txt"), TEXT);
        }
    }

    #[test]
    fn media_types_and_whether_they_run_scripts() {
        let cases: [(&[u8], &str, bool); 20] = [
            (b"README", "text/plain; charset=utf-8", false),
            (b"d/Makefile", "text/plain; charset=utf-8", false),
            (b"readme.d/x", "application/octet-stream", true),
            (b"a.rs", "text/plain; charset=utf-8", false),
            (b"A.CONF", "text/plain; charset=utf-8", false),
            (b"log", "application/octet-stream", true),
            (b"a.mjs", "text/javascript; charset=utf-8", false),
            (b"a.avif", "image/avif", false),
            (b"a.jxl", "image/jxl", false),
            (b"a.HEIC", "image/heic", false),
            (b"a.svgz", "image/svg+xml", true),
            (b"a.\xff", "application/octet-stream", true),
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
        assert_eq!(
            (coding_of(b"a.SVGZ"), coding_of(b"a.svg"), coding_of(b"a.gz")),
            (Some("gzip"), None, None)
        );
    }
}
