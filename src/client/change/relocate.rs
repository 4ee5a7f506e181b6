//! Moves and copies files and directories on one server (RFC 4918 §9.8, §9.9).
//!
//! ```text
//! MOVE, Overwrite: F ── 201 ──────────────────────────────────────────────────────────────> moved
//!                    └─ 412, 409 ── HEAD ── a directory: into it, once ── as above
//!                                        ├─ a directory again: refused
//!                                        └─ a file ── MOVE, Overwrite: T ── 201, 204 ─────> moved, the file replaced
//! ```
//!
//! If a request may replace something, it may replace a directory too (RFC 4918 §9.9.3). So the first request must not
//! replace anything.

use super::expand::is_root;
use super::kind::{RemoteKind, kind};
use super::outcome::{Relocate, RemoteChange};
use super::remove::MULTI_STATUS;
use crate::client::address::Endpoint;
use crate::client::change_error::RemoteChangeError;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::request::HttpRequest;
use crate::client::session::Session;
use crate::http::request::Method;
use crate::http::status::Status;

/// What to do with a directory.
const ADVICE: &str = "cp -r copies it, with everything in it";

/// How things are moved or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelocateOptions {
    /// Whether the source stays.
    pub how: Relocate,
    /// Directories are copied too, with everything in them. They are always moved.
    pub recursive: bool,
    /// No file is replaced.
    pub no_clobber: bool,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// Where things go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelocateTo {
    target: String,
    /// Whether the target is the directory into which they go.
    is_parent: bool,
}

impl RelocateTo {
    /// Where this many sources go. A target with a slash, or a target for several sources, is a directory into which
    /// they go.
    pub fn of(session: &mut Session, target: String, sources: usize) -> Result<Self, ClientError> {
        let has_slash = target.ends_with('/');
        if sources > 1 && !has_slash && kind(session, &target)? != RemoteKind::Directory {
            return Err(RemoteChangeError::NotADirectory.into());
        }
        Ok(Self { is_parent: has_slash || sources > 1, target })
    }

    /// The name that a source gets in this directory.
    fn inside(&self, from: &str) -> String {
        let name = from.trim_end_matches('/');
        let name = name.get(name.rfind('/').map_or(0, |slash| slash + 1)..).unwrap_or_default();
        format!("{}/{name}", self.target.trim_end_matches('/'))
    }
}

/// The result of a request that may replace nothing.
enum Attempt {
    Done,
    /// Something else may have the new name: 412, or 409 if a directory has it.
    Exists(ClientError),
}

/// Moves or copies a target.
pub fn relocate(
    session: &mut Session,
    from: &str,
    to: &RelocateTo,
    options: RelocateOptions,
) -> Result<RemoteChange, ClientError> {
    if is_root(from) {
        return Err(RemoteChangeError::Root.into());
    }
    if options.how == Relocate::Copy && !options.recursive {
        refuse_directory(session, from)?;
    }
    if options.dry_run {
        return plan(session, from, to, options);
    }
    let changed =
        |to, replaces| RemoteChange::Relocated { how: options.how, from: from.to_owned(), to, replaces };
    let mut target = if to.is_parent { to.inside(from) } else { to.target.clone() };
    let mut refusal = match attempt(session, from, &target, options.how)? {
        Attempt::Done => return Ok(changed(target, false)),
        Attempt::Exists(refusal) => refusal,
    };
    // If the server does not say what has the name, nothing is replaced.
    let Ok(mut there) = kind(session, &target) else { return Err(refusal) };
    if there == RemoteKind::Directory && !to.is_parent {
        target = to.inside(from);
        refusal = match attempt(session, from, &target, options.how)? {
            Attempt::Done => return Ok(changed(target, false)),
            Attempt::Exists(refusal) => refusal,
        };
        let Ok(inside) = kind(session, &target) else { return Err(refusal) };
        there = inside;
    }
    match there {
        RemoteKind::File | RemoteKind::Directory if options.no_clobber => {
            Ok(RemoteChange::Kept { from: from.to_owned(), to: target })
        }
        RemoteKind::Directory => Err(RemoteChangeError::InTheWay(target).into()),
        _ if !matches!(refusal, ClientError::Refused(Status::PRECONDITION_FAILED, _)) => Err(refusal),
        RemoteKind::File | RemoteKind::Missing => {
            ask(session, from, &target, options.how, "T")??;
            Ok(changed(target, there == RemoteKind::File))
        }
    }
}

/// What would be done.
fn plan(
    session: &mut Session,
    from: &str,
    to: &RelocateTo,
    options: RelocateOptions,
) -> Result<RemoteChange, ClientError> {
    if kind(session, from)? == RemoteKind::Missing {
        return Err(ClientError::Refused(Status::NOT_FOUND, None));
    }
    let mut target = if to.is_parent { to.inside(from) } else { to.target.clone() };
    let mut there = kind(session, &target)?;
    if there == RemoteKind::Directory && !to.is_parent {
        target = to.inside(from);
        there = kind(session, &target)?;
    }
    let replaces = match there {
        RemoteKind::Missing => false,
        _ if options.no_clobber => return Ok(RemoteChange::Kept { from: from.to_owned(), to: target }),
        RemoteKind::Directory => return Err(RemoteChangeError::InTheWay(target).into()),
        RemoteKind::File => true,
    };
    Ok(RemoteChange::Relocated { how: options.how, from: from.to_owned(), to: target, replaces })
}

/// A copy with `Depth: 0` would be an empty directory (RFC 4918 §9.8.3), so it cannot be refused by the server.
fn refuse_directory(session: &mut Session, from: &str) -> Result<(), ClientError> {
    if from.ends_with('/') || kind(session, from)? == RemoteKind::Directory {
        return Err(RemoteChangeError::Directory(ADVICE).into());
    }
    Ok(())
}

fn attempt(session: &mut Session, from: &str, to: &str, how: Relocate) -> Result<Attempt, ClientError> {
    match ask(session, from, to, how, "F")? {
        Ok(()) => Ok(Attempt::Done),
        Err(refusal @ ClientError::Refused(Status::PRECONDITION_FAILED | Status::CONFLICT, _)) => {
            Ok(Attempt::Exists(refusal))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Sends a request; the inner error is what the server says.
fn ask(
    session: &mut Session,
    from: &str,
    to: &str,
    how: Relocate,
    overwrite: &str,
) -> Result<Result<(), ClientError>, ClientError> {
    let method = match how {
        Relocate::Move => Method::Move,
        Relocate::Copy => Method::Copy,
    };
    let destination = absolute(session.server(), to);
    let fields = [("Destination", &*destination), ("Overwrite", overwrite)];
    let response = session.send(&HttpRequest { method, target: from, fields: &fields, content: None })?;
    let status = response.head.status;
    if status.code() == MULTI_STATUS {
        response.body.discard()?;
        return Ok(Err(RemoteChangeError::Incomplete.into()));
    }
    if !status.is_success() {
        return Ok(Err(error_response::read(response)));
    }
    response.body.discard().map(|_| Ok(()))
}

/// A target as a URI: some servers refuse a path.
fn absolute(server: &Endpoint, target: &str) -> String {
    format!("{}://{}{target}", server.scheme(), server.host_field())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::change::ChangeLine;
    use crate::client::fake_peer::{FakePeer, PeerAction};
    use PeerAction::{Read, Say};

    const MOVED: RelocateOptions =
        RelocateOptions { how: Relocate::Move, recursive: false, no_clobber: false, dry_run: false };

    fn says(status: &str) -> PeerAction {
        Say(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak())
    }

    fn leads_to(target: &str) -> PeerAction {
        Say(format!("HTTP/1.1 308 x\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n").leak())
    }

    /// The printed line of this command, and its requests. Each request is shown with the path of its destination and
    /// its `Overwrite`.
    fn relocated(
        (from, to, count): (&str, &str, usize),
        options: RelocateOptions,
        answers: &[PeerAction],
    ) -> (String, Vec<String>) {
        let part: Vec<_> = answers.iter().flat_map(|answer| [Read, *answer]).collect();
        let peer = FakePeer::plays(&[&part]);
        let mut session = Session::new(peer.server());
        if answers.is_empty() {
            // The script begins with a connection.
            session.connect().expect("a server");
        }
        let root = absolute(&peer.server(), "");
        let done = RelocateTo::of(&mut session, to.to_owned(), count)
            .and_then(|to| relocate(&mut session, from, &to, options));
        let said = match done {
            Ok(change) => ChangeLine { change: &change, is_planned: options.dry_run }.to_string(),
            Err(error) => error.to_string(),
        };
        drop(session);
        let line = |head: &String| {
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
            let first = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
            let to = field("Destination: ").map(|to| format!(" {}", to.strip_prefix(&root).expect("a URI")));
            let overwrite = field("Overwrite: ").map(|flag| format!(" {flag}"));
            format!("{first}{}{}", to.unwrap_or_default(), overwrite.unwrap_or_default())
        };
        (said, peer.heard().iter().map(line).collect())
    }

    #[test]
    fn where_things_go_and_what_is_replaced() {
        let (new, replaced, exists) = (says("201 x"), says("204 x"), says("412 x"));
        let (file, missing) = (says("200 x"), says("404 x"));
        let (d, d_a) = (leads_to("/d/"), leads_to("/d/a/"));
        let kept = RelocateOptions { no_clobber: true, ..MOVED };
        let in_the_way = RemoteChangeError::InTheWay("/d/a".to_owned()).to_string();
        let several = RemoteChangeError::NotADirectory.to_string();
        let cases: [((&str, &str, usize), RelocateOptions, Vec<PeerAction>, &str, &[&str]); 16] = [
            (("/a", "/b", 1), MOVED, vec![new], "moved /a → /b", &["MOVE /a /b F"]),
            (("/a", "/d/", 1), MOVED, vec![new], "moved /a → /d/a", &["MOVE /a /d/a F"]),
            (("/x/a/", "/d/", 1), MOVED, vec![new], "moved /x/a/ → /d/a", &["MOVE /x/a/ /d/a F"]),
            (
                ("/a", "/d", 1),
                MOVED,
                vec![exists, d, new],
                "moved /a → /d/a",
                &["MOVE /a /d F", "HEAD /d", "MOVE /a /d/a F"],
            ),
            (
                ("/a", "/b", 1),
                MOVED,
                vec![exists, file, replaced],
                "moved /a → /b (replaced a file)",
                &["MOVE /a /b F", "HEAD /b", "MOVE /a /b T"],
            ),
            (
                ("/a", "/d", 1),
                MOVED,
                vec![exists, d, exists, file, replaced],
                "moved /a → /d/a (replaced a file)",
                &["MOVE /a /d F", "HEAD /d", "MOVE /a /d/a F", "HEAD /d/a", "MOVE /a /d/a T"],
            ),
            (
                ("/a", "/d", 1),
                MOVED,
                vec![exists, d, exists, d_a],
                &in_the_way,
                &["MOVE /a /d F", "HEAD /d", "MOVE /a /d/a F", "HEAD /d/a"],
            ),
            (
                ("/a", "/b", 1),
                kept,
                vec![exists, file],
                "skipped /a: /b exists",
                &["MOVE /a /b F", "HEAD /b"],
            ),
            (
                ("/a", "/b", 1),
                MOVED,
                vec![exists, says("403 x")],
                "412 Precondition Failed",
                &["MOVE /a /b F", "HEAD /b"],
            ),
            (
                ("/a", "/b", 1),
                MOVED,
                vec![exists, missing, new],
                "moved /a → /b",
                &["MOVE /a /b F", "HEAD /b", "MOVE /a /b T"],
            ),
            (("/a", "/d", 2), MOVED, vec![d, new], "moved /a → /d/a", &["HEAD /d", "MOVE /a /d/a F"]),
            (("/a", "/b", 2), MOVED, vec![file], &several, &["HEAD /b"]),
            (
                ("/a", "/b", 1),
                MOVED,
                vec![says("207 x")],
                "the server has changed only a part of the directory",
                &["MOVE /a /b F"],
            ),
            (
                ("/a", "/x/b", 1),
                MOVED,
                vec![says("409 x"), missing],
                "409 Conflict",
                &["MOVE /a /x/b F", "HEAD /x/b"],
            ),
            (
                ("/a", "/d", 1),
                MOVED,
                vec![says("409 x"), d, new],
                "moved /a → /d/a",
                &["MOVE /a /d F", "HEAD /d", "MOVE /a /d/a F"],
            ),
            (("/", "/b", 1), MOVED, vec![], &RemoteChangeError::Root.to_string(), &[]),
        ];
        for (paths, options, answers, said, heard) in cases {
            let found = relocated(paths, options, &answers);
            assert_eq!(found.0, said, "{paths:?} {options:?}");
            assert_eq!(found.1, heard, "{paths:?} {options:?}");
        }
    }

    #[test]
    fn copies() {
        let copied = RelocateOptions { how: Relocate::Copy, ..MOVED };
        let tree = RelocateOptions { recursive: true, ..copied };
        let (new, file, d) = (says("201 x"), says("200 x"), leads_to("/d/"));
        let directory = RemoteChangeError::Directory(ADVICE).to_string();
        let cases: [((&str, &str, usize), RelocateOptions, Vec<PeerAction>, &str, &[&str]); 5] = [
            (("/a", "/b", 1), copied, vec![file, new], "copied /a → /b", &["HEAD /a", "COPY /a /b F"]),
            (("/d", "/b", 1), copied, vec![d], &directory, &["HEAD /d"]),
            (("/d/", "/b", 1), copied, vec![], &directory, &[]),
            (("/d", "/b", 1), tree, vec![new], "copied /d → /b", &["COPY /d /b F"]),
            (("/d", "/b", 1), tree, vec![says("507 x")], "507 Insufficient Storage", &["COPY /d /b F"]),
        ];
        for (paths, options, answers, said, heard) in cases {
            let found = relocated(paths, options, &answers);
            assert_eq!(found.0, said, "{paths:?} {options:?}");
            assert_eq!(found.1, heard, "{paths:?} {options:?}");
        }
    }

    #[test]
    fn a_plan_changes_nothing() {
        let planned = RelocateOptions { dry_run: true, ..MOVED };
        let kept = RelocateOptions { no_clobber: true, ..planned };
        let (file, missing, d) = (says("200 x"), says("404 x"), leads_to("/d/"));
        let cases: [((&str, &str, usize), RelocateOptions, Vec<PeerAction>, &str); 5] = [
            (("/a", "/b", 1), planned, vec![file, missing], "would move /a → /b"),
            (("/a", "/b", 1), planned, vec![file, file], "would move /a → /b (would replace a file)"),
            (("/a", "/d", 1), planned, vec![file, d, missing], "would move /a → /d/a"),
            (("/a", "/b", 1), kept, vec![file, file], "skipped /a: /b exists"),
            (("/a", "/b", 1), planned, vec![missing], "404 Not Found"),
        ];
        for (paths, options, answers, said) in cases {
            let found = relocated(paths, options, &answers);
            assert_eq!(found.0, said, "{paths:?} {options:?}");
            assert!(found.1.iter().all(|request| request.starts_with("HEAD ")), "{:?}", found.1);
        }
    }
}
