//! Responses to requests through a link: their paths are relative to what it shares, and nothing keeps its secret.

use crate::printable::Printable;
use crate::server::filter::wanted::Wanted;
use crate::server::link_view::{LinkStage, LinkView};
use crate::server::response::Response;
use crate::server::state::State;

/// The fields that hold a path.
const FIELDS: [&str; 2] = ["Location", "Content-Location"];

/// Changes the paths of handlers, which do not know links, into those below the link. Keeps the address of the link out of
/// `Referer` and of caches.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, _: &State) {
    let Some(link) = &wanted.link else { return };
    if link.stage == LinkStage::Inside {
        move_below(link, response);
    }
    // Pages have a policy of their own: without an `Origin`, browsers could not send their forms.
    if response.head.get("Referrer-Policy").is_none() {
        response.add("Referrer-Policy", "no-referrer");
    }
    let is_page = response.head.get("Content-Type").is_some_and(|kind| kind.starts_with("text/html"));
    let is_file = response.head.get("ETag").is_some();
    if response.head.get("Cache-Control").is_none() || is_page && !is_file {
        response.head.remove("Cache-Control");
        response.add("Cache-Control", "no-store");
    }
}

fn move_below(link: &LinkView, response: &mut Response) {
    let mut has_path = false;
    for name in FIELDS {
        if let Some(path) = response.head.get(name).filter(|path| path.starts_with('/')) {
            let path = link.outside(path);
            response.head.remove(name);
            response.add(name, path);
            has_path = true;
        }
    }
    // The text of such a response repeats the path. The content of a file comes without these fields.
    if has_path && let Some(text) = response.content.as_bytes().and_then(|text| str::from_utf8(text).ok()) {
        response.content = below(link, text).into_bytes().into();
    }
}

/// The lines of a text, without the path of the link's root.
fn below(link: &LinkView, text: &str) -> String {
    let root = link.root();
    if root.is_root() {
        return text.to_owned();
    }
    let root = format!("{}/", Printable(root.as_bytes()));
    let shorter = |line: &str| {
        ["saved ", "created ", "moved to ", "copied to ", "/"].into_iter().find_map(|start| {
            let rest = line.strip_prefix(start)?.strip_prefix(&root)?;
            Some(format!("{start}{rest}"))
        })
    };
    text.split_inclusive('\n').map(|line| shorter(line).unwrap_or_else(|| line.to_owned())).collect()
}
