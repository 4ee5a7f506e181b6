//! A server with users, and browsers that log in.

use std::fs;
use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use crate::common::{Answer, Wharf};

/// What a browser sends when it opens a page.
pub const OPENS: &str = "Accept: text/html,*/*;q=0.8\r\n";

/// The password of everybody in these tests.
pub const PASSWORD: &str = "correct horse";

/// A server that knows anna and bert. The files about its users are beside its folder.
pub struct Office {
    pub wharf: Wharf,
}

/// A line of a users file, with a hash that is quick to check.
pub fn line(name: &str, password: &str) -> String {
    format!("{name}:{}\n", bcrypt::hash(password, 4).expect("a hash"))
}

impl Office {
    /// With these additional flags. Anna may do everything below `/`; everybody may read in `/open/`.
    pub fn open(flags: &[&str]) -> Self {
        let rules = ["--allow", "users=edit,chat", "--allow", "everyone=view@open"];
        Self::open_by(&[&rules, flags].concat())
    }

    /// With no flags but these.
    pub fn open_by(flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let users = place.path().join("users");
        fs::write(&users, line("anna", PASSWORD) + &line("bert", PASSWORD)).expect("written");
        let users = users.to_string_lossy().into_owned();
        Self::start(place, &[&["--users", &users], flags].concat())
    }

    /// With one password for everybody.
    pub fn shared() -> Self {
        Self::shared_in(tempfile::tempdir().expect("a folder"), PASSWORD)
    }

    /// With this one, in the place of another server.
    pub fn shared_in(place: TempDir, password: &str) -> Self {
        let file = place.path().join("password");
        fs::write(&file, password).expect("written");
        let file = file.to_string_lossy().into_owned();
        Self::start(place, &["--password-file", &file])
    }

    fn start(place: TempDir, flags: &[&str]) -> Self {
        fs::create_dir_all(place.path().join("share/open")).expect("a folder");
        fs::write(place.path().join("share/secret.txt"), "secret").expect("written");
        fs::write(place.path().join("share/open/all.txt"), "for all").expect("written");
        let state = place.path().join("state").to_string_lossy().into_owned();
        Self { wharf: Wharf::serve_in(place, &[&["--state", &state], flags].concat()) }
    }

    /// A file beside the folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.wharf.folder().with_file_name(name)
    }

    /// Sends the form of the login page.
    pub fn post_login(&self, query: &str, fields: &str, name: &str, password: &str) -> Answer {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form = format!("name={}&password={}", encoded(name), encoded(password));
        let fields = format!("Content-Type: application/x-www-form-urlencoded\r\n{fields}");
        self.wharf.ask("POST", &format!("/.wharf/login{query}"), &fields, form.as_bytes())
    }

    /// Logs in, and returns the field with the cookie.
    #[track_caller]
    pub fn log_in(&self, name: &str) -> String {
        self.log_in_with(name, "")
    }

    /// Like [`Self::log_in`], from a browser that sends these fields.
    #[track_caller]
    pub fn log_in_with(&self, name: &str, fields: &str) -> String {
        let answer = self.post_login("", fields, name, PASSWORD);
        assert_eq!(answer.code(), 303, "{}", answer.text());
        cookie(&answer)
    }

    /// The status of a GET.
    pub fn status(&self, target: &str, fields: &str) -> u16 {
        self.wharf.ask("GET", target, fields, b"").code()
    }
}

/// The cookie that a response sets, as a browser sends it.
#[track_caller]
pub fn cookie(answer: &Answer) -> String {
    let set = answer.field("Set-Cookie");
    let pair = set.split(';').next().expect("a value");
    assert!(pair.split_once('=').is_some_and(|(_, value)| value.len() == 43), "{set}");
    format!("Cookie: {pair}\r\n")
}
