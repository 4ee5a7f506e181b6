//! Preconditions: whether the current representation is the one that the client expects (RFC 9110 §13).
//!
//! [`gather`] extracts the fields from a head, [`evaluate`] decides in the order of §13.2.2. A write is
//! checked twice: before its body is read, and at its commit, as another client may have written in between.
//! [`Preconditions::guard_a_write`] returns whether the commit must check again.
//!
//! A server that rejects the request for a different reason (404, 403, …) does not evaluate preconditions
//! (§13.2.1). This module knows nothing of files or clocks.

mod if_range;
mod lines;

use super::validators::{EntityTag, Validators};
pub use if_range::range_applies;
use lines::{DateField, Match, TagLines};

/// The precondition fields of one request. If there are none, [`gather`] allocates nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "these are the names of the field lines")]
pub struct Preconditions<'a> {
    if_match: TagLines<'a>,
    if_none_match: TagLines<'a>,
    if_modified_since: DateField,
    if_unmodified_since: DateField,
}

/// What a request does to the current representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// GET or HEAD.
    Retrieve,
    /// Any other method.
    Modify,
}

/// The result of the preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Respond as if there were no preconditions.
    Proceed,
    /// 304: the client's copy is current.
    NotModified,
    /// 412: a precondition failed.
    Failed,
}

/// Collects the precondition fields from a head's field lines, given as name and value.
pub fn gather<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Preconditions<'a> {
    let mut found = Preconditions::default();
    for (name, value) in fields {
        // The names of all these fields begin with `If-`, and hardly any other name does.
        if let Some((prefix, rest)) = name.split_at_checked(3)
            && prefix.eq_ignore_ascii_case("if-")
        {
            found.take(rest, value);
        }
    }
    found
}

/// Decides in the order of RFC 9110 §13.2.2. `current` is the current representation, `None` if there is none.
///
/// A list member that is not an entity tag never permits anything: it neither lets a write replace the
/// current representation, nor makes a client keep its copy.
pub fn evaluate(given: &Preconditions<'_>, action: Action, current: Option<&Validators>) -> Verdict {
    if given.was_changed(current) { Verdict::Failed } else { given.is_already_known(action, current) }
}

impl<'a> Preconditions<'a> {
    /// Adds a field with the name `If-` followed by `name`.
    fn take(&mut self, name: &str, value: &'a [u8]) {
        if name.eq_ignore_ascii_case("none-match") {
            self.if_none_match.0.push(value);
        } else if name.eq_ignore_ascii_case("modified-since") {
            self.if_modified_since.take(value);
        } else if name.eq_ignore_ascii_case("match") {
            self.if_match.0.push(value);
        } else if name.eq_ignore_ascii_case("unmodified-since") {
            self.if_unmodified_since.take(value);
        }
    }

    /// Steps 1 and 2 of §13.2.2: whether the representation has changed since the client saw it.
    fn was_changed(&self, current: Option<&Validators>) -> bool {
        if self.if_match.is_given() {
            return self.if_match.look_for(current, EntityTag::strongly_matches) != Match::Found;
        }
        let modified = current.and_then(|current| current.last_modified);
        match (self.if_unmodified_since, modified) {
            (DateField::Given(date), Some(modified)) => modified > date,
            _ => false,
        }
    }

    /// Steps 3 and 4 of §13.2.2: the verdict, by whether the client already has the representation.
    fn is_already_known(&self, action: Action, current: Option<&Validators>) -> Verdict {
        if self.if_none_match.is_given() {
            return match (self.if_none_match.look_for(current, EntityTag::weakly_matches), action) {
                (Match::Absent, _) | (Match::Unclear, Action::Retrieve) => Verdict::Proceed,
                (Match::Found, Action::Retrieve) => Verdict::NotModified,
                (Match::Found | Match::Unclear, Action::Modify) => Verdict::Failed,
            };
        }
        let modified = current.and_then(|current| current.last_modified);
        match (action, self.if_modified_since, modified) {
            (Action::Retrieve, DateField::Given(date), Some(modified)) if modified <= date => {
                Verdict::NotModified
            }
            _ => Verdict::Proceed,
        }
    }

    /// Whether a write must check at its commit that the representation has not changed since these
    /// preconditions were evaluated, as another client may have written in between.
    pub fn guard_a_write(&self) -> bool {
        self.if_match.is_given()
            || self.if_none_match.is_given()
            || matches!(self.if_unmodified_since, DateField::Given(_))
    }

    /// Whether a write only requires that something exists, in any version: `If-Match: *`.
    pub fn only_ask_for_existence(&self) -> bool {
        self.if_match.is_star() && !self.if_none_match.is_given()
    }
}

#[cfg(test)]
mod tests;
