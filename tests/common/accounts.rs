//! Users of a server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64ct::{Base64, Encoding as _};

use super::run;

/// Writes a users file into a directory: a name, a password and groups for each. Returns the flags of a server that knows them,
/// with its state in that directory too.
pub fn write_users(directory: &Path, users: &[(&str, &str, &[&str])]) -> Vec<String> {
    for (name, password, groups) in users {
        let groups = groups.iter().flat_map(|group| ["--group", group]);
        let arguments: Vec<_> =
            ["user", "add", name, "--users", "users", "--password-stdin"].into_iter().chain(groups).collect();
        let output = run(&arguments, &format!("{password}\n"), directory);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }
    let path = |name: &str| directory.join(name).to_str().expect("text").to_owned();
    vec!["--users".to_owned(), path("users"), "--state".to_owned(), path("state")]
}

/// The field line of a name and a password (RFC 7617).
pub fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", Base64::encode_string(format!("{name}:{password}").as_bytes()))
}

/// Replaces a users file as a whole: a server that reads a half-written file would have no users for a moment.
pub fn replace_users(file: &Path, content: &str) {
    let draft = file.with_extension("draft");
    fs::write(&draft, content).expect("written");
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).expect("set");
    fs::rename(draft, file).expect("replaced");
}
