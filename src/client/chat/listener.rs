//! Reads the event stream of the room, and resumes it after a break.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::display::{Style, lines};
use super::member::ChatMember;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::request::HttpRequest;
use crate::client::session::Session;
use crate::http::event_stream::decoder::{EventStreamDecoder, StreamEvent};
use crate::http::request::Method;
use crate::own_paths::{self, MEMBER_FIELD};

/// How long to try to reconnect.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first and the longest pause between two attempts. Each pause is twice as long as the previous one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Printed when the connection is lost.
const LOST: &str = "The server closed the connection.";

/// The members that are in the room, as far as the listener knows.
pub(super) type Present = Arc<Mutex<BTreeSet<String>>>;

/// Listens until the member leaves or the server cannot be reached for 30 seconds. `show` is called with lines to print,
/// each with its end. `left` is dropped when the member leaves.
pub(super) fn listen(
    member: &ChatMember,
    present: Present,
    left: &Receiver<()>,
    style: Style,
    show: impl FnMut(String),
) -> Result<(), ClientError> {
    let mut ear = Ear { decoder: EventStreamDecoder::new(), present, name: &member.name, style, show };
    let (mut lost_since, mut pause): (Option<Instant>, Duration) = (None, FIRST_PAUSE);
    loop {
        match open_and_listen(member, left, &mut ear) {
            Ok(()) => (lost_since, pause) = (None, FIRST_PAUSE),
            Err(ClientError::Refused(status, said))
                if status.code() != 503 && !has_left(left, Duration::ZERO) =>
            {
                return Err(ClientError::Refused(status, said));
            }
            Err(error @ ClientError::Moved(..)) => return Err(error),
            Err(_) => {}
        }
        if has_left(left, Duration::ZERO) {
            return Ok(());
        }
        let since = *lost_since.get_or_insert_with(|| {
            ear.show_line(LOST);
            Instant::now()
        });
        if since.elapsed() > PATIENCE {
            return Err(ClientError::NotRunning(member.root.server.to_string()));
        }
        if has_left(left, pause) {
            return Ok(());
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the member has left, or leaves within this time.
fn has_left(left: &Receiver<()>, at_most: Duration) -> bool {
    !matches!(left.recv_timeout(at_most), Err(RecvTimeoutError::Timeout))
}

/// Listens over one connection. Fails if the stream did not begin.
fn open_and_listen(
    member: &ChatMember,
    left: &Receiver<()>,
    ear: &mut Ear<'_, impl FnMut(String)>,
) -> Result<(), ClientError> {
    let token = member.token();
    match hear_once(member, &token, ear) {
        // The server was restarted, or has removed the member. A member that has left must not come back.
        Err(ClientError::Refused(status, _)) if status.code() == 403 && !has_left(left, Duration::ZERO) => {
            member.join_again(&token)?;
            hear_once(member, &member.token(), ear)
        }
        other => other,
    }
}

fn hear_once(
    member: &ChatMember,
    token: &str,
    ear: &mut Ear<'_, impl FnMut(String)>,
) -> Result<(), ClientError> {
    let mut session = Session::new(member.root.server.clone());
    let last = ear.decoder.last_event_id().to_owned();
    let mut fields = vec![(MEMBER_FIELD, token), ("Accept", "text/event-stream")];
    if !last.is_empty() {
        fields.push(("Last-Event-ID", &last));
    }
    let response = session.send(&HttpRequest {
        method: Method::Get,
        target: &member.target(own_paths::CHAT_EVENTS),
        fields: &fields,
        content: None,
    })?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response));
    }
    // A new stream begins at the start of a line, even if the previous stream ended within a line.
    ear.decoder = EventStreamDecoder::resuming(&last);
    // Any end is treated alike: the next stream resumes after the last complete event.
    let _ = response.body.pour(ear);
    Ok(())
}

/// Decodes the bytes of a stream and shows its events.
struct Ear<'m, S> {
    decoder: EventStreamDecoder,
    present: Present,
    /// The member's own name.
    name: &'m str,
    style: Style,
    show: S,
}

impl<S: FnMut(String)> Ear<'_, S> {
    fn show_line(&mut self, line: &str) {
        (self.show)(format!("{line}\n"));
    }
}

impl<S: FnMut(String)> Write for Ear<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(event) = self.decoder.next(&mut rest).map_err(io::Error::other)? {
            note_presence(&self.present, &event);
            for line in lines(&event, self.name, self.style) {
                self.show_line(&line);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn note_presence(present: &Present, event: &StreamEvent) {
    let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return };
    let mut present = present.lock().unwrap_or_else(PoisonError::into_inner);
    let user = data["user"].as_str().unwrap_or_default();
    match event.event.as_str() {
        "welcome" | "reset" => {
            let users = data["users"].as_array().map(Vec::as_slice).unwrap_or_default();
            *present = users.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        "join" => drop(present.insert(user.to_owned())),
        "leave" => drop(present.remove(user)),
        _ => {}
    }
}
