//! The response to MKCOL (RFC 4918 §9.3): it creates one directory.

use crate::folder::{Error, Guard};
use crate::http::conditional::{self, Action, Verdict};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::printable::Printable;
use crate::server::announce;
use crate::server::dav;
use crate::server::disk::Disk;
use crate::server::error_response;
use crate::server::gate::authorise;
use crate::server::handle::{member, posted};
use crate::server::handled::Handled;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::media;
use crate::server::receive::JobOutcome;
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Checks the head, and returns the job that creates the directory. `allowed` are the methods of a path that exists, for
/// `Allow`.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    allowed: String,
    disk: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    posted::ensure_no_body(request)?;
    // A directory can only be created where nothing exists.
    let preconditions = conditional::gather(request.head.fields.iter());
    let guard = match conditional::evaluate(&preconditions, Action::Modify, None) {
        Verdict::Proceed => Guard::None,
        Verdict::NotModified | Verdict::Failed => Guard::MustExist,
    };
    // Clients ask for every directory before they save a file in it. Most exist, and need no job.
    if let Ok(grant) = authorise::grant(&request.principal, &request.path, state)
        && let Some(disk) = disk.may_wait(state)
        && state.folder.is_name_taken(&grant, disk)
    {
        return Err(refuse(&Error::Exists, &allowed));
    }
    let by = member::uploader(request, state);
    let (path, principal) = (request.path.clone(), request.principal.clone());
    let tokens = SubmittedTokens::of(request);
    Ok(Handled::Save(Box::new(move |state, disk| {
        let made = authorise::grant(&principal, &path, state).and_then(|grant| {
            let change =
                IntendedChange { path: &path, intent: Intent::Save, tokens: &tokens, principal: &principal };
            let _unlocked = dav::ensure_unlocked(&change, state, disk)?;
            let made = state.folder.make_directory(&grant, guard, disk);
            made.map_err(|error| refuse(&error, &allowed))
        });
        let response = made.map(|()| {
            announce::made_directory(&by, &path, state);
            // RFC 4918 §5.2: the URL of a directory ends in a slash.
            let location = format!("/{}/", encode_path(path.as_bytes()));
            let head = Head::new(Status::CREATED).field("Content-Location", location);
            let line = format!("created {}/\n", Printable(path.as_bytes()));
            Response::bytes(head, media::TEXT, line.into_bytes())
        });
        JobOutcome::Respond(response.unwrap_or_else(|refused| refused), None)
    })))
}

fn refuse(error: &Error, allowed: &str) -> Response {
    match error {
        Error::Exists => {
            let text = "a file or directory of that name exists (choose another name)\n";
            Response::text(Status::METHOD_NOT_ALLOWED, text).with("Allow", allowed)
        }
        error => error_response::of(error),
    }
}
