//! `POST /.wharf/logout`: ends the session of the browser.

use crate::server::cookie::Cookie;
use crate::server::disk::Disk;
use crate::server::handle::account;
use crate::server::handled::Handled;
use crate::server::receive::{Job, JobOutcome};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// Ends the browser's sessions on the disk, and removes the cookie, even that of a session that has ended.
pub(crate) fn handle(
    request: &Request<'_, '_, '_>,
    _: &mut Disk,
    state: &State,
) -> Result<Handled, Response> {
    let accounts = account::accounts(request, state)?;
    let cookie = Cookie::of_request(request, &state.base);
    let done = account::see_other("/").with("Set-Cookie", cookie.clear());
    // If there are two cookies with the name, another server on the host may have set one.
    let secrets = cookie.all(request.head.fields);
    let sessions: Vec<_> = secrets.filter_map(|secret| accounts.session_id(secret)).collect();
    if sessions.is_empty() {
        return Ok(Handled::Respond(done));
    }
    let (of_job, client) = (accounts.clone(), request.client);
    let job: Job = Box::new(move |_, disk| {
        let ended = sessions.iter().try_for_each(|session| {
            log::info!("{client} logs out of session {session}");
            of_job.log_out(*session, disk)
        });
        let response = ended.map(|()| done);
        JobOutcome::Respond(response.unwrap_or_else(account::failed), None)
    });
    Ok(account::changing_records(accounts, job))
}
