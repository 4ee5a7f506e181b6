//! Caches may keep some errors and redirects for as long as they like, unless the response says otherwise (RFC 9111 §4.2.2).
//! A file that is missing now may be uploaded a second later.

use crate::http::status::Status;
use crate::server::filter::wanted::Wanted;
use crate::server::response::Response;
use crate::server::state::State;

/// The statuses that this server uses and that caches keep by default. Files and listings have a Cache-Control field.
const KEPT: [Status; 5] = [
    Status::PERMANENT_REDIRECT,
    Status::NOT_FOUND,
    Status::METHOD_NOT_ALLOWED,
    Status::URI_TOO_LONG,
    Status::NOT_IMPLEMENTED,
];

/// Makes caches revalidate the response.
pub(super) fn apply(_: &Wanted, response: &mut Response, _: &State) {
    if KEPT.contains(&response.head.status()) && response.head.get("Cache-Control").is_none() {
        response.add("Cache-Control", "no-cache");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::connection::tests::state;

    #[test]
    fn what_caches_keep_by_themselves() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(folder.path(), Duration::ZERO);
        let directive = |mut response: Response| {
            apply(&Wanted::default(), &mut response, &state);
            response.head.get("Cache-Control").map(str::to_owned)
        };
        let missing = || Response::text(Status::NOT_FOUND, "gone\n");
        assert_eq!(directive(missing()).as_deref(), Some("no-cache"));
        assert_eq!(directive(missing().with("Cache-Control", "no-store")).as_deref(), Some("no-store"));
        assert_eq!(directive(Response::text(Status::OK, "saved\n")), None);
    }
}
