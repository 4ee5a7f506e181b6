//! A member of the room: a name, and the token that the server issued for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Deserialize;

use crate::client::address::ServerAddress;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::own_root;
use crate::client::request::HttpRequest;
use crate::client::response::PourError;
use crate::client::session::Session;
use crate::client::transfer::retry::{FailedAttempt, retry};
use crate::http::request::Method;
use crate::http::status::Status;
use crate::http::target::encode_segment;
use crate::own_paths::{self, MEMBER_FIELD};

/// How often a message is sent again: for half a minute in all, as long as the listener waits for a server.
const RETRIES: u32 = 7;

/// A member of a server's room. Clones share the token.
#[derive(Debug, Clone)]
pub struct ChatMember {
    /// The server, and its root on that host.
    pub root: ServerAddress,
    /// The member's name.
    pub name: String,
    token: Arc<Mutex<String>>,
}

/// The response to a join.
#[derive(Deserialize)]
struct Joined {
    user: String,
    token: String,
}

impl ChatMember {
    /// Joins the room of the server that has this directory.
    pub fn join(directory: &ServerAddress, name: &str) -> Result<Self, ClientError> {
        let root = own_root::find(&mut Session::new(directory.server.clone()), directory)?;
        let joined = ask_to_join(&root, name)?;
        let token = Arc::new(Mutex::new(joined.token));
        Ok(Self { root, name: joined.user, token })
    }

    /// One of the server's own paths as a target.
    pub(super) fn target(&self, own_path: &str) -> String {
        self.root.resolve(own_path, false)
    }

    /// Joins again under the same name, after the server has forgotten this token. Does nothing if another thread has
    /// joined again in the meantime.
    pub(super) fn join_again(&self, forgotten: &str) -> Result<(), ClientError> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if *token == forgotten {
            *token = ask_to_join(&self.root, &self.name)?.token;
        }
        Ok(())
    }

    /// The token at the moment.
    pub(super) fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a message to all members, or to one. Waits while the server accepts no more messages or cannot be reached.
    /// Calls `waits` with the reason before each pause.
    pub(super) fn say(
        &self,
        session: &mut Session,
        to: Option<&str>,
        text: &str,
        mut waits: impl FnMut(&ClientError),
    ) -> Result<(), ClientError> {
        let mut target = self.target(own_paths::CHAT_MESSAGES);
        if let Some(to) = to {
            target += "?to=";
            target += &encode_segment(to.as_bytes()).replace('&', "%26");
        }
        retry(RETRIES, |_| {
            self.send(session, &target, text).inspect_err(|failed| {
                if failed.is_temporary() {
                    waits(&failed.error);
                }
            })
        })
    }

    /// Sends a message once; again after joining again, if the server has forgotten the member.
    fn send(&self, session: &mut Session, target: &str, text: &str) -> Result<(), FailedAttempt> {
        let token = self.token();
        match send_as(&token, session, target, text) {
            Err(FailedAttempt { error: ClientError::Refused(Status::FORBIDDEN, _), .. }) => {
                self.join_again(&token)?;
                send_as(&self.token(), session, target, text)
            }
            other => other,
        }
    }

    /// Leaves the room.
    pub fn leave(&self, session: &mut Session) -> Result<(), ClientError> {
        let target = self.target(own_paths::CHAT_LEAVE);
        post(session, &target, &[(MEMBER_FIELD, &self.token())], Vec::new()).map(drop)
    }
}

fn send_as(token: &str, session: &mut Session, target: &str, text: &str) -> Result<(), FailedAttempt> {
    let content = RequestContent::bytes(text.as_bytes().to_vec());
    let fields = [(MEMBER_FIELD, token)];
    let request = HttpRequest { method: Method::Post, target, fields: &fields, content: Some(&content) };
    let response = session.send(&request).map_err(|error| match error {
        // The server may have sent it to the room.
        ClientError::Slow(..) | ClientError::Trickle(_) => FailedAttempt::from(error).permanent(),
        error => error.into(),
    })?;
    if response.head.status.is_success() {
        // The message is in the room, even if the connection breaks now.
        let _ = response.body.discard();
        return Ok(());
    }
    let head = response.head.clone();
    Err(FailedAttempt::refused(error_response::read(response), &head, SystemTime::now()))
}

fn ask_to_join(root: &ServerAddress, name: &str) -> Result<Joined, ClientError> {
    let body = format!("user={}", encode_segment(name.as_bytes()).replace('&', "%26").replace('+', "%2B"));
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    let target = root.resolve(own_paths::CHAT_JOIN, false);
    let answer = post(&mut Session::new(root.server.clone()), &target, &fields, body.into_bytes())?;
    let joined: Joined = serde_json::from_slice(&answer).map_err(|_| ClientError::NoRoom)?;
    // The name is printed and names the download directory, so the server must not choose another.
    if joined.user.eq_ignore_ascii_case(name) { Ok(joined) } else { Err(ClientError::NoRoom) }
}

/// Posts a few bytes, and returns the content of the response.
fn post(
    session: &mut Session,
    target: &str,
    fields: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Vec<u8>, ClientError> {
    let content = RequestContent::bytes(body);
    let response =
        session.send(&HttpRequest { method: Method::Post, target, fields, content: Some(&content) })?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response));
    }
    let mut answer = Vec::new();
    response.body.pour(&mut answer).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => ClientError::Broken(error),
    })?;
    Ok(answer)
}
