//! Files are uploaded through a Unix-domain socket.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Output, Running, Wharf, eventually, run, sample};

/// A server with a socket, a directory for the client, and the server's address for the client.
fn stage() -> (Wharf, tempfile::TempDir, String) {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = Wharf::serve(&["--unix", socket.to_str().expect("text")]);
    eventually("it listens", || socket.exists());
    let address = format!("unix:{}", socket.display());
    (wharf, here, address)
}

fn put(here: &Path, files: &[&str], address: &str, input: &str) -> Output {
    run(&[&["put"], files, &["--to", address]].concat(), input, here)
}

#[test]
fn files_are_uploaded_by_name() {
    let (wharf, here, address) = stage();
    let photo = sample(300_000, 2);
    fs::write(here.path().join("a.txt"), "some text\n").expect("written");
    fs::write(here.path().join("photo.jpg"), &photo).expect("written");
    let one = put(here.path(), &["a.txt"], &address, "");
    assert!(one.stdout.contains("/a.txt, 10 B in ") && one.code == Some(0), "{one:?}");
    assert_eq!(wharf.read("a.txt"), b"some text\n");
    let both = put(here.path(), &["a.txt", "photo.jpg"], &address, "");
    assert_eq!((both.stdout.lines().count(), both.code), (2, Some(0)), "{both:?}");
    assert!(wharf.read("photo.jpg") == photo);
    eventually("the log names the process", || wharf.log().contains("pid="));
}

#[test]
fn a_missing_file_does_not_stop_the_others() {
    let (wharf, here, address) = stage();
    fs::write(here.path().join("b"), "b").expect("written");
    let output = put(here.path(), &["a", "b"], &address, "");
    assert_eq!((output.stderr.as_str(), output.code), ("File a not found.\n", Some(1)));
    assert_eq!(wharf.read("b"), b"b");
}

#[test]
fn without_names_it_asks_once() {
    let (wharf, here, address) = stage();
    fs::write(here.path().join("a b"), "1").expect("written");
    fs::write(here.path().join("c"), "2").expect("written");
    let output = put(here.path(), &[], &address, "'a b' c\n");
    assert!(output.stdout.starts_with("Files to send: "), "{output:?}");
    assert_eq!((wharf.read("a b"), wharf.read("c")), (b"1".to_vec(), b"2".to_vec()));
}

#[test]
fn a_socket_without_a_server_is_an_error() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("a"), "1").expect("written");
    let output = put(here.path(), &["a"], "unix:nobody", "");
    assert_eq!((output.stderr.as_str(), output.code), ("Server is not running. (unix:nobody)\n", Some(1)));
}

#[test]
fn ctrl_c_at_the_prompt_leaves_no_partial_file() {
    let (wharf, here, address) = stage();
    let mut client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", "--to", &address])
            .current_dir(here.path())
            .env("XDG_STATE_HOME", here.path().join(".state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    // Once it shows the prompt, it handles the signal.
    let mut said = client.stdout.take().expect("piped");
    let mut question = [0; 15];
    said.read_exact(&mut question).expect("it asks");
    assert_eq!(&question, b"Files to send: ");
    kill_process(Pid::from_child(&client), Signal::INT).expect("it runs");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "\nstopping client.\n");
    assert_eq!(client.wait().expect("a child").code(), Some(130));
    assert!(wharf.tree().is_empty());
}

#[test]
fn ctrl_c_during_an_upload_leaves_no_partial_file() {
    let (wharf, here, address) = stage();
    // Sparse, and as long as the disk allows: sending it takes far longer than the signal.
    let space = rustix::fs::statvfs(wharf.folder().as_path()).expect("a file system");
    let length = (space.f_bavail * space.f_frsize / 2).min(64 << 30);
    let file = fs::File::create(here.path().join("long")).expect("made");
    file.set_len(length).expect("a long file");
    let client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", "long", "--to", &address])
            .current_dir(here.path())
            .env("XDG_STATE_HOME", here.path().join(".state"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    );
    eventually("it is being sent", || sends(&client));
    kill_process(Pid::from_child(&client), Signal::INT).expect("it runs");
    let output = client.output();
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("stopping client.\n"), "{output:?}");
    eventually("the server notices", || wharf.log().contains("disconnected during an upload"));
    assert!(wharf.tree().is_empty(), "nothing partial is kept");
}

/// Whether a client has read part of its file.
fn sends(client: &std::process::Child) -> bool {
    let io = fs::read_to_string(format!("/proc/{}/io", client.id())).unwrap_or_default();
    let count = io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok());
    count.is_some_and(|count| count > 1 << 20)
}
