//! Replaced files are kept, over every protocol, and whenever the server is killed.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use socket2::{Domain, Socket, Type};

use crate::common::tftp::Tftp;
use crate::common::{Random, Wharf, eventually, outside};
use crate::resumable;

/// How often the server is killed while files are replaced, and by how many clients.
const DEATHS: usize = 12;
const CLIENTS: usize = 4;

#[test]
fn what_is_replaced_is_kept_whatever_the_listener() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body = "--b\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\nnew\r\n--b--\r\n";
    let in_pieces = |name: &str| {
        let upload = resumable::begin(&wharf, name, "");
        let halfway = resumable::append(&wharf, &upload, 0, false, b"n").code();
        assert_eq!(halfway, 204, "{name}");
        resumable::append(&wharf, &upload, 1, true, b"ew").code()
    };
    let cases: [(&str, Box<dyn Fn(&str) -> u16 + '_>); 6] = [
        ("put", Box::new(|name| wharf.ask("PUT", name, "", b"new").code())),
        ("post", Box::new(|name| wharf.ask("POST", name, "", b"new").code())),
        ("form", Box::new(|_| wharf.ask("POST", "/", form, body.as_bytes()).code())),
        ("resumable", Box::new(|name| wharf.ask("PUT", name, "Upload-Complete: ?1\r\n", b"new").code())),
        ("pieces", Box::new(in_pieces)),
        (
            "tftp",
            Box::new(|name| {
                let mut tftp = Tftp::new(wharf.tftp());
                tftp.put(name.trim_start_matches('/'), &[], b"new").map_or(0, |()| 200)
            }),
        ),
    ];
    for (name, replace) in &cases {
        let before = wharf.trash();
        wharf.write(name, format!("the old {name}"));
        let code = replace(&format!("/{name}"));
        assert!((200..300).contains(&code), "{name}: {code}");
        assert_eq!(wharf.read(name), b"new", "{name}");
        let kept: Vec<_> = wharf.trash().into_iter().filter(|item| !before.contains(item)).collect();
        assert_eq!(kept, [((*name).to_owned(), format!("the old {name}").into_bytes())], "{name}");
    }
    let before = wharf.trash();
    assert_eq!(wharf.ask("PUT", "/put", "If-Match: \"other\"\r\n", b"newer").code(), 412);
    assert_eq!(wharf.trash(), before, "nothing is kept of what was not replaced");
    assert_eq!(wharf.ask("GET", "/.wharf/trash/", "", b"").code(), 405, "it is no part of the folder");
}

/// A connection from an address of its own.
fn connect(from: u32, to: SocketAddr) -> Option<TcpStream> {
    let byte = |number: u32| u8::try_from(number).expect("a byte");
    let (a, b, c) = (byte(from / 254 / 256 + 1), byte(from / 254 % 256), byte(from % 254 + 1));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::from(([127, a, b, c], 0)).into()).ok()?;
    socket.connect(&to.into()).ok()?;
    Some(socket.into())
}

/// Replaces the file, and returns whether the server has acknowledged that.
fn replace(from: u32, to: SocketAddr, content: &str) -> bool {
    let Some(mut stream) = connect(from, to) else { return false };
    let length = content.len();
    let request = format!("PUT /a HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\n\r\n{content}");
    let mut answer = [0; 12];
    let is_answered = stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok();
    assert!(!is_answered || answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    is_answered
}

/// Each version comes from another client, so each is kept. Each acknowledged version is either the current file or in
/// the trash.
fn survives_kills(start: impl Fn(tempfile::TempDir) -> Wharf) {
    let version = AtomicU32::new(0);
    let acknowledged = Mutex::new(BTreeSet::new());
    let mut random = Random::new(19);
    let mut place = tempfile::tempdir().expect("a folder");
    for death in 0..DEATHS {
        let wharf = start(place);
        let (address, ends) = (wharf.address(), AtomicBool::new(false));
        place = thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while !ends.load(Ordering::SeqCst) {
                        let version = version.fetch_add(1, Ordering::SeqCst);
                        let content = version.to_string();
                        if replace(version, address, &content) {
                            acknowledged.lock().expect("no panic").insert(content);
                        }
                    }
                });
            }
            let more = acknowledged.lock().expect("no panic").len() + 1 + random.below(40);
            eventually("some files were saved", || acknowledged.lock().expect("no panic").len() >= more);
            let place = wharf.kill();
            ends.store(true, Ordering::SeqCst);
            place
        });
        let wharf = start(place);
        let mut there: BTreeSet<_> = wharf.trash().into_iter().map(|(_, content)| content).collect();
        there.insert(wharf.read("a"));
        let acknowledged = acknowledged.lock().expect("no panic");
        let lost: Vec<_> =
            acknowledged.iter().filter(|version| !there.contains(version.as_bytes())).collect();
        assert!(lost.is_empty(), "death {death}: {lost:?} of {} are lost", acknowledged.len());
        place = wharf.kill();
    }
}

#[test]
fn no_version_is_lost_when_the_server_is_killed() {
    survives_kills(|place| Wharf::serve_in(place, &[]));
}

#[test]
fn no_version_is_lost_where_files_have_one_name() {
    if outside("strace").is_none() {
        return;
    }
    survives_kills(|place| {
        let mut strace = Command::new("strace");
        let notes = place.path().join("notes");
        strace.args(["-D", "-f", "-o"]).arg(notes).args(["-e", "trace=linkat"]);
        strace.args(["-e", "inject=linkat:error=EPERM"]);
        Wharf::serve_by(strace, place, &["--no-sync"])
    });
}
