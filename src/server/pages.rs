//! The HTML pages. Templates escape every name, and [`Printable`](crate::printable::Printable) replaces characters
//! that a browser must not act upon.
//!
//! Every page works without JavaScript. The script adds features to the HTML that it finds, and the HTML never
//! depends on it.

mod folder;
mod icons;
#[cfg(feature = "accounts")]
mod link;
#[cfg(feature = "accounts")]
mod login;
mod page;
#[cfg(feature = "accounts")]
mod password;
mod picture;
#[cfg(feature = "qr")]
mod qr_code;
mod room;
mod search;
#[cfg(feature = "accounts")]
mod sessions;
mod trash;
#[cfg_attr(
    not(all(feature = "accounts", feature = "archive", feature = "qr")),
    allow(dead_code, reason = "the pages of these features use the others")
)]
pub(in crate::server) mod words;

use crate::http::fields::Fields;
#[cfg(feature = "accounts")]
use crate::http::request::{Head, Method};

pub(super) use folder::{AccountShown, ListingPage, MayChange};
#[cfg(feature = "accounts")]
pub(super) use link::{DropPage, LinkPage};
#[cfg(feature = "accounts")]
pub(super) use login::LoginPage;
pub(super) use page::page;
#[cfg(feature = "accounts")]
pub(super) use password::PasswordPage;
#[cfg(feature = "qr")]
pub(super) use qr_code::{QrPage, QrTarget};
pub(super) use search::SearchPage;
#[cfg(feature = "accounts")]
pub(super) use sessions::SessionsPage;
pub(super) use trash::TrashPage;

/// Whether a browser is opening a page: it wants HTML, and `Sec-Fetch-Mode` (W3C Fetch Metadata §2.2) says so
/// if it is sent, as it is at least over TLS.
#[cfg(feature = "accounts")]
pub(super) fn are_opened(head: &Head<'_, '_>) -> bool {
    let is_safe = matches!(head.method, Ok(Method::Get | Method::Head));
    let mode = head.fields.get("Sec-Fetch-Mode");
    is_safe && are_wanted(head.fields) && mode.is_none_or(|mode| mode == b"navigate")
}

/// Whether the client wants HTML, as browsers do when they open an address.
pub(super) fn are_wanted(fields: Fields<'_, '_>) -> bool {
    fields.has_member("Accept", |range| range.starts_with(b"text/html"))
}
