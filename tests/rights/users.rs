//! A users file outside the shared folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64ct::{Base64, Encoding as _};

use crate::common::{Wharf, eventually, run};

/// The users of a server. The password of each is its name with `-secret`.
pub struct UsersFile {
    place: tempfile::TempDir,
}

impl UsersFile {
    pub fn new(names: &[&str]) -> Self {
        let users = Self { place: tempfile::tempdir().expect("a folder") };
        for name in names {
            users.run(&["add", name, "--password-stdin"], &password(name));
        }
        // The server may run as another user.
        let open = |path: PathBuf, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        };
        open(users.place.path().to_owned(), 0o755);
        open(users.path(), 0o644);
        users
    }

    fn run(&self, arguments: &[&str], input: &str) {
        let arguments = [&["user"], arguments, &["--users", "users"]].concat();
        let output = run(&arguments, input, self.place.path());
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    }

    pub fn path(&self) -> PathBuf {
        self.place.path().join("users")
    }

    pub fn text(&self) -> String {
        self.path().to_str().expect("text").to_owned()
    }

    /// Disables a user. A server that runs already reads the file again.
    pub fn disable(&self, name: &str) {
        let (text, line) = (fs::read_to_string(self.path()).expect("a file"), format!("{name}:"));
        assert!(text.contains(&line), "{text}");
        fs::write(self.path(), text.replace(&line, &format!("{line}!"))).expect("written");
    }

    /// Removes a user, and waits until the server has noticed.
    pub fn remove(&self, name: &str, wharf: &Wharf) {
        let count = || wharf.log().matches("reloaded ").count();
        let before = count();
        self.run(&["remove", name], "");
        eventually("the server reads the users again", || count() > before);
    }
}

fn password(name: &str) -> String {
    format!("{name}-secret")
}

/// The field of this user, with its password.
pub fn basic(name: &str) -> String {
    basic_with(name, &password(name))
}

/// The field of this user, with any password.
pub fn basic_with(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", Base64::encode_string(format!("{name}:{password}").as_bytes()))
}
