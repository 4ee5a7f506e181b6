//! The password is asked for at the terminal that the program belongs to, and not shown.

use std::process::{Command, Stdio};

use super::{ANNA, BERT, authorizations, greeter};
use crate::common::outside;
use crate::prompt::Terminal;

const BINARY: &str = env!("CARGO_BIN_EXE_wharf");

/// `wharf` with these arguments, in a new session: with this terminal, or with none.
fn in_session(flags: &[&str], arguments: &[&str]) -> Option<Command> {
    let mut program = outside("setsid")?;
    program.args(flags).args(["--wait", BINARY]).args(arguments);
    Some(program)
}

#[test]
fn a_password_is_asked_for_once() {
    let here = tempfile::tempdir().expect("a directory");
    let (one, other) = (greeter(), greeter());
    let Some(mut program) = in_session(&["--ctty"], &["get", "-u", "anna", &one.url("/a"), &other.url("/b")])
    else {
        return;
    };
    let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
    terminal.shows("Password of anna: ");
    terminal.types("secret\n");
    terminal.shows("downloads/b");
    assert_eq!(terminal.code(), Some(0));
    assert_eq!(terminal.count("ecret"), 0, "it is not shown");
    assert_eq!(terminal.count("Password"), 1);
    assert_eq!(authorizations(&one), [Some(ANNA.to_owned())]);
    assert_eq!(authorizations(&other), [Some(ANNA.to_owned())]);
}

#[test]
fn each_user_name_in_an_address_is_asked_for() {
    let here = tempfile::tempdir().expect("a directory");
    let (one, other) = (greeter(), greeter());
    let addresses = [format!("anna@{}/a", one.address()), format!("http://bert@{}/b", other.address())];
    let Some(mut program) = in_session(&["--ctty"], &["get", &addresses[0], &addresses[1]]) else { return };
    let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
    terminal.shows(&format!("Password of anna at {}: ", one.address()));
    terminal.types("secret\n");
    terminal.shows(&format!("Password of bert at {}: ", other.address()));
    terminal.types("other\n");
    assert_eq!(terminal.code(), Some(0));
    assert_eq!(terminal.count("warning"), 0);
    assert_eq!(authorizations(&one), [Some(ANNA.to_owned())]);
    assert_eq!(authorizations(&other), [Some(BERT.to_owned())]);
}

#[test]
fn the_prompt_logs_in_first() {
    let here = tempfile::tempdir().expect("a directory");
    let server = greeter();
    let address = format!("anna@{}", server.address());
    let Some(mut program) = in_session(&["--ctty"], &["client", &address]) else { return };
    let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
    terminal.shows("Password of anna");
    terminal.types("secret\n");
    terminal.shows(&format!("Server: {}", server.address()));
    terminal.shows("wharf> ");
    terminal.types("GET a\r");
    terminal.shows("200 OK");
    terminal.types("quit\r");
    terminal.shows("stopping client.");
    assert_eq!(terminal.code(), Some(0));
    assert_eq!(terminal.count("ecret"), 0, "it is not shown");
    assert_eq!(authorizations(&server), [Some(ANNA.to_owned())]);
}

#[test]
fn ctrl_c_ends_the_question() {
    let here = tempfile::tempdir().expect("a directory");
    let server = greeter();
    let Some(mut program) = in_session(&["--ctty"], &["get", "-u", "anna", &server.url("/a")]) else {
        return;
    };
    let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
    terminal.shows("Password of anna: ");
    terminal.types("sec\x03");
    assert_eq!(terminal.code(), Some(130));
    assert!(terminal.echoes(), "the terminal shows again what is typed");
    assert!(authorizations(&server).is_empty());
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let here = tempfile::tempdir().expect("a directory");
    let server = greeter();
    let address = format!("anna@{}/a", server.address());
    let table: [&[&str]; 3] =
        [&["get", "-u", "anna", &server.url("/a")], &["get", &address], &["put", "-", "--to", &address]];
    for arguments in table {
        let Some(mut program) = in_session(&[], arguments) else { return };
        let program = program.current_dir(here.path()).env("NETRC", "/dev/null").stdin(Stdio::null());
        let output = program.output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(
            error.starts_with("wharf: cannot ask for the password of anna: there is no terminal "),
            "{error}"
        );
        assert!(
            error.ends_with("(use ~/.netrc, a token in WHARF_TOKEN, or --user NAME:PASSWORD)\n"),
            "{error}"
        );
    }
    assert!(server.all_requests().is_empty());
}
