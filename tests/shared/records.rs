//! Sessions, tokens and links that several servers share.

mod attempts;
mod away;
mod lost;
mod promoted;
mod slow;

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::accounts::{basic, replace_users};
use crate::common::office::{bearer, json};
use crate::common::store::Store;
use crate::common::{Answer, Wharf, eventually};

const SESSIONS: &str = "/.wharf/sessions";
const TOKENS: &str = "/.wharf/tokens";
const LINKS: &str = "/.wharf/links";
const PASSWORD: &str = "correct horse";
const OTHER_PASSWORD: &str = "battery staple";

/// How many times all servers get a request for the last use of a link at once.
const ROUNDS: usize = 30;

/// Servers with the same users and folder. Each has a state directory of its own.
struct Branches {
    servers: Vec<Wharf>,
    place: TempDir,
    shared: String,
}

impl Branches {
    fn open(count: usize, store: &Store) -> Self {
        Self::open_at(count, &store.url())
    }

    /// With a store at these addresses.
    fn open_at(count: usize, shared: &str) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(place.path().join("folder")).expect("a folder");
        std::fs::write(place.path().join("folder/a.txt"), "one").expect("written");
        let mut branches = Self { servers: Vec::new(), place, shared: shared.to_owned() };
        branches.write_users(&[("anna", PASSWORD), ("bert", PASSWORD)]);
        (0..count).for_each(|_| branches.add());
        branches
    }

    /// Starts one more.
    fn add(&mut self) {
        self.add_with(&self.place.path().join("users"));
    }

    /// Starts one more, with this users file.
    fn add_with(&mut self, users: &Path) {
        let place = self.place.path();
        let state = place.join(format!("state{}", self.servers.len()));
        let [users, state] = [users, &state].map(|path| path.to_str().expect("text"));
        let flags = ["--users", users, "--state", state, "--shared", &self.shared];
        self.servers.push(Wharf::serve_folder(&place.join("folder"), &flags));
    }

    fn write_users(&self, users: &[(&str, &str)]) {
        let line = |(name, password): &(&str, &str)| {
            format!("{name}:{}\n", bcrypt::hash(password, 4).expect("a hash"))
        };
        replace_users(&self.place.path().join("users"), &users.iter().map(line).collect::<String>());
    }

    /// Logs in; returns the secret of the session.
    #[track_caller]
    fn log_in(&self, server: usize, name: &str) -> String {
        let answer = self.try_log_in(server, name, PASSWORD);
        assert_eq!(answer.code(), 303, "{}", answer.text());
        secret(&answer)
    }

    fn try_log_in(&self, server: usize, name: &str, password: &str) -> Answer {
        let form = login_form(name, password);
        self.servers[server].ask("POST", "/.wharf/login", "", form.as_bytes())
    }

    /// The field of a session for a server: the name of the cookie has the port.
    fn cookie(&self, server: usize, session: &str) -> String {
        format!("Cookie: wharf-{}={session}\r\n", self.servers[server].address().port())
    }

    /// The status of a request with a session.
    fn by_session(&self, server: usize, session: &str) -> u16 {
        self.servers[server].ask("GET", "/a.txt", &self.cookie(server, session), b"").code()
    }

    fn code(&self, server: usize, method: &str, target: &str, fields: &str) -> u16 {
        self.servers[server].ask(method, target, fields, b"").code()
    }

    fn make(&self, server: usize, target: &str, order: &Value) -> Value {
        let order = order.to_string();
        let answer = self.servers[server].ask("POST", target, &basic("anna", PASSWORD), order.as_bytes());
        assert_eq!(answer.code(), 201, "{}", answer.text());
        json(&answer)
    }

    /// The path of a new link.
    fn link(&self, server: usize, order: &Value) -> String {
        let made = self.make(server, LINKS, order);
        let link = made["link"].as_str().expect("text");
        link[link.find("/.wharf/l/").expect("a link")..].to_owned()
    }

    fn eventually_everywhere(&self, what: &str, is_true: impl Fn(usize) -> bool) {
        eventually(what, || (0..self.servers.len()).all(&is_true));
    }
}

fn login_form(name: &str, password: &str) -> String {
    format!("name={name}&password={}", password.replace(' ', "+"))
}

/// The secret in the cookie that a response sets.
#[track_caller]
fn secret(answer: &Answer) -> String {
    let set = answer.field("Set-Cookie");
    let pair = set.split(';').next().expect("a value");
    pair.split_once('=').expect("a cookie").1.to_owned()
}

#[test]
fn a_session_works_at_all_servers_until_it_ends_at_one() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(3, &store);
    for round in 0..6 {
        let (first, second, third) = (round % 3, (round + 1) % 3, (round + 2) % 3);
        let (session, other) = (branches.log_in(first, "anna"), branches.log_in(first, "bert"));
        // The others have not heard of it yet.
        assert_eq!(branches.by_session(second, &session), 200);
        assert_eq!(branches.by_session(third, &session), 200);
        let out = branches.cookie(second, &session);
        assert_eq!(branches.code(second, "POST", "/.wharf/logout", &out), 303);
        assert_eq!(branches.by_session(second, &session), 401);
        branches.eventually_everywhere("it has ended", |server| branches.by_session(server, &session) == 401);
        assert_eq!(branches.by_session(second, &other), 200, "the other user");
    }
    // Only hashes are in the store.
    let session = branches.log_in(0, "anna");
    for key in store.ask::<Vec<String>>("KEYS wharf:wharf:records:*") {
        let dump: Vec<u8> = store.ask(&format!("DUMP {key}"));
        assert!(!String::from_utf8_lossy(&dump).contains(&session), "{key}");
    }
}

#[test]
fn a_user_ends_sessions_of_other_servers() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let sessions = [0, 1, 0].map(|server| branches.log_in(server, "anna"));
    let own = branches.cookie(1, &sessions[1]);
    eventually("it lists all", || {
        branches.servers[1].ask("GET", SESSIONS, &own, b"").text().matches("name=\"end\"").count() >= 3
    });
    let ended = branches.servers[1].ask("POST", SESSIONS, &own, b"end=others");
    assert_eq!(ended.code(), 303, "{}", ended.text());
    for session in [&sessions[0], &sessions[2]] {
        branches.eventually_everywhere("it has ended", |server| branches.by_session(server, session) == 401);
    }
    assert_eq!([0, 1].map(|server| branches.by_session(server, &sessions[1])), [200; 2]);
}

/// A download through one server ends when the session ends at another.
#[test]
fn a_transfer_is_cut_when_its_session_ends_elsewhere() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let large = std::fs::File::create(branches.place.path().join("folder/large")).expect("a file");
    large.set_len(64 << 20).expect("set");
    let session = branches.log_in(0, "anna");
    let mut wire = branches.servers[1].connect();
    let (host, cookie) = (branches.servers[1].address(), branches.cookie(1, &session));
    wire.send(format!("GET /large HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n"));
    assert_eq!(wire.read_answer(true).code(), 200);
    assert_eq!(branches.code(0, "POST", "/.wharf/logout", &branches.cookie(0, &session)), 303);
    eventually("it is cut", || branches.servers[1].log().contains("its credentials have ended"));
    assert!(wire.read_to_end().len() < 64 << 20);
}

#[test]
fn a_new_password_ends_the_sessions_at_all_servers() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(3, &store);
    let sessions = [0, 1, 2].map(|server| branches.log_in(server, "anna"));
    let bert = branches.log_in(0, "bert");
    let form = format!(
        "present={0}&new={1}&again={1}",
        PASSWORD.replace(' ', "+"),
        OTHER_PASSWORD.replace(' ', "+")
    );
    let cookie = branches.cookie(1, &sessions[1]);
    let answer = branches.servers[1].ask("POST", "/.wharf/password", &cookie, form.as_bytes());
    assert_eq!(answer.code(), 303, "{}", answer.text());
    let new = secret(&answer);
    for server in 0..3 {
        assert_eq!(branches.by_session(server, &new), 200, "the new session, at once");
    }
    for session in &sessions {
        branches.eventually_everywhere("it has ended", |server| branches.by_session(server, session) == 401);
    }
    let lines = || store.ask::<Vec<String>>("KEYS wharf:wharf:records:*:lines");
    eventually("the store has two sessions", || store.ask::<usize>(&format!("HLEN {}", lines()[0])) == 2);
    branches.eventually_everywhere("bert stays", |server| branches.by_session(server, &bert) == 200);
    // A user that is removed, and made anew.
    branches.write_users(&[("anna", OTHER_PASSWORD)]);
    branches.eventually_everywhere("bert is gone", |server| branches.by_session(server, &bert) == 401);
    branches.write_users(&[("anna", OTHER_PASSWORD), ("bert", PASSWORD)]);
    branches.eventually_everywhere("bert is back", |server| {
        branches.try_log_in(server, "bert", PASSWORD).code() == 303
    });
    assert_eq!(branches.by_session(2, &bert), 401);
}

/// A server with an older copy of the users file ends nothing of users whom it does not know.
#[test]
fn a_server_with_an_older_copy_of_the_users_ends_nothing() {
    let Some(store) = Store::start(&[]) else { return };
    let mut branches = Branches::open(1, &store);
    let session = branches.log_in(0, "anna");
    // The next server gets a copy of its own, without anna.
    let old = branches.place.path().join("old-users");
    replace_users(&old, &format!("bert:{}\n", bcrypt::hash(PASSWORD, 4).expect("a hash")));
    branches.add_with(&old);
    branches.servers[1].signal(rustix::process::Signal::HUP);
    eventually("it reads its copy", || branches.servers[1].log().contains("reloaded 1 users"));
    // Its thread asks the store twice a second; what bert has done there comes after that.
    replace_users(&old, "");
    eventually("again", || branches.servers[1].log().contains("reloaded 0 users"));
    assert_eq!(branches.by_session(1, &session), 401);
    assert_eq!(branches.by_session(0, &session), 200);
    let lines = store.ask::<Vec<String>>("KEYS wharf:wharf:records:*:lines");
    assert_eq!(store.ask::<usize>(&format!("HLEN {}", lines[0])), 1);
}

#[test]
fn tokens_are_valid_and_revoked_at_all_servers() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(3, &store);
    let made = branches.make(0, TOKENS, &json!({"name": "ci", "rights": "read", "for": "30d"}));
    let token = bearer(&made["token"]);
    for server in [2, 1, 0] {
        assert_eq!(branches.code(server, "GET", "/a.txt", &token), 200);
    }
    let order = json!({"name": "ci", "rights": "read", "for": "30d"}).to_string();
    let again = branches.servers[2].ask("POST", TOKENS, &basic("anna", PASSWORD), order.as_bytes());
    assert_eq!(again.code(), 409, "the name is taken: {}", again.text());
    let id = made["id"].as_str().expect("an id");
    let revoked = branches.code(1, "DELETE", &format!("{TOKENS}/{id}"), &basic("anna", PASSWORD));
    assert_eq!(revoked, 204);
    branches.eventually_everywhere("it is revoked", |server| {
        branches.code(server, "GET", "/a.txt", &token) == 401
    });
    let made_up = format!("Authorization: Bearer wharf_{}\r\n", "A".repeat(43));
    assert_eq!(branches.code(0, "GET", "/a.txt", &made_up), 401);
}

#[test]
fn the_last_use_of_a_link_is_taken_at_one_server_only() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(3, &store);
    for round in 0..ROUNDS {
        let link = branches.link(round % 3, &json!({"path": "/a.txt", "for": "2d", "uses": 2}));
        let barrier = Barrier::new(6);
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |server: usize| {
                let mut wire = branches.servers[server].connect();
                barrier.wait();
                wire.ask("POST", &link, "", b"")
            };
            let all: Vec<_> = (0..6).map(|number| scope.spawn(move || ask(number % 3))).collect();
            all.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        let codes: Vec<_> = answers.iter().map(Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| **code == 303).count(), 2, "{round}: {codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == 410).count(), 4, "{round}: {codes:?}");
        // A client that has opened it may read it at each server.
        for answer in answers.iter().filter(|answer| answer.code() == 303) {
            for server in 0..3 {
                let port = branches.servers[server].address().port();
                let cookie = format!("Cookie: wharf-link-{port}={}\r\n", secret(answer));
                let read = branches.servers[server].ask("GET", &format!("{link}/a.txt"), &cookie, b"");
                assert_eq!((read.code(), read.text().as_str()), (200, "one"), "{round}");
            }
        }
    }
}

#[test]
fn links_are_open_at_all_servers_until_they_are_revoked() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(3, &store);
    let made = branches.make(0, LINKS, &json!({"path": "/", "for": "2d"}));
    let link = made["link"].as_str().expect("text");
    let target = format!("{}/a.txt", &link[link.find("/.wharf/l/").expect("a link")..]);
    for server in [1, 2, 0] {
        assert_eq!(branches.code(server, "GET", &target, ""), 200);
    }
    let id = made["id"].as_str().expect("an id");
    let revoked = branches.code(2, "DELETE", &format!("{LINKS}/{id}"), &basic("anna", PASSWORD));
    assert_eq!(revoked, 204);
    branches
        .eventually_everywhere("it is revoked", |server| branches.code(server, "GET", &target, "") == 404);
}

#[test]
fn two_clusters_and_two_folders_are_apart() {
    let Some(store) = Store::start(&[]) else { return };
    let one = Branches::open(1, &store);
    let mut other = Branches::open(0, &store);
    let session = one.log_in(0, "anna");
    // Another folder, with the same users.
    std::fs::copy(one.place.path().join("users"), other.place.path().join("users")).expect("copied");
    other.add();
    assert_eq!(other.by_session(0, &session), 401);
    // The same folder, in another cluster.
    let mut apart =
        Branches { servers: Vec::new(), place: one.place, shared: format!("{}#apart", store.url()) };
    apart.add();
    assert_eq!(apart.by_session(0, &session), 401);
}
