//! Other TFTP clients work as their users expect.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Wharf, eventually, outside, sample};

/// A server, a directory for the client, and file lengths around the block size.
fn stage() -> (Wharf, tempfile::TempDir) {
    (Wharf::serve(&["--udp", "0"]), tempfile::tempdir().expect("a folder"))
}

const LENGTHS: [usize; 6] = [0, 1, 511, 512, 513, 70_000];

/// Runs a client to its end.
#[track_caller]
fn run(command: &mut Command, here: &Path) -> String {
    let output = command.current_dir(here).stdin(Stdio::null()).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Downloads and uploads files of all lengths: `get` and `put` make the client's arguments from two names,
/// the remote one first.
fn both_ways(
    program: &str,
    lengths: &[usize],
    get: impl Fn(&mut Command, &str, &str),
    put: impl Fn(&mut Command, &str, &str),
) {
    let (wharf, here) = stage();
    let port = wharf.tftp().port().to_string();
    for &length in lengths {
        let Some(mut client) = outside(program) else { return };
        let content = sample(length, 3);
        let name = format!("file {length}");
        wharf.write(&name, &content);
        get(&mut client, &port, &name);
        run(&mut client, here.path());
        assert!(
            fs::read(here.path().join(&name)).expect("it came") == content,
            "{program}: {length} bytes out"
        );
        let mut client = outside(program).expect("installed");
        let back = format!("back {length}");
        fs::write(here.path().join(&back), &content).expect("written");
        put(&mut client, &port, &back);
        run(&mut client, here.path());
        eventually("it is there", || wharf.folder().join(&back).exists());
        assert!(wharf.read(&back) == content, "{program}: {length} bytes in");
    }
}

#[test]
fn curl() {
    let url = |port: &str, name: &str| format!("tftp://127.0.0.1:{port}/{}", name.replace(' ', "%20"));
    for flags in [&[][..], &["--tftp-blksize", "1428"], &["--tftp-no-options"], &["--tftp-blksize", "65464"]]
    {
        both_ways(
            "curl",
            // It fails on an empty file with any server (curl 7.88: "getpeername() failed").
            &LENGTHS[1..],
            |curl, port, name| {
                curl.args(flags).args(["-sS", "--max-time", "60", "-o", name, &url(port, name)]);
            },
            |curl, port, name| {
                curl.args(flags).args(["-sS", "--max-time", "60", "-T", name, &url(port, name)]);
            },
        );
    }
}

#[test]
fn tftp_hpa() {
    both_ways(
        "tftp",
        &LENGTHS,
        |tftp, port, name| {
            tftp.args(["-m", "binary", "127.0.0.1", port, "-c", "get", name, name]);
        },
        |tftp, port, name| {
            tftp.args(["-m", "binary", "127.0.0.1", port, "-c", "put", name, name]);
        },
    );
}

/// Without a mode command it uses netascii: a text file is unchanged after a round trip.
#[test]
fn tftp_hpa_in_netascii() {
    let (wharf, here) = stage();
    let Some(mut tftp) = outside("tftp") else { return };
    let port = wharf.tftp().port().to_string();
    let text = "a line\nanother\r\n\nand a last one".repeat(100);
    wharf.write("text", &text);
    run(tftp.args(["127.0.0.1", &port, "-c", "get", "text", "text"]), here.path());
    assert_eq!(fs::read_to_string(here.path().join("text")).expect("it came"), text);
    let mut tftp = outside("tftp").expect("installed");
    run(tftp.args(["127.0.0.1", &port, "-c", "put", "text", "back"]), here.path());
    assert_eq!(String::from_utf8(wharf.read("back")).expect("text"), text);
}

/// One socket for a whole session, so that the next request comes from the port of the one before.
#[test]
fn tftp_hpa_in_a_session() {
    let (wharf, here) = stage();
    let Some(mut tftp) = outside("tftp") else { return };
    let port = wharf.tftp().port().to_string();
    fs::write(here.path().join("a"), "first").expect("written");
    fs::write(here.path().join("b"), "second").expect("written");
    let words = "binary\nput a a\nput b b\nput a c\nput a a\nget b d\nget b d\nquit\n";
    fs::write(here.path().join("words"), words).expect("written");
    let input = fs::File::open(here.path().join("words")).expect("there");
    let output =
        tftp.args(["127.0.0.1", &port]).current_dir(here.path()).stdin(input).output().expect("it runs");
    let contents = ["a", "b", "c"].map(|name| wharf.read(name));
    assert_eq!(contents, [&b"first"[..], b"second", b"first"], "{output:?}");
    assert_eq!(fs::read(here.path().join("d")).expect("it came"), b"second", "{output:?}");
}

#[test]
fn atftp() {
    for options in
        [&[][..], &["--option", "windowsize 16"], &["--option", "blksize 1428", "--option", "windowsize 64"]]
    {
        both_ways(
            "atftp",
            &LENGTHS,
            |atftp, port, name| {
                atftp.args(options).args(["-g", "-r", name, "-l", name, "127.0.0.1", port]);
            },
            |atftp, port, name| {
                atftp.args(options).args(["-p", "-r", name, "-l", name, "127.0.0.1", port]);
            },
        );
    }
}

#[test]
fn busybox() {
    for flags in [&[][..], &["-b", "1428"]] {
        both_ways(
            "busybox",
            &LENGTHS,
            |busybox, port, name| {
                busybox.arg("tftp").args(flags).args(["-g", "-r", name, "-l", name, "127.0.0.1", port]);
            },
            |busybox, port, name| {
                busybox.arg("tftp").args(flags).args(["-p", "-r", name, "-l", name, "127.0.0.1", port]);
            },
        );
    }
}

/// More blocks than there are numbers: 34 MB in blocks of 512 bytes are 66,407. In one direction they are sent in
/// lock-step, in the other in windows, which takes a tenth of the time.
#[test]
fn block_numbers_wrap_around() {
    const LENGTH: usize = 34_000_000;
    let (wharf, here) = stage();
    let Some(mut curl) = outside("curl") else { return };
    let content = sample(LENGTH, 4);
    wharf.write("large", &content);
    let url = format!("tftp://{}/large", wharf.tftp());
    run(curl.args(["-sS", "--max-time", "600", "-o", "large", &url]), here.path());
    assert!(fs::read(here.path().join("large")).expect("it came") == content);
    let Some(mut atftp) = outside("atftp") else { return };
    let port = wharf.tftp().port().to_string();
    let put = ["-p", "-r", "back", "-l", "large", "127.0.0.1", &port];
    run(atftp.args(["--option", "windowsize 64"]).args(put), here.path());
    eventually("it is there", || wharf.folder().join("back").exists());
    assert!(wharf.read("back") == content);
}
