//! The cookies with which a client without an account undoes its changes: they tell the server what this client has
//! removed or replaced. Anyone who has such a cookie can restore these files. So they are kept where only this user can
//! read them, and sent only to the server that set them.
//!
//! A server sets a cookie with the first response that has something to undo. Parallel requests, sent before the client
//! has a cookie, get one each. So there may be several cookies for a server: changes send the newest, and the trash is
//! listed with each of them.

use std::fmt;
use std::path::absolute;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::address::Endpoint;
use super::state_files::{StateFiles, name_of};
use crate::http::response::Received;

/// The directory in which the cookies are kept.
const DIRECTORY: &str = "undo";

/// How many cookies are kept, of all servers together. The oldest make room.
const MOST: usize = 64;

/// How long a cookie is kept, in seconds, if its server allows a longer time: 400 days, as browsers do (RFC 6265bis
/// §5.5).
const LONGEST_LIFE: u64 = 400 * 24 * 3600;

/// The length of their values: 256 bits, in hexadecimal digits.
const DIGITS: usize = 64;

/// The longest path of a cookie, in bytes.
const LONGEST_PATH: usize = 4096;

/// The cookies of this user.
#[derive(Debug, Default)]
pub struct UndoCookies {
    files: StateFiles,
    /// The last one is the newest.
    all: Mutex<Vec<UndoCookie>>,
}

/// A cookie (RFC 6265 §5.3).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UndoCookie {
    /// The server that has set it.
    server: String,
    /// The cookie is sent with requests to this path and to paths below it.
    path: String,
    name: String,
    secret: String,
    /// When it ends, in seconds since 1970.
    expires: u64,
}

impl UndoCookies {
    /// The cookies that earlier runs have kept. Expired cookies are removed.
    pub fn of_this_user() -> Self {
        Self::of(StateFiles::of_this_user(DIRECTORY), now())
    }

    fn of(files: StateFiles, now: u64) -> Self {
        let mut all = Vec::new();
        for file in files.names() {
            match files.read(&file) {
                Some(cookie @ UndoCookie { expires, .. }) if expires > now && cookie.file() == file => {
                    all.push(cookie);
                }
                _ => files.remove(&file),
            }
        }
        all.sort_by_key(|cookie| cookie.expires);
        let cookies = Self { files, all: Mutex::new(all) };
        cookies.make_room(&mut cookies.lock());
        cookies
    }

    /// The newest cookie for a request to this target: a pair for the field `Cookie`.
    pub(super) fn newest(&self, server: &Endpoint, target: &str) -> Option<String> {
        self.fitting(server, target).pop()
    }

    /// All cookies for this target, the newest last.
    pub(super) fn fitting(&self, server: &Endpoint, target: &str) -> Vec<String> {
        let (Some(server), now) = (name(server), now()) else { return Vec::new() };
        let all = self.lock();
        let fits =
            |cookie: &&UndoCookie| cookie.server == server && cookie.expires > now && cookie.is_for(target);
        all.iter().filter(fits).map(UndoCookie::pair).collect()
    }

    /// Keeps the cookie that a response of this server has set, if there is one.
    pub(super) fn keep(&self, server: &Endpoint, head: &Received) {
        let Some(server) = name(server) else { return };
        for line in head.all("Set-Cookie") {
            let line = std::str::from_utf8(line).ok();
            if let Some(cookie) = line.and_then(|line| UndoCookie::parse(&server, line, now())) {
                self.add(cookie);
            }
        }
    }

    fn add(&self, cookie: UndoCookie) {
        let mut all = self.lock();
        all.retain(|known| !known.is_same(&cookie));
        // If the cookie cannot be written, it is kept for this run only.
        let _ = self.files.write(&cookie.file(), &cookie);
        all.push(cookie);
        self.make_room(&mut all);
    }

    fn make_room(&self, all: &mut Vec<UndoCookie>) {
        let excess = all.len().saturating_sub(MOST);
        for cookie in all.drain(..excess) {
            self.files.remove(&cookie.file());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UndoCookie>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UndoCookie {
    /// The cookie of a `Set-Cookie`, if it is a cookie for undo.
    fn parse(server: &str, line: &str, now: u64) -> Option<Self> {
        let mut parts = line.split(';').map(str::trim);
        let (name, secret) = parts.next()?.split_once('=')?;
        let (mut path, mut seconds) = (None, None);
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            if key.eq_ignore_ascii_case("Path") {
                path = Some(value);
            } else if key.eq_ignore_ascii_case("Max-Age") {
                seconds = value.parse::<u64>().ok();
            }
        }
        let (path, seconds) = (path?, seconds?.min(LONGEST_LIFE));
        let is_secret = secret.len() == DIGITS && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_path = path.starts_with('/') && path.len() <= LONGEST_PATH;
        (is_for_undo(name) && is_secret && is_path).then(|| Self {
            server: server.to_owned(),
            path: path.to_owned(),
            name: name.to_owned(),
            secret: secret.to_owned(),
            expires: now.saturating_add(seconds),
        })
    }

    /// Whether it is sent with a request to this target (RFC 6265 §5.1.4).
    fn is_for(&self, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or(target);
        let below = path.strip_prefix(&*self.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.file() == other.file()
    }

    fn pair(&self) -> String {
        format!("{}={}", self.name, self.secret)
    }

    /// The name of its file.
    fn file(&self) -> String {
        name_of(&[&self.server, &self.path, &self.name, &self.secret].map(String::as_bytes))
    }
}

/// Whether a server calls its cookie for undo by this name.
fn is_for_undo(name: &str) -> bool {
    let is_port =
        |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|it| it.is_ascii_digit());
    matches!(name, "__Host-wharf-undo" | "__Secure-wharf-undo")
        || name.strip_prefix("wharf-undo-").is_some_and(is_port)
}

/// The name under which the cookies of a server are kept; `None` for a server that was named by a redirect.
fn name(server: &Endpoint) -> Option<String> {
    match server {
        _ if server.is_named_by_redirect() => None,
        Endpoint::Unix(socket) => Some(format!("unix:{}", absolute(socket).ok()?.display())),
        Endpoint::Tcp { .. } | Endpoint::Tls { .. } => Some(server.to_string()),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Without the secret.
impl fmt::Debug for UndoCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, path, name, expires, .. } = self;
        f.debug_struct("UndoCookie")
            .field("server", server)
            .field("path", path)
            .field("name", name)
            .field("expires", expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    fn server(port: u16) -> Endpoint {
        Endpoint::tcp("h", port).expect("valid")
    }

    fn response(lines: &[String]) -> Received {
        let fields: String = lines.iter().flat_map(|line| ["Set-Cookie: ", line, "\r\n"]).collect();
        let bytes = format!("HTTP/1.1 204 No Content\r\n{fields}\r\n");
        Received::parse(bytes.as_bytes(), false).expect("valid").expect("whole").0
    }

    fn secret(digit: char) -> String {
        digit.to_string().repeat(DIGITS)
    }

    fn set(digit: char) -> String {
        let secret = secret(digit);
        format!("wharf-undo-81={secret}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax")
    }

    #[test]
    fn what_is_a_cookie_for_undo() {
        let value = secret('a');
        let table = [
            (format!("wharf-undo-81={value}; Path=/; Max-Age=9"), Some(("/", 109))),
            (format!("__Host-wharf-undo={value};path=/;max-age=9;Secure"), Some(("/", 109))),
            (format!("__Secure-wharf-undo={value}; Path=/b/; Max-Age=9"), Some(("/b/", 109))),
            (format!("wharf-undo-81={value}; Path=/; Max-Age=99999999999"), Some(("/", 100 + LONGEST_LIFE))),
            (format!("wharf-undo-81={value}; Path=/"), None),
            (format!("wharf-undo-81={value}; Max-Age=9"), None),
            (format!("wharf-undo-81={value}; Path=x; Max-Age=9"), None),
            (format!("wharf-undo-81={value}; Path=/; Max-Age=-1"), None),
            (format!("wharf-undo-81={value}0; Path=/; Max-Age=9"), None),
            (format!("wharf-undo-81={}; Path=/; Max-Age=9", value.replace('a', "g")), None),
            (format!("wharf-undo-={value}; Path=/; Max-Age=9"), None),
            (format!("wharf-81={value}; Path=/; Max-Age=9"), None),
            ("wharf-undo-81".to_owned(), None),
        ];
        for (line, expected) in table {
            let parsed = UndoCookie::parse("h:81", &line, 100);
            let parsed = parsed.as_ref().map(|cookie| (cookie.path.as_str(), cookie.expires));
            assert_eq!(parsed, expected, "{line}");
        }
    }

    #[test]
    fn only_its_server_gets_it_and_only_at_its_path() {
        let cookies = UndoCookies::default();
        let set = |path: &str| format!("wharf-undo-81={}; Path={path}; Max-Age=9", secret('a'));
        cookies.keep(&server(81), &response(&[set("/in")]));
        let table = [
            (server(81), "/in", true),
            (server(81), "/in/a?b", true),
            (server(81), "/inbox", false),
            (server(81), "/", false),
            (server(82), "/in", false),
            (Endpoint::tls("h", 81).expect("valid"), "/in", false),
            (server(81).named_by_redirect(), "/in", false),
        ];
        for (server, target, expected) in table {
            assert_eq!(cookies.newest(&server, target).is_some(), expected, "{server:?} {target}");
        }
        let other = server(83).named_by_redirect();
        cookies.keep(&other, &response(&[set("/")]));
        assert_eq!(cookies.lock().len(), 1, "a server that a redirect has named sets none");
        let socket = Endpoint::Unix(PathBuf::from("w.sock"));
        cookies.keep(&socket, &response(&[set("/")]));
        let same = std::env::current_dir().expect("a directory").join("w.sock");
        assert!(cookies.newest(&Endpoint::Unix(same), "/a").is_some());
    }

    #[test]
    fn the_newest_is_sent_and_all_are_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path().join("wharf/undo");
        let cookies = UndoCookies::of(StateFiles::at(dir.clone()), 0);
        for digit in ['a', 'b', 'a', 'c', 'a'] {
            cookies.keep(&server(81), &response(&[set(digit)]));
        }
        let pairs = ['b', 'c', 'a'].map(|digit| format!("wharf-undo-81={}", secret(digit)));
        assert_eq!(cookies.fitting(&server(81), "/"), pairs);
        assert_eq!(cookies.newest(&server(81), "/"), pairs.last().cloned());
        let later = UndoCookies::of(StateFiles::at(dir.clone()), now());
        assert_eq!(later.fitting(&server(81), "/").len(), 3);
        for entry in std::fs::read_dir(&dir).expect("there").map(|entry| entry.expect("an entry")) {
            assert_eq!(entry.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::metadata(&dir).expect("there").permissions().mode() & 0o777, 0o700);
        assert!(!format!("{later:?}").contains(&secret('a')), "the secret is not printed");
        let expired = UndoCookies::of(StateFiles::at(dir.clone()), now() + 604_801);
        assert_eq!(expired.lock().len(), 0);
        assert_eq!(std::fs::read_dir(&dir).expect("there").count(), 0, "expired ones are removed");
    }

    #[test]
    fn the_oldest_make_room() {
        let place = tempfile::tempdir().expect("a folder");
        let cookies = UndoCookies::of(StateFiles::at(place.path().to_owned()), 0);
        for port in 1..=u16::try_from(MOST).expect("small") + 2 {
            cookies.keep(&server(port), &response(&[set('a')]));
        }
        assert_eq!(cookies.lock().len(), MOST);
        assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), MOST);
        assert!(cookies.newest(&server(2), "/").is_none() && cookies.newest(&server(3), "/").is_some());
        std::fs::write(place.path().join("x.json"), "{").expect("written");
        assert_eq!(UndoCookies::of(StateFiles::at(place.path().to_owned()), 0).lock().len(), MOST);
        assert!(!place.path().join("x.json").exists(), "what is not a cookie is removed");
    }
}
