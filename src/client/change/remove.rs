//! Removes files and directories (RFC 9110 §9.3.5, RFC 4918 §9.6).
//!
//! Without `recursive`, a request has `Depth: 0`, which servers refuse for a directory. So the client need not ask for
//! the type first, and nothing can change in between.

use super::expand::is_root;
use super::kind::{RemoteKind, kind};
use super::outcome::RemoteChange;
use crate::client::change_error::RemoteChangeError;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::request::HttpRequest;
use crate::client::session::Session;
use crate::client::shown_target::ShownTarget;
use crate::http::request::Method;
use crate::http::status::Status;
use crate::own_paths::TRASH_FIELD;

/// What to do with a directory.
const ADVICE: &str = "rm -r removes it, with everything in it";

/// How many directories a question names.
const MOST_NAMED: usize = 3;

/// The status of a response that has several: a part of a directory is still there (RFC 4918 §9.6.1).
pub(super) const MULTI_STATUS: u16 = 207;

/// How things are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoveOptions {
    /// Directories too, with everything in them.
    pub recursive: bool,
    /// A missing name is not an error, and the user is not asked.
    pub force: bool,
    /// Nothing is removed.
    pub dry_run: bool,
}

/// Removes a target; `None` if it is missing, and that is not an error.
pub fn remove(
    session: &mut Session,
    target: &str,
    options: RemoveOptions,
) -> Result<Option<RemoteChange>, ClientError> {
    let RemoveOptions { recursive, force, dry_run } = options;
    let removed = |is_directory, is_kept| {
        Some(RemoteChange::Removed { target: target.to_owned(), is_directory, is_kept })
    };
    if is_root(target) {
        return Err(RemoteChangeError::Root.into());
    }
    if !recursive && target.ends_with('/') {
        return Err(RemoteChangeError::Directory(ADVICE).into());
    }
    if dry_run {
        return match kind(session, target)? {
            RemoteKind::Missing if force => Ok(None),
            RemoteKind::Missing => Err(ClientError::Refused(Status::NOT_FOUND, None)),
            RemoteKind::Directory if !recursive => Err(RemoteChangeError::Directory(ADVICE).into()),
            kind => Ok(removed(kind == RemoteKind::Directory, true)),
        };
    }
    // The type is only needed for the slash in the output: if the server does not say, the target is removed too.
    let is_directory =
        recursive && (target.ends_with('/') || matches!(kind(session, target), Ok(RemoteKind::Directory)));
    let fields: &[_] = if recursive { &[] } else { &[("Depth", "0")] };
    let request = HttpRequest { method: Method::Delete, target, fields, content: None };
    let response = session.send(&request)?;
    let status = response.head.status;
    if status.code() == MULTI_STATUS {
        response.body.discard()?;
        return Err(RemoteChangeError::Incomplete.into());
    }
    if status.is_success() {
        let is_kept = response.head.field(TRASH_FIELD).is_some();
        response.body.discard()?;
        return Ok(removed(is_directory, is_kept));
    }
    let refusal = error_response::read(response);
    match status {
        Status::NOT_FOUND | Status::GONE if force => Ok(None),
        Status::BAD_REQUEST if !recursive && matches!(kind(session, target), Ok(RemoteKind::Directory)) => {
            Err(RemoteChangeError::Directory(ADVICE).into())
        }
        _ => Err(refusal),
    }
}

/// The directories among these targets. Targets whose type is unknown are left out; an error appears when they are
/// removed.
pub fn directories(session: &mut Session, targets: &[String]) -> Vec<String> {
    let is_directory = |target: &&String| {
        target.ends_with('/') || matches!(kind(session, target), Ok(RemoteKind::Directory))
    };
    targets.iter().filter(is_directory).cloned().collect()
}

/// The question before directories are removed; `None` if there are none.
pub fn question(directories: &[String]) -> Option<String> {
    let slashed = |target: &String| format!("{}/", ShownTarget(target.trim_end_matches('/')));
    let what = match directories {
        [] => return None,
        [one] => format!("{} and everything in it", slashed(one)),
        few if few.len() <= MOST_NAMED => {
            format!("{} and everything in them", few.iter().map(slashed).collect::<Vec<_>>().join(", "))
        }
        many => format!("{} directories and everything in them", many.len()),
    };
    Some(format!("remove {what}? [y/N] "))
}

/// Whether an answer to a question agrees.
pub fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake_peer::{FakePeer, PeerAction};
    use PeerAction::{Read, Say};

    fn says(status: &str) -> PeerAction {
        Say(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak())
    }

    /// The line for this target, and the requests with their `Depth`.
    fn removed(target: &str, options: RemoveOptions, answers: &[PeerAction]) -> (String, Vec<String>) {
        let part: Vec<_> = answers.iter().flat_map(|answer| [Read, *answer]).collect();
        let peer = FakePeer::plays(&[&part]);
        let mut session = Session::new(peer.server());
        if answers.is_empty() {
            // The script begins with a connection.
            session.connect().expect("a server");
        }
        let said = match remove(&mut session, target, options) {
            Ok(Some(change)) => {
                super::super::ChangeLine { change: &change, is_planned: options.dry_run }.to_string()
            }
            Ok(None) => "nothing".to_owned(),
            Err(error) => error.to_string(),
        };
        drop(session);
        let line = |head: &String| {
            let depth = head.lines().find_map(|line| line.strip_prefix("Depth: "));
            let first = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
            format!("{first}{}", depth.map(|depth| format!(" {depth}")).unwrap_or_default())
        };
        (said, peer.heard().iter().map(line).collect())
    }

    #[test]
    fn files_and_directories() {
        let plain = RemoveOptions::default();
        let tree = RemoveOptions { recursive: true, ..plain };
        let forced = RemoveOptions { force: true, ..plain };
        let moved = Say("HTTP/1.1 308 x\r\nLocation: /d/\r\nContent-Length: 0\r\n\r\n");
        let done = says("204 No Content");
        let kept = Say("HTTP/1.1 204 x\r\nWharf-Trash: 01-ab\r\nContent-Length: 0\r\n\r\n");
        let missing = says("404 Not Found");
        let directory = "it is a directory (rm -r removes it, with everything in it)";
        let root = RemoteChangeError::Root.to_string();
        let cases: [(&str, RemoveOptions, Vec<PeerAction>, &str, &[&str]); 16] = [
            ("/a", plain, vec![kept], "removed /a", &["DELETE /a 0"]),
            ("/a", plain, vec![done], "removed /a for good", &["DELETE /a 0"]),
            ("/%C3%BC%20x", plain, vec![kept], "removed /ü x", &["DELETE /%C3%BC%20x 0"]),
            ("/.wharf/l/abc/a", plain, vec![kept], "removed /a", &["DELETE /.wharf/l/abc/a 0"]),
            ("/d", tree, vec![moved, kept], "removed /d/", &["HEAD /d", "DELETE /d"]),
            ("/d/", tree, vec![done], "removed /d/ for good", &["DELETE /d/"]),
            ("/d", plain, vec![says("400 No"), moved], directory, &["DELETE /d 0", "HEAD /d"]),
            ("/d/", plain, vec![], directory, &[]),
            ("/a", plain, vec![missing], "404 Not Found", &["DELETE /a 0"]),
            ("/a", forced, vec![missing], "nothing", &["DELETE /a 0"]),
            ("/a", forced, vec![says("403 No")], "403 Forbidden", &["DELETE /a 0"]),
            (
                "/d/",
                tree,
                vec![says("207 x")],
                "the server has changed only a part of the directory",
                &["DELETE /d/"],
            ),
            ("/", tree, vec![], &root, &[]),
            ("/.wharf/l/abc/", tree, vec![], &root, &[]),
            (
                "/d",
                RemoveOptions { dry_run: true, ..tree },
                vec![moved],
                "would remove /d/ and everything in it",
                &["HEAD /d"],
            ),
            ("/d", RemoveOptions { dry_run: true, ..plain }, vec![moved], directory, &["HEAD /d"]),
        ];
        for (target, options, answers, said, heard) in cases {
            let found = removed(target, options, &answers);
            assert_eq!(found.0, said, "{target} {options:?}");
            assert_eq!(found.1, heard, "{target} {options:?}");
        }
    }

    #[test]
    fn one_question_for_all_directories() {
        let names = |count: usize| (0..count).map(|number| format!("/{number}")).collect::<Vec<_>>();
        assert_eq!(question(&[]), None);
        let asked = |count| question(&names(count)).expect("a question");
        assert_eq!(asked(1), "remove /0/ and everything in it? [y/N] ");
        assert_eq!(asked(2), "remove /0/, /1/ and everything in them? [y/N] ");
        assert_eq!(asked(9), "remove 9 directories and everything in them? [y/N] ");
        for (answer, agrees) in [("y", true), (" YES\n", true), ("", false), ("no", false), ("yeah", false)] {
            assert_eq!(is_yes(answer), agrees, "{answer:?}");
        }
    }
}
