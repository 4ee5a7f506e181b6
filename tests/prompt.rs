//! Prompts at a terminal: nothing that is typed or pasted is lost, and no byte ends the program.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

#[cfg(feature = "accounts")]
use crate::common::outside;
use crate::common::{Running, Wharf, Wire, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_wharf");

/// A program at a terminal.
pub struct Terminal {
    child: Running,
    keyboard: File,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    pub fn open(arguments: &[&str], directory: &Path, term: &str) -> Self {
        let mut program = Command::new(BINARY);
        program.args(arguments).env("XDG_STATE_HOME", directory.join(".state"));
        Self::open_by(&mut program, directory, term)
    }

    pub fn open_by(program: &mut Command, directory: &Path, term: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).expect("a terminal");
        grantpt(&keyboard).expect("granted");
        unlockpt(&keyboard).expect("unlocked");
        let side = || Stdio::from(ioctl_tiocgptpeer(&keyboard, flags).expect("its other side"));
        let child = Running::start(
            program
                .current_dir(directory)
                .env("TERM", term)
                .env("NO_COLOR", "1")
                .env("NETRC", "/dev/null")
                .env_remove("WHARF_TOKEN")
                .stdin(side())
                .stdout(side())
                .stderr(side()),
        );
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut output, shown) = (keyboard.try_clone().expect("a copy"), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("whole").push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, keyboard, screen }
    }

    pub fn types(&mut self, bytes: impl AsRef<[u8]>) {
        self.keyboard.write_all(bytes.as_ref()).expect("typed");
    }

    /// Whether the terminal itself shows what is typed.
    pub fn echoes(&self) -> bool {
        let mode = rustix::termios::tcgetattr(&self.keyboard).expect("a terminal");
        mode.local_modes.contains(rustix::termios::LocalModes::ECHO)
    }

    /// How often this text was printed.
    pub fn count(&self, text: &str) -> usize {
        self.screen.lock().expect("whole").matches(text).count()
    }

    pub fn shows(&self, text: &str) {
        self.shows_times(text, 1);
    }

    fn shows_times(&self, text: &str, times: usize) {
        eventually(
            &format!("it prints {text:?} {times} times: {}", self.screen.lock().expect("whole")),
            || self.count(text) >= times,
        );
    }

    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("ended").code()
    }
}

/// A server with three files, and a client of it at a terminal.
fn client(term: &str) -> (Wharf, tempfile::TempDir, Terminal) {
    let wharf = Wharf::serve(&[]);
    for name in ["a.txt", "b.txt", "c.txt"] {
        wharf.write(name, name);
    }
    let place = tempfile::tempdir().expect("a folder");
    let terminal = Terminal::open(&["client", &wharf.address().to_string()], place.path(), term);
    (wharf, place, terminal)
}

#[test]
fn lines_typed_ahead_are_all_executed() {
    for term in ["xterm", "dumb"] {
        let (_wharf, place, mut terminal) = client(term);
        terminal.types("GET a.txt\rGET b.txt\rGET c.txt\r");
        terminal.shows_times("200 OK", 3);
        terminal.types("quit\r");
        terminal.shows("stopping client.");
        assert_eq!(terminal.code(), Some(0), "{term}");
        assert_eq!(std::fs::read_dir(place.path().join("downloads")).expect("downloads").count(), 3);
    }
}

#[test]
fn a_long_burst_is_executed_whole() {
    let (wharf, _place, mut terminal) = client("xterm");
    terminal.shows("wharf> ");
    for number in 0..300 {
        terminal.types(format!("GET none{number}\r"));
    }
    terminal.types("quit\r");
    terminal.shows("stopping client.");
    let log = wharf.settled_log();
    for number in 0..300 {
        assert_eq!(log.matches(&format!("GET /none{number} ")).count(), 1, "{number}");
    }
}

#[test]
#[cfg(feature = "terminal")]
fn pasted_lines_run_one_after_the_other() {
    let (_wharf, place, mut terminal) = client("xterm");
    terminal.shows("wharf> ");
    terminal.types("\x1b[200~GET a.txt\rGET b.txt\nLIST\x1b[201~");
    terminal.types("\r");
    terminal.shows_times("200 OK", 2);
    terminal.shows("c.txt");
    assert!(place.path().join("downloads/b.txt").exists());
    terminal.types("quit\r");
    assert_eq!(terminal.code(), Some(0));
}

#[test]
fn bytes_that_are_not_utf8_end_no_program() {
    for term in ["xterm", "dumb"] {
        let (_wharf, place, mut terminal) = client(term);
        terminal.shows("wharf> ");
        terminal.types(b"GET \xff\xc3.txt\rGET a.txt\r");
        terminal.shows("404 Not Found");
        terminal.shows("200 OK");
        assert!(place.path().join("downloads/a.txt").exists());
        // A byte order mark before a command, as in a line copied from a file.
        terminal.types("\u{feff}GET b.txt\r");
        terminal.shows_times("200 OK", 2);
        // Before the next prompt, a terminal whose lines are edited would handle Ctrl-D itself.
        eventually("the next prompt", || term == "dumb" || !terminal.echoes());
        terminal.types(b"\x04");
        terminal.shows("stopping client.");
        assert_eq!(terminal.code(), Some(0));
    }
}

#[test]
#[cfg(feature = "terminal")]
fn ctrl_c_leaves_with_130_and_the_line_is_edited() {
    let (_wharf, _place, mut terminal) = client("xterm");
    terminal.shows("wharf> ");
    // Backspace, left, Ctrl-A, Ctrl-K, history.
    terminal.types("GET b.txtx\x7f\r");
    terminal.shows("200 OK");
    terminal.types("\x1b[A\r");
    terminal.shows_times("200 OK", 2);
    // Before the third prompt, the terminal itself would handle Ctrl-C.
    terminal.shows_times("\x1b[?2004h", 3);
    terminal.types("GET a\x03");
    terminal.shows("stopping client.");
    assert_eq!(terminal.code(), Some(130));
}

#[test]
fn chat_sends_each_typed_line() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    let port = wharf.address().port().to_string();
    let mut bob = Terminal::open(&["chat", "bob", "127.0.0.1", &port], place.path(), "xterm");
    bob.shows("Here: bob");
    let mut ann = Terminal::open(&["chat", "ann", "127.0.0.1", &port], place.path(), "xterm");
    ann.shows("Here: bob, ann");
    ann.types(b"one\rtwo\rcaf\xe9\rthree\r");
    for text in ["ann: one", "ann: two", "ann: caf\u{fffd}", "ann: three"] {
        bob.shows(text);
    }
    ann.types("/quit\r");
    ann.shows("stopping client.");
    bob.types("\x03");
    bob.shows("stopping client.");
}

#[test]
fn a_server_at_a_terminal_prints_requests_only_with_v() {
    for (flag, times) in [("-v", 1), ("--no-chat", 0)] {
        let place = tempfile::tempdir().expect("a folder");
        let mut server = Terminal::open(&["serve", ".", "--port", "0", flag], place.path(), "xterm");
        server.shows("Ctrl-C stops it.");
        let screen = server.screen.lock().expect("whole").clone();
        let url = screen.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let mut wire = Wire::connect(url.expect("a URL").parse().expect("an address"));
        assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200);
        // A connection that is being served at shutdown is not printed as open.
        server.child.comes_to_rest();
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&server.child),
            rustix::process::Signal::INT,
        )
        .expect("sent");
        server.shows("Bye.");
        // The open connection is printed in both cases.
        server.shows("open at shutdown: ");
        assert_eq!(server.code(), Some(0));
        assert_eq!(server.count("GET /.wharf/health"), times, "{flag}");
        assert_eq!(server.count("http://"), 1, "{flag}");
        let before_the_end = screen.split("Ctrl-C stops it.").next().unwrap_or_default();
        assert!(!before_the_end.contains("INFO"), "{screen}");
    }
}

/// A password is asked for at the terminal that the program belongs to, twice, and not shown.
#[cfg(feature = "accounts")]
#[test]
fn a_new_password_is_asked_for_twice() {
    let here = tempfile::tempdir().expect("a directory");
    for (again, code, printed) in
        [("secret", 0, ""), ("Secret", 1, "the two passwords differ; nothing was changed")]
    {
        let Some(mut program) = outside("setsid") else { return };
        program.args(["--ctty", "--wait", BINARY, "user", "add", again, "--users", "users"]);
        let mut terminal = Terminal::open_by(&mut program, here.path(), "xterm");
        terminal.shows("Password: ");
        terminal.types("secret\n");
        terminal.shows("assword again: ");
        terminal.types(format!("{again}\n"));
        let status = terminal.child.wait().expect("a child");
        assert_eq!(status.code(), Some(code));
        terminal.shows(printed);
        assert_eq!(terminal.count("ecret"), 0, "it is not shown");
    }
    let users = std::fs::read_to_string(here.path().join("users")).expect("the users file");
    assert!(users.starts_with("secret:$argon2id$") && users.lines().count() == 1, "{users}");
}
