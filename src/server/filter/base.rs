//! Adds the base to every path in the response's fields: handlers do not know the base.

use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// The fields that hold a path.
const FIELDS: [&str; 2] = ["Location", "Content-Location"];

/// Puts the base before the paths in these fields.
pub(super) fn apply(_: &Wanted, response: &mut Response, state: &State) {
    if state.base.is_root() {
        return;
    }
    for name in FIELDS {
        let path = response.head.get(name).filter(|path| path.starts_with('/'));
        if let Some(path) = path.map(|path| state.base.with(path)) {
            response.head.remove(name);
            response.add(name, path);
        }
    }
}
