//! The field lines of preconditions: lists of entity tags, and dates.

use crate::http::date::Date;
use crate::http::validators::{EntityTag, EntityTags, NoTag, Validators};

/// The lines of `If-Match` or `If-None-Match`, which form one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TagLines<'a>(pub(super) Vec<&'a [u8]>);

/// A field whose value is one date.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum DateField {
    #[default]
    Absent,
    Given(Date),
    /// The field must be ignored: it is not a date, or there are several (RFC 9110 §13.1.3, §13.1.4).
    Ignored,
}

/// Whether a list has the tag of the current representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Found,
    Absent,
    /// Not found, but the list has a member that is not an entity tag.
    Unclear,
}

impl TagLines<'_> {
    pub(super) fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the list is `*`, which must be its only member.
    pub(super) fn is_star(&self) -> bool {
        matches!(self.0.as_slice(), [line] if line.trim_ascii() == b"*")
    }

    /// Searches the list for the current representation. If that does not exist, no list has it, not even
    /// `*`.
    pub(super) fn look_for(
        &self,
        current: Option<&Validators>,
        same: fn(&EntityTag<'static>, &EntityTag<'_>) -> bool,
    ) -> Match {
        let Some(current) = current else { return Match::Absent };
        if self.is_star() {
            return Match::Found;
        }
        let mut result = Match::Absent;
        for member in self.0.iter().flat_map(|line| EntityTags::of(line)) {
            match (member, &current.etag) {
                (Ok(tag), Some(etag)) if same(etag, &tag) => return Match::Found,
                (Ok(_), _) => {}
                (Err(NoTag), _) => result = Match::Unclear,
            }
        }
        result
    }
}

impl DateField {
    /// Adds a line of this field.
    pub(super) fn take(&mut self, value: &[u8]) {
        *self = match (*self, Date::parse(value)) {
            (Self::Absent, Some(date)) => Self::Given(date),
            _ => Self::Ignored,
        };
    }
}
