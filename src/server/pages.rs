//! The HTML that the server writes. Templates escape every name by themselves, and what no browser may act upon goes
//! through [`Printable`](crate::printable::Printable) besides.
//!
//! Every page works without script. With it, the same page can do more; so the script finds what it works on in the
//! HTML, and the HTML never waits for it.

mod error;
mod folder;
mod icons;
mod page;
mod room;

use crate::http::fields::Fields;

pub use error::for_people;
pub use folder::{ListingPage, View};

/// Whether whoever asks would have an answer as a page: browsers, where they go to an address.
pub fn are_wanted(fields: Fields<'_, '_>) -> bool {
    fields.list("Accept").any(|range| range.starts_with(b"text/html"))
}
