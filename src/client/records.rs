//! The tokens and links of a user on a server, below `/.wharf/`.

use std::num::NonZeroU32;

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
use crate::http::target::encode_segment;
use crate::own_paths;

/// The tokens and links of the user on a server that knows them.
#[derive(Debug)]
pub struct RemoteRecords {
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
    /// How long it works.
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

/// A link to be made.
#[derive(Debug, Serialize)]
pub struct LinkOrder<'o> {
    /// How long it works.
    #[serde(rename = "for")]
    pub life: &'o str,
    /// How often it can be opened; any number of times, if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<NonZeroU32>,
    /// Whether it only takes files.
    pub drop: bool,
    /// Its rights; list and read, if they are absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<&'o str>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'o str>,
}

/// A link, as the server lists it.
#[derive(Debug, Deserialize)]
pub struct RemoteLink {
    /// Its public id.
    pub id: String,
    /// Where it leads, encoded.
    pub path: String,
    /// Its rights, separated by commas.
    pub rights: String,
    /// When it expires.
    pub expires: String,
    /// Whether it is valid, or why it is not.
    pub state: String,
    /// How often it can still be opened.
    pub uses_left: Option<u32>,
    /// Whether it has a password.
    pub password: bool,
    /// The link itself, if it has just been made.
    pub link: Option<String>,
}

/// An order, and its path.
#[derive(Serialize)]
struct WithPath<'o, O> {
    path: &'o str,
    #[serde(flatten)]
    order: O,
}

impl RemoteRecords {
    /// The tokens and links on the server that has this directory.
    pub fn at(directory: &ServerAddress) -> Result<Self, ClientError> {
        let mut session = Session::new(directory.server.clone());
        let root = own_root::find(&mut session, directory)?;
        let path = directory.below(&root).to_owned();
        Ok(Self { session, root, path })
    }

    /// Makes a token for the directory.
    pub fn add_token(&mut self, order: TokenOrder<'_>) -> Result<RemoteToken, ClientError> {
        self.add(own_paths::TOKENS, order)
    }

    /// All tokens of the user.
    pub fn tokens(&mut self) -> Result<Vec<RemoteToken>, ClientError> {
        parse(self.send(Method::Get, own_paths::TOKENS, None)?)
    }

    /// Ends a token.
    pub fn remove_token(&mut self, id: &str) -> Result<(), ClientError> {
        self.remove(own_paths::TOKENS, id)
    }

    /// Makes a link to the directory.
    pub fn add_link(&mut self, order: LinkOrder<'_>) -> Result<RemoteLink, ClientError> {
        self.add(own_paths::LINKS, order)
    }

    /// All links of the user.
    pub fn links(&mut self) -> Result<Vec<RemoteLink>, ClientError> {
        parse(self.send(Method::Get, own_paths::LINKS, None)?)
    }

    /// Ends a link, or all of them.
    pub fn revoke_link(&mut self, id: &str) -> Result<(), ClientError> {
        self.remove(own_paths::LINKS, id)
    }

    fn add<T: for<'d> Deserialize<'d>>(
        &mut self,
        path: &str,
        order: impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(&WithPath { path: &self.path, order }).unwrap_or_default();
        parse(self.send(Method::Post, path, Some(&RequestContent::bytes(body)))?)
    }

    fn remove(&mut self, path: &str, id: &str) -> Result<(), ClientError> {
        let target = format!("{path}/{}", encode_segment(id.as_bytes()));
        let response = self.send(Method::Delete, &target, None)?;
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
