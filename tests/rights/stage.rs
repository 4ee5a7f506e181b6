//! A server with the rules, and its folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::caller::{CALLERS, Client};
use super::model::{FILES, LINKS, RULES, content};
use crate::common::{Wharf, eventually};

/// Writes the files and links, as they were before an operation that has changed them.
pub fn furnish(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        if entry.file_name() != ".wharf" {
            let is_directory = entry.file_type().expect("a type").is_dir();
            if is_directory { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
                .expect("gone");
        }
    }
    for file in FILES {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content(file)).expect("written");
    }
    for (name, target, _) in LINKS {
        std::os::unix::fs::symlink(target, folder.join(name)).expect("linked");
    }
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
        let mut flags =
            vec!["--unix", socket.to_str().expect("text"), "--udp", "0", "--no-sync", "--timeout", "60"];
        flags.extend(RULES.iter().flat_map(|rule| ["--allow", rule]));
        // The folder is reached through a link, which is none of the links in it.
        let wharf = Wharf::serve_behind_link(&flags);
        eventually("it listens", || socket.exists());
        furnish(&wharf.folder());
        let clients = CALLERS.map(|caller| Client::new(caller, wharf.address(), &socket)).into();
        Self { wharf, clients, _place: place }
    }
}
