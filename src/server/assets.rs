//! The files that pages use: one style sheet, one script, one icon. They are part of the binary.
//!
//! The name of each contains a hash of its content, so a browser may cache it forever: a newer server uses another
//! name. A page of an older server that is still open requests a name that no longer exists, and gets 404.
//!
//! Pages link to them with an empty query: lftp takes the other links of a page for files of the folder.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::http::conditional::{self, Action, Verdict};
use crate::http::fields::Fields;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, Validators};
use crate::own_paths::ASSETS;
use crate::server::error_response::not_found;
use crate::server::response::Response;

/// How long they may be cached: a year is the longest that RFC 9111 §1.2.2 considers useful, and with `immutable`
/// (RFC 8246) a reload does not revalidate either.
const CACHING: &str = "public, max-age=31536000, immutable";

/// How many bytes of the hash are in a name; this only has to prevent accidental collisions.
const HASH_BYTES: usize = 6;

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("page", "css", "text/css; charset=utf-8", lean(include_str!("assets/page.css")))
});

/// One file for the browser; here, one file per subject.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let source = concat!(
        include_str!("assets/folder.js"),
        include_str!("assets/preview.js"),
        include_str!("assets/stream.js"),
        include_str!("assets/room.js"),
        include_str!("assets/give.js"),
    );
    Asset::new("page", "js", "text/javascript; charset=utf-8", lean(source))
});

pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg").into()));

/// A file in the binary.
#[derive(Debug)]
pub(super) struct Asset {
    content: String,
    media_type: &'static str,
    hash: String,
    link: String,
}

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, content: String) -> Self {
        let digest = Sha256::digest(&content);
        let hash = digest.iter().take(HASH_BYTES).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        let hash = format!("{hash:0width$x}", width = 2 * HASH_BYTES);
        let link = format!("{ASSETS}{name}.{hash}.{extension}?");
        Self { content, media_type, hash, link }
    }

    /// The link to it in a page.
    pub(super) fn link(&self) -> &str {
        &self.link
    }

    /// The path at which it is served.
    fn path(&self) -> &str {
        self.link.trim_end_matches('?')
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.content.len()
    }

    fn respond(&self, fields: Fields<'_, '_>) -> Response {
        let validators =
            Validators { etag: EntityTag::strong(self.hash.clone().into_bytes()), last_modified: None };
        let head = |status| match &validators.etag {
            Some(etag) => Head::new(status).field("ETag", etag).field("Cache-Control", CACHING),
            None => Head::new(status).field("Cache-Control", CACHING),
        };
        let preconditions = conditional::gather(fields.iter());
        match conditional::evaluate(&preconditions, Action::Retrieve, Some(&validators)) {
            Verdict::Proceed => {
                Response::bytes(head(Status::OK), self.media_type, self.content.as_bytes().to_vec())
            }
            Verdict::NotModified => Response::empty(head(Status::NOT_MODIFIED)),
            Verdict::Failed => {
                Response::text(Status::PRECONDITION_FAILED, "precondition failed: the file has changed\n")
            }
        }
    }
}

/// Removes indentation and comment lines: a fifth of the bytes. No string in the source spans lines. Removing more
/// would save less than a twentieth.
fn lean(source: &str) -> String {
    let is_comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The response to GET and HEAD of the asset at this path.
pub(super) fn respond(path: &str, fields: Fields<'_, '_>) -> Result<Response, Response> {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let found = all.into_iter().find(|asset| asset.path() == path);
    found.map(|asset| asset.respond(fields)).ok_or_else(not_found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head as RequestHead};

    fn ask(path: &str, lines: &str) -> Status {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let mut space = FieldSpace::new();
        let head = RequestHead::parse(bytes.as_bytes(), &mut space).expect("valid");
        respond(path, head.fields).unwrap_or_else(|response| response).head.status()
    }

    #[test]
    fn assets_are_found_by_their_hash() {
        let table = [
            ("the style sheet", STYLE.path().to_owned(), String::new(), Status::OK),
            ("the script", SCRIPT.path().to_owned(), String::new(), Status::OK),
            ("of another server", format!("{ASSETS}page.000000000000.css"), String::new(), Status::NOT_FOUND),
            ("no hash", format!("{ASSETS}page.css"), String::new(), Status::NOT_FOUND),
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
    fn comments_are_removed() {
        let source = "/* what */\n  a { b: c; }\n\n  // why\n  /** how */\n  x; // not alone\n";
        assert_eq!(lean(source), "a { b: c; }\nx; // not alone\n");
    }

    #[test]
    fn assets_are_small() {
        let sum = STYLE.len() + SCRIPT.len();
        assert!(sum < 51_000, "style and script have {sum} bytes");
    }
}
