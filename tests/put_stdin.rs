//! `wharf put -` uploads stdin, whole or not at all.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Running, Wharf, eventually, outside, run, sample};

/// `wharf put - --to` this address, whose stdin is a pipe.
fn start(address: &str) -> Running {
    Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", "-", "--retries", "0", "--to", address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn stdin_is_saved_under_the_given_name() {
    let here = tempfile::tempdir().expect("a folder");
    let socket = here.path().join("s");
    let wharf = Wharf::serve(&["--udp", "0", "--unix", socket.to_str().expect("text")]);
    let places = [
        (wharf.url("/in/new a.txt"), "in/new a.txt"),
        (format!("unix:{}!/b", socket.display()), "b"),
        (format!("tftp://{}/c", wharf.tftp()), "c"),
    ];
    for (place, name) in &places {
        for length in [0, 1, 512, 3 << 20] {
            let content = sample(length, 5);
            let mut client = start(place);
            client.stdin.take().expect("piped").write_all(&content).expect("it reads");
            let output = client.output();
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{place}");
            assert!(text(&output.stdout).contains(name.split(' ').next().expect("a word")), "{output:?}");
            assert!(wharf.read(name) == content, "{place}: {length} bytes");
        }
    }
    // A file as stdin is read like a pipe.
    let file = here.path().join("-");
    fs::write(&file, "a file").expect("written");
    let output = run(&["put", "./-", "--to", &wharf.url("/")], "", here.path());
    assert_eq!((output.code, wharf.read("-")), (Some(0), b"a file".to_vec()), "./- is a file: {output:?}");
}

#[test]
fn pieces_are_sent_as_they_arrive() {
    let wharf = Wharf::serve(&["--max-upload", "1M"]);
    let mut client = start(&wharf.url("/slow"));
    let mut stdin = client.stdin.take().expect("piped");
    for _ in 0..3 {
        stdin.write_all(b"a piece\n").expect("it reads");
        stdin.flush().expect("a pipe");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(stdin);
    assert_eq!(client.output().status.code(), Some(0));
    assert_eq!(wharf.read("slow"), b"a piece\na piece\na piece\n");
    // The server refuses it in the middle, and the client does not wait for the end of the input.
    let mut client = start(&wharf.url("/large"));
    let mut stdin = client.stdin.take().expect("piped");
    let _ = stdin.write_all(&sample(2 << 20, 1));
    let output = client.output();
    drop(stdin);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.starts_with("-: 413 Content Too Large"), "{said}");
    assert_eq!(
        wharf.tree().into_iter().filter(|name| !name.starts_with(".wharf")).collect::<Vec<_>>(),
        ["slow"]
    );
}

#[test]
fn a_server_that_gives_up_is_noticed_while_stdin_is_silent() {
    let wharf = Wharf::serve(&["--stall", "1"]);
    let mut client = start(&wharf.url("/a"));
    let mut stdin = client.stdin.take().expect("piped");
    stdin.write_all(b"half").expect("it reads");
    let (begun, output) = (Instant::now(), client.output());
    drop(stdin);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).starts_with("-: "), "{output:?}");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

#[test]
fn an_upload_that_breaks_off_saves_nothing() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    let refused = |output: Output| (output.status.code(), text(&output.stderr));
    // A directory cannot be read.
    let unreadable = |address: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command.args(["put", "-", "--to", address]).stdin(fs::File::open("/").expect("a directory"));
        refused(command.output().expect("it runs"))
    };
    assert_eq!(unreadable(&wharf.url("/a")), (Some(1), "cannot read stdin: is a directory\n".to_owned()));
    let (code, said) = unreadable(&format!("tftp://{}/a", wharf.tftp()));
    assert!(code == Some(1) && said.contains("cannot read"), "{said}");
    // The client is stopped.
    let mut client = start(&wharf.url("/a"));
    let mut stdin = client.stdin.take().expect("piped");
    stdin.write_all(&sample(1 << 20, 1)).expect("it reads");
    kill_process(Pid::from_child(&client), Signal::INT).expect("it runs");
    let output = client.output();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    eventually("the server notices", || {
        wharf.settled_log().matches("disconnected during an upload").count() >= 2
    });
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
    let (code, said) = refused(start("127.0.0.1:1/a").output());
    assert_eq!((code, said.as_str()), (Some(1), "Server is not running. (127.0.0.1:1)\n"));
}

#[test]
fn ctrl_d_ends_what_is_typed() {
    let Some(mut script) = outside("script") else { return };
    let wharf = Wharf::serve(&[]);
    let command = format!("{} put - --to {}", env!("CARGO_BIN_EXE_wharf"), wharf.url("/typed"));
    let mut client = Running::start(
        script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()),
    );
    let mut keys = client.stdin.take().expect("piped");
    keys.write_all(b"a line\nanother\n").expect("typed");
    keys.write_all(b"\x04").expect("typed");
    let output = client.output();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("201 Created → /typed, 15 B in "), "{output:?}");
    assert_eq!(wharf.read("typed"), b"a line\nanother\n");
}

#[test]
fn stdin_needs_a_name_and_is_sent_alone() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("a"), "a").expect("written");
    let no_name = "wharf: stdin has no name: end --to with one, as in --to http://HOST/NAME\n";
    let alone = "wharf: `-` is stdin, and is sent alone (./- is a file of that name)\n";
    let one = "wharf: --to names one file (end it with a slash to send several files or a directory)\n";
    let table: [(&[&str], &str); 9] = [
        (&["put", "-"], no_name),
        (&["put", "-", "--to", "h"], no_name),
        (&["put", "-", "--to", "h/in/"], no_name),
        (&["put", "-", "--to", "tftp://h/"], no_name),
        (&["put", "-", "-", "--to", "h/in"], alone),
        (&["put", "a", "-", "--to", "h/in/"], alone),
        (&["put", "-R", "-", "--to", "h/in"], alone),
        (&["put", "a", "a", "--to", "unix:s!/in"], one),
        (&["put", "-R", "a", "--to", "tftp://h/in"], one),
    ];
    for (words, said) in table {
        let output = run(words, "", here.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(2), said), "{words:?}");
    }
    let output = run(&["put", "--to", "h/in"], "-\n", here.path());
    let said = "wharf: stdin has the names: run `wharf put -` to upload it\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), said));
}
