//! Responses to requests through a link: their paths are relative to what the link shares, and nothing stores
//! its secret.

use crate::printable::Printable;
use crate::server::filter::wanted::Wanted;
use crate::server::link_view::{LinkStage, LinkView};
use crate::server::media;
use crate::server::response::Response;
use crate::server::state::State;

/// The fields that hold a path.
const FIELDS: [&str; 2] = ["Location", "Content-Location"];

/// Handlers know nothing about links: changes their paths into paths below the link. Keeps the link's address
/// out of `Referer` and out of caches.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, _: &State) {
    let Some(link) = &wanted.link else { return };
    if link.stage == LinkStage::Inside {
        move_below(link, response);
    }
    // Pages have their own policy: without an `Origin`, browsers could not send the forms.
    if response.head.get("Referrer-Policy").is_none() {
        response.add("Referrer-Policy", "no-referrer");
    }
    keep_scripts_out(response);
    let is_page = response.head.get("Content-Type").is_some_and(|kind| kind.starts_with("text/html"));
    let is_file = response.head.get("ETag").is_some();
    if response.head.get("Cache-Control").is_none() || is_page && !is_file {
        response.head.remove("Cache-Control");
        response.add("Cache-Control", "no-store");
    }
}

/// A script on a page in the folder could read the link's address, which the page's author may not know. So no script
/// runs, even with `--trust-html`. The sandbox gives the page a separate origin, so its address is in no `Referer`
/// either, whatever the page says (W3C Referrer Policy §8.3). The server's own pages have another policy.
fn keep_scripts_out(response: &mut Response) {
    let is_files =
        response.head.get("Content-Security-Policy").is_none_or(|policy| policy.starts_with(media::SANDBOX));
    let may_act = response.head.get("Content-Type").is_some_and(|kind| !media::cannot_act(kind));
    if is_files && may_act {
        response.head.remove("Content-Security-Policy");
        response.add("Content-Security-Policy", media::SANDBOX);
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
