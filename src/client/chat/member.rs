//! A member of the room: a name, and the token that the server issued for it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::client::address::Endpoint;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::request::HttpRequest;
use crate::client::response::PourError;
use crate::client::session::Session;
use crate::http::request::Method;
use crate::http::target::encode_segment;
use crate::own_paths;

/// A member of a server's room. Clones share the token.
#[derive(Debug, Clone)]
pub struct ChatMember {
    /// The server.
    pub server: Endpoint,
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
    /// Joins the room.
    pub fn join(server: &Endpoint, name: &str) -> Result<Self, ClientError> {
        let joined = ask_to_join(server, name)?;
        let token = Arc::new(Mutex::new(joined.token));
        Ok(Self { server: server.clone(), name: joined.user, token })
    }

    /// Joins again under the same name, after the server has forgotten the token.
    pub fn join_again(&self) -> Result<(), ClientError> {
        let joined = ask_to_join(&self.server, &self.name)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = joined.token;
        Ok(())
    }

    /// The value of the `Authorization` field.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a message to all members, or to one.
    pub fn say(&self, session: &mut Session, to: Option<&str>, text: &str) -> Result<(), ClientError> {
        let mut target = own_paths::CHAT_MESSAGES.to_owned();
        if let Some(to) = to {
            target += "?to=";
            target += &encode_segment(to.as_bytes()).replace('&', "%26");
        }
        self.post(session, &target, text.as_bytes().to_vec()).map(drop)
    }

    /// Leaves the room.
    pub fn leave(&self, session: &mut Session) -> Result<(), ClientError> {
        self.post(session, own_paths::CHAT_LEAVE, Vec::new()).map(drop)
    }

    fn post(&self, session: &mut Session, target: &str, body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        post(session, target, &[("Authorization", &self.authorization())], body)
    }
}

fn ask_to_join(server: &Endpoint, name: &str) -> Result<Joined, ClientError> {
    let body = format!("user={}", encode_segment(name.as_bytes()).replace('&', "%26").replace('+', "%2B"));
    let fields = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = post(&mut Session::new(server.clone()), own_paths::CHAT_JOIN, &fields, body.into_bytes())?;
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
