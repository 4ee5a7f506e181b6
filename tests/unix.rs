//! The Unix-domain socket: HTTP for programs on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Running, Wharf, eventually, outside, run, sample};

/// A path for a socket, in a new directory.
fn socket() -> (tempfile::TempDir, PathBuf, String) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("wharf.sock");
    let text = path.to_str().expect("text").to_owned();
    (place, path, text)
}

/// The server's response to these bytes, until it closes.
fn ask(path: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("it listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn the_socket_serves_and_is_removed_with_the_server() {
    let (_place, path, text) = socket();
    let mut wharf = Wharf::serve(&["--unix", &text]);
    eventually("it listens", || path.exists());
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600);
    wharf.write("a.txt", "hello");
    // Any Host is accepted, because no host name resolves to a socket.
    let answer = ask(&path, "GET /a.txt HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    let me = format!("unix:uid={},pid={}", rustix::process::getuid().as_raw(), std::process::id());
    eventually("it is logged", || wharf.log().contains(&format!("{me} \"GET /a.txt HTTP/1.1\" 200 5 B")));
    wharf.signal(Signal::TERM);
    let (said, status) = wharf.wait();
    assert!(status.success());
    assert!(said.contains(&format!("unix:{text}\n")), "{said}");
    assert!(!path.exists(), "the socket was removed");
}

/// A proxy may forward the Host of a page whose name was made to resolve to it (DNS rebinding).
#[test]
fn requests_of_browsers_must_be_for_this_server() {
    for (flags, cases) in [
        (
            &[][..],
            [
                ("GET", "Host: evil.example\r\nSec-Fetch-Site: same-origin\r\n", 421),
                ("PUT", "Host: evil.example\r\nOrigin: http://evil.example\r\n", 421),
                ("PUT", "Host: localhost\r\nOrigin: http://localhost\r\n", 201),
                ("PUT", "Host: 192.0.2.7:81\r\nOrigin: http://192.0.2.7:81\r\n", 204),
                ("PUT", "Host: anything\r\n", 204),
                ("PUT", "Host: [ab..cd::1]\r\n", 400),
            ],
        ),
        (
            &["--host", "files.example"][..],
            [
                ("GET", "Host: evil.example\r\n", 421),
                ("PUT", "Host: evil.example\r\n", 421),
                ("PUT", "Host: files.example\r\nOrigin: https://files.example\r\n", 201),
                ("PUT", "Host: localhost\r\nOrigin: https://files.example\r\n", 204),
                ("PUT", "Host: localhost\r\nOrigin: https://evil.example\r\n", 403),
                ("PUT", "Host:\r\n", 400),
            ],
        ),
    ] {
        let (_place, path, text) = socket();
        let wharf = Wharf::serve(&[&["--unix", &text], flags].concat());
        eventually("it listens", || path.exists());
        let behind = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        for (method, fields, code) in cases {
            let length = if method == "PUT" { "Content-Length: 1\r\n\r\nx" } else { "\r\n" };
            let said = ask(&path, &format!("{method} /a HTTP/1.1\r\n{fields}{length}{behind}"));
            assert!(said.starts_with(&format!("HTTP/1.1 {code} ")), "{flags:?}, {fields}: {said}");
            let answers = said.matches("HTTP/1.1 ").count();
            assert!(code != 400 || answers == 1, "nothing after it is read: {said}");
        }
        assert_eq!(wharf.read("a"), b"x");
    }
}

#[test]
fn its_mode_is_the_requested_one_whatever_the_umask() {
    for (umask, flags, mode) in [
        ("000", &[][..], 0o600),
        ("077", &["--unix-mode", "0666"], 0o666),
        ("027", &["--unix-mode", "660"], 0o660),
    ] {
        let (_place, path, text) = socket();
        let _wharf = Wharf::serve_after(&format!("umask {umask}"), &[&["--unix", &text], flags].concat());
        eventually("it listens", || path.exists());
        let found = fs::metadata(&path).expect("there").permissions().mode() & 0o7777;
        assert_eq!(found, mode, "umask {umask}: {found:o}");
    }
}

#[test]
fn an_existing_path_is_an_error_unless_it_is_a_dead_socket() {
    let (_place, path, text) = socket();
    let wharf = Wharf::serve(&["--unix", &text]);
    eventually("it listens", || path.exists());
    let inode = fs::metadata(&path).expect("there").ino();
    let folder = wharf.folder();
    let folder = folder.to_str().expect("text");
    let second = run(&["serve", folder, "--no-tcp", "--unix", &text], "", &wharf.folder());
    assert_eq!(second.code, Some(1));
    assert_eq!(second.stderr, format!("wharf: another server is listening on {text}\n"));
    assert_eq!(fs::metadata(&path).expect("there").ino(), inode, "the first server's socket is untouched");
    // A killed server leaves its socket behind; the next server replaces it.
    let _folder = wharf.kill();
    assert!(path.exists());
    let next = Wharf::serve(&["--unix", &text]);
    eventually("it belongs to another server", || {
        fs::metadata(&path).is_ok_and(|found| found.ino() != inode)
    });
    assert!(ask(&path, "GET /.wharf/health HTTP/1.0\r\n\r\n").ends_with("ok\n"));
    drop(next);
    fs::remove_file(&path).expect("removed");
    fs::write(&path, "precious").expect("written");
    let refused = run(&["serve", ".", "--no-tcp", "--unix", &text], "", path.parent().expect("a folder"));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("it is a file, not a socket"), "{refused:?}");
    assert_eq!(fs::read(&path).expect("there"), b"precious");
}

#[test]
fn a_socket_that_another_server_has_replaced_is_left_alone() {
    let (_place, path, text) = socket();
    let mut wharf = Wharf::serve(&["--unix", &text]);
    eventually("it listens", || path.exists());
    fs::remove_file(&path).expect("removed");
    fs::write(&path, "mine").expect("written");
    wharf.signal(Signal::TERM);
    assert!(wharf.wait().1.success());
    assert_eq!(fs::read(&path).expect("there"), b"mine");
}

/// A server without TCP, and its output up to the line about Ctrl-C.
fn without_tcp(folder: &Path, flags: &[&str]) -> (Running, String) {
    let mut child = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["serve", ".", "--no-tcp", "--idle-exit", "never"])
            .args(flags)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    );
    let mut greeting = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    while !greeting.ends_with("Ctrl-C stops it.\n") {
        assert!(stdout.read_line(&mut greeting).expect("text") > 0, "it exited: {greeting}");
    }
    (child, greeting)
}

#[test]
fn of_servers_that_race_for_a_socket_one_wins() {
    let (place, path, text) = socket();
    let start = || {
        Running::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .args(["serve", ".", "--no-tcp", "--idle-exit", "never", "--unix", &text])
                .current_dir(place.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )
    };
    let mut servers: Vec<_> = (0..4).map(|_| start()).collect();
    let mut running = || -> Vec<usize> {
        let is_running = |child: &mut Running| child.try_wait().expect("a child").is_none();
        let all = servers.iter_mut().enumerate();
        all.filter_map(|(index, child)| is_running(child).then_some(index)).collect()
    };
    eventually("three exit", || running().len() <= 1);
    let [winner] = running()[..] else { panic!("no server won") };
    assert!(ask(&path, "GET /.wharf/health HTTP/1.0\r\n\r\n").ends_with("ok\n"));
    kill_process(Pid::from_child(&servers[winner]), Signal::TERM).expect("it runs");
    servers[winner].wait().expect("a child");
    let left: Vec<_> = fs::read_dir(place.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_tcp_only_the_socket_is_served() {
    let (place, path, text) = socket();
    let share = place.path().join("share");
    fs::create_dir(&share).expect("made");
    let (_child, greeting) = without_tcp(&share, &["--unix", &text]);
    assert!(!greeting.contains("http://") && greeting.contains(&format!("unix:{text}\n")), "{greeting}");
    let who = "Everyone who can reach it may view, add and replace files, and chat.\n";
    assert!(greeting.contains(who), "{greeting}");
    ask(&path, "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    assert_eq!(fs::read(share.join("a")).expect("saved"), b"hi");
    let none = run(&["serve", ".", "--no-tcp"], "", place.path());
    assert_eq!((none.code, none.stderr.lines().count()), (Some(1), 1), "{none:?}");
    assert!(none.stderr.contains("--unix"), "{none:?}");
}

#[test]
fn curl_uses_the_socket() {
    let Some(mut curl) = outside("curl") else { return };
    let (place, _, text) = socket();
    let share = place.path().join("share");
    fs::create_dir(&share).expect("made");
    let content = sample(3_000_000, 8);
    fs::write(place.path().join("local"), &content).expect("written");
    let name = format!("wharf-test-curl-{}", std::process::id());
    let (_child, greeting) = without_tcp(&share, &["--unix", &text, "--unix", &format!("@{name}")]);
    assert!(greeting.contains(&format!("unix:@{name}\n")), "{greeting}");
    assert!(greeting.contains("Everyone who can reach it may view, add and replace files"), "{greeting}");
    let arguments = ["-sSf", "--max-time", "60", "--unix-socket", &text, "-T", "local"];
    let put = curl.args(arguments).arg("http://localhost/in/").current_dir(place.path()).output();
    assert!(put.as_ref().is_ok_and(|output| output.status.success()), "{put:?}");
    assert!(fs::read(share.join("in/local")).expect("saved") == content);
    let mut curl = outside("curl").expect("installed");
    let get = curl.args(["-sSf", "--abstract-unix-socket", &name, "http://h/in/local"]).output();
    assert!(get.expect("it runs").stdout == content);
    // wharf's own client understands the printed address.
    let list = run(&["list", &format!("unix:@{name}!/in/")], "", place.path());
    assert_eq!((list.stdout.as_str(), list.code), ("local\n", Some(0)), "{list:?}");
}
