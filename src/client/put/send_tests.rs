//! Sends files to a server that follows a script.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::client::address::ServerAddress;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::put::{Memory, PutOptions, PutServer};
use crate::client::timeouts::Timeouts;

/// The response to an upload.
const SAVED: PeerAction = PeerAction::Say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");

/// Sends a file of this length to a server with this script. Returns the result and the requests.
fn send(length: u64, retries: u32, part: &[&[PeerAction]]) -> (Result<Sent, ClientError>, Vec<String>) {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("a");
    fs::File::create(&file).and_then(|file| file.set_len(length)).expect("a file");
    send_file(file, retries, part)
}

fn send_file(
    file: PathBuf,
    retries: u32,
    part: &[&[PeerAction]],
) -> (Result<Sent, ClientError>, Vec<String>) {
    let options = PutOptions { retries, force: true, timeouts: Timeouts::default() };
    let peer = FakePeer::plays(part);
    let server = PutServer::new(ServerAddress::root(peer.server()));
    let sent = FileSender::new(&server, &Memory::default(), options, &Arc::default()).send(&PutOrder {
        file,
        path: b"in/a b".to_vec(),
        is_directory: false,
    });
    (sent, peer.heard())
}

#[test]
fn a_small_file_needs_one_request() {
    let (sent, heard) = send(5, 0, &[&[PeerAction::Read, SAVED]]);
    assert!(sent.expect("saved").to_string().starts_with("201 Created → /in/a%20b, 5 B in "));
    assert!(heard[0].starts_with("PUT /in/a%20b HTTP/1.1\r\n"), "{heard:?}");
}

#[test]
fn an_unsettled_file_is_not_a_resumable_upload() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("a");
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    fs::File::create(&file)
        .and_then(|file| file.set_len(RESUMABLE_FROM).and_then(|()| file.set_modified(later)))
        .expect("a file");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let part = [PeerAction::ReadHead, go_on, PeerAction::ReadContent(RESUMABLE_FROM as usize), SAVED];
    let (sent, heard) = send_file(file, 0, &[&part]);
    assert!(sent.is_ok() && heard[0].starts_with("PUT "), "{sent:?}");
}

#[test]
fn another_server_gets_a_plain_upload() {
    let no = PeerAction::Say("HTTP/1.1 405 No\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let content = PeerAction::ReadContent(RESUMABLE_FROM as usize);
    let (sent, heard) =
        send(RESUMABLE_FROM, 0, &[&[PeerAction::Read, no, PeerAction::ReadHead, go_on, content, SAVED]]);
    assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{sent:?}");
    assert!(heard[0].starts_with("OPTIONS /in/a%20b "), "{}", heard[0]);
    assert!(heard[1].starts_with("PUT /in/a%20b ") && !heard[1].contains("Upload-"), "{}", &heard[1][..200]);
}

#[test]
fn temporary_errors_are_retried() {
    let busy = PeerAction::Say("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
    let (sent, heard) = send(5, 1, &[&[PeerAction::Read, busy, PeerAction::Read, SAVED]]);
    assert!(sent.is_ok() && heard.len() == 2, "{sent:?}");
    let (sent, _) = send(5, 1, &[&[PeerAction::Read, busy, PeerAction::Read, busy]]);
    assert!(matches!(sent, Err(ClientError::Refused(Status::SERVICE_UNAVAILABLE, _))), "{sent:?}");
    let no = PeerAction::Say("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    let (sent, heard) = send(5, 9, &[&[PeerAction::Read, no]]);
    assert!(sent.is_err() && heard.len() == 1, "that will not pass");
}

#[test]
fn an_upload_at_another_server_is_not_followed() {
    let yes = PeerAction::Say(
        "HTTP/1.1 204 No Content\r\nAccept-Patch: text/plain, application/partial-upload\r\n\r\n",
    );
    let elsewhere = PeerAction::Say(
        "HTTP/1.1 201 Created\r\nLocation: http://evil.example/u\r\nContent-Length: 0\r\n\r\n",
    );
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&[PeerAction::Read, yes, PeerAction::Read, elsewhere]]);
    assert!(matches!(sent, Err(ClientError::Elsewhere(_))), "{sent:?}");
    assert!(heard[1].contains("Upload-Complete: ?0\r\nUpload-Length: 1048576\r\n"), "{}", heard[1]);
}

/// A response without content.
fn says(status: &str, fields: &str) -> PeerAction {
    PeerAction::Say(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n").leak())
}

#[test]
fn if_resumable_uploads_are_refused_it_is_sent_whole() {
    let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
    let begun = says("201 Created", "Location: /u\r\n");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let content = PeerAction::ReadContent(RESUMABLE_FROM as usize);
    let whole = [PeerAction::ReadHead, go_on, content, SAVED];
    let beginnings = [
        ("too many", says("503 Busy", "Retry-After: 60\r\n")),
        ("another version of the draft", says("400 Bad Request", "")),
        ("not implemented", says("501 Not Implemented", "")),
        ("a response without Location", says("201 Created", "")),
    ];
    for (name, refusal) in beginnings {
        let acts = [&[PeerAction::Read, yes, PeerAction::Read, refusal][..], &whole].concat();
        let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts]);
        assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{name}: {sent:?}");
        assert!(heard[2].starts_with("PUT ") && !heard[2].contains("Upload-"), "{name}");
    }
    let lost = [
        ("lost", says("404 Not Found", "")),
        ("gone", says("410 Gone", "")),
        ("taken over", says("409 Conflict", "")),
        ("no such method", says("405 Method Not Allowed", "Allow: PUT\r\n")),
        ("not implemented", says("501 Not Implemented", "")),
    ];
    for (name, refusal) in lost {
        let acts =
            [&[PeerAction::Read, yes, PeerAction::Read, begun, PeerAction::ReadHead, refusal][..], &whole]
                .concat();
        let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts[..6], &acts[6..]]);
        assert!(matches!(sent, Ok(Sent::Saved { resumed: 0, .. })), "{name}: {sent:?}");
        assert!(heard[2].starts_with("PATCH /u ") && heard[3].starts_with("PUT "), "{name}: {heard:?}");
    }
}

#[test]
fn a_refused_file_is_the_result() {
    let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
    let begun = says("201 Created", "Location: /u\r\n");
    let exists = says("409 Conflict", "Upload-Complete: ?1\r\n");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let content = PeerAction::ReadContent(RESUMABLE_FROM as usize);
    let part = [PeerAction::Read, yes, PeerAction::Read, begun, PeerAction::ReadHead, go_on, content, exists];
    let (sent, _) = send(RESUMABLE_FROM, 9, &[&part]);
    assert!(matches!(sent, Err(ClientError::Refused(Status::CONFLICT, _))), "{sent:?}");
    let busy = says("503 Busy", "");
    let part = [PeerAction::Read, yes, PeerAction::Read, busy, PeerAction::ReadHead, busy];
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&part]);
    assert!(matches!(sent, Err(ClientError::Refused(Status::SERVICE_UNAVAILABLE, _))), "{sent:?}");
    assert_eq!(heard.len(), 3, "one attempt");
}
