//! Where a download is saved, over HTTP and over TFTP: existing files are not lost, and no link leads out.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::{FlockOperation, flock};

use crate::common::{Output, PATIENCE, Running, Wharf, eventually, run, sample};

/// The lengths of the files: the first file is held in memory until it is complete, and the second has a part.
const LENGTHS: [usize; 2] = [2000, 200_000];

/// Prepares the directory before a file is downloaded to `d/a`.
type Arrange = fn(&Stage);

/// A directory for downloads, and one beside it that no download may reach.
struct Stage {
    place: tempfile::TempDir,
    /// The server's address.
    address: String,
}

impl Stage {
    fn new(address: &str) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(place.path().join("downloads/d")).expect("made");
        fs::create_dir(place.path().join("outside")).expect("made");
        fs::write(place.path().join("outside/kept"), "mine").expect("written");
        Self { place, address: address.to_owned() }
    }

    /// A path in the directory of the file.
    fn at(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("downloads/d").join(name)
    }

    fn outside(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("outside").join(name)
    }

    fn write(&self, name: &str) {
        fs::write(self.at(name), "mine").expect("written");
    }

    fn get(&self, flags: &[&str]) -> Output {
        run(&[&["get", &self.address, "--retries=0"], flags].concat(), "", self.place.path())
    }

    /// Everything in the directory: each path with its kind and content.
    fn all(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        walk(self.place.path(), &mut found);
        found.sort();
        found
    }
}

fn walk(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let holds = match kind {
            _ if kind.is_dir() => String::new(),
            _ if kind.is_symlink() => fs::read_link(&path).expect("a link").display().to_string(),
            _ if kind.is_fifo() => "a FIFO".to_owned(),
            _ => fs::read(&path).expect("readable").escape_ascii().to_string(),
        };
        let is_state = path.ends_with(".state");
        if !is_state {
            found.push((path.display().to_string(), holds));
        }
        if kind.is_dir() {
            walk(&path, found);
        }
    }
}

/// A server with a file at `d/a`, and its addresses: HTTP and TFTP.
fn serve(content: &[u8]) -> (Wharf, [String; 2]) {
    let wharf = Wharf::serve(&["--udp", "0"]);
    wharf.write("d/a", content);
    let addresses = [wharf.url("/d/a"), format!("tftp://{}/d/a", wharf.tftp())];
    (wharf, addresses)
}

#[test]
fn an_obstacle_at_the_destination_stays() {
    let rows: [(&str, Arrange, &str); 7] = [
        ("a file", |stage| stage.write("a"), "--force replaces it"),
        ("an empty file", |stage| fs::write(stage.at("a"), "").expect("written"), "--force replaces it"),
        (
            "a link at the name",
            |stage| symlink(stage.outside("kept"), stage.at("a")).expect("linked"),
            "is not a regular file and was not replaced",
        ),
        (
            "a link that leads nowhere",
            |stage| symlink(stage.outside("new"), stage.at("a")).expect("linked"),
            "is not a regular file and was not replaced",
        ),
        (
            "a directory on the way that leads out",
            |stage| {
                fs::remove_dir(stage.at("")).expect("removed");
                symlink(stage.outside(""), stage.at("").parent().expect("a parent").join("d"))
                    .expect("linked");
            },
            "is outside the download directory",
        ),
        (
            "a FIFO",
            |stage| assert!(Command::new("mkfifo").arg(stage.at("a")).status().expect("it runs").success()),
            "is not a regular file and was not replaced",
        ),
        ("a directory", |stage| fs::create_dir(stage.at("a")).expect("made"), "is not a regular file"),
    ];
    for length in LENGTHS {
        let (_wharf, addresses) = serve(&sample(length, 3));
        for address in &addresses {
            for (name, arrange, said) in rows {
                let stage = Stage::new(address);
                arrange(&stage);
                let before = stage.all();
                let output = stage.get(&[]);
                assert_eq!(output.code, Some(1), "{name}, {address}: {output:?}");
                assert_eq!(output.stderr.lines().count(), 1, "{name}, {address}: {output:?}");
                assert!(output.stderr.contains(said), "{name}, {address}: {output:?}");
                assert!(stage.all() == before, "{name}, {address}: {:?}", stage.all());
            }
        }
    }
}

/// An existing entry with the name of a part, or of its record, stays. The file is downloaded nevertheless, and nothing
/// else is left.
#[test]
fn an_entry_with_the_name_of_a_part_stays() {
    let rows: [(&str, Arrange); 5] = [
        ("a file", |stage| stage.write("a.part")),
        ("notes", |stage| stage.write("a.part.from")),
        ("a directory and a file", |stage| {
            fs::create_dir(stage.at("a.part")).expect("made");
            stage.write("a.1.part");
        }),
        ("a link", |stage| symlink(stage.outside("kept"), stage.at("a.part")).expect("linked")),
        ("a link for notes", |stage| symlink(stage.outside("new"), stage.at("a.part.from")).expect("linked")),
    ];
    for length in LENGTHS {
        let content = sample(length, 4);
        let (_wharf, addresses) = serve(&content);
        for address in &addresses {
            // A file that replaces another is written to a part first, even if it is short.
            for (is_there, (name, arrange)) in
                [false, true].into_iter().flat_map(|is| rows.map(|row| (is, row)))
            {
                let stage = Stage::new(address);
                arrange(&stage);
                let before = stage.all();
                if is_there {
                    stage.write("a");
                }
                let output = stage.get(&["--force"]);
                assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{name}, {address}");
                assert!(fs::read(stage.at("a")).expect("saved") == content, "{name}, {address}");
                fs::remove_file(stage.at("a")).expect("removed");
                assert!(stage.all() == before, "{name}, {address}: {:?}", stage.all());
            }
        }
    }
}

#[test]
fn a_part_that_another_program_writes_is_left_alone() {
    let (_wharf, addresses) = serve(&sample(200_000, 5));
    for address in &addresses {
        let stage = Stage::new(address);
        let notes = r#"{"from":"http://elsewhere/a","validator":"\"1\"","length":9}"#;
        fs::write(stage.at("a.part.from"), notes).expect("written");
        stage.write("a.part");
        let part = File::open(stage.at("a.part")).expect("open");
        flock(&part, FlockOperation::LockExclusive).expect("locked");
        let before = stage.all();
        let output = stage.get(&[]);
        assert_eq!(output.code, Some(1), "{address}: {output:?}");
        assert!(output.stderr.starts_with("another program is downloading "), "{address}: {output:?}");
        assert!(stage.all() == before, "{address}: {:?}", stage.all());
        drop(part);
        assert_eq!(stage.get(&[]).code, Some(0), "{address}: it has ended");
        assert_eq!(
            fs::read_dir(stage.at("")).expect("a folder").count(),
            1,
            "{address}: its part was removed"
        );
    }
}

#[test]
fn an_unchanged_download_is_replaced_and_a_changed_one_is_not() {
    for length in LENGTHS {
        let (wharf, addresses) = serve(b"first");
        for address in &addresses {
            let stage = Stage::new(address);
            wharf.write("d/a", "first");
            assert_eq!(stage.get(&[]).code, Some(0), "{address}");
            let newer = sample(length, 6);
            wharf.write("d/a", &newer);
            let old = File::open(stage.at("a")).expect("open");
            let output = stage.get(&[]);
            assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{address}: an older version");
            assert!(fs::read(stage.at("a")).expect("saved") == newer, "{address}");
            let is_same =
                old.metadata().expect("open").ino() == fs::metadata(stage.at("a")).expect("there").ino();
            assert!(!is_same && old.metadata().expect("open").len() == 5, "{address}: replaced in one step");
            fs::write(stage.at("a"), "edited").expect("written");
            let output = stage.get(&[]);
            assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 1), "{address}: {output:?}");
            assert!(output.stderr.starts_with("downloads/d/a exists and was not replaced"), "{output:?}");
            assert_eq!(fs::read(stage.at("a")).expect("there"), b"edited", "{address}");
            assert_eq!(stage.get(&["--force"]).code, Some(0), "{address}");
            assert!(fs::read(stage.at("a")).expect("saved") == newer, "{address}");
            assert_eq!(fs::read_dir(stage.at("")).expect("a folder").count(), 1, "{address}");
        }
        // A file from one address is not replaced by one from another.
        let [http, tftp] = addresses.map(|address| Stage::new(&address));
        assert_eq!(http.get(&[]).code, Some(0));
        wharf.write("d/a", "third");
        fs::remove_dir_all(tftp.at("")).and_then(|()| fs::rename(http.at(""), tftp.at(""))).expect("moved");
        assert_eq!(tftp.get(&[]).code, Some(1));
    }
}

/// A user's permissions for a download, for example private or executable, stay when it is replaced.
#[test]
fn a_replaced_download_keeps_its_permissions() {
    for length in LENGTHS {
        let (wharf, addresses) = serve(b"first");
        for address in &addresses {
            for mode in [0o600, 0o755, 0o440] {
                let stage = Stage::new(address);
                wharf.write("d/a", "first");
                assert_eq!(stage.get(&[]).code, Some(0), "{address}");
                fs::set_permissions(stage.at("a"), fs::Permissions::from_mode(mode)).expect("set");
                wharf.write("d/a", sample(length, 6));
                assert_eq!(stage.get(&[]).code, Some(0), "{address}: an older version");
                let facts = fs::metadata(stage.at("a")).expect("there");
                assert_eq!((facts.len(), facts.mode() & 0o777), (length as u64, mode), "{address}");
            }
        }
    }
}

/// A listing may contain any names: only new files of a tree are saved.
#[test]
fn a_tree_replaces_nothing() {
    let wharf = Wharf::serve(&[]);
    for name in ["d/a", "d/b", "d/sub/c", "d/same"] {
        wharf.write(name, format!("the server's {name}"));
    }
    let stage = Stage::new(&wharf.url("/d/"));
    stage.write("a");
    fs::create_dir(stage.at("sub")).expect("made");
    stage.write("sub/c");
    // The same length and timestamp count as unchanged, without a record.
    let same = wharf.folder().join("d/same");
    fs::copy(&same, stage.at("same")).expect("copied");
    let modified = fs::metadata(&same).and_then(|metadata| metadata.modified()).expect("a time");
    File::options()
        .write(true)
        .open(stage.at("same"))
        .and_then(|file| file.set_modified(modified))
        .expect("set");
    let output = stage.get(&["-R"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    let mut said: Vec<_> =
        output.stderr.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    said.sort_unstable();
    assert_eq!(said, ["downloads/d/a", "downloads/d/sub/c"], "{output:?}");
    assert!(output.stderr.lines().all(|line| line.contains("--force")), "{output:?}");
    assert!(output.stdout.contains("unchanged: downloads/d/same"), "{output:?}");
    for (name, holds) in [("a", "mine"), ("sub/c", "mine"), ("b", "the server's d/b")] {
        assert_eq!(fs::read_to_string(stage.at(name)).expect(name), holds);
    }
    let output = stage.get(&["-R", "--force"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    for name in ["a", "b", "sub/c", "same"] {
        assert_eq!(fs::read_to_string(stage.at(name)).expect(name), format!("the server's d/{name}"));
    }
}

/// The prompts save files as the command does.
#[test]
fn a_prompt_replaces_nothing() {
    let (wharf, _) = serve(b"new");
    for address in [wharf.url(""), format!("tftp://{}", wharf.tftp())] {
        let stage = Stage::new(&address);
        stage.write("a");
        symlink(stage.outside(""), stage.at("link")).expect("linked");
        let before = stage.all();
        let words = "get d/a\nget d/link/kept\n";
        let output = run(&["client", &address], words, stage.place.path());
        let said: Vec<_> = output.stderr.lines().collect();
        assert!(said[0].starts_with("downloads/d/a exists and was not replaced"), "{address}: {said:?}");
        assert_eq!(stage.all(), before, "{address}");
    }
}

/// An aborted TFTP transfer leaves nothing; one whose client is killed leaves a part that the next run
/// removes.
#[test]
fn an_aborted_tftp_transfer_leaves_nothing() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(PATIENCE)).expect("set");
    let stage = Stage::new(&format!("tftp://{}/d/a", server.local_addr().expect("an address")));
    let client = |stdout: Stdio| {
        Running::start(
            Command::new(env!("CARGO_BIN_EXE_wharf"))
                .args(["get", &stage.address])
                .current_dir(stage.place.path())
                .stdout(stdout)
                .stderr(Stdio::piped()),
        )
    };
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(stage.at("")).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    for blocks in [1, 200] {
        let client = client(Stdio::null());
        let from = send_blocks(&server, blocks, false);
        server.send_to(b"\0\x05\0\0gone\0", from).expect("sent");
        let output = client.output();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "d/a: error (0): gone\n");
        assert!(names().is_empty(), "{:?}", names());
    }
    let mut killed = client(Stdio::null());
    send_blocks(&server, 200, false);
    eventually("the received bytes are in a part", || {
        fs::metadata(stage.at("a.part")).is_ok_and(|part| part.len() > 64 * 1024)
    });
    killed.kill().and_then(|()| killed.wait()).expect("killed");
    assert_eq!(names(), ["a.part", "a.part.from"]);
    let whole = client(Stdio::null());
    send_blocks(&server, 200, true);
    assert_eq!(whole.output().status.code(), Some(0));
    assert_eq!((names().len(), fs::metadata(stage.at("a")).expect("saved").len()), (1, 200 * 512));
}

/// Answers the next request with this many blocks, and with an empty last one if the file is to end there;
/// returns the client's address.
fn send_blocks(server: &UdpSocket, blocks: u16, ends: bool) -> std::net::SocketAddr {
    let mut buffer = [0; 600];
    let from = loop {
        let (_, from) = server.recv_from(&mut buffer).expect("a request");
        if buffer.starts_with(&[0, 1]) {
            break from;
        }
    };
    for number in 1..=blocks + u16::from(ends) {
        let [high, low] = number.to_be_bytes();
        let content = if number > blocks { &[][..] } else { &[7; 512] };
        server.send_to(&[&[0, 3, high, low], content].concat(), from).expect("sent");
        while buffer[..4] != [0, 4, high, low] {
            server.recv_from(&mut buffer).expect("an ACK");
        }
    }
    from
}

/// Two clients download the same file at once: one or both succeed, and the file is complete.
#[test]
fn two_downloads_of_one_file_at_once_leave_it_complete() {
    let content = sample(3_000_000, 8);
    let (_wharf, addresses) = serve(&content);
    for address in &addresses {
        for _ in 0..5 {
            let stage = Stage::new(address);
            let outputs: Vec<_> = thread::scope(|scope| {
                let get = || scope.spawn(|| stage.get(&[]));
                [get(), get(), get()].map(|thread| thread.join().expect("no panic")).into()
            });
            assert!(outputs.iter().any(|output| output.code == Some(0)), "{address}: {outputs:?}");
            assert!(fs::read(stage.at("a")).expect("saved") == content, "{address}");
            assert_eq!(fs::read_dir(stage.at("")).expect("a folder").count(), 1, "{address}: {outputs:?}");
        }
    }
}
