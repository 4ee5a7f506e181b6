//! An interrupted upload resumes when the same command is run again, whatever interrupted it, and almost
//! nothing is sent twice.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Forwarder, Output, Random, Running, Wharf, eventually, run, sample};

/// How many uploads are interrupted in each way.
const CUT_BY_NETWORK: usize = 100;
const CUT_BY_CLIENT: usize = 50;
const CUT_BY_SERVER: usize = 50;

/// The length of a file, in bytes: several turns of a connection.
const LENGTH: usize = 2 << 20;

/// How much may be sent twice, in bytes: what was in the kernel's buffers when the server was killed, or when
/// the request arrived that resumes the upload.
const BLOCK: u64 = 512 * 1024;

/// The maximum total length of the request heads of one upload, in bytes.
const HEADS: u64 = 4 * 1024;

/// A client that sends this file without retries.
fn begin(here: &Path, name: &str, forwarder: &Forwarder) -> Running {
    Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", name, "--retries", "0", "--to", &format!("{}/in/", forwarder.address())])
            .current_dir(here)
            .env("XDG_STATE_HOME", here.join(".state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    )
}

/// Sends the file `a`, and interrupts it in the middle.
fn break_off_half_way(here: &Path, forwarder: &Forwarder) {
    forwarder.stop_after(LENGTH as u64 / 2);
    let mut client = begin(here, "a", forwarder);
    forwarder.wait_until_stopped();
    forwarder.cut();
    assert!(!client.wait().expect("a child").success());
    forwarder.let_pass();
}

fn again(here: &Path, name: &str, forwarder: &Forwarder) -> Output {
    run(&["put", name, "--retries", "0", "--to", &format!("{}/in/", forwarder.address())], "", here)
}

/// The client's records of incomplete uploads.
fn notes(here: &Path) -> usize {
    fs::read_dir(here.join(".state/wharf/uploads")).map_or(0, Iterator::count)
}

/// Sends files, each interrupted once at a random position by `break_off`, and sends each again.
fn break_off_and_go_on(
    count: usize,
    seed: u64,
    mut break_off: impl FnMut(&mut Running, Wharf, &Forwarder) -> Wharf,
) {
    let here = tempfile::tempdir().expect("a folder");
    let mut wharf = Wharf::serve(&["--no-sync"]);
    let forwarder = Forwarder::to(wharf.address());
    let mut random = Random::new(seed);
    for number in 0..count {
        let name = format!("{number}.bin");
        let content = sample(LENGTH, seed + number as u64);
        fs::write(here.path().join(&name), &content).expect("written");
        let before = forwarder.carried();
        forwarder.stop_after(HEADS + random.below(LENGTH - 2 * HEADS as usize) as u64);
        let mut client = begin(here.path(), &name, &forwarder);
        forwarder.wait_until_stopped();
        wharf = break_off(&mut client, wharf, &forwarder);
        assert!(!client.wait().expect("a child").success(), "{name} was interrupted");
        forwarder.cut();
        forwarder.let_pass();
        assert_eq!(notes(here.path()), 1, "{name} has a record");
        let output = again(here.path(), &name, &forwarder);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        assert!(wharf.read(&format!("in/{name}")) == content, "{name} arrived unchanged");
        let twice = (forwarder.carried() - before).saturating_sub(LENGTH as u64);
        assert!(twice <= BLOCK + 2 * HEADS, "{name}: {twice} bytes were sent twice");
        assert_eq!(notes(here.path()), 0, "{name} has no record left");
        fs::remove_file(here.path().join(&name)).expect("removed");
        fs::remove_file(wharf.folder().join("in").join(&name)).expect("removed");
    }
}

#[test]
fn uploads_that_the_network_interrupts_resume() {
    break_off_and_go_on(CUT_BY_NETWORK, 1, |_, wharf, forwarder| {
        forwarder.cut();
        wharf
    });
}

#[test]
fn uploads_whose_client_is_killed_resume() {
    break_off_and_go_on(CUT_BY_CLIENT, 2, |client, wharf, _| {
        client.kill().expect("killed");
        wharf
    });
}

#[test]
fn uploads_whose_server_is_killed_resume() {
    break_off_and_go_on(CUT_BY_SERVER, 3, |_, wharf, forwarder| {
        // Killing the server would lose what it has not read yet.
        wharf.comes_to_rest();
        let wharf = Wharf::serve_in(wharf.kill(), &["--no-sync"]);
        forwarder.lead_to(wharf.address());
        wharf
    });
}

#[test]
fn one_run_retries_by_itself() {
    let here = tempfile::tempdir().expect("a folder");
    let wharf = Wharf::serve(&[]);
    let forwarder = Forwarder::to(wharf.address());
    let content = sample(LENGTH, 5);
    fs::write(here.path().join("a"), &content).expect("written");
    let to = format!("{}/", forwarder.address());
    forwarder.stop_after(LENGTH as u64 / 4);
    let client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", "a", "--to", &to])
            .current_dir(here.path())
            .env("XDG_STATE_HOME", here.path().join(".state"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    forwarder.wait_until_stopped();
    forwarder.cut();
    forwarder.stop_after(LENGTH as u64 / 2);
    forwarder.wait_until_stopped();
    forwarder.cut();
    forwarder.let_pass();
    let output = client.output();
    assert!(output.status.success(), "{output:?}");
    assert!(wharf.read("a") == content);
    assert_eq!(notes(here.path()), 0);
    let sent = LENGTH as u64 + 2 * BLOCK + 4 * HEADS;
    assert!(forwarder.carried() <= sent, "{} of {sent}", forwarder.carried());
}

#[test]
fn a_changed_file_starts_again() {
    let here = tempfile::tempdir().expect("a folder");
    let wharf = Wharf::serve(&[]);
    let forwarder = Forwarder::to(wharf.address());
    fs::write(here.path().join("a"), sample(LENGTH, 6)).expect("written");
    break_off_half_way(here.path(), &forwarder);
    let other = sample(LENGTH, 7);
    fs::write(here.path().join("a"), &other).expect("written");
    let output = again(here.path(), "a", &forwarder);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!output.stdout.contains(" resumed)"), "{output:?}");
    assert!(wharf.read("in/a") == other, "not a mixture");
    assert!(!wharf.tree().iter().any(|name| name.contains(".part")), "the server has discarded the old one");
}

#[test]
fn a_discarded_upload_is_sent_as_a_whole() {
    let here = tempfile::tempdir().expect("a folder");
    let wharf = Wharf::serve(&[]);
    let forwarder = Forwarder::to(wharf.address());
    let content = sample(LENGTH, 8);
    fs::write(here.path().join("a"), &content).expect("written");
    break_off_half_way(here.path(), &forwarder);
    let place = wharf.kill();
    fs::remove_dir_all(place.path().join("share/.wharf")).expect("removed");
    let wharf = Wharf::serve_in(place, &[]);
    forwarder.lead_to(wharf.address());
    let output = again(here.path(), "a", &forwarder);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert!(wharf.read("in/a") == content);
}

#[test]
fn ctrl_c_says_how_to_resume() {
    let here = tempfile::tempdir().expect("a folder");
    let wharf = Wharf::serve(&[]);
    let forwarder = Forwarder::to(wharf.address());
    fs::write(here.path().join("a"), sample(LENGTH, 9)).expect("written");
    forwarder.stop_after(LENGTH as u64 / 2);
    let client = begin(here.path(), "a", &forwarder);
    forwarder.wait_until_stopped();
    kill_process(Pid::from_child(&client), Signal::INT).expect("it runs");
    let output = client.output();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\nstopping client.\n");
    let said = "Partial uploads are kept for a day: run the same command to resume.\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    forwarder.cut();
    forwarder.let_pass();
    eventually("the server has noticed", || wharf.log().contains("the part received is kept"));
    assert!(again(here.path(), "a", &forwarder).stdout.contains(" resumed)"));
}

/// Sends the file `a`. Everything arrives and the server saves it, but its final response does not come back.
fn lose_the_final_response(here: &Path, wharf: &Wharf, forwarder: &Forwarder, flags: &[&str]) -> Running {
    forwarder.stop_after(LENGTH as u64 / 2);
    let client = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["put", "a", "--to", &format!("{}/in/", forwarder.address())])
            .args(flags)
            .current_dir(here)
            .env("XDG_STATE_HOME", here.join(".state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    forwarder.wait_until_stopped();
    forwarder.lose_responses(true);
    forwarder.let_pass();
    eventually("the server has saved it", || wharf.tree().iter().any(|name| name == "in/a"));
    eventually("it has responded", || wharf.log().contains("\"PATCH /.wharf/uploads/TOKEN HTTP/1.1\" 201"));
    forwarder.cut();
    forwarder.lose_responses(false);
    client
}

#[test]
fn a_lost_final_response_is_repeated() {
    let here = tempfile::tempdir().expect("a folder");
    let wharf = Wharf::serve(&[]);
    let forwarder = Forwarder::to(wharf.address());
    let content = sample(LENGTH, 10);
    fs::write(here.path().join("a"), &content).expect("written");
    let client = lose_the_final_response(here.path(), &wharf, &forwarder, &[]);
    let output = client.output();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*error), (Some(0), ""), "{said}");
    assert!(said.contains("201 Created → /in/a, 2.0 MiB"), "not the status of HEAD: {said}");
    assert!(wharf.read("in/a") == content);
    assert!(forwarder.carried() <= LENGTH as u64 + 2 * HEADS, "{} bytes were sent", forwarder.carried());
    assert_eq!(notes(here.path()), 0);
    assert_eq!(wharf.settled_log().matches("saved in/a").count(), 1, "{}", wharf.log());
}

/// The next run gets the final response too, even after the server was killed.
#[test]
fn a_lost_final_response_is_repeated_to_the_next_run() {
    let here = tempfile::tempdir().expect("a folder");
    let content = sample(LENGTH, 11);
    fs::write(here.path().join("a"), &content).expect("written");
    // Without a flag, it compares first; whether times can be compared depends on when in a second the file was written.
    let either = ["unchanged: /in/a", "201 Created → /in/a"];
    for (flags, expected) in [(&["--force"][..], &either[1..]), (&[], &either)] {
        let wharf = Wharf::serve(&[]);
        let forwarder = Forwarder::to(wharf.address());
        let client = lose_the_final_response(here.path(), &wharf, &forwarder, &["--retries", "0"]);
        assert_eq!(client.output().status.code(), Some(1), "it does not know");
        assert_eq!(notes(here.path()), 1);
        let wharf = Wharf::serve_in(wharf.kill(), &[]);
        forwarder.lead_to(wharf.address());
        let before = forwarder.carried();
        let to = format!("{}/in/", forwarder.address());
        let again = run(&[&["put", "a", "--to", &to], flags].concat(), "", here.path());
        assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{again:?}");
        assert!(expected.iter().any(|text| again.stdout.contains(text)), "{flags:?}: {again:?}");
        assert!(forwarder.carried() - before <= HEADS, "nothing is sent again");
        assert_eq!((wharf.read("in/a") == content, notes(here.path())), (true, 0), "{flags:?}");
    }
}
