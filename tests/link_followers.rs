//! Programs that follow the links of a page find the files, each once, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Wharf, outside, sample};

/// The directories and files of the example, as they are requested.
const DIRECTORIES: [&str; 4] = ["/", "/a%20b/", "/a%20b/c/", "/site/"];
const FILES: [&str; 4] = ["/100%25.txt", "/a%20b/c/deep.bin", "/a%20b/photo.jpg", "/site/index.html"];

/// A server of the example.
fn serve(flags: &[&str]) -> Wharf {
    let wharf = Wharf::serve(flags);
    wharf.write("a b/c/deep.bin", sample(100_000, 1));
    wharf.write("a b/photo.jpg", sample(5000, 2));
    wharf.write("100%.txt", "all");
    wharf.write("site/index.html", "<!doctype html><title>a page</title><p>a page");
    wharf
}

/// Runs a program in an empty directory. Returns what it saved.
#[track_caller]
fn saved_by(command: &mut Command) -> BTreeMap<String, Vec<u8>> {
    let here = tempfile::tempdir().expect("a folder");
    let output = command.current_dir(here.path()).stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    files(here.path())
}

/// The files below a directory that are not hidden.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match path.is_dir() {
            _ if name.starts_with('.') => {}
            true => found.extend(
                files(&path).into_iter().map(|(below, content)| (format!("{name}/{below}"), content)),
            ),
            false => drop(found.insert(name, fs::read(path).expect("read"))),
        }
    }
    found
}

/// The targets of all requests with this method.
fn targets(wharf: &Wharf, method: &str) -> Vec<String> {
    let log = wharf.settled_log();
    let start = format!("\"{method} ");
    let lines = log.lines().filter_map(|line| line.split_once(&start)?.1.split(' ').next());
    lines.filter(|target| !target.starts_with("/.wharf/health")).map(str::to_owned).collect()
}

/// Asserts that every request was for a directory or a file of the example.
#[track_caller]
fn asked_only_for_the_example(wharf: &Wharf) {
    let wanted = [&DIRECTORIES[..], &FILES].concat();
    for method in ["GET", "HEAD"] {
        let strange = targets(wharf, method).into_iter().find(|target| !wanted.contains(&target.as_str()));
        assert_eq!(strange, None, "{method}");
    }
}

#[test]
fn wget_fetches_each_directory_and_file_once() {
    for (flags, has_index_pages) in [(&[][..], false), (&["--read-only"], true)] {
        let wharf = serve(flags);
        let Some(mut wget) = outside("wget") else { return };
        let saved = saved_by(wget.args(["-q", "-r", "-np", "-nH"]).arg(wharf.url("/")));
        for (name, content) in files(&wharf.folder()) {
            assert!(saved.get(&name) == Some(&content), "{name}: {:?}", saved.keys());
        }
        // The page needs its style, its icon and its script; wget asks for robots.txt by itself.
        let is_asset = |target: &String| target.starts_with("/.wharf/assets/");
        let (assets, mut others): (Vec<_>, Vec<_>) = targets(&wharf, "GET").into_iter().partition(is_asset);
        assert_eq!(assets.len(), 3, "{assets:?}");
        others.sort_unstable();
        let mut all = [&DIRECTORIES[..], &FILES, &["/robots.txt"]].concat();
        all.retain(|target| !(has_index_pages && *target == "/site/index.html"));
        all.sort_unstable();
        assert_eq!(others, all);
    }
}

#[test]
fn lftp_mirrors_the_files() {
    let wharf = serve(&[]);
    let Some(mut lftp) = outside("lftp") else { return };
    let script = format!("set cmd:fail-exit yes; open {}; mirror . .", wharf.url("/"));
    assert!(saved_by(lftp.args(["--norc", "-c", &script])) == files(&wharf.folder()));
    asked_only_for_the_example(&wharf);
}

#[test]
fn rclone_copies_the_files() {
    let wharf = serve(&[]);
    let Some(mut rclone) = outside("rclone") else { return };
    rclone.args(["copy", ":http:", ".", "--config", "/dev/null", "--http-url", &wharf.url("/")]);
    assert!(saved_by(&mut rclone) == files(&wharf.folder()));
    asked_only_for_the_example(&wharf);
}
