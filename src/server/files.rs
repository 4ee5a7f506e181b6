//! The answer to GET and HEAD: a file, a part of it, or that the client's copy will do.
//!
//! Preconditions are decided first, then ranges, both from the facts that were learnt with the handle; so what is
//! judged is what is sent.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::SystemTime;

use super::answer::{Answer, Content, Pieces, Source};
use super::refusal::{not_found, of_reading};
use super::route::{Asked, Routed};
use super::state::State;
use super::{listing, media};
use crate::folder::{Facts, Node, OpenFile, SharePath};
use crate::http::conditional::{self, Action, Verdict};
use crate::http::date::Date;
use crate::http::fields::Fields;
use crate::http::multipart::Boundary;
use crate::http::range::byteranges::{self, Piece};
use crate::http::range::content_range::{content_range, unsatisfied};
use crate::http::range::{self, Selection, Span};
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::http::validators::{EntityTag, Validators};

/// What a directory shows instead of its listing, if it has it.
const INDEX: &str = "index.html";

/// Finds the answer to a request for content.
pub fn answer(asked: &Asked<'_, '_, '_>, state: &State) -> Result<Routed, Answer> {
    let path = &asked.path;
    let names_file = !asked.target.ends_with_slash();
    if names_file
        && let Some(kept) = state.shelf.find(path)
        && state.folder.is_still(path, &kept.facts.version)
    {
        let facts = kept.facts;
        return Ok(Routed::Answer(of_file(asked, Source::Kept(kept), &facts, path, state)));
    }
    match state.folder.open(path).map_err(|error| of_reading(&error))? {
        Node::File(OpenFile { file, facts }) if names_file => {
            let source = match state.shelf.keep(path, &file, &facts) {
                Some(kept) => Source::Kept(kept),
                None => Source::File(file),
            };
            Ok(Routed::Answer(of_file(asked, source, &facts, path, state)))
        }
        // A slash behind a file's name asks for a directory of that name.
        Node::File(_) => Err(not_found()),
        Node::Directory { .. } if names_file => Err(to_directory(asked)),
        Node::Directory { .. } => Ok(of_directory(asked, state)),
    }
}

/// Sends the client to the directory's own name. The path is made anew, so that it begins with one slash: with two, a
/// browser would take what follows for another host.
fn to_directory(asked: &Asked<'_, '_, '_>) -> Answer {
    let path = encode_path(asked.path.as_bytes());
    let query = asked.target.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("/{path}/{query}");
    let head = Head::new(Status::PERMANENT_REDIRECT).field("Location", &location);
    Answer::bytes(head, media::TEXT, format!("{location}\n").into_bytes())
}

/// The directory's `index.html`, unless the listing is asked for or is all there is.
fn of_directory(asked: &Asked<'_, '_, '_>, state: &State) -> Routed {
    if asked.target.parameter("list").is_none()
        && let Ok(index) = asked.path.join(INDEX.as_ref())
        && let Ok(Node::File(OpenFile { file, facts })) = state.folder.open(&index)
    {
        return Routed::Answer(of_file(asked, Source::File(file), &facts, &index, state));
    }
    Routed::Work(listing::job(asked))
}

/// Decides what of a file is sent.
fn of_file(
    asked: &Asked<'_, '_, '_>,
    source: Source,
    facts: &Facts,
    path: &SharePath,
    state: &State,
) -> Answer {
    let fields = asked.head.fields;
    let now = Date::from(SystemTime::now());
    let validators = validators(facts, now);
    let media_type = media::of(path.as_bytes());
    match conditional::evaluate(&conditional::gather(fields.iter()), Action::Retrieve, Some(&validators)) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Answer::empty(describe(Head::new(Status::NOT_MODIFIED), &validators)),
        Verdict::Failed => {
            return Answer::text(
                Status::PRECONDITION_FAILED,
                "the file is not, or no longer, the one meant\n",
            );
        }
    }
    let selection = match asked.head.method {
        // Only GET has ranges (RFC 9110 §14.2).
        Method::Get => select(fields, facts.len, &validators, now),
        _ => Selection::Whole,
    };
    let head = |status| media::protect(describe(Head::new(status), &validators), &media_type, state);
    let (head, pieces) = match selection {
        Selection::Whole => {
            let whole = Span::new(0, facts.len, facts.len).map(Piece::Content);
            (head(Status::OK).field("Content-Type", &media_type), whole.into_iter().collect())
        }
        Selection::One(span) => {
            let head = head(Status::PARTIAL_CONTENT).field("Content-Type", &media_type);
            (
                head.field("Content-Range", content_range(span, facts.len)),
                Pieces::from([Piece::Content(span)]),
            )
        }
        Selection::Many(spans) => {
            let boundary = Boundary::of_bytes(random());
            let pieces = byteranges::frame(&boundary, &media_type, &spans, facts.len);
            let content_type = byteranges::media_type(&boundary);
            (head(Status::PARTIAL_CONTENT).field("Content-Type", content_type), pieces.into())
        }
        Selection::Unsatisfiable => {
            return Answer::text(
                Status::RANGE_NOT_SATISFIABLE,
                format_args!("the file has {} bytes\n", facts.len),
            )
            .with("Content-Range", unsatisfied(facts.len));
        }
    };
    Answer { head: head.field("Accept-Ranges", "bytes"), content: Content::Parts(source, pieces) }
}

/// What the Range field selects, if it counts.
fn select(fields: Fields<'_, '_>, len: u64, validators: &Validators, now: Date) -> Selection {
    match fields.get("Range") {
        Some(field) if conditional::range_applies(fields.get("If-Range"), validators, now) => {
            range::select(field, len)
        }
        _ => Selection::Whole,
    }
}

/// What tells this version of a file from others.
pub fn validators(facts: &Facts, now: Date) -> Validators {
    let etag = EntityTag::strong(facts.version.to_string().into_bytes());
    Validators { etag, last_modified: Some(Date::from(facts.modified).min(now)) }
}

/// The field lines that a 304 has too (RFC 9110 §15.4.5). A copy is to be checked before it is used again: what is
/// shared changes.
fn describe(head: Head, validators: &Validators) -> Head {
    let head = match &validators.etag {
        Some(etag) => head.field("ETag", etag),
        None => head,
    };
    let head = match validators.last_modified {
        Some(date) => head.field("Last-Modified", date),
        None => head,
    };
    head.field("Cache-Control", "no-cache")
}

/// Sixteen bytes that nobody can foretell, from the keys of std's hash maps.
fn random() -> [u8; 16] {
    let word = || RandomState::new().build_hasher().finish().to_le_bytes();
    let (mut bytes, halves) = ([0; 16], [word(), word()]);
    bytes.copy_from_slice(halves.as_flattened());
    bytes
}
