//! Searching below a directory: `GET /dir/?q=TEXT`.
//!
//! The response is produced while the search runs, the nearest entries first. Other choices of a listing (`list`, `sort`,
//! `view`) do not change it.

use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::urlencoded;
use crate::name_pattern::NamePattern;
use crate::server::content::Chunk;
use crate::server::error_response::{bad_request, of_read_error};
use crate::server::handle::conditions::{MADE_ANEW, judge};
use crate::server::handle::listing::{self, ListingFormat, typed};
use crate::server::handled::Handled;
use crate::server::listing::ListingQuery;
use crate::server::media;
use crate::server::pages;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::search::{SearchBody, SearchForm};
use crate::server::state::State;

/// The parameter with the text.
const PARAMETER: &str = "q";

/// Parameters that ask for something else, which cannot be made of what is found.
const OTHERS: [&str; 3] = ["zip", "tar", "qr"];

/// When to retry if too many searches run, in seconds: most take less than one.
const RETRY_AFTER: u32 = 2;

/// The encoded text of the search that the request asks for.
pub(crate) fn wanted<'b>(request: &Request<'_, 'b, '_>) -> Option<&'b str> {
    request.target.parameter(PARAMETER)
}

/// The response with everything below the directory that the text finds.
pub(crate) fn answer(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    encoded: &str,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Handled, Response> {
    if let Some(other) = OTHERS.iter().find(|name| request.target.parameter(name).is_some()) {
        return Err(bad_request(format_args!("a search cannot be combined with {other}")));
    }
    let text = decode(encoded)?;
    let pattern = NamePattern::parse(&text).map_err(bad_request)?;
    judge(request.head.fields.iter(), &MADE_ANEW, || listing::head(Status::NOT_MODIFIED))?;
    let rights = state.access.judge(&request.principal);
    let search = state.folder.search(directory, rights, disk).map_err(|error| of_read_error(&error))?;
    let permit = match request.method {
        // Without content.
        Method::Head => None,
        _ => Some(state.searches.take(request.client.key()).ok_or_else(too_many)?),
    };
    let head = listing::head(Status::OK);
    let (head, form) = match ListingFormat::preferred(request.head.fields) {
        ListingFormat::Html => {
            let page = pages::SearchPage {
                root: &request.target.to_root(),
                path: &request.shown_path(),
                text: &text,
                query: ListingQuery::of(request.target),
            };
            page.framed(head)
        }
        ListingFormat::Json => {
            (typed(head, "application/json"), SearchForm::json(&request.shown_path(), &text))
        }
        ListingFormat::Text => (typed(head, media::TEXT), SearchForm::text()),
    };
    let body = SearchBody::new(search, pattern, form, permit);
    Ok(Handled::Respond(Response::new(head, Chunk::source(body, &state.chores))))
}

fn decode(encoded: &str) -> Result<String, Response> {
    let bytes = urlencoded::decode_strictly(encoded.as_bytes())
        .ok_or_else(|| bad_request("the text to search for has a \"%\" without two hexadecimal digits"))?;
    let text = String::from_utf8(bytes).map_err(|_| bad_request("the text to search for is not UTF-8"))?;
    if text.contains(char::is_control) {
        return Err(bad_request("the text to search for has a control character"));
    }
    Ok(text)
}

/// Each search keeps a processor and the disk busy, so their number is limited.
fn too_many() -> Response {
    let text = "too many searches are running; try again later\n";
    Response::text(Status::SERVICE_UNAVAILABLE, text).with("Retry-After", RETRY_AFTER)
}
