//! The files that pages use: one style sheet, one script, one icon, and scripts that the page loads when they are needed. They
//! are part of the binary; `build.rs` puts them together.
//!
//! The name of each contains a hash of its content, so a browser may cache it forever: a newer server uses a
//! different name. A page of an older server that is still open requests a name that no longer exists, and
//! gets 404.
//!
//! Pages link to them with an empty query: lftp takes all other links on a page for files in the folder.

use std::borrow::Cow;
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

/// How long assets may be cached: a year is the longest time that RFC 9111 §1.2.2 considers useful. With `immutable`
/// (RFC 8246), even a reload does not revalidate them.
const CACHING: &str = "public, max-age=31536000, immutable";

/// How many bytes of the hash are in a name; this only has to prevent accidental collisions.
const HASH_BYTES: usize = 6;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("page", "css", "text/css; charset=utf-8", include_str!(concat!(env!("OUT_DIR"), "/page.css")))
});

pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let source = include_str!(concat!(env!("OUT_DIR"), "/page.js"));
    Asset::new("page", "js", JAVASCRIPT, source)
});

/// The script for uploads. The page loads it before the first of them.
pub(super) static UPLOAD: LazyLock<Asset> = LazyLock::new(|| {
    let names = "$, asMember, button, clock, encode, fill, here, isShown, login, make, own, pause, refresh, size, uploadsKey";
    Asset::importing("upload", names, include_str!(concat!(env!("OUT_DIR"), "/upload.js")))
});

/// The script for previews and the editor, with their styles. The page loads it for the first preview.
pub(super) static VIEW: LazyLock<Asset> = LazyLock::new(|| {
    let names = "$, asMember, button, changed, fill, focusOn, here, login, make, nameOf, needsLogin, open, own, \
                 pause, phrase, sentence, size";
    Asset::importing("view", names, include_str!(concat!(env!("OUT_DIR"), "/view.js")))
});

/// The script for links. The page loads it when a user wants to share the folder.
pub(super) static SHARE: LazyLock<Asset> = LazyLock::new(|| {
    let names = "$, button, clock, fill, here, loggedOut, make, needsLogin, own, phrase";
    Asset::importing("share", names, include_str!(concat!(env!("OUT_DIR"), "/share.js")))
});

/// The script for dialogs about one thing. The page loads it for the first of them.
pub(super) static ABOUT: LazyLock<Asset> = LazyLock::new(|| {
    let names = "$, button, call, clock, fill, inform, make, own, size, toClipboard";
    Asset::importing("about", names, include_str!(concat!(env!("OUT_DIR"), "/about.js")))
});

pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

/// A file in the binary.
#[derive(Debug)]
pub(super) struct Asset {
    content: Cow<'static, str>,
    media_type: &'static str,
    hash: String,
    link: String,
}

impl Asset {
    fn new(
        name: &str,
        extension: &str,
        media_type: &'static str,
        content: impl Into<Cow<'static, str>>,
    ) -> Self {
        let content = content.into();
        let digest = Sha256::digest(content.as_bytes());
        let hash = digest.iter().take(HASH_BYTES).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        let hash = format!("{hash:0width$x}", width = 2 * HASH_BYTES);
        let link = format!("{ASSETS}{name}.{hash}.{extension}?");
        Self { content, media_type, hash, link }
    }

    /// A script that imports these names from the main script, by this version's name.
    fn importing(name: &str, names: &str, source: &str) -> Self {
        let page = SCRIPT.link().trim_start_matches(ASSETS);
        Self::new(name, "js", JAVASCRIPT, format!("import {{ {names} }} from \"./{page}\";\n{source}"))
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

/// The response to GET and HEAD of the asset at this path.
pub(super) fn respond(path: &str, fields: Fields<'_, '_>) -> Result<Response, Response> {
    let all: [&Asset; 7] = [&STYLE, &SCRIPT, &UPLOAD, &VIEW, &SHARE, &ABOUT, &ICON];
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
            ("the script for uploads", UPLOAD.path().to_owned(), String::new(), Status::OK),
            ("the script for sharing", SHARE.path().to_owned(), String::new(), Status::OK),
            ("the script for dialogs", ABOUT.path().to_owned(), String::new(), Status::OK),
            ("the script for previews", VIEW.path().to_owned(), String::new(), Status::OK),
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
    fn comments_and_indentation_are_removed() {
        for line in [&STYLE, &SCRIPT, &UPLOAD, &VIEW, &SHARE, &ABOUT]
            .into_iter()
            .flat_map(|asset| asset.content.lines())
        {
            let is_comment = line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
            assert!(!line.is_empty() && line.trim() == line && !is_comment, "{line}");
        }
    }

    #[test]
    fn assets_are_small() {
        let sum = STYLE.len() + SCRIPT.len();
        assert!(sum < 110_000, "style and script have {sum} bytes");
    }
}
