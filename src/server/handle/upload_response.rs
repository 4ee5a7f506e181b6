//! What the responses to uploads have in common.

use crate::access::Principal;
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{Guard, Incoming, Saved};
use crate::http::request::Head;
use crate::http::response;
use crate::http::resumable::{COMPLETE, PartError, UploadProblem, boolean};
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::announce;
use crate::server::dav;
use crate::server::error_response::{self, bad_request};
use crate::server::gate::authorise;
use crate::server::handle::modified;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::media;
use crate::server::receive::{Flow, Sink, Worked};
use crate::server::remover::{Displaced, RemovingClient};
use crate::server::response::Response;
use crate::server::state::State;

/// A file that is being uploaded as the whole body.
#[derive(Debug)]
pub(super) struct FileUpload {
    /// The file.
    pub incoming: Incoming,
    /// Its length, if the client has sent that separately.
    pub announced: Option<u64>,
    /// Whether the client asked for a resumable upload: then the response says that it is complete.
    pub is_resumable: bool,
    /// The condition that must still be true when the file is saved.
    pub guard: Guard,
    /// Whether it was sent with PUT.
    pub is_put: bool,
    /// Whether the client has sent the time of the file.
    pub keeps_time: bool,
    /// The client.
    pub by: Uploader,
    /// The principal that the upload is saved for.
    pub principal: Principal,
    /// The client that the trash records as the owner of a file that the upload replaces.
    pub client: RemovingClient,
}

impl Sink for FileUpload {
    fn write(&mut self, content: &[u8], _: &State, disk: Blocking<'_>) -> Result<Flow, Response> {
        self.incoming.write(content, disk).map_err(|error| error_response::of(&error))?;
        Ok(Flow::More)
    }

    fn work(self: Box<Self>, _: bool, state: &State, disk: Blocking<'_>) -> Worked {
        let Self { incoming, announced, is_resumable, guard, is_put, keeps_time, by, principal, client } =
            *self;
        let may_save = authorise::ensure_current(&principal, state).and_then(|()| {
            let change = IntendedChange {
                path: incoming.path(),
                intent: Intent::Save,
                tokens: &client.tokens,
                principal: &principal,
            };
            Ok(dav::ensure_unlocked(&change, state, disk)?)
        });
        let _unlocked = match may_save {
            Ok(unlocked) => unlocked,
            Err(refused) => return Worked::Respond(refused, None),
        };
        if announced.is_some_and(|length| length != incoming.received()) {
            return Worked::Respond(refuse_part(PartError::Length), None);
        }
        let (response, record) = match incoming.commit(guard, &client.remover, disk) {
            Ok(saved) => {
                let record = announce::saved(&by, &saved, state);
                let response = modified::acknowledge(respond(&saved, is_put), keeps_time);
                (client.remember(response, Displaced::replaced(saved.created, saved.kept)), record)
            }
            Err(error) => (error_response::of(&error), None),
        };
        let response = if is_resumable { response.with(COMPLETE, boolean(true)) } else { response };
        Worked::Respond(response, record)
    }
}

/// Refuses a partial file (RFC 9110 §14.5) and a compressed one (§8.4): the server saves bodies unchanged, so the
/// file would be wrong.
pub(super) fn refuse_parts_and_codings(head: &Head<'_, '_>) -> Result<(), Response> {
    if head.fields.get("Content-Range").is_some() {
        return Err(bad_request("Content-Range is not supported in uploads (send the whole file)"));
    }
    let is_coded =
        head.fields.list("Content-Encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if is_coded {
        let text = "Content-Encoding is not supported in uploads (send the file unencoded)\n";
        return Err(Response::text(Status::UNSUPPORTED_MEDIA_TYPE, text));
    }
    Ok(())
}

/// Refuses a part of a file that must not be saved as if it were the whole file.
pub(super) fn refuse_part(error: PartError) -> Response {
    match error {
        PartError::Length => problem(UploadProblem::InconsistentLength),
        PartError::Version | PartError::Tus | PartError::Offset => bad_request(error),
    }
}

/// A problem with an upload, as JSON.
pub(super) fn problem(problem: UploadProblem) -> Response {
    let head = response::Head::new(problem.status());
    Response::bytes(head, "application/problem+json", problem.to_json().into_bytes())
}

/// The response to an upload that was saved: text for POST, the status for PUT (RFC 9110 §9.3.4).
pub(super) fn respond(saved: &Saved, is_put: bool) -> Response {
    let location = format!("/{}", encode_path(saved.told().as_bytes()));
    let status = match (is_put, saved.created) {
        (true, true) => Status::CREATED,
        (true, false) => Status::NO_CONTENT,
        (false, _) => Status::OK,
    };
    let head = response::Head::new(status).field("Content-Location", location);
    if status == Status::NO_CONTENT {
        return Response::empty(head);
    }
    Response::bytes(head, media::TEXT, line(saved.told(), saved).into_bytes())
}

/// The line about a saved file, with the path as its client sees it.
pub(super) fn line(path: &SharePath, saved: &Saved) -> String {
    format!("saved {} ({} bytes)\n", Printable(path.as_bytes()), saved.size)
}
