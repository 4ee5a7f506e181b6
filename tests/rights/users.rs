//! A users file outside the shared folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use crate::common::accounts::{basic, write_users};
use crate::common::{Wharf, eventually, run};

/// The users of a server. The password of each is its name with `-secret`.
pub struct UsersFile {
    place: tempfile::TempDir,
}

impl UsersFile {
    pub fn new(names: &[&str]) -> Self {
        let users = Self { place: tempfile::tempdir().expect("a folder") };
        let passwords: Vec<_> = names.iter().map(|name| password(name)).collect();
        let accounts: Vec<_> =
            names.iter().zip(&passwords).map(|(name, password)| (*name, &**password, &[][..])).collect();
        write_users(users.place.path(), &accounts);
        fs::create_dir(users.place.path().join("kept")).expect("made");
        // The server may run as another user.
        let open = |path: PathBuf, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        };
        open(users.place.path().to_owned(), 0o755);
        open(users.path(), 0o644);
        users
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("users")
    }

    /// The flags of a server with these users.
    pub fn flags(&self) -> [String; 4] {
        let path = |name: &str| self.place.path().join(name).to_str().expect("text").to_owned();
        ["--users".to_owned(), path("users"), "--state".to_owned(), path("kept/state")]
    }

    /// Lets a server that runs as this user keep its state.
    pub fn let_keep(&self, uid: u32) {
        chown(self.place.path().join("kept"), Some(uid), Some(uid))
            .expect("only root runs servers as others");
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
        let output = run(&["user", "remove", name, "--users", "users"], "", self.place.path());
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        eventually("the server reads the users again", || count() > before);
    }
}

fn password(name: &str) -> String {
    format!("{name}-secret")
}

/// The field of this user, with its password.
pub fn authorization(name: &str) -> String {
    basic(name, &password(name))
}
