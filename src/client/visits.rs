//! Keeps the sessions of opened links from one run to the next. While a session lasts, its link needs no password, and
//! no further use is counted.
//!
//! `$XDG_STATE_HOME/wharf/links` (or `~/.local/state/wharf/links`) has a file for each server. Only this user can read
//! a file, because anyone who can read it could use the sessions. It names links only by a hash, so it reveals no link.
//! If the directory cannot be used, nothing is kept.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::address::Endpoint;
use super::credentials::SecretText;
use super::state_directory;
use crate::durable::lock;

/// The path below the directory for state.
const PATH: &str = "wharf/links";

/// How long a session is kept at most: a wharf server's sessions last a day.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How many sessions are kept for each server, and for how many servers. The oldest make room.
const MOST_SESSIONS: usize = 64;
const MOST_SERVERS: usize = 64;

/// The longest cookie that is kept, in bytes; a wharf server's cookies have about 70.
const LONGEST_COOKIE: usize = 256;

/// The longest file that is read, in bytes: more than all of its sessions take.
const LONGEST: u64 = 64 * 1024;

/// The permissions of group and others.
const OTHERS: u32 = 0o077;

/// How often a file is opened again if another process has removed it in the meantime.
const TRIES: usize = 4;

/// The sessions that are kept for one server. Other processes that need them wait until this is dropped.
pub(super) struct Visits {
    file: File,
    /// The oldest first.
    all: Vec<Visit>,
}

/// The session of a link. It has no `Debug`: the cookie is a secret.
#[derive(Serialize, Deserialize)]
struct Visit {
    /// A hash of the link.
    link: String,
    /// The field `Cookie`.
    cookie: String,
    /// In seconds since 1970.
    expires: u64,
}

impl Visits {
    /// The sessions of this user for this server.
    pub(super) fn of(server: &Endpoint) -> Option<Self> {
        Self::at(&state_directory::path(PATH)?, server, SystemTime::now()).ok()
    }

    fn at(directory: &Path, server: &Endpoint, now: SystemTime) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if fs::metadata(directory)?.mode() & OTHERS != 0 {
            return Err(io::Error::other("other users can read the directory"));
        }
        let path = directory.join(hashed(&server.to_string())).with_extension("json");
        if !path.exists() {
            sweep(directory, now);
        }
        let mut file = open(&path)?;
        let mut text = Vec::new();
        (&mut file).take(LONGEST).read_to_end(&mut text)?;
        // A file that a killed process has left incomplete is ignored.
        let mut all: Vec<Visit> = serde_json::from_slice(&text).unwrap_or_default();
        let now = seconds(now);
        all.retain(|visit| now < visit.expires && visit.expires <= now + LONGEST_LIFE.as_secs());
        Ok(Self { file, all })
    }

    /// The cookie of this link's session, if the session may still last.
    pub(super) fn recall(&self, link: &str) -> Option<SecretText> {
        let link = hashed(link);
        let visit = self.all.iter().find(|visit| visit.link == link)?;
        let is_value = visit.cookie.bytes().all(|byte| byte.is_ascii_graphic());
        is_value.then(|| SecretText::new(visit.cookie.clone()))
    }

    /// Keeps the cookie of this link's session for this time.
    pub(super) fn keep(&mut self, link: &str, cookie: &SecretText, life: Duration) {
        self.keep_from(link, cookie, life, SystemTime::now());
    }

    fn keep_from(&mut self, link: &str, cookie: &SecretText, life: Duration, now: SystemTime) {
        let link = hashed(link);
        self.all.retain(|visit| visit.link != link);
        if cookie.expose().len() <= LONGEST_COOKIE {
            let expires = seconds(now) + life.min(LONGEST_LIFE).as_secs();
            self.all.push(Visit { link, cookie: cookie.expose().to_owned(), expires });
        }
        self.all.drain(..self.all.len().saturating_sub(MOST_SESSIONS));
        self.write();
    }

    /// Forgets the session of this link, which has ended.
    pub(super) fn forget(&mut self, link: &str) {
        let link = hashed(link);
        self.all.retain(|visit| visit.link != link);
        self.write();
    }

    /// If it cannot be written, the next run opens the link again.
    fn write(&mut self) {
        let _ = self.try_to_write();
    }

    fn try_to_write(&mut self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.all)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

/// Opens a file for this user alone, and waits for its lock.
fn open(path: &Path) -> io::Result<File> {
    for _ in 0..TRIES {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(path)?;
        lock::exclusive(&file)?;
        if file.metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
    Err(io::Error::other("other processes keep removing the file"))
}

/// Removes the files whose sessions have all ended, and the oldest files if there are too many.
fn sweep(directory: &Path, now: SystemTime) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let dated = entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    let mut files: Vec<(SystemTime, PathBuf)> = dated.collect();
    files.sort();
    let is_old = |time: &SystemTime| now.duration_since(*time).is_ok_and(|age| age > LONGEST_LIFE);
    let old = files.iter().filter(|(time, _)| is_old(time)).count();
    // One more file follows.
    let surplus = (files.len() + 1).saturating_sub(MOST_SERVERS);
    for (_, path) in files.iter().take(old.max(surplus)) {
        let _ = fs::remove_file(path);
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn hashed(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hash, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DAY: Duration = LONGEST_LIFE;

    fn server(port: u16) -> Endpoint {
        Endpoint::tcp("h", port).expect("valid")
    }

    fn cookie(value: &str) -> SecretText {
        SecretText::new(format!("wharf-link-80={value}"))
    }

    fn value(visits: &Visits, link: &str) -> Option<String> {
        visits.recall(link).map(|cookie| cookie.expose().to_owned())
    }

    #[test]
    fn a_session_is_kept_until_it_ends() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("state/links");
        let now = SystemTime::now();
        let at = |port, now| Visits::at(&directory, &server(port), now).expect("usable");
        at(1, now).keep_from("/l/a", &cookie("x"), DAY, now);
        at(1, now).keep_from("/l/b", &cookie("short"), Duration::from_secs(60), now);
        at(1, now).keep_from("/l/a", &cookie("new"), DAY * 9, now);
        let later = now + Duration::from_secs(61);
        assert_eq!(value(&at(1, now), "/l/a").as_deref(), Some("wharf-link-80=new"));
        assert_eq!(value(&at(1, now), "/l/b").as_deref(), Some("wharf-link-80=short"));
        assert_eq!(value(&at(1, later), "/l/b"), None, "it has ended");
        assert_eq!(value(&at(1, now + DAY + DAY), "/l/a"), None, "no session is kept for more than a day");
        assert_eq!(value(&at(1, now), "/l"), None);
        assert_eq!(value(&at(2, now), "/l/a"), None, "of another server");
        at(1, now).forget("/l/a");
        assert_eq!(value(&at(1, now), "/l/a"), None);
    }

    #[test]
    fn only_this_user_can_read_them_and_no_link_is_in_them() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("links");
        let now = SystemTime::now();
        let mut visits = Visits::at(&directory, &server(1), now).expect("usable");
        visits.keep_from("/l/secret", &cookie("x"), DAY, now);
        drop(visits);
        let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        for entry in fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("an entry").path();
            assert_eq!(mode(&path), 0o600);
            assert!(!fs::read_to_string(&path).expect("text").contains("secret"));
            fs::write(&path, "[{\"link\":").expect("written");
        }
        let cut = Visits::at(&directory, &server(1), now).expect("usable");
        assert_eq!(value(&cut, "/l/secret"), None, "an incomplete file is as good as none");
        drop(cut);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o750)).expect("set");
        assert!(Visits::at(&directory, &server(1), now).is_err(), "others can read the directory");
    }

    #[test]
    fn their_number_is_bounded() {
        let place = tempfile::tempdir().expect("a directory");
        let now = SystemTime::now();
        let at = |port, now| Visits::at(place.path(), &server(port), now).expect("usable");
        let is_private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(place.path(), is_private).expect("set");
        for number in 0..MOST_SESSIONS + 5 {
            at(1, now).keep_from(&number.to_string(), &cookie("x"), DAY, now);
        }
        let visits = at(1, now);
        let kept = (0..MOST_SESSIONS + 5).filter(|number| visits.recall(&number.to_string()).is_some());
        assert_eq!(kept.collect::<Vec<_>>(), (5..MOST_SESSIONS + 5).collect::<Vec<_>>());
        drop(visits);
        at(1, now).keep_from("long", &cookie(&"x".repeat(LONGEST_COOKIE)), DAY, now);
        assert_eq!(value(&at(1, now), "long"), None);
        let files = || fs::read_dir(place.path()).expect("readable").count();
        for port in 1..200 {
            at(port, now).keep_from("a", &cookie("x"), DAY, now);
        }
        assert_eq!(files(), MOST_SERVERS);
        at(300, now + DAY + DAY);
        assert_eq!(files(), 1, "the others have ended");
    }

    #[test]
    fn processes_wait_for_each_other() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("links");
        let now = SystemTime::now();
        std::thread::scope(|scope| {
            for number in 0..16 {
                let directory = &directory;
                scope.spawn(move || {
                    let mut visits = Visits::at(directory, &server(1), now).expect("usable");
                    visits.keep_from(&number.to_string(), &cookie("x"), DAY, now);
                });
            }
        });
        let visits = Visits::at(&directory, &server(1), now).expect("usable");
        assert!((0..16).all(|number| visits.recall(&number.to_string()).is_some()), "none was lost");
    }
}
