//! The HTML pages. Templates escape every name, and [`Printable`](crate::printable::Printable) replaces characters
//! that a browser must not act upon.
//!
//! Every page works without JavaScript. The script adds features to the HTML that it finds, and the HTML never
//! depends on it.

mod folder;
mod icons;
#[cfg(feature = "accounts")]
mod link;
mod page;
#[cfg(feature = "qr")]
mod qr_code;
mod room;

use crate::http::fields::Fields;

pub(super) use folder::ListingPage;
#[cfg(feature = "accounts")]
pub(super) use link::{DropPage, LinkPage};
pub(super) use page::page;
#[cfg(feature = "qr")]
pub(super) use qr_code::{QrPage, target as folder_target};

/// Whether the client wants HTML, as browsers do when they open an address.
pub(super) fn are_wanted(fields: Fields<'_, '_>) -> bool {
    fields.list("Accept").any(|range| range.starts_with(b"text/html"))
}
