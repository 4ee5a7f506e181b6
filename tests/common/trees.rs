//! Directories of many files that clients send and fetch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::sample;

/// How large the large files are: those are sent in pieces.
const LARGE: usize = 2 << 20;

/// How many files are large.
const LARGE_FILES: usize = 10;

/// Makes a directory `sent` with this many files here.
pub fn sent(here: &Path, files: usize) -> BTreeMap<String, Vec<u8>> {
    let top = here.join("sent");
    for number in 0..files {
        let path = top.join(format!("{}/{number}", number % 7));
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        let size = if number % (files / LARGE_FILES) == 0 { LARGE } else { 100 * (number % 50) };
        fs::write(path, sample(size, number as u64)).expect("written");
    }
    tree(&top)
}

/// Each file below a directory, by path.
pub fn tree(top: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![top.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(top).expect("below").to_str().expect("text").to_owned();
            if entry.file_type().expect("a type").is_dir() {
                waiting.push(path);
            } else {
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}
