//! The listing of a directory in HTML, JSON or text, as the client prefers.
//!
//! A listing examines every entry, so it starts as a job. `?sort=` (see [`SortOrder`]) chooses the order; by default,
//! all formats are in natural order.

use crate::access::{Grant, Principal, Right, Rights, ToList, ToWrite};
use crate::blocking::Blocking;
use crate::folder::{Error, OnConflict};
use crate::http::fields::Fields;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::content::Chunk;
use crate::server::error_response::of_read_error;
use crate::server::features;
use crate::server::gate::authorise;
#[cfg(feature = "accounts")]
use crate::server::handle::account;
use crate::server::listing::{Framed, ListingBody, ListingQuery, Windows};
#[cfg(feature = "accounts")]
use crate::server::login_target::LoginTarget;
use crate::server::media;
use crate::server::pages::{self, AccountShown, MayChange};
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// The formats of a listing, in the server's order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListingFormat {
    Html,
    Json,
    Text,
}

/// The options in a request for a listing.
struct ListingOptions {
    form: ListingFormat,
    query: ListingQuery,
    /// The relative path from the requested path to the root.
    root: String,
    /// The path as the client sees it.
    path: SharePath,
}

/// What the page of a directory offers its visitor.
struct Offers<'a> {
    /// What happens to an upload whose name is taken; `None` if uploads are not possible.
    uploads: Option<OnConflict>,
    chat: bool,
    /// The name in the chat, if the visitor cannot choose one.
    name: Option<&'a str>,
    account: AccountShown,
    has_qr_code: bool,
    can_share: bool,
    may: MayChange,
}

/// The job that lists the requested directory.
pub(crate) fn job(request: &Request<'_, '_, '_>, state: &State) -> Job {
    let options = ListingOptions {
        form: ListingFormat::preferred(request.head.fields),
        query: ListingQuery::of(request.target),
        root: request.target.to_root(),
        path: request.shown_path().into_owned(),
    };
    let (path, principal) = (request.path.clone(), request.principal.clone());
    let account = account_shown(request, state);
    let has_qr_code = features::QR && request.link.is_none();
    Box::new(move |state, disk| {
        let answer = authorise::grant(&principal, &path, state).and_then(|directory| {
            let offers = Offers {
                uploads: state
                    .access
                    .check::<ToWrite>(&principal, &path)
                    .ok()
                    .map(|grant| state.folder.rules().on_conflict(&grant)),
                chat: state.chat.is_some()
                    && state.access.require(Rights::CHAT, &principal, &SharePath::root()).is_ok(),
                name: principal.person().filter(|_| state.names_users()).map(|user| &*user.name),
                account,
                has_qr_code,
                can_share: can_share(&principal, &path, state),
                may: may_change(&principal, &path, state),
            };
            list(&directory, offers, &options, state, disk).map_err(|error| of_read_error(&error))
        });
        JobOutcome::Respond(answer.unwrap_or_else(|response| response), None)
    })
}

/// Whether the visitor can make links from the page. Visitors with a token, or through a link, cannot.
fn can_share(principal: &Principal, path: &SharePath, state: &State) -> bool {
    let is_owner = principal.person().is_some() && principal.scope().is_none();
    is_owner && state.access.rights(principal, path).has(Right::Share)
}

/// What the visitor may change in this directory. Rules for its entries may forbid some changes; then the response to
/// the change says so.
fn may_change(principal: &Principal, path: &SharePath, state: &State) -> MayChange {
    let (rules, rights) = (state.folder.rules(), state.access.rights(principal, path));
    if rules.read_only {
        return MayChange::default();
    }
    let puts_into_trash = rights.has(Right::Remove) || rights.has(Right::Replace);
    MayChange {
        add: rights.has(Right::Add),
        remove: rights.has(Right::Remove),
        restore: puts_into_trash && rules.trash.is_some(),
    }
}

/// What the page shows about its user. A build without accounts has none.
#[cfg(not(feature = "accounts"))]
fn account_shown(_: &Request<'_, '_, '_>, _: &State) -> AccountShown {
    AccountShown::None
}

/// What the page shows about its user.
#[cfg(feature = "accounts")]
fn account_shown(request: &Request<'_, '_, '_>, state: &State) -> AccountShown {
    let Some(accounts) = state.accounts.as_ref().filter(|_| request.link.is_none()) else {
        return AccountShown::None;
    };
    let Some(user) = request.principal.person() else {
        let target = LoginTarget::of(request.head).unwrap_or_default();
        return AccountShown::LoggedOut(target.value(&state.base));
    };
    AccountShown::User {
        name: if accounts.are_shared() { String::new() } else { user.name.clone() },
        has_session: account::session(request, accounts, state).is_some(),
    }
}

fn list(
    directory: &Grant<'_, ToList>,
    offers: Offers<'_>,
    options: &ListingOptions,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, Error> {
    let (windows, count) =
        Windows::open(&state.folder, directory, options.query.order, &state.listings, disk)?;
    let head = head(Status::OK);
    let (head, framed) = match options.form {
        ListingFormat::Html => {
            let page = pages::ListingPage {
                root: &options.root,
                base: &state.base,
                path: &options.path,
                count,
                query: options.query,
                uploads: offers.uploads,
                rules: state.folder.rules(),
                has_chat: offers.chat,
                name: offers.name,
                account: offers.account,
                has_qr_code: offers.has_qr_code,
                can_share: offers.can_share,
                may: offers.may,
                has_thumbs: state.has_thumbs(),
            };
            page.framed(head)
        }
        ListingFormat::Json => {
            let id = state.folder.directory_id(directory, disk)?;
            (typed(head, "application/json"), Framed::json(&options.path, &id))
        }
        ListingFormat::Text => (typed(head, media::TEXT), Framed::text()),
    };
    let mut listing = ListingBody::new(windows, framed);
    Ok(match listing.whole(disk)? {
        Some(bytes) => Response::new(head, bytes),
        None => Response::new(head, Chunk::source(listing, &state.chores)),
    })
}

/// The head of every response about a listing, with or without content.
pub(crate) fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-cache").field("Vary", "Accept")
}

pub(super) fn typed(head: Head, media_type: &str) -> Head {
    head.field("Content-Type", media_type).field("X-Content-Type-Options", "nosniff")
}

impl ListingFormat {
    /// Chooses by the Accept field (RFC 9110 §12.5.1). If several formats have the greatest weight, as for `*/*`, HTML
    /// is preferred: browsers and crawlers can use it best.
    pub(super) fn preferred(fields: Fields<'_, '_>) -> Self {
        if fields.get("Accept").is_none() {
            return Self::Html;
        }
        let weigh = |form: Self| (form.weight(fields), form);
        let weighed = [Self::Html, Self::Json, Self::Text].map(weigh);
        let best = weighed.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map_or(Self::Html, |(_, form)| form)
    }

    /// The weight of this format, in thousandths. The most specific range that matches it counts.
    fn weight(self, fields: Fields<'_, '_>) -> u32 {
        let (main, sub) = match self {
            Self::Html => ("text", "html"),
            Self::Json => ("application", "json"),
            Self::Text => ("text", "plain"),
        };
        let specific = |range: &str| match range.split_once('/') {
            Some((m, s)) if m.eq_ignore_ascii_case(main) && s.eq_ignore_ascii_case(sub) => Some(3),
            Some((m, "*")) if m.eq_ignore_ascii_case(main) => Some(2),
            Some(("*", "*")) => Some(1),
            _ => None,
        };
        let ranges = fields.list("Accept").filter_map(|member| {
            let mut parts = std::str::from_utf8(member).ok()?.split(';').map(str::trim);
            let specific = specific(parts.next()?)?;
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            Some((specific, thousandths(weight.unwrap_or("1"))))
        });
        ranges.max().map_or(0, |(_, weight)| weight)
    }
}

/// Parses a weight (RFC 9110 §12.4.2); an invalid one counts as 1.
fn thousandths(weight: &str) -> u32 {
    let number: f32 = weight.parse().unwrap_or(1.0);
    if number.is_finite() { (number.clamp(0.0, 1.0) * 1000.0).round() as u32 } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    #[test]
    fn the_accept_field_chooses_the_format() {
        let cases = [
            ("", ListingFormat::Html),
            ("Accept: */*\r\n", ListingFormat::Html),
            (
                "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
                ListingFormat::Html,
            ),
            ("Accept: application/json\r\n", ListingFormat::Json),
            ("Accept: text/plain\r\n", ListingFormat::Text),
            ("Accept: text/*;q=0.5, application/json;q=0.7\r\n", ListingFormat::Json),
            ("Accept: text/html;q=0, */*\r\n", ListingFormat::Json),
            ("Accept: text/plain, */*;q=0.1\r\n", ListingFormat::Text),
            ("Accept: image/png\r\n", ListingFormat::Html),
        ];
        for (line, expected) in cases {
            let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n");
            let mut space = FieldSpace::new();
            let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
            assert_eq!(ListingFormat::preferred(head.fields), expected, "{line}");
        }
    }
}
