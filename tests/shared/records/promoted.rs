//! The primary of the store is killed while records change, and its replica takes its place.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Branches, LINKS, PASSWORD, TOKENS, login_form, secret};
use crate::common::accounts::basic;
use crate::common::office::{bearer, json};
use crate::common::store::Store;
use crate::common::{Answer, eventually};

const SERVERS: usize = 3;

/// How many rounds of changes each client makes before the primary is killed, and after that.
const ROUNDS: usize = 8;

/// How many records of a kind a client keeps; it ends all others. A user may have few sessions.
const KEPT: usize = 16;

/// How long a client waits after a change that was refused.
const PAUSE: Duration = Duration::from_millis(20);

/// Something that opens `a.txt`.
enum Access {
    /// The secret of a session.
    Session(String),
    /// The field with a token.
    Token(String),
    /// The path of a link.
    Link(String),
}

/// What one client has made, as far as the server has acknowledged it.
#[derive(Default)]
struct Made {
    kept: Vec<Access>,
    ended: Vec<Access>,
}

impl Access {
    fn status(&self, branches: &Branches, server: usize) -> u16 {
        match self {
            Self::Session(secret) => branches.by_session(server, secret),
            Self::Token(field) => branches.code(server, "GET", "/a.txt", field),
            Self::Link(path) => branches.code(server, "GET", &format!("{path}/a.txt"), ""),
        }
    }
}

/// A user at one server.
struct Client<'b> {
    branches: &'b Branches,
    server: usize,
    name: String,
}

impl Client<'_> {
    fn ask(&self, method: &str, target: &str, fields: &str, body: &str) -> Option<Answer> {
        let answer = self.branches.servers[self.server].ask(method, target, fields, body.as_bytes());
        let is_done = [201, 204, 303].contains(&answer.code());
        if !is_done {
            assert_eq!(answer.code(), 503, "{method} {target}: {}", answer.text());
            thread::sleep(PAUSE);
        }
        is_done.then_some(answer)
    }

    /// Makes a record, and ends it unless it is kept. Returns whether all that was acknowledged.
    fn round(&self, made: &mut Made, number: usize) -> bool {
        let keeps = !number.is_multiple_of(3) && made.kept.len() < 3 * KEPT;
        let basic = basic(&self.name, PASSWORD);
        let access = match number / 3 % 3 {
            0 => self.ask("POST", "/.wharf/login", "", &login_form(&self.name, PASSWORD)).map(|answer| {
                let secret = secret(&answer);
                let cookie = self.branches.cookie(self.server, &secret);
                (Access::Session(secret), ("POST", "/.wharf/logout".to_owned(), cookie))
            }),
            1 => self.make(TOKENS, &json!({"name": format!("t{number}"), "for": "1d"})).map(|token| {
                let end = ("DELETE", format!("{TOKENS}/{}", text(&token, "id")), basic);
                (Access::Token(bearer(&token["token"])), end)
            }),
            _ => self.make(LINKS, &json!({"path": "/", "for": "1d"})).map(|link| {
                let path = text(&link, "link");
                let path = path[path.find("/.wharf/l/").expect("a link")..].to_owned();
                (Access::Link(path), ("DELETE", format!("{LINKS}/{}", text(&link, "id")), basic))
            }),
        };
        let Some((access, (method, target, fields))) = access else { return false };
        if keeps {
            made.kept.push(access);
            return true;
        }
        let is_ended = self.ask(method, &target, &fields, "").is_some();
        if is_ended {
            made.ended.push(access);
        }
        is_ended
    }

    fn make(&self, target: &str, order: &Value) -> Option<Value> {
        let answer = self.ask("POST", target, &basic(&self.name, PASSWORD), &order.to_string());
        answer.map(|answer| json(&answer))
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect("text")
}

#[test]
fn acknowledged_changes_survive_the_primary() {
    let Some(mut primary) = Store::start(&["--repl-diskless-sync-delay", "0"]) else { return };
    let port = primary.listen().port().to_string();
    let Some(replica) = Store::start(&["--replicaof", "127.0.0.1", &port]) else { return };
    eventually("the replica follows", || primary.ask::<redis::Value>("WAIT 1 100") == redis::Value::Int(1));
    let mut branches = Branches::open_at(SERVERS, &format!("{},{}", primary.url(), replica.url()));
    let names: Vec<_> = (0..SERVERS).map(|server| format!("user{server}")).collect();
    branches.write_users(&names.iter().map(|name| (name.as_str(), PASSWORD)).collect::<Vec<_>>());
    for server in &branches.servers {
        eventually("it knows the users", || server.log().contains("reloaded 3 users"));
    }
    let (is_over, done) = (AtomicBool::new(false), [(); SERVERS].map(|()| AtomicUsize::new(0)));
    let made: Vec<Made> = thread::scope(|scope| {
        let start = |server: usize| {
            let client = Client { branches: &branches, server, name: names[server].clone() };
            let (is_over, done) = (&is_over, &done[server]);
            scope.spawn(move || {
                let mut made = Made::default();
                for number in 0.. {
                    if client.round(&mut made, number) {
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                }
                made
            })
        };
        let clients: Vec<_> = (0..SERVERS).map(start).collect();
        let wait_for = |rounds: [usize; SERVERS]| {
            eventually("changes are made", || {
                let is_there = |(done, rounds): (&AtomicUsize, usize)| done.load(Ordering::SeqCst) >= rounds;
                done.iter().zip(rounds).all(is_there) || clients.iter().any(ScopedJoinHandle::is_finished)
            });
        };
        wait_for([ROUNDS; SERVERS]);
        primary.kill();
        let _: () = replica.ask("REPLICAOF NO ONE");
        wait_for(done.each_ref().map(|done| done.load(Ordering::SeqCst) + ROUNDS));
        is_over.store(true, Ordering::SeqCst);
        clients.into_iter().map(|client| client.join().expect("no panic")).collect()
    });
    // This one knows only what is in the store.
    branches.add();
    branches.eventually_everywhere("they agree", |server| {
        made.iter().all(|made| {
            made.kept.iter().all(|access| access.status(&branches, server) == 200)
                && made.ended.iter().all(|access| [401, 404].contains(&access.status(&branches, server)))
        })
    });
}
