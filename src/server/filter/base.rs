//! The base, before every path of this server in a field: handlers know nothing of it.

use crate::http::response::Head;
use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// The fields that hold a path.
const FIELDS: [&str; 2] = ["Location", "Content-Location"];

/// Puts the base before the paths in these fields.
pub(super) fn apply(_: Wanted, response: Response, state: &State) -> Response {
    if state.base.as_str().is_empty() {
        return response;
    }
    let put = |head: Head, name| {
        let path = head.get(name).filter(|path| path.starts_with('/')).map(|path| state.base.with(path));
        match path {
            Some(path) => head.without(name).field(name, path),
            None => head,
        }
    };
    Response { head: FIELDS.into_iter().fold(response.head, put), ..response }
}
