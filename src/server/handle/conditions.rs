//! The fields of a request that depend on the current representation: preconditions (RFC 9110 §13) and ranges (§14).

use std::time::SystemTime;

use crate::folder::{self, Guard, Named};
use crate::http::conditional::{self, Action, Preconditions, Verdict};
use crate::http::date::Date;
use crate::http::fields::Fields;
use crate::http::range::{self, Selection};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::validators::Validators;
use crate::server::error_response;
use crate::server::representation::validators;
use crate::server::response::Response;

/// The validators of content that is generated for each response: it has none. But it exists, so `*` matches it (RFC
/// 9110 §13.1.1, §13.1.2).
pub(crate) const MADE_ANEW: Validators = Validators { etag: None, last_modified: None };

/// The conditional fields, kept for a job that runs when the head is gone.
#[derive(Debug)]
pub(crate) struct Conditions(Vec<(Box<str>, Box<[u8]>)>);

impl Conditions {
    /// Keeps the conditional fields among these.
    pub(crate) fn of(fields: Fields<'_, '_>) -> Self {
        let is_one = |name: &str| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("if-"));
        let wanted = fields.iter().filter(|(name, _)| is_one(name) || name.eq_ignore_ascii_case("Range"));
        Self(wanted.map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Their names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Checks the preconditions; if they fail, returns the response, with this head if the client's copy is current.
pub(crate) fn judge<'a>(
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
    current: &Validators,
    not_modified: impl FnOnce() -> Head,
) -> Result<(), Response> {
    match conditional::evaluate(&conditional::gather(fields), Action::Retrieve, Some(current)) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified => Err(Response::empty(not_modified())),
        Verdict::Failed => {
            let text = "precondition failed: the file has changed\n";
            Err(Response::text(Status::PRECONDITION_FAILED, text))
        }
    }
}

/// Checks the preconditions of a request that removes or moves something, and returns the condition that must still hold then.
pub(crate) fn guard(preconditions: &Preconditions<'_>, named: Named) -> Result<Guard, Response> {
    if !preconditions.guard_a_write() {
        return Ok(Guard::None);
    }
    let now = SystemTime::now();
    let current = match named {
        Named::File(facts) => validators(&facts, now),
        Named::Directory => MADE_ANEW,
    };
    let changed = || error_response::of(&folder::Error::Changed);
    if conditional::evaluate(preconditions, Action::Modify, Some(&current)) != Verdict::Proceed {
        return Err(changed());
    }
    match named {
        Named::File(facts) if facts.version.is_settled(now) => Ok(Guard::MustBe(facts.version)),
        // The version is not settled, so the server could not check later whether the file is still the same.
        Named::File(_) if !preconditions.only_ask_for_existence() => Err(changed()),
        Named::File(_) | Named::Directory => Ok(Guard::MustExist),
    }
}

/// What the Range field selects of `len` bytes, if it applies.
pub(crate) fn select<'a>(
    fields: &(impl Iterator<Item = (&'a str, &'a [u8])> + Clone),
    current: &Validators,
    len: u64,
) -> Selection {
    let all = |wanted: &'static str| {
        fields.clone().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let mut ranges = all("Range");
    // The field is not a list: with several lines it is ambiguous (RFC 9110 §5.3), so the whole content is sent.
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Selection::Whole };
    let now = Date::from(SystemTime::now());
    if conditional::range_applies(all("If-Range").next(), current, now) {
        range::select(range, len)
    } else {
        Selection::Whole
    }
}
