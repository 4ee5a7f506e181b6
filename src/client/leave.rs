//! Asking a server to leave: `POST /.wharf/exit`, which a wharf does that runs with `--allow-exit`.

use super::error::Error;
use super::refusal;
use super::session::{Method, Request, Session};

/// Where it is asked.
const TARGET: &str = "/.wharf/exit";

/// Asks the server to leave; once this has gone well, it does.
pub fn ask(session: &mut Session) -> Result<(), Error> {
    let response =
        session.send(&Request { method: Method::Post, target: TARGET, fields: &[], content: None })?;
    if !response.head.status.is_success() {
        return Err(refusal::read(response));
    }
    response.body.discard().map(|_| ())
}
