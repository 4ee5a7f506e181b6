//! A server with users, whose passwords are checked fast.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tempfile::TempDir;

use super::accounts::replace_users;
use super::{Answer, Wharf, eventually};

/// The users: bcrypt with the cost 4, of `secret-NAME`.
const USERS: [(&str, &str); 3] = [
    ("anna", "$2y$04$26Tihq9w0uoPNFYin7MOT.xGy9y7jb78zRTRlkWf05V5mwdeMBSta"),
    ("bert", "$2y$04$Y1LSeqZhYSXzeD.Nzr0C2uKcczJ3jhnVPERoTCLY75bSMfsMMAv/S"),
    ("cara", "$2y$04$U9DY63jCsSpMkN9bMlntR.K9Y.rYG5p/S73s7O5KSpVCn7T.UZs02"),
];

/// Their passwords as they are sent.
pub const ANNA: &str = "Authorization: Basic YW5uYTpzZWNyZXQtYW5uYQ==\r\n";
pub const BERT: &str = "Authorization: Basic YmVydDpzZWNyZXQtYmVydA==\r\n";
pub const CARA: &str = "Authorization: Basic Y2FyYTpzZWNyZXQtY2FyYQ==\r\n";

/// A server with users.
pub struct Office {
    pub wharf: Wharf,
    place: TempDir,
}

impl Office {
    /// With these additional flags.
    pub fn open(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        Self::write_users(&place, &USERS.map(|(name, _)| name));
        let (users, state) = (place.path().join("users"), place.path().join("state"));
        fs::create_dir(&state).expect("a directory");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("set");
        let own = ["--users", users.to_str().expect("text"), "--state", state.to_str().expect("text")];
        Self { wharf: Wharf::serve(&[&own, flags].concat()), place }
    }

    fn write_users(place: &TempDir, names: &[&str]) {
        let lines = USERS.iter().filter(|(name, _)| names.contains(name));
        let lines: Vec<_> = lines.map(|(name, hash)| format!("{name}:{hash}\n")).collect();
        replace_users(&place.path().join("users"), &lines.concat());
    }

    /// Keeps only these users, and waits until the server knows.
    pub fn keep_users(&self, names: &[&str]) {
        let known = || self.wharf.log().matches("reloaded ").count();
        let before = known();
        Self::write_users(&self.place, names);
        eventually("the users are read again", || known() > before);
    }

    /// The content of the file of its sessions, tokens and links.
    pub fn records(&self) -> String {
        let state = fs::read_dir(self.place.path().join("state")).expect("a directory");
        let files = state.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
        let texts: Vec<_> = files.map(|path| fs::read_to_string(path).expect("text")).collect();
        let text = texts.concat();
        assert!(text.contains("anna"), "they are elsewhere: {text}");
        text
    }

    /// Sends a request with these credentials.
    pub fn ask(&self, method: &str, target: &str, credentials: &str, body: &str) -> Answer {
        self.wharf.ask(method, target, credentials, body.as_bytes())
    }

    /// The status of the response.
    pub fn code(&self, method: &str, target: &str, credentials: &str) -> u16 {
        self.ask(method, target, credentials, "").code()
    }

    /// Posts this JSON; the response has to be 201.
    pub fn make(&self, target: &str, credentials: &str, order: &str) -> Value {
        let answer = self.ask("POST", target, credentials, order);
        assert_eq!(answer.code(), 201, "{order}: {}", answer.text());
        json(&answer)
    }
}

/// The body as JSON.
pub fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

/// The field with a token.
pub fn bearer(token: &Value) -> String {
    format!("Authorization: Bearer {}\r\n", token.as_str().expect("text"))
}
