//! Filters change a response before it is sent, whichever handler or gate made it.
//!
//! A filter sees the response and what the request said about it. A new filter is a file here and a line in
//! [`FILTERS`].

mod base;
mod challenge;
mod error_page;
mod hsts;
mod link;
mod login;
mod private;
mod uncached;
mod wanted;

pub(super) use wanted::{Audience, Wanted};

use crate::server::response::Response;
use crate::server::state::State;

/// Changes a response in place: nearly all need no change, and a response is large.
type Filter = fn(&Wanted, &mut Response, &State);

/// All filters, in the order in which they run.
const FILTERS: &[Filter] = &[
    login::apply,
    error_page::apply,
    challenge::apply,
    link::apply,
    uncached::apply,
    private::apply,
    base::apply,
    hsts::apply,
];

/// Applies all filters.
pub(super) fn apply(wanted: &Wanted, response: &mut Response, state: &State) {
    for filter in FILTERS {
        filter(wanted, response, state);
    }
}
