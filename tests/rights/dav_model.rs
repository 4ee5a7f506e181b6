//! The expected results of the methods of WebDAV.

use super::caller::Caller;
use super::model::Operation::{self, Entries, Lock, Propfind, Proppatch, Unlock};
use super::model::{DIRECTORIES, FILES, LINKS, is_hidden_from, real, refusal, rights};

const LIST: usize = 0;
const READ: usize = 1;
const ADD: usize = 2;
const REPLACE: usize = 3;

/// The expected status; `None` for an operation of HTTP.
pub fn expected(caller: Caller, path: &str, ends_with_slash: bool, operation: Operation) -> Option<u16> {
    let needs: &[usize] = match operation {
        Propfind | Entries => &[LIST, READ],
        Proppatch => &[REPLACE],
        Lock | Unlock => &[ADD, REPLACE],
        _ => return None,
    };
    let lies_at = real(path);
    let (named, there) = (rights(caller, path), rights(caller, &lies_at));
    let has_none = |rights: [bool; 5]| needs.iter().all(|right| !rights[*right]);
    let is_directory = DIRECTORIES.contains(&&*lies_at);
    let exists = is_directory || FILES.contains(&&*lies_at);
    // For the target of a link, 401 would show that the target exists.
    let refused_there = || match refusal(caller, &lies_at, needs) {
        401 => 404,
        status => status,
    };
    Some(match operation {
        _ if has_none(named) => refusal(caller, path, needs),
        // A token of a lock that nobody has.
        Unlock => 409,
        // The response would say which names are taken.
        Lock if named == [false, false, true, false, false] => 403,
        _ if is_hidden_from(caller, path) => 404,
        Lock if !exists => expected_new_lock(path, || has_none(there).then(refused_there), ends_with_slash),
        _ if !exists => 404,
        _ if has_none(there) => refused_there(),
        Lock => 200,
        _ => 207,
    })
}

/// The status of a LOCK of a name that no file has.
fn expected_new_lock(path: &str, refused: impl FnOnce() -> Option<u16>, ends_with_slash: bool) -> u16 {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    if let Some(status) = refused() {
        status
    } else if LINKS.iter().any(|(link, ..)| *link == path) {
        // A link that leads nowhere looks absent, and its name is taken.
        404
    } else if ends_with_slash || !DIRECTORIES.contains(&parent) {
        409
    } else {
        201
    }
}
