//! Some entries of a directory for a zip: `GET /dir/?zip&name=a&name=b`, or a POST of a form with these names. A form has no
//! side effects; it is for more names than fit into a URL.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::http::status::Status;
use crate::http::target::PathAndQuery;
use crate::http::urlencoded;
use crate::printable::Printable;
use crate::server::error_response::bad_request;
use crate::server::response::Response;

/// The field with a name.
const FIELD: &str = "name";

/// The maximum number of names: a directory with as many entries can be selected in the page at once.
pub(super) const MOST_NAMES: usize = 10_000;

/// The longest form, in bytes: about a hundred bytes for each name.
pub(super) const LONGEST_FORM: usize = 1 << 20;

/// The names in a query; `None` if it has none, which means all entries.
pub(super) fn of_query(target: PathAndQuery<'_>) -> Result<Option<Vec<OsString>>, Response> {
    let names = distinct(target.query().unwrap_or_default().as_bytes(), b"")?;
    Ok((!names.is_empty()).then_some(names))
}

/// The names in a query and a form, which have one at least.
pub(super) fn of_form(query: &[u8], form: &[u8]) -> Result<Vec<OsString>, Response> {
    let names = distinct(query, form)?;
    if names.is_empty() {
        return Err(bad_request("the form names nothing (send name=NAME for each entry)"));
    }
    Ok(names)
}

/// The different names in both, in order.
fn distinct(query: &[u8], form: &[u8]) -> Result<Vec<OsString>, Response> {
    let (mut names, mut known) = (Vec::new(), HashSet::new());
    for name in urlencoded::values(query, FIELD).chain(urlencoded::values(form, FIELD)) {
        if known.insert(name.clone()) {
            names.push(OsString::from_vec(name));
        }
        if names.len() > MOST_NAMES {
            let text = format_args!("a zip can be limited to {MOST_NAMES} names at most\n").to_string();
            return Err(Response::text(Status::CONTENT_TOO_LARGE, text));
        }
    }
    Ok(names)
}

/// The response if an entry is missing.
pub(super) fn missing(name: &OsStr) -> Response {
    let text = format_args!("there is nothing of this name to download: {}\n", Printable(name.as_bytes()));
    Response::text(Status::NOT_FOUND, text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_query_and_the_form() {
        let names = of_form(b"zip&name=b", b"name=a+b&other=x&name=b&name=%ff%2F\r\n").expect("valid");
        assert_eq!(
            names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(),
            [b"b".as_slice(), b"a b", b"\xff/"]
        );
        let status = |form: &[u8]| of_form(b"zip", form).map_err(|response| response.head.status());
        assert_eq!(status(b""), Err(Status::BAD_REQUEST));
        let many = |count| (0..count).map(|number| format!("name={number}&")).collect::<Vec<_>>().concat();
        assert_eq!(status(many(MOST_NAMES).as_bytes()).map(|names| names.len()), Ok(MOST_NAMES));
        assert_eq!(status(many(MOST_NAMES + 1).as_bytes()), Err(Status::CONTENT_TOO_LARGE));
        // A name that is repeated counts once.
        assert_eq!(status("name=a&".repeat(MOST_NAMES + 1).as_bytes()).map(|names| names.len()), Ok(1));
    }
}
