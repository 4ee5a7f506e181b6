//! `If-Range`: whether a `Range` field applies.

use crate::http::date::Date;
use crate::http::validators::{EntityTag, Validators};

/// Whether a `Range` field applies: the request has no `If-Range` (RFC 9110 §13.1.5), or one that names
/// exactly this version. `now` is the response's `Date`; a date that is not yet a strong validator names no
/// version.
pub fn range_applies(if_range: Option<&[u8]>, current: &Validators, now: Date) -> bool {
    let Some(value) = if_range else { return true };
    match EntityTag::parse(value) {
        Some(tag) => current.etag.as_ref().is_some_and(|etag| etag.strongly_matches(&tag)),
        None => Date::parse(value)
            .is_some_and(|date| current.last_modified == Some(date) && current.date_is_strong(now)),
    }
}
