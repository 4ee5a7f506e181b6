//! Uploads that survive their connections: started with POST or PUT of a target, resumed at `/.wharf/uploads/TOKEN`.
//!
//! `http::resumable` implements the protocol, the folder stores the partial upload. Every request may block on the
//! disk or on a commit, so all of them are jobs.
//!
//! A complete upload is remembered for a day. A client that lost the final response sends an empty PATCH, and gets that
//! response again (§4.4.2 of the draft). GET and HEAD say that the upload is complete.
//!
//! The draft's optional progress reports (104 while a PATCH is received) are not sent: each offset would have to be synced
//! first, and some proxies take any 104 for the final response.
//!
//! A client that knows the token may resume the upload. A page of another site may not resume it, as with any other
//! write.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::access::{Grant, Judge, Principal, ToWrite};
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{
    Appending, Completed, Ended, Error, LIFETIME, Piece, Plan, Saved, Standing, UploadError, UploadToken,
};
use crate::http::body::Framing;
use crate::http::request::Method;
use crate::http::response::Head;
use crate::http::resumable::{
    Announced, Append, AppendError, COMPLETE, INTEROP, INTEROP_VERSION, LENGTH, LIMIT, Limits, OFFSET,
    PARTIAL_UPLOAD, UploadProblem, boolean,
};
use crate::http::status::Status;
use crate::own_paths::UPLOADS;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::error_response::{self, not_found};
use crate::server::gate::authorise;
use crate::server::handle::member;
use crate::server::handle::modified;
use crate::server::handle::upload_response::{self, FileUpload, problem};
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::link_view::LinkView;
use crate::server::moment::Moment;
use crate::server::random;
use crate::server::receive::interim::Interim;
use crate::server::receive::{Flow, Job, JobOutcome, Receiving, Sink, Worked};
use crate::server::remover::{self, Displaced, RemovingClient};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

const PUT: &str = "PUT";
const POST: &str = "POST";

/// When to retry if there are too many unfinished uploads, in seconds.
const RETRY_AFTER: u32 = 60;

/// The body of a request that appends to an upload.
#[derive(Debug)]
pub(crate) struct ResumableUpload {
    appending: Appending,
    /// The user that sends it. Its rights are checked again at the end.
    principal: Principal,
    /// Where the upload can be resumed, if this request has started it.
    begun: Option<String>,
    by: Uploader,
    /// The client that the trash records as the owner of a file that the upload replaces.
    client: RemovingClient,
}

/// A request that starts an upload.
pub(crate) struct Beginning {
    /// The target.
    pub path: SharePath,
    /// The user that sends it.
    pub principal: Principal,
    /// What the request announces about the file, and what must hold for the name.
    pub plan: Plan,
    /// What the request says about its content.
    pub announced: Announced,
    /// Whether to send the client an interim response with the upload's location.
    pub is_told: bool,
    /// The framing of its content.
    pub framing: Framing,
    /// The client.
    pub by: Uploader,
    /// The client that the trash records as the owner of a file that the upload replaces.
    pub client: RemovingClient,
    /// The link through which the request came.
    pub link: Option<Arc<LinkView>>,
}

/// The job that starts an upload. If there are too many unfinished uploads already, a complete one falls back to a
/// plain upload.
pub(crate) fn begin(beginning: Beginning) -> Job {
    Box::new(move |state, disk| {
        let Beginning { path, principal, plan, announced, is_told, framing, by, client, link } = beginning;
        let grant = match authorise::grant(&principal, &path, state) {
            Ok(grant) => grant,
            Err(answer) => return JobOutcome::Respond(answer, None),
        };
        let token = UploadToken::new(random::bytes());
        let location = format!("{UPLOADS}{token}");
        match state.folder.begin_upload(token, &grant, plan.clone(), piece(announced), disk) {
            Ok(appending) => {
                let begun = Some(location.clone());
                let sink = Box::new(ResumableUpload { appending, principal, begun, by, client });
                let receiving = Receiving::new(framing, sink, &state.chores);
                JobOutcome::Receive(Box::new(if is_told {
                    let location =
                        link.as_ref().map_or_else(|| location.clone(), |link| link.outside(&location));
                    receiving.with(Interim::new(resumption(&location, state), Moment::now()))
                } else {
                    receiving
                }))
            }
            Err(UploadError::TooMany) if announced.completes => {
                match plain(&grant, &plan, announced.size, framing, (by, principal, client), state, disk) {
                    Ok(receiving) => JobOutcome::Receive(Box::new(receiving)),
                    Err(answer) => JobOutcome::Respond(answer, None),
                }
            }
            Err(error) => JobOutcome::Respond(refuse(error, 0, state), None),
        }
    })
}

/// Falls back to a plain upload when a resumable one cannot be created. Its client still learns from the final response
/// that the upload is complete.
fn plain(
    grant: &Grant<'_, ToWrite>,
    plan: &Plan,
    size: Option<u64>,
    framing: Framing,
    (by, principal, client): (Uploader, Principal, RemovingClient),
    state: &State,
    disk: Blocking<'_>,
) -> Result<Receiving, Response> {
    let mut incoming = state.folder.receive(grant, size, disk).map_err(|error| error_response::of(&error))?;
    incoming.set_modified(plan.modified);
    let (is_put, keeps_time) = (plan.memo == PUT, plan.modified.is_some());
    let upload = FileUpload {
        incoming,
        announced: plan.length,
        is_resumable: true,
        guard: plan.guard,
        is_put,
        keeps_time,
        by,
        principal,
        client,
    };
    Ok(Receiving::new(framing, Box::new(upload), &state.chores))
}

/// The method that started an upload. The upload remembers it, because the final response depends on the method.
pub(crate) fn memo(method: Method) -> &'static str {
    if method == Method::Put { PUT } else { POST }
}

/// `GET` and `HEAD`: the upload's offset (§4.3).
pub(crate) fn offset(request: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    let (token, principal) = (token(request)?, request.principal.clone());
    Ok(Handled::Work(job(move |state, disk| stand(&token, &state.access.judge(&principal), state, disk))))
}

/// `DELETE`: cancels the upload (§4.5).
pub(crate) fn cancel(request: &Request<'_, '_, '_>, _: &mut Disk, _: &State) -> Result<Handled, Response> {
    let (token, principal) = (token(request)?, request.principal.clone());
    Ok(Handled::Work(job(move |state, disk| {
        match state.folder.cancel_upload(&token, &state.access.judge(&principal), disk) {
            Ok(()) => Response::empty(Head::new(Status::NO_CONTENT)),
            Err(error) => refuse(error, 0, state),
        }
    })))
}

fn token(request: &Request<'_, '_, '_>) -> Result<UploadToken, Response> {
    UploadToken::parse(request.rest).ok_or_else(not_found)
}

/// Adds a note to a response to OPTIONS: uploads can be resumed (§4.1.4 of the draft).
pub(crate) fn offer(head: Head, state: &State) -> Head {
    if !state.access.lets_anyone_change() {
        return head;
    }
    head.field("Accept-Patch", PARTIAL_UPLOAD).field(LIMIT, limits(LIFETIME, state))
}

fn job(act: impl FnOnce(&State, Blocking<'_>) -> Response + Send + 'static) -> Job {
    Box::new(move |state, disk| JobOutcome::Respond(act(state, disk), None))
}

/// The state of an upload (§4.3).
fn stand(token: &UploadToken, judge: &Judge, state: &State, disk: Blocking<'_>) -> Response {
    match state.folder.upload(token, judge, disk) {
        Ok(standing) => {
            let head = with_standing(Head::new(Status::NO_CONTENT), standing);
            let head = head.field(LIMIT, limits(left(standing), state));
            Response::empty(head).with("Cache-Control", "no-store")
        }
        Err(error) => refuse(error, 0, state).with("Cache-Control", "no-store"),
    }
}

/// `PATCH`: appends to the upload (§4.4).
pub(crate) fn append(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let (head, token) = (request.head, token(request)?);
    upload_response::refuse_parts_and_codings(head)?;
    let Append { offset, announced } = Append::of(head).map_err(refuse_append)?;
    let (framing, by) = (head.framing, member::uploader(request, state));
    let (principal, client) = (request.principal.clone(), remover::of(request, state));
    Ok(Handled::Work(Box::new(move |state, disk| {
        let judge = state.access.judge(&principal);
        match state.folder.append(&token, offset, piece(announced), &judge, disk) {
            Ok(appending) => {
                let sink = Box::new(ResumableUpload { appending, principal, begun: None, by, client });
                JobOutcome::Receive(Box::new(Receiving::new(framing, sink, &state.chores)))
            }
            // Whether any content follows is known only when the body ends.
            Err(UploadError::Complete(completed)) if announced.size.is_none() => JobOutcome::Receive(
                Box::new(Receiving::new(framing, Box::new(EmptyAppend(completed)), &state.chores)),
            ),
            Err(error) => JobOutcome::Respond(refuse(error, offset, state), None),
        }
    })))
}

impl Sink for ResumableUpload {
    fn write(&mut self, content: &[u8], state: &State, disk: Blocking<'_>) -> Result<Flow, Response> {
        self.appending.write(content, disk).map_err(|error| refuse(error, 0, state))?;
        Ok(Flow::More)
    }

    /// Call at the end of the body: the upload waits for more, or is saved.
    fn work(self: Box<Self>, _: bool, state: &State, disk: Blocking<'_>) -> Worked {
        let Self { appending, principal, begun, by, client } = *self;
        let may_save = authorise::ensure_current(&principal, state).and_then(|()| {
            let (path, tokens) = (&appending.path(), &client.tokens);
            let change = IntendedChange { path, intent: Intent::Save, tokens, principal: &principal };
            Ok(dav::ensure_unlocked(&change, state, disk)?)
        });
        let _unlocked = match may_save {
            Ok(unlocked) => unlocked,
            Err(refused) => return Worked::Respond(refused, None),
        };
        match appending.end(&state.access.judge(&principal), &client.remover, disk) {
            Ok(Ended::Paused(standing)) => Worked::Respond(paused(standing, begun, state), None),
            Ok(Ended::Saved(saved, plan)) => {
                let record = announce::saved(&by, &saved, state);
                let response = final_response(Some(&saved), &plan);
                let displaced = Displaced::replaced(saved.created, saved.kept);
                Worked::Respond(client.remember(response, displaced), record)
            }
            Err(error) => Worked::Respond(refuse(error, 0, state), None),
        }
    }

    fn fate(&self) -> &'static str {
        "the part received is kept"
    }
}

/// The body of a request that appends to a complete upload: it may only be empty.
#[derive(Debug)]
struct EmptyAppend(Box<Completed>);

impl Sink for EmptyAppend {
    fn write(&mut self, content: &[u8], _: &State, _: Blocking<'_>) -> Result<Flow, Response> {
        if content.is_empty() { Ok(Flow::More) } else { Err(problem(UploadProblem::InconsistentLength)) }
    }

    fn work(self: Box<Self>, _: bool, _: &State, _: Blocking<'_>) -> Worked {
        Worked::Respond(final_response(self.0.saved.as_ref(), &self.0.plan), None)
    }
}

/// The target's response to the whole file. If no details of the saved file are known, it says only that the
/// file was saved.
fn final_response(saved: Option<&Saved>, plan: &Plan) -> Response {
    let response = match saved {
        Some(saved) => upload_response::respond(saved, plan.memo == PUT),
        None => Response::empty(Head::new(Status::NO_CONTENT)),
    };
    modified::acknowledge(response, plan.modified.is_some()).with(COMPLETE, boolean(true))
}

/// The response to an incomplete part: the offset, and the location if this request has started the upload (§4.2).
fn paused(standing: Standing, begun: Option<String>, state: &State) -> Response {
    let head = match begun {
        Some(location) => Head::new(Status::CREATED).field("Location", location),
        None => Head::new(Status::NO_CONTENT),
    };
    Response::empty(with_standing(head.field(LIMIT, limits(standing.lifetime(), state)), standing))
}

/// The interim response with the upload's location (§5).
fn resumption(location: &str, state: &State) -> Vec<u8> {
    let head = Head::new(Status::RESUMPTION_SUPPORTED)
        // No filter sees an interim response.
        .field("Location", state.base.with(location))
        .field(LIMIT, limits(LIFETIME, state))
        .field(INTEROP, INTEROP_VERSION);
    let mut bytes = Vec::new();
    head.write(&mut bytes);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn piece(announced: Announced) -> Piece {
    let Announced { completes, size, length } = announced;
    Piece { completes, size, length }
}

fn with_standing(head: Head, standing: Standing) -> Head {
    let head = head.field(COMPLETE, boolean(standing.is_complete)).field(OFFSET, standing.offset);
    match standing.length {
        Some(length) => head.field(LENGTH, length),
        None => head,
    }
}

/// How long an unfinished upload is still kept.
fn left(standing: Standing) -> Duration {
    let age = SystemTime::now().duration_since(standing.modified).unwrap_or_default();
    standing.lifetime().saturating_sub(age)
}

fn limits(age: Duration, state: &State) -> Limits {
    Limits { max_size: state.folder.rules().max_upload, max_age: Some(age.as_secs()), ..Limits::default() }
}

/// The response to an upload error; `offset` is where the client wanted to append.
fn refuse(error: UploadError, offset: u64, state: &State) -> Response {
    match error {
        UploadError::Folder(error @ Error::TooLarge { .. }) => {
            error_response::of(&error).with(LIMIT, limits(LIFETIME, state))
        }
        UploadError::Folder(error) => error_response::of(&error),
        // The whole file arrived: sending it again would not help (§4.4).
        UploadError::Refused(error) => error_response::of(&error).with(COMPLETE, boolean(true)),
        UploadError::Unknown => not_found(),
        UploadError::Mismatch(standing) => {
            let mismatch = UploadProblem::MismatchingOffset { expected: standing.offset, provided: offset };
            let answer = problem(mismatch);
            // Even if the upload is complete, this is not the response of the target: the client can continue.
            let head = with_standing(answer.head, Standing { is_complete: false, ..standing });
            Response { head, ..answer }
        }
        UploadError::Complete(completed) => final_response(completed.saved.as_ref(), &completed.plan),
        UploadError::Inconsistent => problem(UploadProblem::InconsistentLength),
        UploadError::Superseded | UploadError::Elsewhere => {
            Response::text(Status::CONFLICT, format_args!("{error}\n"))
        }
        UploadError::TooMany => Response::text(Status::SERVICE_UNAVAILABLE, format_args!("{error}\n"))
            .with("Retry-After", RETRY_AFTER),
    }
}

/// The response to a request that cannot append; for the wrong media type, it names the right one (RFC 5789 §2.2).
fn refuse_append(error: AppendError) -> Response {
    let response = Response::text(error.status(), format_args!("{error}\n"));
    match error {
        AppendError::MediaType => response.with("Accept-Patch", PARTIAL_UPLOAD),
        AppendError::NoOffset | AppendError::NoComplete => response,
    }
}
