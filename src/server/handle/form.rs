//! Uploads from a browser's form: each part with a file name is saved in the directory to which the form was sent.
//!
//! A part is complete before the next begins, so each file is committed when it has arrived. If a form is truncated in
//! its third file, two files are saved. One file is committed before the next is created, and other connections get
//! their turns in between: a form of ten thousand small files needs no more descriptors, and no more disk time at once,
//! than a form with two files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::access::Principal;
use crate::blocking::Blocking;
use crate::chat::event::Uploader;
use crate::folder::{self, Guard, Incoming};
use crate::http::multipart::{Boundary, MultipartDecoder, MultipartEvent, PartHead};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::server::announce;
use crate::server::dav;
use crate::server::error_response::{self, bad_request};
use crate::server::gate::authorise;
use crate::server::handle::member;
use crate::server::handle::upload_response;
use crate::server::intent::{IntendedChange, Intent};
use crate::server::link_view::LinkView;
use crate::server::listing::ListingQuery;
use crate::server::media;
use crate::server::pages;
use crate::server::receive::{Flow, Sink, Worked};
use crate::server::remover::{self, Displaced, RemovingClient};
use crate::server::request::Request;
use crate::server::response::Response;
use crate::server::state::State;

/// A form that is being received.
#[derive(Debug)]
pub(crate) struct FormUpload {
    decoder: MultipartDecoder,
    directory: SharePath,
    principal: Principal,
    by: Uploader,
    client: RemovingClient,
    /// What the files have replaced.
    displaced: Displaced,
    /// The listing to which a browser is redirected; `None` for other clients.
    redirect: Option<ListingQuery>,
    part: Part,
    /// A complete file that waits to be committed.
    finished: Option<Box<Incoming>>,
    /// The input after that file, which waits for the commit.
    unread: Vec<u8>,
    /// A line for each saved file.
    saved: String,
    /// The link through which the form was sent.
    link: Option<Arc<LinkView>>,
}

/// What happens to the current part.
#[derive(Debug)]
enum Part {
    /// It is saved.
    File(Box<Incoming>),
    /// It is skipped: a field without a file, or without a chosen file.
    Skipped,
}

impl FormUpload {
    /// Checks whether the form is accepted.
    pub(crate) fn begin(
        request: &Request<'_, '_, '_>,
        boundary: &Boundary,
        size: Option<u64>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Self, Response> {
        let Request { head, path: directory, principal, .. } = request;
        // The folder would respond in the same way to any file of this size in that directory.
        let any = directory.join(OsStr::new("file")).map_err(bad_request)?;
        let any = authorise::grant(principal, &any, state)?;
        match state.folder.may_receive(&any, size, disk) {
            Ok(()) | Err(folder::Error::Exists | folder::Error::IsDirectory) => {}
            Err(error) => return Err(error_response::of(&error)),
        }
        Ok(Self {
            decoder: MultipartDecoder::new(boundary),
            directory: directory.clone(),
            principal: principal.clone(),
            by: member::uploader(request, state),
            client: remover::of(request, state),
            displaced: Displaced::Nothing,
            // The page's form is sent to the URL of the page, so the query has the order and the view of the page.
            redirect: pages::are_wanted(head.fields)
                .then(|| ListingQuery { list: true, ..ListingQuery::of(request.target) }),
            part: Part::Skipped,
            finished: None,
            unread: Vec::new(),
            saved: String::new(),
            link: request.link.clone(),
        })
    }

    /// Parses the next bytes of the form. While a file waits to be committed, they are kept for
    /// [`FormUpload::go_on`].
    fn take(&mut self, mut input: &[u8], state: &State, disk: Blocking<'_>) -> Result<(), Response> {
        while !input.is_empty() {
            let Self { decoder, directory, principal, part, finished, unread, .. } = self;
            if finished.is_some() {
                unread.extend_from_slice(input);
                return Ok(());
            }
            let step = decoder.decode(input).map_err(bad_request)?;
            match step.event {
                Some(MultipartEvent::PartBegins(head)) => {
                    *part = Part::begin(&head, directory, principal, state, disk)?;
                }
                Some(MultipartEvent::Data(bytes)) => part.write(bytes, disk)?,
                Some(MultipartEvent::PartEnds) => {
                    if let Part::File(incoming) = std::mem::replace(part, Part::Skipped) {
                        *finished = Some(incoming);
                    }
                }
                Some(MultipartEvent::Finished) | None => {}
            }
            input = &input[step.used..];
        }
        Ok(())
    }

    /// Continues with the input after a committed file.
    fn go_on(&mut self, state: &State, disk: Blocking<'_>) -> Result<(), Response> {
        let unread = std::mem::take(&mut self.unread);
        self.take(&unread, state, disk)
    }

    fn flow(&self) -> Flow {
        if self.finished.is_some() { Flow::Work } else { Flow::More }
    }

    /// Commits the complete file.
    fn commit_finished(&mut self, state: &State, disk: Blocking<'_>) -> Result<(), Response> {
        if let Some(incoming) = self.finished.take() {
            authorise::ensure_current(&self.principal, state)?;
            let change = IntendedChange {
                path: incoming.path(),
                intent: Intent::Save,
                tokens: &self.client.tokens,
                principal: &self.principal,
            };
            let _unlocked = dav::ensure_unlocked(&change, state, disk)?;
            let saved = incoming
                .commit(Guard::None, &self.client.remover, disk)
                .map_err(|error| error_response::of(&error))?;
            announce::saved(&self.by, &saved, state);
            self.displaced = self.displaced.and(Displaced::replaced(saved.created, saved.kept));
            let shown = self.link.as_ref().map(|link| link.shown(saved.told()));
            self.saved.push_str(&upload_response::line(shown.as_ref().unwrap_or(saved.told()), &saved));
        }
        Ok(())
    }

    /// The response, once the body has ended and every file has been committed.
    fn finish(self) -> Response {
        let Self { decoder, directory, client, displaced, redirect, saved, .. } = self;
        let response = match decoder.finish().map_err(bad_request) {
            Ok(()) if saved.is_empty() => bad_request("the form contains no file"),
            Ok(()) => respond(&directory, redirect, saved),
            Err(response) => response,
        };
        client.remember(response, displaced)
    }
}

/// The response to a form whose files were saved.
fn respond(directory: &SharePath, redirect: Option<ListingQuery>, saved: String) -> Response {
    let path = encode_path(directory.as_bytes());
    let slash = if path.is_empty() { "" } else { "/" };
    let head = match redirect {
        Some(query) => Head::new(Status::SEE_OTHER).field("Location", format!("/{path}{slash}{query}")),
        None => Head::new(Status::OK),
    };
    Response::bytes(head, media::TEXT, saved.into_bytes())
}

impl Sink for FormUpload {
    fn write(&mut self, content: &[u8], state: &State, disk: Blocking<'_>) -> Result<Flow, Response> {
        match self.take(content, state, disk) {
            Ok(()) => Ok(self.flow()),
            Err(response) => Err(self.client.remember(response, self.displaced)),
        }
    }

    /// The next file is created here too: that may take as long as a commit.
    fn work(mut self: Box<Self>, ended: bool, state: &State, disk: Blocking<'_>) -> Worked {
        if ended && self.finished.is_none() {
            return Worked::Respond(self.finish(), None);
        }
        match self.commit_finished(state, disk).and_then(|()| self.go_on(state, disk)) {
            Ok(()) => {
                let flow = self.flow();
                Worked::Resume(self, flow)
            }
            Err(response) => Worked::Respond(self.client.remember(response, self.displaced), None),
        }
    }

    fn opens_later(&self) -> bool {
        true
    }
}

impl Part {
    fn begin(
        head: &PartHead,
        directory: &SharePath,
        principal: &Principal,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Self, Response> {
        let Some(name) = head.filename.as_ref().filter(|name| !name.is_empty()) else {
            return Ok(Self::Skipped);
        };
        let path = directory.join(OsStr::from_bytes(name)).map_err(bad_request)?;
        let path = dav::stored_form(&path, principal, state, disk).unwrap_or(path);
        let grant = authorise::grant(principal, &path, state)?;
        let received = state.folder.receive(&grant, None, disk);
        received.map(|incoming| Self::File(Box::new(incoming))).map_err(|error| error_response::of(&error))
    }

    fn write(&mut self, bytes: &[u8], disk: Blocking<'_>) -> Result<(), Response> {
        match self {
            Self::File(incoming) => incoming.write(bytes, disk).map_err(|error| error_response::of(&error)),
            Self::Skipped => Ok(()),
        }
    }
}
