//! The response to GET and HEAD: a file, a part of it, or 304.
//!
//! Preconditions are checked first, then ranges, both against the metadata read from the opened file, so that the
//! file that is checked is the file that is sent.

use std::cell::Cell;
use std::sync::Arc;
use std::time::SystemTime;

use crate::access::{Grant, ToList, ToRead};
use crate::blocking::Blocking;
use crate::folder::{Node, OpenFile};
use crate::http::multipart::Boundary;
use crate::http::range::byteranges::{self, RangePart};
use crate::http::range::content_range::{content_range, unsatisfied};
use crate::http::range::{Selection, Span};
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::own_paths::QR_PAGE;
use crate::server::cache::{CacheEntry, CacheLookup};
use crate::server::content::{Chunk, Content, FileSpan, StaleFile};
use crate::server::disk::Disk;
use crate::server::error_response::{being_replaced, not_found, of_read_error};
use crate::server::features;
use crate::server::gate::authorise;
use crate::server::handle::archive;
use crate::server::handle::checksum;
use crate::server::handle::conditions::{MADE_ANEW, judge, select};
use crate::server::handle::follow;
use crate::server::handle::listing;
use crate::server::handle::search;
use crate::server::handle::thumb;
use crate::server::handled::Handled;
use crate::server::jobs::deferred::Deferred;
use crate::server::media;
use crate::server::moment::Moment;
use crate::server::random;
use crate::server::representation::Representation;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// How often a file is opened again because it was replaced before it was read.
const REOPENED: usize = 8;

/// Finds the response to a request for content.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    // A slash at the end asks for a directory, even after a file's name.
    if request.target.ends_with_slash() {
        let directory = authorise::grant(&request.principal, &request.path, state)?;
        let Some(disk) = disk.may_wait(state) else { return Ok(Handled::NeedsDisk) };
        state.folder.find_directory(&directory, disk).map_err(|error| of_read_error(&error))?;
        return Ok(of_directory(request, &directory, state, disk));
    }
    let file = authorise::grant(&request.principal, &request.path, state)?;
    let wants_hash = request.target.parameter(checksum::PARAMETER).is_some();
    let thumbs = thumb::wanted(request, state);
    if !wants_hash
        && thumbs.is_none()
        && let Some(entry) = cached(&file, disk, state)
    {
        return Ok(Handled::Respond(of_cached(request, &entry)));
    }
    let Some(disk) = disk.may_wait(state) else { return Ok(Handled::NeedsDisk) };
    match state.folder.open(&file, disk).map_err(|error| of_read_error(&error))? {
        Node::File(open) if wants_hash => Ok(checksum::answer(request, open, state)),
        Node::File(open) => Ok(match thumbs {
            Some(thumbs) => thumb::answer(request, open, thumbs, state, disk),
            None => Handled::Respond(of_opened(request, open, &file, state, disk)),
        }),
        Node::Directory { .. } => Err(to_directory(request, state)),
    }
}

/// The cached file, if it is still the same version.
fn cached(file: &Grant<'_, ToRead>, disk: &mut Disk, state: &State) -> Option<Arc<CacheEntry>> {
    let path = file.path();
    let now = Moment::now();
    match state.cache.find(path, now)? {
        CacheLookup::Fresh(entry) => Some(entry),
        CacheLookup::Stale(entry) => {
            // A file that was opened within the last second is usually in memory.
            let is_still =
                disk.may_touch(state).is_some_and(|disk| state.folder.is_still(file, &entry.version, disk));
            is_still.then(|| state.cache.confirm(path, &entry, now))?;
            Some(entry)
        }
    }
}

/// Redirects to the directory's own path. The path is encoded again, so that it starts with a single slash: after
/// two, a browser would take the next segment for a host.
fn to_directory(request: &Request<'_, '_, '_>, state: &State) -> Response {
    let path = encode_path(request.path.as_bytes());
    let query = request.target.query().map(|query| format!("?{query}")).unwrap_or_default();
    redirect(Status::PERMANENT_REDIRECT, format!("/{path}/{query}"), state)
}

/// Redirects to the page with the QR code of this directory.
fn to_qr_code(request: &Request<'_, '_, '_>, state: &State) -> Response {
    // `&` and `+` have a special meaning in a query.
    let path = encode_path(request.path.as_bytes()).replace('&', "%26").replace('+', "%2B");
    redirect(Status::SEE_OTHER, format!("{QR_PAGE}?dir=/{path}"), state)
}

/// Redirects to this path, which the text repeats. The filter adds the base only in the field.
fn redirect(status: Status, location: String, state: &State) -> Response {
    let text = format!("{}\n", state.base.with(&location));
    Response::bytes(Head::new(status).field("Location", location), media::TEXT, text.into_bytes())
}

/// A search below the directory, the directory as an archive, the stream of its changes, or a redirect to its QR code, if
/// requested; otherwise its index page, if it has one that the client may read; otherwise, or if requested, the listing.
fn of_directory(
    request: &Request<'_, '_, '_>,
    directory: &Grant<'_, ToList>,
    state: &State,
    disk: Blocking<'_>,
) -> Handled {
    if let Some(text) = search::wanted(request) {
        return search::answer(request, directory, text, state, disk).unwrap_or_else(Handled::Respond);
    }
    if let Some(format) = archive::format(request) {
        return archive::answer(request, directory, format, state, disk).unwrap_or_else(Handled::Respond);
    }
    if follow::is_wanted(request) {
        return Handled::Respond(follow::respond(request, directory, state));
    }
    if features::QR && request.link.is_none() && request.target.parameter("qr").is_some() {
        return Handled::Respond(to_qr_code(request, state));
    }
    let is_listing = request.target.parameter("list").is_some();
    for name in state.index_pages().iter().filter(|_| !is_listing) {
        if let Ok(index) = request.path.join(name.as_ref())
            && let Ok(index) = state.access.check(&request.principal, &index)
            && let Ok(Node::File(open)) = state.folder.open(&index, disk)
        {
            return Handled::Respond(of_opened(request, open, &index, state, disk));
        }
    }
    match judge(request.head.fields.iter(), &MADE_ANEW, || listing::head(Status::NOT_MODIFIED)) {
        Ok(()) => Handled::Work(listing::job(request, state)),
        Err(answer) => Handled::Respond(answer),
    }
}

/// The response with a file that has just been opened. If another machine replaces it before it is read, it is opened again.
fn of_opened(
    request: &Request<'_, '_, '_>,
    mut open: OpenFile,
    grant: &Grant<'_, ToRead>,
    state: &State,
    disk: Blocking<'_>,
) -> Response {
    for _ in 0..REOPENED {
        match of_file(request, open, grant, state, disk) {
            Ok(response) => return response,
            Err(StaleFile) => match state.folder.open(grant, disk) {
                Ok(Node::File(again)) => open = again,
                Ok(Node::Directory { .. }) => return not_found(),
                Err(error) => return of_read_error(&error),
            },
        }
    }
    of_file(request, open, grant, state, disk).unwrap_or_else(|StaleFile| being_replaced())
}

/// The response with a file that has just been opened; caches a small one.
fn of_file(
    request: &Request<'_, '_, '_>,
    open: OpenFile,
    grant: &Grant<'_, ToRead>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Response, StaleFile> {
    let path = grant.path();
    let now = SystemTime::now();
    let media_type = media::of_file(path.as_bytes(), &open.file, disk);
    let representation = Representation::of(&open.facts, path, media_type, state.trusts_pages(), now);
    match CacheEntry::of(open, representation, now, &state.chores, disk) {
        Ok(entry) => Ok(of_cached(request, &state.cache.insert(path, entry, disk))),
        Err((file, representation)) => {
            let file = Arc::new(Deferred::new(file, &state.chores));
            let is_stale = Cell::new(false);
            let response = of_representation(request, &representation, |span| {
                let span = FileSpan::new(Arc::clone(&file), span);
                if request.method == Method::Head {
                    return Chunk::File(span);
                }
                span.read_if_small(disk).unwrap_or_else(|StaleFile| {
                    is_stale.set(true);
                    Vec::new().into()
                })
            });
            // This is usually the last reference, because the file was small.
            Deferred::close_shared(file, disk);
            if is_stale.get() { Err(StaleFile) } else { Ok(response) }
        }
    }
}

/// The response with a cached file.
fn of_cached(request: &Request<'_, '_, '_>, entry: &CacheEntry) -> Response {
    of_representation(request, &entry.representation, |span| entry.chunk(span))
}

/// The response with this file, or a part of it; `chunk` returns parts of the content.
fn of_representation(
    request: &Request<'_, '_, '_>,
    file: &Representation,
    chunk: impl Fn(Span) -> Chunk,
) -> Response {
    let fields = request.head.fields;
    if let Err(answer) = judge(fields.iter(), &file.validators, || file.head_alone(Status::NOT_MODIFIED)) {
        return answer;
    }
    let selection = match request.method {
        // Only GET has ranges (RFC 9110 §14.2).
        Method::Get => select(&fields.iter(), &file.validators, file.len),
        _ => Selection::Whole,
    };
    match selection {
        Selection::Whole => {
            let whole = Span::new(0, file.len, file.len).map(chunk);
            Response::new(file.whole_head(), whole.map_or_else(Content::default, Content::from))
        }
        Selection::One(span) => {
            let head = file.head(Status::PARTIAL_CONTENT, &file.media_type);
            Response::new(head.field("Content-Range", content_range(span, file.len)), chunk(span))
        }
        Selection::Many(spans) => {
            let boundary = Boundary::of_bytes(random::bytes());
            let parts = byteranges::frame(&boundary, &file.media_type, &spans, file.len);
            let content: Content = parts
                .into_iter()
                .map(|part| match part {
                    RangePart::Frame(bytes) => bytes.into(),
                    RangePart::Content(span) => chunk(span),
                })
                .collect();
            Response::new(file.head(Status::PARTIAL_CONTENT, &byteranges::media_type(&boundary)), content)
        }
        Selection::Unsatisfiable => {
            let text = format_args!("range not satisfiable: the file has {} bytes\n", file.len).to_string();
            let answer = Response::text(Status::RANGE_NOT_SATISFIABLE, text);
            answer.with("Content-Range", unsatisfied(file.len))
        }
    }
}
