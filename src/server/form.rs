//! Files that a browser's form sends: each part with a file name is saved in the directory that the form was sent to.
//!
//! A part is whole before the next begins, so files are committed as they come; a form that is cut in the middle of
//! its third file leaves two. One file is committed before the next is begun, and other connections get their turns
//! in between: a form of ten thousand small files takes no more descriptors, nor disk at a time, than one of two.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::answer::Answer;
use super::error_response::{self, bad_request};
use super::receiving::JobOutcome;
use super::route::FolderRequest;
use super::state::State;
use super::{chat, media, pages, upload};
use crate::chat::event::Uploader;
use crate::folder::{self, Guard, Incoming, SharePath};
use crate::http::multipart::{Boundary, MultipartDecoder, MultipartEvent, PartHead};
use crate::http::response::Head;
use crate::http::status::Status;
use crate::http::target::encode_path;

/// A form that is being received.
#[derive(Debug)]
pub struct FormUpload {
    decoder: MultipartDecoder,
    directory: SharePath,
    by: Uploader,
    /// Whether a browser is to be sent back to the listing.
    for_browser: bool,
    part: Part,
    /// A file that is whole and waits to be committed.
    finished: Option<Incoming>,
    /// What has come behind it, and waits for that.
    unread: Vec<u8>,
    /// A line for each file that was saved.
    saved: String,
}

/// What becomes of the part that is being read.
#[derive(Debug)]
enum Part {
    /// It is saved.
    File(Incoming),
    /// It is a field without a file, or a file that was not chosen.
    PassedOver,
}

impl FormUpload {
    /// Decides whether a form is wanted at all.
    pub fn begin(
        request: FolderRequest<'_, '_, '_>,
        boundary: &Boundary,
        size: Option<u64>,
        state: &State,
    ) -> Result<Self, Answer> {
        let FolderRequest { head, path: directory, peer, .. } = request;
        // What the folder says to a file of this size in that directory, it would say to each of them.
        let any = directory.join(OsStr::new("file")).map_err(bad_request)?;
        match state.folder.may_receive(&any, size) {
            Ok(()) | Err(folder::Error::Exists | folder::Error::IsDirectory) => {}
            Err(error) => return Err(error_response::of(&error)),
        }
        Ok(Self {
            decoder: MultipartDecoder::new(boundary),
            directory,
            by: chat::uploader(head, state, peer),
            for_browser: pages::are_wanted(head.fields),
            part: Part::PassedOver,
            finished: None,
            unread: Vec::new(),
            saved: String::new(),
        })
    }

    /// Takes the next bytes of the form. While a file is finished they are kept for [`FormUpload::go_on`].
    pub fn write(&mut self, mut input: &[u8], state: &State) -> Result<(), Answer> {
        while !input.is_empty() {
            let Self { decoder, directory, part, finished, unread, .. } = self;
            if finished.is_some() {
                unread.extend_from_slice(input);
                return Ok(());
            }
            let step = decoder.decode(input).map_err(bad_request)?;
            match step.event {
                Some(MultipartEvent::PartBegins(head)) => *part = Part::begin(&head, directory, state)?,
                Some(MultipartEvent::Data(bytes)) => part.write(bytes)?,
                Some(MultipartEvent::PartEnds) => {
                    if let Part::File(incoming) = std::mem::replace(part, Part::PassedOver) {
                        *finished = Some(incoming);
                    }
                }
                Some(MultipartEvent::Finished) | None => {}
            }
            input = &input[step.used..];
        }
        Ok(())
    }

    /// Goes on with what came behind a file that has been committed.
    pub fn go_on(&mut self, state: &State) -> Result<(), Answer> {
        let unread = std::mem::take(&mut self.unread);
        self.write(&unread, state)
    }

    /// Whether a file waits for [`FormUpload::commit_finished`].
    pub fn has_finished_file(&self) -> bool {
        self.finished.is_some()
    }

    /// Gives the file that is whole its name.
    pub fn commit_finished(&mut self, state: &State) -> Result<(), Answer> {
        if let Some(incoming) = self.finished.take() {
            let saved = incoming.commit(Guard::None).map_err(|error| error_response::of(&error))?;
            state.saved(&self.by, &saved);
            self.saved.push_str(&upload::line(&saved));
        }
        Ok(())
    }

    /// The body has ended, and every file in it has been committed: answers.
    pub fn finish(self: Box<Self>) -> JobOutcome {
        let answer = match self.decoder.finish().map_err(bad_request) {
            Ok(()) if self.saved.is_empty() => bad_request("the form contains no file"),
            Ok(()) => self.tell(),
            Err(answer) => answer,
        };
        JobOutcome::Answer(answer, None)
    }

    fn tell(self) -> Answer {
        let location = match encode_path(self.directory.as_bytes()) {
            root if root.is_empty() => "/?list".to_owned(),
            path => format!("/{path}/?list"),
        };
        let head = if self.for_browser {
            Head::new(Status::SEE_OTHER).field("Location", location)
        } else {
            Head::new(Status::OK)
        };
        Answer::bytes(head, media::TEXT, self.saved.into_bytes())
    }
}

impl Part {
    fn begin(head: &PartHead, directory: &SharePath, state: &State) -> Result<Self, Answer> {
        let Some(name) = head.filename.as_ref().filter(|name| !name.is_empty()) else {
            return Ok(Self::PassedOver);
        };
        let path = directory.join(OsStr::from_bytes(name)).map_err(bad_request)?;
        state.folder.receive(&path, None).map(Self::File).map_err(|error| error_response::of(&error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        match self {
            Self::File(incoming) => incoming.write(bytes).map_err(|error| error_response::of(&error)),
            Self::PassedOver => Ok(()),
        }
    }
}
