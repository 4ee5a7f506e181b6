//! Sends files to a server that follows a script.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::client::address::ServerAddress;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::put::{Memory, PutOptions, PutServer};
use crate::client::timeouts::Timeouts;
use crate::client::undo_cookies::UndoCookies;

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
    let server = PutServer::new(ServerAddress::root(peer.server()), UndoCookies::default());
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
    assert!(sent.expect("saved").to_string().starts_with("201 Created → /in/a b, 5 B in "));
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

/// A server with resumable uploads, and these limits.
fn offers(limits: &str) -> PeerAction {
    says("204 No Content", &format!("Accept-Patch: application/partial-upload\r\nUpload-Limit: {limits}\r\n"))
}

/// The lines of a request's head that belong to the draft, without its version.
fn draft_lines(request: &str) -> Vec<&str> {
    let head = request.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().filter(|line| line.starts_with("Upload-") && !line.contains("Interop")).collect()
}

#[test]
fn requests_are_no_larger_than_the_server_allows() {
    const PIECE: usize = 400_000;
    let last = RESUMABLE_FROM as usize - 2 * PIECE;
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let limit = format!("Upload-Limit: max-append-size={PIECE}\r\n");
    let begun = says("201 Created", &format!("Location: /u\r\n{limit}"));
    let piece = |size: usize, answer| [PeerAction::ReadHead, go_on, PeerAction::ReadContent(size), answer];
    let part = |offset: usize| {
        says("204 No Content", &format!("Upload-Complete: ?0\r\nUpload-Offset: {offset}\r\n"))
    };
    let saved = says("201 Created", "Upload-Complete: ?1\r\n");
    let pieces = [piece(PIECE, part(PIECE)), piece(PIECE, part(2 * PIECE)), piece(last, saved)].concat();
    let known = [&[PeerAction::Read, offers("max-age=9"), PeerAction::Read, begun][..], &pieces].concat();
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&known]);
    assert!(matches!(sent, Ok(Sent::Saved { status: Status::CREATED, .. })), "{sent:?}");
    let expected = [
        ["Upload-Offset: 0", "Upload-Complete: ?0"],
        ["Upload-Offset: 400000", "Upload-Complete: ?0"],
        ["Upload-Offset: 800000", "Upload-Complete: ?1"],
    ];
    assert_eq!(heard[2..].iter().map(|request| draft_lines(request)).collect::<Vec<_>>(), expected);
    let version = |request: &String| request.contains("Upload-Draft-Interop-Version: 9\r\n");
    assert!(heard.iter().all(version), "all requests name the version");
    // The client reads the limit from the refusal.
    let begun = says("201 Created", "Location: /u\r\n");
    let refused = says("413 Content Too Large", &limit);
    let first =
        [PeerAction::Read, offers("max-age=9"), PeerAction::Read, begun, PeerAction::ReadHead, refused];
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&first, &pieces]);
    assert!(matches!(sent, Ok(Sent::Saved { .. })), "{sent:?}");
    assert_eq!(heard[3..].iter().map(|request| draft_lines(request)).collect::<Vec<_>>(), expected);
    // It is large enough for all.
    let go = piece(RESUMABLE_FROM as usize, saved);
    let acts =
        [&[PeerAction::Read, offers("max-append-size=99999999"), PeerAction::Read, begun][..], &go].concat();
    assert!(send(RESUMABLE_FROM, 0, &[&acts]).0.is_ok());
}

#[test]
fn limits_that_cannot_be_kept_lead_to_a_plain_upload() {
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let whole = [PeerAction::ReadHead, go_on, PeerAction::ReadContent(RESUMABLE_FROM as usize), SAVED];
    for limits in ["max-size=1000", "min-size=9999999", "min-append-size=1", "max-append-size=0"] {
        let (sent, heard) =
            send(RESUMABLE_FROM, 0, &[&[&[PeerAction::Read, offers(limits)][..], &whole].concat()]);
        assert!(sent.is_ok(), "{limits}: {sent:?}");
        assert!(
            heard[1].starts_with("PUT ") && draft_lines(&heard[1]).is_empty(),
            "{limits}: {:?}",
            &heard[1][..99]
        );
    }
    // Invalid limits are ignored.
    let begun = says("201 Created", "Location: /u\r\nUpload-Limit: max-size=1.5\r\n");
    let saved = says("201 Created", "Upload-Complete: ?1\r\n");
    let append = [PeerAction::ReadHead, go_on, PeerAction::ReadContent(RESUMABLE_FROM as usize), saved];
    let acts = [&[PeerAction::Read, offers("max-size=\"1\""), PeerAction::Read, begun][..], &append].concat();
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts]);
    assert!(sent.is_ok() && heard[2].starts_with("PATCH /u "), "{sent:?}");
    // Limits that appear with the upload cancel it.
    let begun = says("201 Created", "Location: /u\r\nUpload-Limit: max-size=1\r\n");
    let gone = says("204 No Content", "");
    let acts = [
        &[PeerAction::Read, offers("max-age=9"), PeerAction::Read, begun, PeerAction::Read, gone][..],
        &whole,
    ];
    let (sent, heard) = send(RESUMABLE_FROM, 0, &[&acts.concat()]);
    assert!(sent.is_ok() && heard[2].starts_with("DELETE /u ") && heard[3].starts_with("PUT "), "{sent:?}");
}

/// The upload is complete, but the final response was lost.
#[test]
fn a_lost_final_response_is_asked_for_again() {
    let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
    let begun = says("201 Created", "Location: /u\r\n");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let content = PeerAction::ReadContent(RESUMABLE_FROM as usize);
    let lost = [PeerAction::Read, yes, PeerAction::Read, begun, PeerAction::ReadHead, go_on, content];
    let offset = format!("Upload-Offset: {RESUMABLE_FROM}\r\n");
    let complete = says("204 No Content", &format!("Upload-Complete: ?1\r\n{offset}"));
    let untold = says("200 OK", &offset);
    let cases = [
        ("it is repeated", complete, says("201 Created", "Upload-Complete: ?1\r\n"), Ok(Status::CREATED)),
        (
            "HEAD has only the offset",
            untold,
            says("201 Created", "Upload-Complete: ?1\r\n"),
            Ok(Status::CREATED),
        ),
        ("it is not repeated", complete, says("404 Not Found", ""), Ok(Status::NO_CONTENT)),
        ("nor is it an error", complete, says("400 Bad Request", ""), Ok(Status::NO_CONTENT)),
        ("it was an error", complete, says("409 Conflict", "Upload-Complete: ?1\r\n"), Err(Status::CONFLICT)),
    ];
    for (name, head, answer, expected) in cases {
        let again = [PeerAction::Read, head, PeerAction::Read, answer];
        let (sent, heard) = send(RESUMABLE_FROM, 1, &[&lost, &again]);
        let found = match sent {
            Ok(Sent::Saved { status, .. }) => Ok(status),
            Err(ClientError::Refused(status, _)) => Err(status),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, expected, "{name}");
        assert!(heard[3].starts_with("HEAD /u "), "{name}: {heard:?}");
        assert_eq!(draft_lines(&heard[4]), [offset.trim_end(), "Upload-Complete: ?1"], "{name}");
        assert!(heard[4].starts_with("PATCH /u ") && heard[4].contains("Content-Length: 0\r\n"), "{name}");
    }
}

/// `204` without `Upload-Complete: ?1` says only that content was appended.
#[test]
fn only_a_confirmed_upload_is_saved() {
    let yes = says("204 No Content", "Accept-Patch: application/partial-upload\r\n");
    let begun = says("201 Created", "Location: /u\r\n");
    let go_on = PeerAction::Say("HTTP/1.1 100 Continue\r\n\r\n");
    let content = PeerAction::ReadContent(RESUMABLE_FROM as usize);
    let first = [PeerAction::Read, yes, PeerAction::Read, begun, PeerAction::ReadHead, go_on, content];
    let at_the_end = says("204 No Content", &format!("Upload-Offset: {RESUMABLE_FROM}\r\n"));
    let saved = says("201 Created", "Upload-Complete: ?1\r\n");
    for fields in ["", "Upload-Complete: ?0\r\n", "Upload-Complete: ?1\r\nUpload-Complete: ?1\r\n"] {
        let unclear = says("204 No Content", fields);
        let (sent, _) = send(RESUMABLE_FROM, 0, &[&[&first[..], &[unclear]].concat()]);
        assert!(matches!(sent, Err(ClientError::Broken(_))), "{fields}: {sent:?}");
        let acts = [&first[..], &[unclear, PeerAction::Read, at_the_end, PeerAction::Read, saved]].concat();
        let (sent, heard) = send(RESUMABLE_FROM, 1, &[&acts]);
        assert!(matches!(sent, Ok(Sent::Saved { status: Status::CREATED, .. })), "{fields}: {sent:?}");
        assert!(heard[3].starts_with("HEAD ") && heard[4].contains("Content-Length: 0\r\n"), "{fields}");
    }
}

/// The upload belongs to the user who began it, who may still be able to resume it.
#[test]
fn a_wrong_password_loses_no_upload() {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("a");
    let before = SystemTime::now() - Duration::from_secs(60);
    fs::File::create(&file)
        .and_then(|file| file.set_len(RESUMABLE_FROM).and_then(|()| file.set_modified(before)))
        .expect("a file");
    let no = PeerAction::Say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    let peer = FakePeer::plays(&[&[PeerAction::Read, no]]);
    let server = PutServer::new(ServerAddress::root(peer.server()), UndoCookies::default());
    let (memory, key) = (Memory::default(), UploadKey::of(&server.address.server, "/a", &file));
    let note = Note { identity: identity(&file).expect("there"), upload: "/upload/1".to_owned() };
    memory.remember(&key, note.clone());
    let options = PutOptions { retries: 3, force: true, timeouts: Timeouts::default() };
    let order = PutOrder { file, path: b"a".to_vec(), is_directory: false };
    let sent = FileSender::new(&server, &memory, options, &Arc::default()).send(&order);
    assert!(matches!(sent, Err(ClientError::Refused(Status::UNAUTHORIZED, _))), "{sent:?}");
    assert_eq!(memory.recall(&key), Some(note));
    assert!(peer.heard()[0].starts_with("HEAD /upload/1 "));
}
