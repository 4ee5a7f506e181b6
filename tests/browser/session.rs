//! A running browser, and the program that drives it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{PATIENCE, Running, Wire};

/// Which build of Chromium runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Build {
    /// The one without windows. It shows pages with the same engine, for a third of the CPU time.
    HeadlessShell,
    /// The one that users have: it reads their certificates, explains in the page why it refuses another, and shows PDF.
    Complete,
}

/// The flags that the browser is started with.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// Runs the driver, `$0`, until the other end of stdin is closed. This happens at the end of a test or of all tests,
/// even if they are killed. The driver and its browser are one process group. Their files are in `$TMPDIR`.
const UNTIL_CLOSED: &str =
    r#"setsid "$0" --port=0 <&- & exec >&-; read -r _; kill -KILL -$!; rm -rf "$TMPDIR""#;

/// A session of WebDriver (W3C WebDriver 2), and its browser.
pub(super) struct Session {
    shell: Running,
    /// Kept open for as long as the driver may write to it.
    _says: BufReader<ChildStdout>,
    address: SocketAddr,
    path: String,
}

impl Session {
    /// Starts the driver and a browser, whose files are in this directory. The driver takes a port that is free for
    /// IPv4, and binds it for IPv6 too. If another process has the port for IPv6, the driver exits, and is started
    /// again.
    pub(super) fn start(driver: &Command, build: Build, profile: TempDir, flags: &[&str]) -> Self {
        const ATTEMPTS: usize = 5;
        let profile = profile.keep();
        let attempt = || {
            let mut shell = Running::start(&mut until_closed(driver, &profile));
            let mut output = BufReader::new(shell.stdout.take().expect("piped"));
            let port = port(&mut output)?;
            Some((shell, output, port))
        };
        let started = std::iter::repeat_with(attempt).take(ATTEMPTS).flatten().next();
        let (shell, says, port) = started.expect("chromedriver starts");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut session = Self { shell, _says: says, address, path: String::new() };
        let flags = [&FLAGS, flags].concat();
        let wish = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": flags, "binary": build.path()},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": PATIENCE.as_millis(), "pageLoad": PATIENCE.as_millis()},
            "unhandledPromptBehavior": "ignore",
        }}});
        let (code, created) = session.call("POST", "/session", &wish);
        assert_eq!(code, 200, "{created}");
        session.path = format!("/session/{}", created["sessionId"].as_str().expect("an id"));
        session
    }

    /// Sends the driver a command (§6.3); returns the status and the value of its response.
    pub(super) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let target = format!("{}{path}", self.path);
        let fields = "Content-Type: application/json\r\n";
        let answer = Wire::connect(self.address).ask(method, &target, fields, body.as_bytes());
        let mut value: Value = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.code(), value["value"].take())
    }

    /// Resets the browser for another test, whose server has a different origin: a new tab in place of all others, no
    /// cookies, no messages. `None` if the last test has left something that prevents it.
    pub(super) fn renewed(self) -> Option<Self> {
        let call = |method, path, body: Value| {
            let (code, value) = self.call(method, path, &body);
            (code == 200).then_some(value)
        };
        let old = call("GET", "/window/handles", json!({}))?;
        let new = call("POST", "/window/new", json!({"type": "tab"}))?;
        for handle in old.as_array()? {
            call("POST", "/window", json!({"handle": handle}))?;
            call("DELETE", "/window", json!({}))?;
        }
        call("POST", "/window", json!({"handle": new["handle"]}))?;
        call("POST", "/goog/cdp/execute", json!({"cmd": "Network.clearBrowserCookies", "params": {}}))?;
        call("POST", "/se/log", json!({"type": "browser"}))?;
        Some(self)
    }
}

impl Build {
    /// The program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HeadlessShell => "chromium-headless-shell",
            Self::Complete => "chromium",
        }
    }

    /// Its file; the driver does not search `$PATH` for it.
    fn path(self) -> PathBuf {
        let directories = std::env::var_os("PATH").unwrap_or_default();
        let mut files = std::env::split_paths(&directories).map(|directory| directory.join(self.name()));
        files.find(|file| file.is_file()).expect("it is installed")
    }
}

/// The driver in a shell, which kills it at the end.
fn until_closed(driver: &Command, profile: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", UNTIL_CLOSED]).arg(driver.get_program());
    shell.envs(driver.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TMPDIR", profile);
    // There it saves what it cannot show.
    shell.current_dir(profile);
    // A Ctrl-C is for the tests, whose end the shell notices.
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    shell
}

/// The port that the driver prints; `None` if it exits first.
fn port(output: &mut impl BufRead) -> Option<u16> {
    let port_of =
        |line: String| Some(line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().expect("a port"));
    output.lines().map(|line| line.expect("text")).find_map(port_of)
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
