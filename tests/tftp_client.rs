//! The TFTP client: against wharf, against tftpd-hpa, and over a network that loses datagrams.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::tftp::Network;
use crate::common::{
    ClosedUdpPort, Output, PATIENCE, Running, Wharf, eventually, outside, run, sample, skip,
};

/// Runs `wharf` in this directory with these arguments.
fn wharf(here: &Path, words: &[&str]) -> Output {
    run(words, "", here)
}

#[test]
fn files_go_both_ways() {
    let (server, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    let site = format!("tftp://{}", server.tftp());
    for length in [0, 1, 1427, 1428, 1429, 3_000_000] {
        let content = sample(length, 5);
        server.write("in/a b", &content);
        let got = wharf(here.path(), &["get", &format!("{site}/in/a b")]);
        assert_eq!(got.code, Some(0), "{got:?}");
        assert!(got.stdout.starts_with("→ downloads/in/a b, "), "{got:?}");
        assert!(fs::read(here.path().join("downloads/in/a b")).expect("it came") == content, "{length} out");
        fs::write(here.path().join("local"), &content).expect("written");
        let put = wharf(here.path(), &["put", "local", "--to", &format!("{site}/up/")]);
        assert_eq!(put.code, Some(0), "{put:?}");
        assert!(server.read("up/local") == content, "{length} in");
    }
    let listed = wharf(here.path(), &["list", &format!("{site}/in")]);
    assert!(listed.stdout == "a b\n", "{listed:?}");
    let root = wharf(here.path(), &["list", &site]);
    assert!(root.stdout == "in/\nup/\n", "{root:?}");
}

#[test]
fn files_arrive_whole_over_a_lossy_network() {
    let (server, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    let content = sample(400_000, 6);
    server.write("file", &content);
    fs::write(here.path().join("local"), &content).expect("written");
    for seed in 1..=3 {
        let network = Network::before(server.tftp(), seed);
        let site = format!("tftp://{}", network.address());
        // Each network has another address.
        let dir = format!("seed {seed}");
        let got = wharf(here.path(), &["get", &format!("{site}/file"), "--dir", &dir]);
        assert_eq!(got.code, Some(0), "{got:?}");
        assert!(fs::read(here.path().join(&dir).join("file")).expect("it came") == content, "{dir}, out");
        let name = format!("{seed}/");
        let put = wharf(here.path(), &["put", "local", "--to", &format!("{site}/{name}")]);
        assert_eq!(put.code, Some(0), "{put:?}");
        assert!(server.read(&format!("{name}local")) == content, "seed {seed}, in");
    }
}

#[test]
fn no_symlink_leads_out_of_the_download_directory() {
    let (server, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    server.write("out/file", "theirs");
    server.write("file", "theirs");
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("file"), "ours").expect("written");
    fs::create_dir(here.path().join("dl")).expect("made");
    symlink(outside.path(), here.path().join("dl/out")).expect("linked");
    symlink(outside.path().join("file"), here.path().join("dl/file")).expect("linked");
    for name in ["out/file", "file"] {
        let url = format!("tftp://{}/{name}", server.tftp());
        let got = wharf(here.path(), &["get", "--dir", "dl", &url]);
        assert_eq!(got.code, Some(1), "{name}: {got:?}");
        assert_eq!(fs::read_to_string(outside.path().join("file")).expect("there"), "ours", "{name}");
        assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 1, "{name}");
    }
}

#[test]
fn errors_are_printed() {
    let (server, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    fs::write(here.path().join("local"), "x").expect("written");
    let site = format!("tftp://{}", server.tftp());
    let closed = ClosedUdpPort::reserve();
    let closed = closed.address();
    let rows: [(&[&str], &str); 8] = [
        (&["get", &format!("{site}/none")], "none: file not found (1): there is nothing of that name\n"),
        (&["get", &format!("{site}/../x")], "../x is outside the download directory\n"),
        (&["get", &format!("{site}/in/")], "in/ is not a regular file\n"),
        (&["list", &format!("{site}/none")], "/none: file not found (1): there is nothing of that name\n"),
        (&["put", "none", "--to", &site], "File none not found.\n"),
        (
            &["put", "local", "--to", &format!("{site}/.x/")],
            "local: access violation (2): there is nothing of that name\n",
        ),
        (&["list", &format!("tftp://{closed}")], &format!("Server is not running. (tftp://{closed})\n")),
        (
            &["put", "local", "--to", &format!("tftp://{closed}")],
            &format!("Server is not running. (tftp://{closed})\n"),
        ),
    ];
    for (words, said) in rows {
        let output = wharf(here.path(), words);
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), said), "{words:?}");
    }
    assert!(!here.path().join("downloads/none.part").exists(), "nothing half is left");
    let usage = wharf(here.path(), &["client", &site, "--chat", "ann"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
    assert!(usage.stderr.contains("TFTP has no chat room"), "{usage:?}");
}

#[test]
fn the_prompt() {
    let server = Wharf::serve(&["--udp", "0"]);
    let here = tempfile::tempdir().expect("a folder");
    server.write("a.txt", "hello");
    fs::write(here.path().join("local"), "mine").expect("written");
    let site = format!("tftp://{}", server.tftp());
    let words = "GET a.txt\nput local in/there\nlist in\nfly\nexit\nhelp\nquit\nget a.txt\n";
    let output = run(&["client", &site], words, here.path());
    assert_eq!(server.read("in/there"), b"mine");
    assert_eq!(fs::read(here.path().join("downloads/a.txt")).expect("it came"), b"hello");
    let said: Vec<_> = output.stdout.lines().collect();
    assert!(said[0].starts_with("→ downloads/a.txt, 5 B in ") && said[1].starts_with("→ in/there, 4 B in "));
    assert!(said[2].ends_with("  there"), "{output:?}");
    assert!(said[3].starts_with("get path"), "{output:?}");
    assert_eq!(*said.last().expect("a farewell"), "stopping client.");
    let errors: Vec<_> = output.stderr.lines().collect();
    assert_eq!(errors[0], "commands: get, put, list, exit, quit, help");
    assert!(errors[1].starts_with("exit: access violation (2): ") && errors[1].contains("--allow-exit"));
    assert_eq!((errors.len(), output.code), (2, Some(1)));
}

#[test]
fn exit_shuts_down_the_server() {
    let mut server = Wharf::serve(&["--udp", "0", "--allow-exit"]);
    let here = tempfile::tempdir().expect("a folder");
    let output = run(&["client", &format!("tftp://{}", server.tftp())], "exit\nlist\n", here.path());
    assert_eq!(output.stdout, "the server is shutting down\nstopping client.\n", "{output:?}");
    assert_eq!(output.code, Some(0));
    assert!(server.wait().1.success());
}

/// A scripted server, and a client that has received its first block.
#[test]
fn a_stranger_gets_an_error_and_a_late_error_is_read() {
    let here = tempfile::tempdir().expect("a folder");
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(PATIENCE)).expect("set");
    let address = server.local_addr().expect("an address");
    let client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["get", &format!("tftp://{address}/file")])
            .current_dir(here.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut buffer = [0; 600];
    let (_, from) = server.recv_from(&mut buffer).expect("a request");
    let block = |number: u8| [&[0, 3, 0, number][..], &[7; 512]].concat();
    server.send_to(&block(1), from).expect("sent");
    while buffer[..4] != *b"\0\x04\0\x01" {
        server.recv_from(&mut buffer).expect("an ACK");
    }
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    stranger.set_read_timeout(Some(PATIENCE)).expect("set");
    stranger.send_to(&block(2), from).expect("sent");
    stranger.recv_from(&mut buffer).expect("an answer");
    assert_eq!(buffer[..4], *b"\0\x05\0\x05", "this transfer has another peer (RFC 1350 §4)");
    // It receives a block, then an error, and cannot acknowledge the block because the port is closed.
    let pid = Pid::from_child(&client);
    kill_process(pid, Signal::STOP).expect("it runs");
    eventually("all threads are stopped", || has_stopped(client.id()));
    server.send_to(&block(2), from).expect("sent");
    server.send_to(b"\0\x05\0\0good night\0", from).expect("sent");
    drop(server);
    kill_process(pid, Signal::CONT).expect("it runs");
    let output = client.output();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "file: error (0): good night\n");
    assert_eq!(output.status.code(), Some(1));
}

/// A server that answers each request with these datagrams, the next one after each packet from the client.
fn scripted(answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = server.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut buffer, mut transfers) = ([0; 2000], Vec::new());
        while let Ok((length, client)) = server.recv_from(&mut buffer) {
            let transfer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            // It stays open, so that the port is silent, not closed.
            transfers.push(transfer.try_clone().expect("a socket"));
            let answers = answers(&buffer[..length]);
            thread::spawn(move || {
                for answer in answers {
                    transfer.send_to(&answer, client).expect("sent");
                    transfer.recv_from(&mut [0; 2000]).expect("a packet");
                }
            });
        }
    });
    address
}

#[test]
fn a_padded_answer_is_accepted() {
    let here = tempfile::tempdir().expect("a folder");
    let server = scripted(|_| vec![b"\0\x06blksize\x001024\0\0\0\0\0".to_vec(), b"\0\x03\0\x01hi".to_vec()]);
    let got = wharf(here.path(), &["get", "-o", "-", &format!("tftp://{server}/a")]);
    assert_eq!((got.code, got.stdout.as_str()), (Some(0), "hi"), "{got:?}");
}

/// RFC 2347: a server that rejects options is asked again without them. One from before that RFC may send error 4.
#[test]
fn a_server_that_knows_no_options_is_asked_again_without_them() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("new"), "hi").expect("written");
    let is_plain = |request: &[u8]| request.ends_with(b"octet\0");
    for code in [4, 8] {
        let server = scripted(move |request| {
            let refusal = [b"\0\x05\0", &[code][..], b"no options\0"].concat();
            match request {
                [0, 1, ..] if is_plain(request) => vec![b"\0\x03\0\x01hi".to_vec()],
                // The last one answers the block.
                [0, 2, ..] if is_plain(request) => vec![b"\0\x04\0\0".to_vec(), b"\0\x04\0\x01".to_vec()],
                _ => vec![refusal],
            }
        });
        let got = wharf(here.path(), &["get", "-o", "-", &format!("tftp://{server}/a")]);
        assert_eq!((got.code, got.stdout.as_str()), (Some(0), "hi"), "{got:?}");
        let put = wharf(here.path(), &["put", "new", "--to", &format!("tftp://{server}/")]);
        assert_eq!(put.code, Some(0), "{put:?}");
    }
    let server = scripted(|_| vec![b"\0\x05\0\x08never\0".to_vec()]);
    let got = wharf(here.path(), &["get", "-o", "-", &format!("tftp://{server}/a")]);
    assert_eq!(got.stderr, "a: option negotiation failed (8): never\n", "only once: {got:?}");
}

#[test]
fn a_silent_server_is_given_up_after_the_timeout() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("new"), "hi").expect("written");
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let site = format!("tftp://{}/", silent.local_addr().expect("an address"));
    let stops = scripted(|_| vec![[&b"\0\x03\0\x01"[..], &[7; 512]].concat()]);
    for words in [
        ["get", "--timeout", "1", "-o", "-", &format!("{site}a")],
        ["get", "--timeout", "1", "-o", "a", &format!("{site}a")],
        ["get", "--timeout", "1", "--dir", "d", &format!("{site}a")],
        ["get", "--timeout", "1", "-o", "-", &format!("tftp://{stops}/a")],
        ["put", "--timeout", "1", "new", "--to", &site],
    ] {
        let began = Instant::now();
        let output = wharf(here.path(), &words);
        assert_eq!(output.code, Some(1), "{words:?}: {output:?}");
        assert!(output.stderr.contains("no longer answers"), "{words:?}: {output:?}");
        assert!((1..20).contains(&began.elapsed().as_secs()), "{words:?}: {:?}", began.elapsed());
    }
}

/// Whether SIGSTOP has stopped all threads of a process.
fn has_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let mut stats = threads.map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default());
    stats.all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

/// Ctrl-C aborts a transfer, so that the server can drop it at once.
#[test]
fn ctrl_c_aborts_the_transfer() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("local"), sample(10_000, 1)).expect("written");
    let listener = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    listener.set_read_timeout(Some(PATIENCE)).expect("set");
    let site = format!("tftp://{}", listener.local_addr().expect("an address"));
    let rows: [(&[&str], &str, &[u8]); 3] = [
        (&["get", &format!("{site}/file")], "", &[0, 3, 0, 1, 7]),
        (&["client", &site], "get file\n", &[0, 3, 0, 1, 7]),
        (&["put", "local", "--to", &site], "", &[0, 4, 0, 0]),
    ];
    for (words, input, first) in rows {
        let mut client = Running::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .args(words)
                .current_dir(here.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        client.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
        let mut buffer = [0; 2000];
        let (_, from) = listener.recv_from(&mut buffer).expect("a request");
        // The transfer has a port of its own (RFC 1350 §4). A block of 512 bytes is never the last one.
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut datagram = first.to_vec();
        datagram.resize(if first[1] == 3 { 516 } else { 4 }, 7);
        server.send_to(&datagram, from).expect("sent");
        server.recv_from(&mut buffer).expect("the transfer continues");
        kill_process(Pid::from_child(&client), Signal::INT).expect("it runs");
        // Repeated packets may come before it.
        while buffer[..4] != *b"\0\x05\0\0" {
            server.recv_from(&mut buffer).expect("the end of it");
        }
        assert!(buffer.starts_with(b"\0\x05\0\0the client was interrupted\0"), "{words:?}");
        assert_eq!(client.wait().expect("a child").code(), Some(130), "{words:?}");
    }
}

/// A name that is not UTF-8 reaches the server unchanged, and is the name of the download.
#[test]
fn names_may_be_any_bytes() {
    let (server, here) = (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"));
    let odd = |above: &Path, name: &[u8]| above.join(OsStr::from_bytes(name));
    fs::create_dir(odd(&server.folder(), b"d\xfe")).expect("made");
    fs::write(odd(&server.folder(), b"d\xfe/f\xff"), "odd").expect("written");
    let site = format!("tftp://{}/d%FE", server.tftp());
    let got = wharf(here.path(), &["get", &format!("{site}/f%FF")]);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(fs::read(odd(here.path(), b"downloads/d\xfe/f\xff")).expect("it came"), b"odd");
    let listed = wharf(here.path(), &["list", &site]);
    assert!(listed.code == Some(0) && listed.stdout.starts_with('f'), "{listed:?}");
    let to_here = wharf(here.path(), &["get", "-o", "-", &format!("{site}/f%ff")]);
    assert_eq!(to_here.stdout, "odd", "{to_here:?}");
    fs::create_dir(odd(here.path(), b"up")).expect("made");
    fs::write(odd(here.path(), b"up/n\xfd"), "mine").expect("written");
    let put = wharf(here.path(), &["put", "-R", "up", "--to", &format!("{site}/")]);
    assert_eq!(put.code, Some(0), "{put:?}");
    assert_eq!(fs::read(odd(&server.folder(), b"d\xfe/up/n\xfd")).expect("it came"), b"mine");
}

#[test]
fn a_server_at_all_addresses_accepts_both_ip_versions() {
    let (server, here) =
        (Wharf::serve(&["--ip", "::", "--udp", "0"]), tempfile::tempdir().expect("a folder"));
    server.write("a", "hi");
    let (http, tftp) = (server.address().port(), server.tftp().port());
    for host in ["127.0.0.1", "[::1]"] {
        for url in [format!("http://{host}:{http}/a"), format!("tftp://{host}:{tftp}/a")] {
            let got = wharf(here.path(), &["get", "-o", "-", &url]);
            assert_eq!((got.code, got.stdout.as_str()), (Some(0), "hi"), "{url}: {got:?}");
        }
    }
    eventually("all are logged", || {
        server.log().matches("/a HTTP").count() + server.log().matches("\"RRQ a").count() == 4
    });
    assert!(!server.log().contains("::ffff:"), "{}", server.log());
    let beside = Wharf::serve(&["--ip", "::", "--ip", "0.0.0.0", "--udp", "0"]);
    beside.write("a", "hi");
    let got = wharf(here.path(), &["get", "-o", "-", &format!("tftp://{}/a", beside.tftp())]);
    assert_eq!(got.stdout, "hi", "{got:?}");
}

/// In a network of its own, where the loopback interface has a link-local address.
#[test]
fn link_local_addresses_have_a_zone() {
    let Some(mut unshare) = outside("unshare") else { return };
    let here = tempfile::tempdir().expect("a folder");
    fs::create_dir(here.path().join("d")).expect("made");
    fs::write(here.path().join("d/a"), "hi").expect("written");
    let script = "
        ip link set lo up && ip addr add fe80::77/64 dev lo nodad || exit 77
        \"$0\" serve d --ip fe80::77%lo --port 8080 --udp 6969 >out 2>log & server=$!
        until grep -q Ctrl-C out; do kill -0 $server || exit 1; sleep 0.05; done
        for url in 'http://[fe80::77%25lo]:8080/a' 'http://[fe80::77%lo]:8080/a' 'tftp://[fe80::77%25lo]:6969/a' \\
            'tftp://[fe80::77%lo]:6969/a'; do \"$0\" get --retries 0 -o - \"$url\"; done
        \"$0\" get --retries 0 -o - 'http://[fe80::77%no]:8080/a'
        kill $server; grep -h '://' out";
    unshare.args(["-rn", "sh", "-c", script, env!("CARGO_BIN_EXE_wharf")]).current_dir(here.path());
    let output = Running::start(unshare.stdout(Stdio::piped()).stderr(Stdio::piped())).output();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || stderr.contains("unshare failed") {
        return skip("a network namespace cannot be made here");
    }
    let urls = "http://[fe80::77%25lo]:8080\ntftp://[fe80::77%25lo]:6969\n";
    assert_eq!(stdout, format!("hihihihi{urls}"), "{stderr}");
    assert!(stderr.contains("cannot resolve host"), "{stderr}");
}

/// tftpd-hpa, serving a directory until this is dropped.
struct Other {
    _child: Running,
    address: SocketAddr,
}

impl Other {
    fn serve(folder: &Path) -> Option<Self> {
        outside("in.tftpd")?;
        // It does not accept port 0, so a free port is chosen. Another program may take it first; then tftpd exits.
        let mut serving = None;
        eventually("it listens", || {
            let (child, address) = serving.get_or_insert_with(|| Self::try_serve(folder));
            if child.try_wait().expect("a child").is_some() {
                serving = None;
                return false;
            }
            is_bound(*address)
        });
        serving.map(|(child, address)| Self { _child: child, address })
    }

    fn try_serve(folder: &Path) -> (Running, SocketAddr) {
        let address = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let mut tftpd = Command::new("in.tftpd");
        tftpd.args(["-L", "-c", "-s", "-p", "-u", &user(), "-a", &address.to_string()]);
        (Running::start(tftpd.arg(folder).stdin(Stdio::null()).stderr(Stdio::null())), address)
    }
}

/// Whether this UDP port is bound, by the system's table: an attempt to bind it would block it for others.
fn is_bound(address: SocketAddr) -> bool {
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/udp").expect("a table");
    table.lines().filter_map(|line| line.split_whitespace().nth(1)).any(|local| local.ends_with(&port))
}

/// The user that tftpd changes to if the tests run as root.
fn user() -> String {
    let is_root = rustix::process::getuid().is_root();
    if is_root { "root".to_owned() } else { std::env::var("USER").unwrap_or_default() }
}

#[test]
fn transfers_with_tftpd_hpa() {
    if !rustix::process::getuid().is_root() {
        skip("in.tftpd needs root, for its chroot");
        return;
    }
    let here = tempfile::tempdir().expect("a folder");
    let share = here.path().join("share");
    fs::create_dir(&share).expect("made");
    let Some(other) = Other::serve(&share) else { return };
    let site = format!("tftp://{}", other.address);
    for length in [0, 1, 511, 512, 513, 1428, 500_000] {
        let content = sample(length, 9);
        fs::write(here.path().join("local"), &content).expect("written");
        let put = wharf(here.path(), &["put", "local", "--to", &site]);
        assert_eq!(put.code, Some(0), "{put:?}");
        eventually("it is written", || fs::read(share.join("local")).is_ok_and(|found| found == content));
        let got = wharf(here.path(), &["get", &format!("{site}/local")]);
        assert_eq!(got.code, Some(0), "{got:?}");
        assert!(fs::read(here.path().join("downloads/local")).expect("it came") == content, "{length} bytes");
    }
}
