//! Imports go one way: between the modules at the top, and between the files and directories of each directory.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use imports::Crate;

/// Each module at the top, and the modules that it may import.
const ALLOWED: [(&str, &[&str]); 27] = [
    ("blocking", &[]),
    ("stop", &[]),
    ("printable", &[]),
    ("sink", &[]),
    ("format", &[]),
    ("qr", &[]),
    ("own_paths", &[]),
    ("path", &[]),
    ("network", &[]),
    ("folding", &["printable"]),
    ("name_pattern", &["folding"]),
    ("access", &["network", "path"]),
    ("accounts", &["access", "blocking", "durable", "folding", "path", "printable"]),
    ("folder", &["access", "blocking", "durable", "path", "printable"]),
    ("http", &[]),
    ("tftp", &["printable"]),
    ("archive", &[]),
    ("thumbnail", &[]),
    ("chat", &["folding", "printable"]),
    ("dav", &["http", "path"]),
    ("durable", &[]),
    ("net", &["blocking"]),
    ("client", &["http", "tftp", "durable", "net", "network", "own_paths", "printable", "format"]),
    ("replay", &["client", "http", "printable", "format"]),
    (
        "server",
        &[
            "http",
            "tftp",
            "archive",
            "chat",
            "dav",
            "access",
            "accounts",
            "durable",
            "folder",
            "folding",
            "name_pattern",
            "net",
            "network",
            "blocking",
            "own_paths",
            "path",
            "printable",
            "sink",
            "format",
            "qr",
            "stop",
            "thumbnail",
        ],
    ),
    (
        "cli",
        &[
            "client",
            "replay",
            "server",
            "access",
            "accounts",
            "blocking",
            "folder",
            "format",
            "net",
            "path",
            "printable",
            "sink",
            "qr",
            "stop",
        ],
    ),
    ("main", &["cli"]),
];

/// The files that create a `Blocking`: for values in memory, for the permission of a turn, and for the threads that may
/// wait for the disk (start-up, TFTP transfers, jobs and chores, a command).
const BLOCKING: [&str; 9] = [
    "cli/accounts.rs",
    "cli/user.rs",
    "server/connection/outgoing.rs",
    "server/disk.rs",
    "server/mod.rs",
    "server/passwords.rs",
    "server/run.rs",
    "server/tftp/transfer.rs",
    "server/threads.rs",
];

/// Names that two public types share, and why.
const SAME_NAME: [(&str, &str); 5] = [
    ("Head", "HTTP has two, of requests and of responses; a file that uses both writes the module"),
    ("Bars", "a feature chooses one"),
    ("Completion", "a feature chooses one"),
    ("LineEditor", "a feature chooses one"),
    ("TlsSession", "a feature chooses one"),
];

/// Whether a file is the twin of another one, in a build without its feature: `no_tls.rs` has the types of `tls`.
fn is_without_feature(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.starts_with("no_"))
}

/// The maximum number of direct dependencies, with all features and with none.
const DEPENDENCIES: (usize, usize) = (49, 22);

/// What one entry of a directory imports from another, with the files and names.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// The source of this crate. Reading it takes seconds, so all tests share it.
static SOURCE: LazyLock<Crate> =
    LazyLock::new(|| Crate::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));

/// The arrows inside each directory, between its files and subdirectories.
fn by_directory(read: &Crate) -> BTreeMap<String, Arrows> {
    let mut directories: BTreeMap<String, Arrows> = BTreeMap::new();
    for ((from, to), names) in read.arrows() {
        let (from_parts, to_parts): (Vec<_>, Vec<_>) = (from.split('/').collect(), to.split('/').collect());
        let common = from_parts.iter().zip(&to_parts).take_while(|(from, to)| from == to).count();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        directories
            .entry(from_parts[..common].join("/"))
            .or_default()
            .entry((from_parts[common].to_owned(), to_parts[common].to_owned()))
            .or_default()
            .insert(format!("{from} -> {to}: {names}"));
    }
    directories
}

/// The arrows that are part of a cycle.
fn cycle(arrows: &Arrows) -> Vec<&String> {
    let reached_from = |start: &String| {
        let (mut reached, mut unread) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(next) = unread.pop() {
            for (_, to) in arrows.keys().filter(|(from, _)| *from == next) {
                if reached.insert(to.clone()) {
                    unread.push(to.clone());
                }
            }
        }
        reached
    };
    let on_cycle = arrows.iter().filter(|((from, to), _)| reached_from(to).contains(from));
    on_cycle.flat_map(|(_, files)| files).collect()
}

#[test]
fn modules_import_only_what_is_listed() {
    let arrows = by_directory(&SOURCE).remove("").expect("modules import each other");
    let unlisted: Vec<_> = arrows
        .iter()
        .filter(|((from, to), _)| {
            let allowed = ALLOWED.iter().find(|(name, _)| name == from);
            !allowed.is_some_and(|(_, allowed)| allowed.contains(&to.as_str()))
        })
        .flat_map(|(_, files)| files)
        .collect();
    assert!(unlisted.is_empty(), "not in the list of what may be imported:\n{unlisted:#?}");
    for (from, to) in ALLOWED.iter().flat_map(|(from, allowed)| allowed.iter().map(move |to| (from, to))) {
        let used = arrows.contains_key(&((*from).to_owned(), (*to).to_owned()));
        assert!(used || *from == "main", "{from} -> {to} is listed, but no file needs it");
    }
}

#[test]
fn no_imports_form_a_cycle() {
    for (directory, arrows) in by_directory(&SOURCE) {
        let cycle = cycle(&arrows);
        assert!(cycle.is_empty(), "src/{directory}: these imports form a cycle:\n{cycle:#?}");
    }
}

/// A type's name is unambiguous without its module.
#[test]
fn no_two_public_types_share_a_name() {
    let twins: BTreeMap<_, _> = SOURCE
        .public_types()
        .into_iter()
        .filter(|(_, files)| files.iter().filter(|file| !is_without_feature(file)).count() > 1)
        .collect();
    let unlisted: Vec<_> =
        twins.iter().filter(|(name, _)| !SAME_NAME.iter().any(|(listed, _)| listed == *name)).collect();
    assert!(unlisted.is_empty(), "one name for several public types:\n{unlisted:#?}");
    for (name, reason) in SAME_NAME {
        assert!(twins.contains_key(name), "{name} is listed ({reason}), but only one type has it");
    }
}

/// Everything else takes a `Blocking` from its caller.
#[test]
fn only_listed_files_create_a_blocking_token() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let callers: Vec<_> = source_files(&source)
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).expect("text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            code.contains("Blocking::own_thread()") || code.contains("Blocking::with(")
        })
        .map(|path| path.strip_prefix(&source).expect("below").to_string_lossy().into_owned())
        .filter(|name| !name.contains("tests"))
        .collect();
    assert_eq!(callers, BLOCKING);
}

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut all: Vec<_> =
        files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    all.extend(directories.iter().flat_map(|directory| source_files(directory)));
    all.sort();
    all
}

#[test]
fn direct_dependencies_are_few() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the manifest");
    let section = |name: &str| {
        let section = manifest.split(&format!("\n[{name}]\n")).nth(1).expect("such a section");
        section.split("\n[").next().unwrap_or_default()
    };
    let lines = ["dependencies", "build-dependencies"].into_iter().flat_map(|name| section(name).lines());
    let all: Vec<_> = lines.filter(|line| line.contains(" = ") && !line.starts_with('#')).collect();
    let always = all.iter().filter(|line| !line.contains("optional = true")).count();
    assert!(all.len() <= DEPENDENCIES.0, "{} direct dependencies", all.len());
    assert!(always <= DEPENDENCIES.1, "{always} direct dependencies in the minimal build");
}

/// Every form in which a path can be written is read and resolved to the file that defines the item.
#[test]
fn every_form_of_import_is_read() {
    let place = tempfile::tempdir().expect("a directory");
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a/mod.rs", "mod deep; mod other; pub use deep::{Deep, inner as renamed}; pub use other::*;"),
        ("a/deep.rs", "pub struct Deep; pub fn inner() {} #[cfg(test)] mod tests { use crate::b::B; }"),
        ("a/other.rs", "use super::renamed; pub struct Other;"),
        (
            "b.rs",
            "use crate::{a::{self, Deep as D}, c as see}; pub struct B; fn f() { see::go(); a::Other; }",
        ),
        ("c.rs", "pub fn go() { println!(\"{}\", crate::b::B.x()); } fn std() { std::mem::drop(()); }"),
    ];
    for (name, text) in files {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    let read = Crate::read(place.path());
    let arrows: Vec<_> = read
        .arrows()
        .into_iter()
        .map(|((from, to), names)| format!("{from} {to} {}", names.into_iter().collect::<Vec<_>>().join(" ")))
        .collect();
    let expected = [
        "a/mod a/deep Deep inner",
        "a/other a/deep inner",
        "b a/deep Deep",
        "b a/other Other",
        "b c go",
        "c b B",
    ];
    assert_eq!(arrows, expected);
    let directories = by_directory(&read);
    assert_eq!(cycle(&directories[""]), ["b -> c: go", "c -> b: B"]);
    assert!(cycle(&directories["a"]).is_empty());
    assert_eq!(read.public_types()["Deep"], ["a/deep"]);
}
