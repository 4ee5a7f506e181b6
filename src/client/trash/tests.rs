//! Tests of the trash of a server, as its client sees it.

use std::sync::Arc;

use super::*;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::undo_cookies::UndoCookies;
use PeerAction::{Read, Say};

fn json(text: &str) -> PeerAction {
    json_setting(text, "")
}

fn json_setting(text: &str, cookie: &str) -> PeerAction {
    let set = match cookie {
        "" => String::new(),
        _ => format!("Set-Cookie: wharf-undo-1={}; Path=/; Max-Age=999\r\n", cookie.repeat(64)),
    };
    Say(format!("HTTP/1.1 200 OK\r\n{set}Content-Length: {}\r\n\r\n{text}", text.len()).leak())
}

fn list(ids: &[&str], more: bool) -> PeerAction {
    let items: Vec<_> = ids
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","path":"/{id}","size":null,"time":"T","principal":null}}"#))
        .collect();
    json(&format!(r#"{{"items":[{}],"more":{more}}}"#, items.join(",")))
}

const MISSING: PeerAction = Say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");

/// Runs this with a trash whose server sends these responses. Also returns the requests, each with a digit of its
/// cookie.
fn asked<T>(
    cookies: &[&str],
    answers: &[PeerAction],
    act: impl FnOnce(&RemoteTrash, &mut Session) -> T,
) -> (T, Vec<String>) {
    let setting = cookies.iter().map(|cookie| json_setting("", cookie));
    let part: Vec<_> = setting.chain(answers.iter().copied()).flat_map(|answer| [Read, answer]).collect();
    let peer = FakePeer::plays(&[&part]);
    let known = Arc::new(UndoCookies::default());
    let mut session = Session::new(peer.server()).undoable(&known);
    for _ in cookies {
        let request = HttpRequest { method: Method::Delete, target: "/x", fields: &[], content: None };
        session.send(&request).expect("a response").body.discard().expect("whole");
    }
    let root = ServerAddress::root(peer.server());
    let trash = RemoteTrash::at(&mut session, &root).expect("the root needs no request");
    let done = act(&trash, &mut session);
    drop(session);
    let line = |head: &String| {
        let cookie = head.lines().find_map(|line| line.strip_prefix("Cookie: wharf-undo-1="));
        let first = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
        format!("{first}{}", cookie.map(|cookie| format!(" {}", &cookie[..1])).unwrap_or_default())
    };
    (done, peer.heard().iter().skip(cookies.len()).map(line).collect())
}

#[test]
fn all_entries_are_listed_the_newest_first() {
    let answers = [list(&["7", "5"], true), list(&["3"], false)];
    let (entries, requests) =
        asked(&["a"], &answers, |trash, session| trash.entries(session).expect("entries"));
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["7", "5", "3"]);
    assert_eq!(requests, ["GET /.wharf/trash?json a", "GET /.wharf/trash?json&before=5 a"]);
    let answers = [list(&["4"], false), list(&["7", "1"], false)];
    let (entries, _) =
        asked(&["a", "b"], &answers, |trash, session| trash.entries(session).expect("entries"));
    assert_eq!(entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["7", "4", "1"]);
    let (error, _) =
        asked(&[], &[json("<html>")], |trash, session| trash.entries(session).expect_err("no JSON"));
    assert_eq!(error.to_string(), "the response is not about the trash (is the server wharf?)");
}

#[test]
fn the_cookie_that_knows_an_entry_restores_it() {
    let restored = json(r#"{"path":"/a"}"#);
    let path = |trash: &RemoteTrash, session: &mut Session| {
        trash.restore(session, "7").unwrap_or_else(|error| error.to_string())
    };
    let (done, requests) = asked(&["a", "b"], &[MISSING, restored], path);
    assert_eq!(done, "/a");
    assert_eq!(requests, ["POST /.wharf/trash/7/restore b", "POST /.wharf/trash/7/restore a"]);
    let (done, requests) = asked(&["a", "b"], &[MISSING, MISSING], path);
    assert_eq!((&*done, requests.len()), ("404 Not Found", 2));
    let (done, requests) = asked(&[], &[restored], path);
    assert_eq!((&*done, requests), ("/a", vec!["POST /.wharf/trash/7/restore".to_owned()]));
}

#[test]
fn undo_restores_the_newest_of_all() {
    let restored = json(r#"{"path":"/a"}"#);
    let undo = |trash: &RemoteTrash, session: &mut Session| {
        trash.undo(session).unwrap_or_else(|error| error.to_string())
    };
    let (done, requests) = asked(&["a"], &[restored], undo);
    assert_eq!((&*done, requests), ("/a", vec!["POST /.wharf/undo a".to_owned()]));
    let answers = [list(&["4"], false), list(&["7"], false), restored];
    let (done, requests) = asked(&["a", "b"], &answers, undo);
    assert_eq!(done, "/a");
    assert_eq!(requests.last().map(String::as_str), Some("POST /.wharf/trash/7/restore b"));
    let (done, _) = asked(&["a", "b"], &[list(&[], false), list(&[], false), MISSING], undo);
    assert_eq!(done, "404 Not Found");
}

#[test]
fn a_client_without_credentials_and_cookies_is_unknown() {
    for (cookies, answers, nothing, undone) in [
        (&["a"][..], vec![MISSING], NOTHING, "404 Not Found"),
        (&[], vec![MISSING, list(&[], false)], UNKNOWN_CLIENT, UNKNOWN_CLIENT),
        (&[], vec![MISSING, MISSING], UNKNOWN_CLIENT, "404 Not Found"),
    ] {
        let (found, _) = asked(cookies, &answers, |trash, session| {
            (trash.nothing(), trash.undo(session).expect_err("nothing").to_string())
        });
        assert_eq!(found, (nothing, undone.to_owned()), "{cookies:?}");
    }
}

#[test]
fn the_trash_of_each_cookie_is_emptied() {
    let answers = [json(r#"{"count":2}"#), json(r#"{"count":3}"#)];
    let (count, requests) =
        asked(&["a", "b"], &answers, |trash, session| trash.empty(session).expect("emptied"));
    assert_eq!(
        (count, requests),
        (5, ["DELETE /.wharf/trash a", "DELETE /.wharf/trash b"].map(str::to_owned).to_vec())
    );
}

#[test]
fn an_entry_is_a_line() {
    let entry = |path: &str, size, principal: Option<&str>| RemoteTrashEntry {
        id: "0198-ab".to_owned(),
        path: path.to_owned(),
        size,
        time: "2026-11-21T07:00:00Z".to_owned(),
        principal: principal.map(str::to_owned),
    };
    let shown = |entries: &[RemoteTrashEntry]| {
        let mut out = Vec::new();
        show(entries, &mut out).expect("writing to a vector cannot fail");
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(
        shown(&[entry("/a\n", Some(1536), None), entry("/d/", None, None)]),
        "0198-ab  2026-11-21T07:00:00Z     1.5 KiB  /a\\n\n0198-ab  2026-11-21T07:00:00Z           -  /d/\n"
    );
    assert_eq!(
        shown(&[entry("/a", Some(1), Some("anna")), entry("/b", Some(2), None)]),
        "0198-ab  2026-11-21T07:00:00Z         1 B  anna  /a\n0198-ab  2026-11-21T07:00:00Z         2 B  -     /b\n"
    );
    assert_eq!(shown(&[]), "");
}
