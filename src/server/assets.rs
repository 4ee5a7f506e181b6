//! What pages are made of besides their HTML: one style sheet, one script, one picture. They are part of the binary.
//!
//! Each is served under a name that holds a hash of its content, so a browser may keep it for good: a newer server
//! names another. A page of an older server that is still open somewhere asks for a name that is gone, and gets 404.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::error_response::not_found;
use crate::http::conditional::{self, Action, Verdict};
use crate::http::fields::Fields;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, Validators};

/// Where they are served.
pub const BELOW: &str = crate::own_paths::ASSETS;

/// How long a copy may be kept without asking again: a year is the most that RFC 9111 §1.2.2 makes sense of, and
/// `immutable` (RFC 8246) tells that a reload need not ask either.
const CACHING: &str = "public, max-age=31536000, immutable";

/// Bytes of the hash that stand in a name: two assets of one name that differ must not meet, by accident alone.
const HASH_BYTES: usize = 6;

/// How pages look.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let source = dense(&lean(include_str!("assets/page.css")));
    Asset::new("page", "css", "text/css; charset=utf-8", source)
});

/// What pages can do where scripts run. One file to the browser, a subject a file here.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let source = concat!(
        include_str!("assets/folder.js"),
        include_str!("assets/preview.js"),
        include_str!("assets/room.js"),
        include_str!("assets/give.js"),
    );
    Asset::new("page", "js", "text/javascript; charset=utf-8", joined(&lean(source)))
});

/// The picture of a tab.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg").into()));

/// A file that the binary holds.
#[derive(Debug)]
pub struct Asset {
    content: String,
    media_type: &'static str,
    hash: String,
    path: String,
}

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, content: String) -> Self {
        let digest = Sha256::digest(&content);
        let hash = digest.iter().take(HASH_BYTES).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        let hash = format!("{hash:0width$x}", width = 2 * HASH_BYTES);
        let path = format!("{BELOW}{name}.{hash}.{extension}");
        Self { content, media_type, hash, path }
    }

    /// The path under which it is served.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many bytes it has.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.content.len()
    }

    fn answer(&self, fields: Fields<'_, '_>) -> Answer {
        let validators =
            Validators { etag: EntityTag::strong(self.hash.clone().into_bytes()), last_modified: None };
        let head = |status| match &validators.etag {
            Some(etag) => Head::new(status).field("ETag", etag).field("Cache-Control", CACHING),
            None => Head::new(status).field("Cache-Control", CACHING),
        };
        let preconditions = conditional::gather(fields.iter());
        match conditional::evaluate(&preconditions, Action::Retrieve, Some(&validators)) {
            Verdict::Proceed => {
                Answer::bytes(head(Status::OK), self.media_type, self.content.as_bytes().to_vec())
            }
            Verdict::NotModified => Answer::empty(head(Status::NOT_MODIFIED)),
            Verdict::Failed => Answer::text(Status::PRECONDITION_FAILED, "it is another version\n"),
        }
    }
}

/// The source without what only its readers need: indentation, and lines that are a comment. No string of it goes on
/// over a line's end.
fn lean(source: &str) -> String {
    let is_comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A script whose blocks begin and end without a line break: none of its lines ends with a comment, and no string goes on
/// over a line's end.
fn joined(source: &str) -> String {
    source.replace("{\n", "{").replace("\n}", "}")
}

/// A style sheet without the white space beside its punctuation. No string of it has any there.
fn dense(source: &str) -> String {
    let punctuation = ["{\n", "\n}", "}\n", ";\n", " {", "{ ", " }", "; ", ": ", ", ", " > "];
    let tight = |text: String, pair: &&str| text.replace(pair, pair.trim());
    punctuation.iter().fold(source.to_owned(), tight).replace(";}", "}")
}

/// The answer to GET and HEAD of a path below [`BELOW`].
pub fn answer(path: &str, fields: Fields<'_, '_>) -> Result<Answer, Answer> {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let found = all.into_iter().find(|asset| asset.path == path);
    found.map(|asset| asset.answer(fields)).ok_or_else(not_found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head as RequestHead};

    fn ask(path: &str, lines: &str) -> Status {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let mut space = FieldSpace::new();
        let head = RequestHead::parse(bytes.as_bytes(), &mut space).expect("valid");
        answer(path, head.fields).unwrap_or_else(|response| response).head.status()
    }

    #[test]
    fn by_the_hash_of_what_they_hold() {
        let table = [
            ("the style sheet", STYLE.path().to_owned(), String::new(), Status::OK),
            ("the script", SCRIPT.path().to_owned(), String::new(), Status::OK),
            ("of another server", format!("{BELOW}page.000000000000.css"), String::new(), Status::NOT_FOUND),
            ("no hash", format!("{BELOW}page.css"), String::new(), Status::NOT_FOUND),
            (
                "a copy is there",
                ICON.path().to_owned(),
                format!("If-None-Match: \"{}\"\r\n", ICON.hash),
                Status::NOT_MODIFIED,
            ),
        ];
        for (name, path, lines, expected) in table {
            assert_eq!(ask(&path, &lines), expected, "{name}");
        }
    }

    #[test]
    fn comments_stay_at_home() {
        let source = "/* what */\n  a { b: c; }\n\n  // why\n  /** how */\n  x; // not alone\n";
        assert_eq!(lean(source), "a { b: c; }\nx; // not alone\n");
        assert_eq!(joined("a {\nb;\n}\nc;\n"), "a {b;}\nc;\n");
        let style = "@media (a: b) {\na, b > c { d: e f; g: \"h\" }\n}\n";
        assert_eq!(dense(style), "@media (a:b){a,b>c{d:e f;g:\"h\"}}");
    }

    #[test]
    fn they_are_light() {
        let sum = STYLE.len() + SCRIPT.len();
        assert!(sum < 33_900, "style and script have {sum} bytes");
    }
}
