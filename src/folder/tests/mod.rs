//! Tests of the folder, on real directories.

mod attributes;
mod complete;
mod conflicts;
mod following;
mod id;
mod moving;
mod reading;
mod real_paths;
mod rights;
mod saving;
mod searching;
mod sweeping;
mod trash;
mod trash_owners;
mod unfinished;
mod uploads;
mod walking;

use super::save_method::SaveMethod;
use super::{DirEntry, EntryKind, Error, Folder, Guard, Node, OpenFile, Remover, Rules, Saved};
use crate::access::{Access, Grant, Judge, Operation, Principal, Rights};
use crate::blocking::Blocking;
use crate::path::SharePath;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// The threads of the tests may wait for the disk.
fn disk() -> Blocking<'static> {
    Blocking::own_thread()
}

/// All save methods; tests about saving run with each.
const SAVE_METHODS: [SaveMethod; 3] = [SaveMethod::Anonymous, SaveMethod::Named, SaveMethod::Claimed];

/// A directory with the shared folder, and a secret outside the folder.
struct Fixture {
    home: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let home = TempDir::new().expect("a directory");
        fs::create_dir(home.path().join("share")).expect("the folder");
        fs::create_dir(home.path().join("outside")).expect("a directory outside");
        fs::write(home.path().join("outside/file"), "secret").expect("a secret");
        Self { home }
    }

    fn share(&self) -> std::path::PathBuf {
        self.home.path().join("share")
    }

    fn outside(&self) -> std::path::PathBuf {
        self.home.path().join("outside")
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.share().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("its parents");
        fs::write(path, content).expect("a file");
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(target, self.share().join(name)).expect("a link");
    }

    fn folder(&self, rules: Rules) -> Folder {
        Folder::open_at(&self.share(), rules).expect("a folder")
    }

    fn folder_in(&self, method: SaveMethod, rules: Rules) -> Folder {
        Folder::open_with(&self.share(), rules, method, SystemTime::now()).expect("a folder")
    }

    /// The folder of a server that starts after this much time.
    fn folder_after(&self, time: Duration, rules: Rules) -> Folder {
        let best = SaveMethod::of_this_system();
        Folder::open_with(&self.share(), rules, best, SystemTime::now() + time).expect("a folder")
    }

    /// All names in the folder on the disk, sorted; without the server's own lock, which is never removed, and its beat.
    fn on_disk(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.share(), "", &mut names);
        names.retain(|name| !name.starts_with(".wharf/replicas"));
        let in_own = names.iter().filter(|name| name.starts_with(".wharf/")).count();
        if in_own == 1 && names.iter().any(|name| name == ".wharf/lock") {
            names.retain(|name| !matches!(name.as_str(), ".wharf" | ".wharf/lock"));
        }
        names.sort();
        names
    }
}

fn walk(dir: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().expect("a type").is_dir() {
            walk(&entry.path(), &format!("{name}/"), names);
        }
        names.push(name);
    }
}

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).expect("a legal path")
}

/// The rights of the tests: all that the folder asks for.
fn judge() -> Judge {
    Access::new(Rights::VIEW.with(Rights::SAVE)).judge(&Principal::anonymous(None))
}

/// A client.
fn someone() -> Remover {
    Remover::at_address("192.0.2.1".to_owned())
}

/// A grant for this path, with all these rights.
fn grant<O: Operation>(name: &str) -> Grant<'static, O> {
    judge().check(&path(name)).expect("all is allowed").into_owned()
}

/// The listing of a directory, directories first, then by the bytes of the names.
fn list(folder: &Folder, name: &str) -> Result<Vec<DirEntry>, Error> {
    let mut scan = folder.scan(&grant(name), disk())?;
    let mut entries = Vec::new();
    while let Some(candidate) = scan.next() {
        entries.extend(scan.look(candidate?, disk()));
    }
    entries.sort_by_key(|entry| (entry.kind != EntryKind::Directory, entry.name.clone()));
    Ok(entries)
}

fn quick() -> Rules {
    Rules { durable: false, trash: None, ..Rules::default() }
}

fn read(folder: &Folder, name: &str) -> Result<String, Error> {
    match folder.open(&grant(name), disk())? {
        Node::File(mut open) => {
            let mut text = String::new();
            open.file.read_to_string(&mut text)?;
            Ok(text)
        }
        Node::Directory { .. } => Err(Error::IsDirectory),
    }
}

fn open_file(folder: &Folder, name: &str) -> OpenFile {
    match folder.open(&grant(name), disk()) {
        Ok(Node::File(open)) => open,
        other => panic!("{name} is not a file: {other:?}"),
    }
}

fn save(folder: &Folder, name: &str, content: &str) -> Result<Saved, Error> {
    save_if(folder, name, content, Guard::None)
}

fn save_if(folder: &Folder, name: &str, content: &str, guard: Guard) -> Result<Saved, Error> {
    let mut incoming = folder.receive(&grant(name), Some(content.len() as u64), disk())?;
    incoming.write(content.as_bytes(), disk())?;
    incoming.commit(guard, &someone(), disk())
}
