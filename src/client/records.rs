//! The tokens of a user on a server, below `/.wharf/`.

use serde::{Deserialize, Serialize};

use super::address::ServerAddress;
use super::content::RequestContent;
use super::error::ClientError;
use super::error_response;
use super::listing::Limited;
use super::own_root;
use super::request::HttpRequest;
use super::response::{HttpResponse, PourError};
use super::session::Session;
use crate::http::request::Method;
use crate::own_paths;

/// The tokens of the user on a server that knows them.
#[derive(Debug)]
pub struct RemoteTokens {
    session: Session,
    root: ServerAddress,
    /// The directory of the address, below the root.
    path: String,
}

/// A token to be made.
#[derive(Debug, Serialize)]
pub struct TokenOrder<'o> {
    /// Its name.
    pub name: &'o str,
    /// Its rights; all that the user has, if they are absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<&'o str>,
    /// For how long it works.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub life: Option<&'o str>,
}

/// A token, as the server lists it.
#[derive(Debug, Deserialize)]
pub struct RemoteToken {
    /// Its public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it leads, encoded.
    pub path: String,
    /// Its rights, separated by commas.
    pub rights: String,
    /// When it expires.
    pub expires: String,
    /// Whether it is valid, or why it is not.
    pub state: String,
    /// The token itself, if it has just been made.
    pub token: Option<String>,
}

/// An order, and the path that it is about.
#[derive(Serialize)]
struct WithPath<'o, O> {
    path: &'o str,
    #[serde(flatten)]
    order: O,
}

impl RemoteTokens {
    /// Those on the server that has this directory.
    pub fn at(directory: &ServerAddress) -> Result<Self, ClientError> {
        let mut session = Session::new(directory.server.clone());
        let root = own_root::find(&mut session, directory)?;
        let path = directory.below(&root).to_owned();
        Ok(Self { session, root, path })
    }

    /// Makes a token for the directory.
    pub fn add(&mut self, order: TokenOrder<'_>) -> Result<RemoteToken, ClientError> {
        let body = serde_json::to_vec(&WithPath { path: &self.path, order }).unwrap_or_default();
        let content = RequestContent::bytes(body);
        let response = self.send(Method::Post, own_paths::TOKENS, Some(&content))?;
        parse(response)
    }

    /// All tokens of the user.
    pub fn list(&mut self) -> Result<Vec<RemoteToken>, ClientError> {
        let response = self.send(Method::Get, own_paths::TOKENS, None)?;
        parse(response)
    }

    /// Ends a token.
    pub fn remove(&mut self, id: &str) -> Result<(), ClientError> {
        let response = self.send(Method::Delete, &format!("{}/{id}", own_paths::TOKENS), None)?;
        response.body.discard().map(|_| ())
    }

    fn send(
        &mut self,
        method: Method,
        path: &str,
        content: Option<&RequestContent>,
    ) -> Result<HttpResponse<'_>, ClientError> {
        let target = self.root.resolve(path, false);
        let fields: &[_] = if content.is_some() { &[("Content-Type", "application/json")] } else { &[] };
        let response = self.session.send(&HttpRequest { method, target: &target, fields, content })?;
        if response.head.status.is_success() { Ok(response) } else { Err(error_response::read(response)) }
    }
}

fn parse<T: for<'d> Deserialize<'d>>(response: HttpResponse<'_>) -> Result<T, ClientError> {
    let mut json = Limited::default();
    response.body.pour(&mut json).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(_) => ClientError::NoRecords,
    })?;
    serde_json::from_slice(&json.0).map_err(|_| ClientError::NoRecords)
}
