//! Tests of the records.

mod cluster;
mod disk;
mod lines;
mod processes;
mod table;

use std::num::NonZeroU32;
use std::time::Duration;

use super::{NewLink, NewToken, RecordScope, WallTime};
use crate::accounts::file::{UserLine, UsersFile};
use crate::path::SharePath;

/// When the tests begin.
const START: WallTime = WallTime::from_secs(1_795_989_063);

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A user whose hash depends on the number.
fn user(name: &str, number: u8) -> UserLine {
    let hash = format!("$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJG{number:02}i");
    let line = format!("{name}:{hash}\n");
    let users = UsersFile::parse(line.as_bytes()).expect("a user");
    users.users().next().expect("a user").clone()
}

fn scope(path: &str) -> RecordScope {
    let path = SharePath::parse(path.as_bytes()).expect("a path");
    RecordScope { path, rights: "list,read".parse().expect("rights") }
}

fn token(name: &str) -> NewToken {
    NewToken { name: name.parse().expect("a name"), scope: scope(""), expires: START.after(90 * DAY) }
}

fn link(uses: Option<u32>) -> NewLink {
    NewLink {
        scope: scope("in box/größe"),
        expires: START.after(2 * DAY),
        uses: uses.and_then(NonZeroU32::new),
        is_drop: false,
        password: None,
    }
}
