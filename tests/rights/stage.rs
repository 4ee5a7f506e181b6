//! A server with the rules, and its folder.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::caller::{CALLERS, Caller, Client, Kind, TOKEN_PATH};
use super::model::{DIRECTORIES, FILES, LINKS, RULES, USERS, content};
use crate::common::accounts::{basic, write_users};
use crate::common::office::{bearer, json};
use crate::common::{Wharf, eventually};

/// The password of each user.
pub const PASSWORD: &str = "correct horse";

/// The directories in which some client may change anything.
const CHANGEABLE: [&str; 3] = ["work", "inbox", "private/own"];

/// Writes all files and links.
pub fn furnish(folder: &Path) {
    for directory in DIRECTORIES {
        restore_directory(folder, directory);
    }
}

/// Writes what an operation may have changed.
pub fn restore(folder: &Path) {
    for directory in CHANGEABLE {
        match fs::remove_dir_all(folder.join(directory)) {
            // A client may remove it, and put a file in its place.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                fs::remove_file(folder.join(directory)).expect("a file");
            }
            removed => removed.expect("it may be changed"),
        }
        restore_directory(folder, directory);
    }
}

fn restore_directory(folder: &Path, directory: &str) {
    fs::create_dir_all(folder.join(directory)).expect("made");
    let is_in = |path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| parent == directory);
    for file in FILES.into_iter().filter(|file| is_in(file)) {
        fs::write(folder.join(file), content(file)).expect("written");
    }
    for (name, target, _) in LINKS.into_iter().filter(|(name, ..)| is_in(name)) {
        std::os::unix::fs::symlink(target, folder.join(name)).expect("linked");
    }
}

/// Fails if anything was changed that no client may change.
pub fn assert_unchanged(wharf: &Wharf) {
    let is_changeable = |name: &str| CHANGEABLE.iter().any(|directory| name.starts_with(directory));
    let names: Vec<_> =
        wharf.tree().into_iter().filter(|name| !is_changeable(name) && !name.starts_with(".wharf")).collect();
    let expected = [
        "closed/",
        "closed/hush",
        "closed/near/",
        "closed/near/file",
        "open/",
        "open/file",
        "open/memo",
        "open/near",
        "private/",
        "private/memo",
    ];
    assert_eq!(names, expected);
    for file in FILES.into_iter().filter(|file| !is_changeable(file)) {
        assert_eq!(wharf.read(file), content(file).as_bytes(), "{file}");
    }
}

/// The token or link that anna has created.
fn made(wharf: &Wharf, target: &str, order: &str) -> serde_json::Value {
    let answer = wharf.ask("POST", target, &basic("anna", PASSWORD), order.as_bytes());
    assert_eq!(answer.code(), 201, "{order}: {}", answer.text());
    json(&answer)
}

/// A server with the rules, a Unix socket and TFTP, and its clients.
pub struct Stage {
    pub wharf: Wharf,
    pub clients: Vec<Client>,
    _place: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let socket: PathBuf = place.path().join("socket");
        let users = USERS.map(|(name, groups)| (name, PASSWORD, groups));
        let accounts = write_users(place.path(), &users);
        let mut flags =
            vec!["--unix", socket.to_str().expect("text"), "--udp", "0", "--no-sync", "--timeout", "60"];
        flags.extend(accounts.iter().map(String::as_str));
        flags.extend(RULES.iter().flat_map(|rule| ["--allow", rule]));
        // The folder is reached through a link, which is none of the links in it.
        let wharf = Wharf::serve_behind_link(&flags);
        eventually("it listens", || socket.exists());
        furnish(&wharf.folder());
        let mut clients: Vec<_> = CALLERS.map(|caller| Client::new(caller, wharf.address(), &socket)).into();
        let order = format!(r#"{{"name":"table","path":"/{TOKEN_PATH}","rights":"list,read"}}"#);
        let token = bearer(&made(&wharf, "/.wharf/tokens", &order)["token"]);
        for client in clients.iter_mut().filter(|client| client.caller == Caller::Token) {
            client.fields.clone_from(&token);
        }
        Self { wharf, clients, _place: place }
    }

    /// A client with a link to this directory, and the path of the link.
    pub fn visitor(&self, root: &'static str, kind: Kind) -> (Client, String) {
        let is_drop = kind == Kind::Drop;
        let rights = if is_drop { "" } else { r#","rights":"view""# };
        let order = format!(r#"{{"path":"/{root}","for":"1d","drop":{is_drop}{rights}}}"#);
        let made = made(&self.wharf, "/.wharf/links", &order);
        let link = made["link"].as_str().and_then(|link| link.split_once("/.wharf/")).expect("a link").1;
        let client = Client::new(Caller::Link(root, kind), self.wharf.address(), Path::new(""));
        (client, format!("/.wharf/{}", link.trim_end_matches('/')))
    }
}
