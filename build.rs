//! Writes data that the program contains, in a smaller form: the media types of `mime_guess`, for
//! `src/server/media.rs`, and the files of `src/server/assets/`, for `src/server/assets.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The files of the script that all pages load: one file per subject here, one script for the browser.
const SCRIPTS: [&str; 5] = ["folder.js", "preview.js", "stream.js", "room.js", "give.js"];
const STYLES: [&str; 1] = ["page.css"];

/// Loaded only by pages whose visitor may share.
const SHARE: [&str; 1] = ["share.js"];

/// Loaded only by pages whose visitor may change something, and by the page of the trash.
const CHANGE: [&str; 4] = ["change.js", "rows.js", "move.js", "trash.js"];

/// Prefixes of media types; a longer prefix comes before a shorter one with which it begins. A type is written as the
/// index of its prefix, and the rest.
const PREFIXES: [&str; 4] = ["application/vnd.", "application/x-", "application/", ""];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("page.js"), lean(&SCRIPTS)?)?;
    fs::write(out.join("page.css"), lean(&STYLES)?)?;
    fs::write(out.join("share.js"), lean(&SHARE)?)?;
    fs::write(out.join("change.js"), lean(&CHANGE)?)?;
    fs::write(out.join("media_types.rs"), media_types())
}

/// These assets in one text, without indentation, empty lines and comment lines, which saves a fifth. Only strings with
/// styles span lines in them. Removing more would save less than a twentieth.
fn lean(names: &[&str]) -> io::Result<String> {
    let is_comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let mut lean = String::new();
    for name in names {
        let path = Path::new("src/server/assets").join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        let source = fs::read_to_string(path)?;
        let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
        lean.extend(lines.flat_map(|line| [line, "\n"]));
    }
    Ok(lean)
}

/// The constants `PREFIXES` and `TYPES` of `src/server/media.rs`.
fn media_types() -> String {
    let line = |extension: &&str| {
        let media_type = mime_guess::from_ext(extension).first_raw()?;
        let strip = |(place, prefix): (_, &&str)| Some((place, media_type.strip_prefix(*prefix)?));
        let (place, rest): (usize, _) = PREFIXES.iter().enumerate().find_map(strip)?;
        Some(format!("{extension} {place}{rest}\n"))
    };
    let extensions = mime_guess::get_extensions("*", "*").unwrap_or_default();
    let mut lines: Vec<_> = extensions.iter().filter_map(line).collect();
    // Sorted by extension: a space sorts before every character of an extension.
    lines.sort_unstable();
    lines.dedup();
    let mut constants = format!("const PREFIXES: [&str; {}] = {PREFIXES:?};\n", PREFIXES.len());
    let _ = writeln!(constants, "const TYPES: &str = {:?};", lines.concat());
    constants
}
