//! The path of a request: gates, then its handler. If a gate refuses the request, the path ends there.
//!
//! ```text
//! (client) ──► host ──► certificate ──► expectation, type of the body ──► needs store ──► authenticate ──► link ──► route (405, OPTIONS) ──► stored form ──► origin ──► authorise ──► locks ──► handler
//! ```
//!
//! The connection has already determined the client, because the log line of a refused request needs it too. The other
//! statements of a trusted proxy are checked here: the host (by its gate), and the prefix that the proxy has removed.
//!
//! A gate returns `Result<T, Response>`: it lets the request pass and returns its findings, or refuses the request. On a
//! worker, no gate waits: if one needs the disk, or the store that servers share, a job thread runs the request from the
//! first gate. If a password has to be checked, the request stays in the input, and the password thread gets its
//! connection. The next turn parses the request again, with the verdict, and runs it from the first gate to its
//! handler: the head is borrowed from the input of one turn.
//!
//! The connection passes what a handler returns through the filters (`filter`), turns it into bytes, and tells the
//! observers: `Exchange::note` writes the access log and the record.

use std::sync::Arc;

use crate::access::Rights;
use crate::http::body::Framing;
use crate::http::request::{Expectation, Head};
use crate::http::response;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::server::accounts::credential::Credential;
use crate::server::disk::Disk;
use crate::server::error_response::bad_request;
use crate::server::filter::{Audience, Wanted};
use crate::server::gate::authenticate::{self, Caller};
#[cfg(feature = "dav")]
use crate::server::gate::locks::{self, Passage};
#[cfg(feature = "dav")]
use crate::server::gate::stored_form;
use crate::server::gate::{authorise, certificate, host, link, origin};
use crate::server::handled::Handled;
use crate::server::request::RequestSource;
use crate::server::response::Response;
use crate::server::routing;
use crate::server::state::State;

/// Finds the response to a request, or what has to be done first. The request's host becomes the host that the client
/// asked for. `credential` is the credential of the previous request on the connection; afterwards, it is the
/// credential of this request.
pub(super) fn run<'b>(
    head: &mut Head<'_, 'b>,
    state: &State,
    peer: Peer,
    source: &RequestSource<'b>,
    wanted: &mut Wanted,
    credential: &mut Option<Arc<Credential>>,
    disk: &mut Disk,
) -> Handled {
    let handled = respond(head, state, peer, source, wanted, credential, disk);
    let handled = handled.unwrap_or_else(Handled::Respond);
    // A response with another status does not ask for a password.
    let is_final =
        matches!(&handled, Handled::Respond(response) if response.head.status() != Status::UNAUTHORIZED);
    if state.accounts.is_some() && !is_final {
        wanted.is_by_script = is_by_page(head);
    }
    handled
}

fn respond<'b>(
    head: &mut Head<'_, 'b>,
    state: &State,
    peer: Peer,
    source: &RequestSource<'b>,
    wanted: &mut Wanted,
    credential: &mut Option<Arc<Credential>>,
    disk: &mut Disk,
) -> Result<Handled, Response> {
    head.host = host::check(head, peer, source.host, state)?;
    certificate::check(head, peer, source, state)?;
    check_prefix(head, source, state)?;
    check_base(head)?;
    check_expectation(head)?;
    check_content_type(head)?;
    if link::needs_store(head, source, state, disk)? {
        return Ok(Handled::NeedsStore);
    }
    let principal = match authenticate::caller(head, source, credential, state, disk)? {
        Caller::Known(principal) => principal,
        Caller::Unchecked(check) => return Ok(Handled::CheckPassword(check)),
        Caller::NeedsDisk => return Ok(Handled::NeedsDisk),
        Caller::NeedsStore => return Ok(Handled::NeedsStore),
    };
    let principal = link::enter(head, principal, credential, source, wanted, state)?;
    let has_user = principal.user().is_some();
    if has_user && wanted.link.is_none() {
        wanted.user = principal.account().cloned();
    }
    if !has_user {
        wanted.login = authenticate::way_to_login(head, state);
    }
    #[cfg_attr(not(feature = "dav"), allow(unused_mut, reason = "only WebDAV changes the path"))]
    let (needs, handler, mut request) = routing::find(head, source, principal, wanted.link.clone(), state)?;
    #[cfg(feature = "dav")]
    if stored_form::find(&mut request, disk, state) == Passage::NeedsDisk {
        return Ok(Handled::NeedsDisk);
    }
    // The page of a folder contains the user's name, even where everybody has the same rights.
    if has_user && needs != Rights::NONE || wanted.link.is_some() {
        wanted.audience = Audience::OneUser;
    } else if state.accounts.is_some() && needs != Rights::NONE && state.access.depends_on_user(&request.path)
    {
        wanted.audience = Audience::WithoutAccount;
    }
    origin::check(&request, state)?;
    authorise::check(needs, &request, state)?;
    #[cfg(feature = "dav")]
    if locks::check(&request, disk, state)? == Passage::NeedsDisk {
        return Ok(Handled::NeedsDisk);
    }
    handler(&request, disk, state)
}

/// Whether a page has sent the request; the browser must not ask for a password then. Browsers say what a
/// request is for (`Sec-Fetch-Mode`), at least over TLS. Otherwise they name the page (`Origin`), except with
/// GET and HEAD.
fn is_by_page(head: &Head<'_, '_>) -> bool {
    match head.fields.get("Sec-Fetch-Mode") {
        Some(mode) => mode != b"navigate",
        None => head.fields.get("Origin").is_some(),
    }
}

/// Refuses a request whose proxy has removed a prefix other than the base: all links in the response would be wrong. If
/// there are two prefixes, one of them may come from the client.
fn check_prefix(head: &Head<'_, '_>, source: &RequestSource<'_>, state: &State) -> Result<(), Response> {
    if source.prefix.is_some() && !head.fields.all("X-Forwarded-Prefix").all(|prefix| state.base.is(prefix)) {
        let base = state.base.directory();
        return Err(bad_request(format_args!("X-Forwarded-Prefix is not the base of this server ({base})")));
    }
    Ok(())
}

/// Redirects from the base without its final slash, because relative links would otherwise lead out of the
/// base.
fn check_base(head: &Head<'_, '_>) -> Result<(), Response> {
    let Some(target) = head.target.path().filter(|target| target.raw().is_empty()) else { return Ok(()) };
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    // The filter puts the base before it.
    let location = format!("/{query}");
    Err(Response::empty(response::Head::new(Status::PERMANENT_REDIRECT).field("Location", location)))
}

/// Refuses a body with two types: one program would use the first, another the last (RFC 9110 §5.3, §8.3).
fn check_content_type(head: &Head<'_, '_>) -> Result<(), Response> {
    if head.framing == Framing::Empty {
        return Ok(());
    }
    let mut types = head.fields.all("Content-Type");
    let first = types.next();
    if types.any(|other| Some(other) != first) {
        return Err(bad_request("the body has two different types (send one Content-Type)"));
    }
    Ok(())
}

/// Refuses an expectation that is not `100-continue` (RFC 9110 §10.1.1).
fn check_expectation(head: &Head<'_, '_>) -> Result<(), Response> {
    match head.expectation {
        Expectation::Other => {
            let text = "unsupported expectation (only 100-continue is supported)\n";
            Err(Response::text(Status::EXPECTATION_FAILED, text))
        }
        _ => Ok(()),
    }
}
