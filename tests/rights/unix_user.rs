//! Users of this machine at the Unix-domain socket (`--unix-users`).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};

use super::client::receive;
use super::proxy_user::unsafe_requests;
use super::users::{UsersFile, authorization};
use crate::common::accounts::basic;
use crate::common::{PATIENCE, Wharf, eventually, skip};

/// A user id that the server can run under.
pub const ANOTHER: u32 = 65_533;

/// A server that runs under another user than these tests, and its socket.
struct Served {
    wharf: Wharf,
    socket: PathBuf,
    _place: tempfile::TempDir,
}

/// A program that runs the server as another user; `None` if only root could do that.
pub fn program_of_another() -> Option<Command> {
    if !geteuid().is_root() {
        skip("only root can run the server as another user");
        return None;
    }
    let program = || {
        let mut program = Command::new("env");
        program.uid(ANOTHER).gid(ANOTHER);
        program
    };
    let tried = program().arg(env!("CARGO_BIN_EXE_wharf")).arg("--version").output();
    if !tried.is_ok_and(|it| it.status.success()) {
        skip("another user cannot run the binary of the tests");
        return None;
    }
    Some(program())
}

impl Served {
    /// `None` if only root could do that.
    fn as_another(users: &UsersFile, flags: &[&str]) -> Option<Self> {
        let program = program_of_another()?;
        users.let_keep(ANOTHER);
        Some(Self::serve(program, users, flags))
    }

    fn serve(program: Command, users: &UsersFile, flags: &[&str]) -> Self {
        let (sockets, place) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for directory in ["share", "share/open", "share/closed"] {
            fs::create_dir(place.path().join(directory)).expect("made");
        }
        fs::write(place.path().join("share/open/file"), "public").expect("written");
        fs::write(place.path().join("share/closed/file"), "secret").expect("written");
        let all = ["share", "share/open", "share/closed"].map(|name| place.path().join(name));
        for path in all.iter().map(PathBuf::as_path).chain([sockets.path(), place.path()]) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("set");
        }
        let socket = sockets.path().join("s");
        let with_users = users.flags();
        let with_users = with_users.each_ref().map(|flag| &**flag);
        let rules = ["--allow", "users=edit,chat", "--allow", "everyone=view@/open"];
        let at = ["--no-sync", "--unix", socket.to_str().expect("text"), "--unix-mode", "666"];
        let wharf = Wharf::serve_by(program, place, &[&with_users[..], &rules, &at, flags].concat());
        eventually("it listens", || socket.exists());
        Self { wharf, socket, _place: sockets }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// The status of the response, over a connection of its own.
    fn ask(&self, method: &str, target: &str, fields: &str) -> u16 {
        ask(&mut self.connect(), method, target, fields)
    }

    /// The statuses for a file that everybody may read, and for one that users may read.
    fn reads(&self, fields: &str) -> [u16; 2] {
        ["/open/file", "/closed/file"].map(|target| self.ask("GET", target, fields))
    }
}

fn ask(stream: &mut UnixStream, method: &str, target: &str, fields: &str) -> u16 {
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    receive(stream, method == "HEAD").expect("an answer").0.status.code()
}

/// The login name of the user that runs the tests.
fn own_name() -> Option<String> {
    User::from_uid(geteuid()).ok().flatten().map(|user| user.name)
}

#[test]
fn a_program_is_the_user_whose_login_name_it_runs_under() {
    let users = UsersFile::new(&["root", "ben"]);
    let Some(served) = Served::as_another(&users, &["--unix-users"]) else { return };
    for _ in 0..2 {
        assert_eq!(served.reads(""), [200, 200], "the name is looked up, then remembered");
    }
    assert_eq!(served.ask("PUT", "/closed/new", ""), 201);
    // The stronger credentials decide.
    assert_eq!(served.reads(&authorization("ben")), [200, 200]);
    assert_eq!(served.reads(&basic("ben", "no")), [401, 401]);
    assert_eq!(served.reads("Authorization: Bearer x\r\n"), [401, 401]);
    // Over TCP, nobody is a user.
    let over_tcp =
        ["/open/file", "/closed/file"].map(|target| served.wharf.ask("GET", target, "", b"").code());
    assert_eq!(over_tcp, [200, 401]);
    // The next request of an open connection is judged anew.
    let mut open = served.connect();
    assert_eq!(ask(&mut open, "GET", "/closed/file", ""), 200);
    users.remove("root", &served.wharf);
    assert_eq!(ask(&mut open, "GET", "/closed/file", ""), 401);
    assert_eq!(served.reads(""), [200, 401], "whom the file does not know is anonymous");
}

#[test]
fn a_disabled_user_is_refused_everywhere() {
    let users = UsersFile::new(&["root"]);
    users.disable("root");
    let Some(served) = Served::as_another(&users, &["--unix-users"]) else { return };
    assert_eq!(served.reads(""), [401, 401]);
    assert_eq!(served.ask("GET", "/.wharf/health", ""), 200);
}

#[test]
fn without_the_flag_a_program_is_anonymous() {
    let users = UsersFile::new(&["root"]);
    let Some(served) = Served::as_another(&users, &[]) else { return };
    assert_eq!(served.reads(""), [200, 401]);
}

#[test]
fn the_user_of_the_server_itself_is_anonymous() {
    let Some(name) = own_name() else { return skip("the user that runs the tests has no name") };
    let users = UsersFile::new(&[&name]);
    let served = Served::serve(Command::new("env"), &users, &["--unix-users"]);
    assert_eq!(served.reads(""), [200, 401]);
    assert_eq!(served.reads(&authorization(&name)), [200, 200]);
}

/// A proxy at the socket that is not trusted may forward what a page of another site made a browser send.
#[test]
fn pages_of_other_sites_change_nothing() {
    let users = UsersFile::new(&["root"]);
    let Some(served) = Served::as_another(&users, &["--unix-users"]) else { return };
    for evil in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        for (method, target) in unsafe_requests("/.wharf/uploads/none") {
            assert_eq!(served.ask(method, target, evil), 403, "{method} {target} {evil}");
        }
    }
    assert!(Path::new(&served.socket).exists());
}
