//! What a directory holds, as HTML, JSON or text: whichever the client would rather have.
//!
//! A listing looks at every entry, so it is a job of the second pool. `?sort=` (see `order`) brings it into another
//! order than the bytes of the names; a page is in the order of its names as people sort them, if nothing else is asked.

use serde::Serialize;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::media;
use super::order::Order;
use super::pages::{self, View};
use super::receiving::{Job, Outcome};
use super::refusal::of_reading;
use super::route::Asked;
use super::state::State;
use crate::folder::{Entry, Kind, SharePath};
use crate::http::fields::Fields;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_segment;
use crate::printable;

/// The forms in which a listing can be had, the server's favourite first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Text,
}

/// How the listing is asked for.
struct Wish {
    form: Form,
    order: Option<Order>,
    view: View,
}

/// The job that lists the directory that was asked for.
pub fn job(asked: &Asked<'_, '_, '_>) -> Job {
    let is_grid = asked.target.parameter("view") == Some("grid");
    let wish = Wish {
        form: Form::preferred(asked.head.fields),
        order: asked.target.parameter("sort").and_then(Order::parse),
        view: if is_grid { View::Grid } else { View::Rows },
    };
    let path = asked.path.clone();
    Box::new(move |state| {
        let answer = list(&path, &wish, state).unwrap_or_else(|error| of_reading(&error));
        Outcome::Answer(answer, None)
    })
}

fn list(path: &SharePath, wish: &Wish, state: &State) -> Result<Answer, crate::folder::Error> {
    let mut entries = state.folder.list(path)?;
    let order = wish.order.or((wish.form == Form::Html).then(Order::default));
    if let Some(order) = order {
        order.sort(&mut entries);
    }
    let head = head(Status::OK);
    Ok(match wish.form {
        Form::Html => {
            let listing = pages::Listing {
                path,
                entries: &entries,
                order: order.unwrap_or_default(),
                view: wish.view,
                rules: state.folder.rules(),
                talks: state.talk.is_some(),
            };
            listing.page(head)
        }
        Form::Json => {
            Answer::bytes(head, "application/json", json(path, state.folder.directory_id(path)?, &entries))
        }
        Form::Text => Answer::bytes(head, media::TEXT, text(&entries)),
    })
}

/// The head of every answer about a listing, with content or without.
pub fn head(status: Status) -> Head {
    Head::new(status).field("Cache-Control", "no-cache").field("Vary", "Accept")
}

/// A line an entry: name, size in bytes, time of the last change, with tabs between them. A directory has a slash
/// behind its name and no size.
pub fn text(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 64);
    for entry in entries {
        // A name with a line break in it must not look like two.
        out.extend_from_slice(&printable::in_line(entry.name.as_bytes()));
        let (slash, size) = match entry.kind {
            Kind::Directory => ("/", "-".to_owned()),
            Kind::File { len } => ("", len.to_string()),
        };
        out.extend_from_slice(format!("{slash}\t{size}\t{}\n", timestamp(entry.modified)).as_bytes());
    }
    out
}

/// As [`text`], for programs: an object with the path, the directory's identity, and its entries.
fn json(path: &SharePath, id: String, entries: &[Entry]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Listing<'a> {
        path: String,
        id: String,
        entries: Vec<JsonEntry<'a>>,
    }
    let listing =
        Listing { path: shown_path(path), id, entries: entries.iter().map(JsonEntry::of).collect() };
    // Strings, numbers and lists: there is nothing in it that could not be written.
    let text = serde_json::to_string(&listing).unwrap_or_default();
    printable::json(&text).into_owned().into_bytes()
}

/// An entry of a listing in JSON.
#[derive(Serialize)]
struct JsonEntry<'a> {
    name: Cow<'a, str>,
    /// The name as a relative link. For a name that is not UTF-8 it is the only way to ask for it.
    href: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: String,
}

impl<'a> JsonEntry<'a> {
    fn of(entry: &'a Entry) -> Self {
        let (kind, size) = match entry.kind {
            Kind::Directory => ("directory", None),
            Kind::File { len } => ("file", Some(len)),
        };
        let href = href(&entry.name, entry.kind == Kind::Directory);
        Self {
            name: entry.name.to_string_lossy(),
            href,
            kind,
            size,
            modified: timestamp(entry.modified).to_string(),
        }
    }
}

/// The path of a directory as people write it: `/` or `/a/b/`.
pub fn shown_path(path: &SharePath) -> String {
    if path.is_root() { "/".to_owned() } else { format!("/{}/", String::from_utf8_lossy(path.as_bytes())) }
}

/// A relative link to an entry. It begins with `./`, so that a name with a colon is not taken for a URL with a scheme.
pub fn href(name: &OsStr, is_directory: bool) -> String {
    let slash = if is_directory { "/" } else { "" };
    format!("./{}{slash}", encode_segment(name.as_bytes()))
}

/// A time as RFC 3339 writes it, in whole seconds, in UTC. A time that a damaged disk dreams up becomes 1970.
pub fn timestamp(time: SystemTime) -> impl std::fmt::Display {
    /// The last second of the year 9999.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since.min(LAST))
}

impl Form {
    /// By the Accept field (RFC 9110 §12.5.1): the form with the greatest weight. HTML where all are as welcome, as for
    /// `*/*`: browsers, and programs that follow links, can make most of it.
    fn preferred(fields: Fields<'_, '_>) -> Self {
        if fields.get("Accept").is_none() {
            return Self::Html;
        }
        let weigh = |form: Self| (form.weight(fields), form);
        let weighed = [Self::Html, Self::Json, Self::Text].map(weigh);
        let best = weighed.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map_or(Self::Html, |(_, form)| form)
    }

    /// How welcome this form is, in thousandths. The most specific range that names it counts.
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

/// A weight (RFC 9110 §12.4.2); what is none counts as 1.
fn thousandths(weight: &str) -> u32 {
    let number: f32 = weight.parse().unwrap_or(1.0);
    if number.is_finite() { (number.clamp(0.0, 1.0) * 1000.0).round() as u32 } else { 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    #[test]
    fn the_form_is_the_clients_choice() {
        let cases = [
            ("", Form::Html),
            ("Accept: */*\r\n", Form::Html),
            ("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n", Form::Html),
            ("Accept: application/json\r\n", Form::Json),
            ("Accept: text/plain\r\n", Form::Text),
            ("Accept: text/*;q=0.5, application/json;q=0.7\r\n", Form::Json),
            ("Accept: text/html;q=0, */*\r\n", Form::Json),
            ("Accept: text/plain, */*;q=0.1\r\n", Form::Text),
            ("Accept: image/png\r\n", Form::Html),
        ];
        for (line, expected) in cases {
            let bytes = format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n");
            let mut space = FieldSpace::new();
            let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
            assert_eq!(Form::preferred(head.fields), expected, "{line}");
        }
    }

    #[test]
    fn a_name_is_one_line_and_one_link() {
        let entry = |name: &[u8], kind| Entry {
            name: OsStr::from_bytes(name).to_owned(),
            kind,
            modified: SystemTime::UNIX_EPOCH,
        };
        let entries = [entry(b"d", Kind::Directory), entry(b"a\nb\tc", Kind::File { len: 7 })];
        assert_eq!(text(&entries), b"d/\t-\t1970-01-01T00:00:00Z\na?b?c\t7\t1970-01-01T00:00:00Z\n");
        assert_eq!(href(OsStr::from_bytes(b"javascript:a/\xff\""), false), "./javascript:a%2F%FF%22");
    }
}
