//! Searching below a directory, for a response: it is produced in pieces while the search runs (`body`), in the format that
//! the client prefers (`form`).

mod body;
mod form;
mod outcome;

pub(super) use self::body::SearchBody;
pub(super) use self::form::{FoundEntry, SearchForm};
pub(super) use self::outcome::{Cut, Outcome};
