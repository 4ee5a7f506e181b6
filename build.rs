//! Writes data that the program contains, in a smaller form: the media types of `mime_guess`, for
//! `src/server/media.rs`, and the files of `src/server/assets/`, for `src/server/assets.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The files of the script that all pages load: one file per subject here, one script for the browser.
const PAGE: &[&str] = &[
    "page.js",
    "watch.js",
    "listing.js",
    "search.js",
    "open.js",
    "pictures.js",
    "stream.js",
    "live.js",
    "chat_text.js",
    "chat_fold.js",
    "room.js",
    "change.js",
    "add.js",
    "chat_field.js",
    "move.js",
    "rows.js",
    "select.js",
    "bulk.js",
    "menu.js",
    "trash.js",
];

/// The scripts that pages load when they are needed: uploads, previews with the editor, the dialog for links, and dialogs
/// about one thing.
const UPLOAD: &[&str] =
    &["upload_request.js", "upload_names.js", "upload_card.js", "upload_broken.js", "upload_queue.js"];
const VIEW: &[&str] = &["view.js", "gallery.js", "text.js", "player.js", "edit.js"];
const SHARE: &[&str] = &["share.js"];
const ABOUT: &[&str] = &["about.js"];

/// The files of the style sheet.
const STYLES: &[&str] = &[
    "base.css",
    "page.css",
    "add.css",
    "files.css",
    "search.css",
    "change.css",
    "uploads.css",
    "chat.css",
    "dialogs.css",
    "narrow.css",
    "select.css",
];

/// The styles that only the previews need: a text in their script.
const VIEW_STYLES: &[&str] = &["view.css"];

/// Prefixes of media types; a longer prefix comes before a shorter one with which it begins. A type is written as the
/// index of its prefix, and the rest.
const PREFIXES: [&str; 4] = ["application/vnd.", "application/x-", "application/", ""];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let words = Words::read()?;
    words.check()?;
    let bundles = [("page.js", PAGE), ("upload.js", UPLOAD), ("share.js", SHARE), ("about.js", ABOUT)];
    for (name, files) in bundles {
        fs::write(out.join(name), words.of_scripts(files)? + &lean(files)?)?;
    }
    // The escapes of a Rust string are also those of a script.
    let styles = format!("const styles = {:?};\n", lean(VIEW_STYLES)?);
    fs::write(out.join("view.js"), words.of_scripts(VIEW)? + &styles + &lean(VIEW)?)?;
    fs::write(out.join("page.css"), lean(STYLES)?)?;
    fs::write(out.join("words.rs"), words.constants())?;
    fs::write(out.join("media_types.rs"), media_types())
}

/// The path of a file whose changes matter.
fn asset(name: &str) -> PathBuf {
    let path = Path::new("src/server/assets").join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    path
}

/// These assets in one text, without indentation, empty lines and comment lines, which saves a fifth. Only strings with
/// styles span lines in them. Removing more would save less than a twentieth.
fn lean(names: &[&str]) -> io::Result<String> {
    let is_comment = |line: &str| line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
    let mut lean = String::new();
    for name in names {
        let source = fs::read_to_string(asset(name))?;
        let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
        lean.extend(lines.flat_map(|line| [line, "\n"]));
    }
    Ok(lean)
}

/// All words that a page shows, from `words.txt`: a translation is another version of that file.
struct Words(Vec<Word>);

struct Word {
    /// Whether the pages use it, which are made in Rust, and whether scripts do.
    is_of_pages: bool,
    is_of_scripts: bool,
    name: String,
    text: String,
}

impl Words {
    fn read() -> io::Result<Self> {
        let source = fs::read_to_string(asset("words.txt"))?;
        let (mut words, mut section) = (Vec::new(), "");
        for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let (is_of_pages, is_of_scripts) = match section {
                "pages" => (true, false),
                "scripts" => (false, true),
                "both" => (true, true),
                _ => return Err(io::Error::other(format!("words.txt: no section before {line}"))),
            };
            let (name, text) =
                line.split_once(" = ").ok_or_else(|| io::Error::other(format!("words.txt: {line}")))?;
            words.push(Word { is_of_pages, is_of_scripts, name: name.to_owned(), text: text.to_owned() });
        }
        Ok(Self(words))
    }

    /// The names that these scripts use, as `words.name`.
    fn used(files: &[&str]) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for file in files {
            let source = fs::read_to_string(asset(file))?;
            let uses = source.split("words.").skip(1);
            let ends_name = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '_');
            let names_used = uses.filter_map(|rest| rest.split(ends_name).next());
            names.extend(names_used.filter(|name| !name.is_empty()).map(str::to_owned));
        }
        Ok(names)
    }

    /// Every name is used, and every name used has a text. The compiler does the same for the pages.
    fn check(&self) -> io::Result<()> {
        let used = Self::used(&[PAGE, UPLOAD, VIEW, SHARE, ABOUT].concat())?;
        let known: BTreeSet<_> =
            self.0.iter().filter(|word| word.is_of_scripts).map(|word| word.name.clone()).collect();
        let wrong: Vec<_> = used.symmetric_difference(&known).cloned().collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "words.txt and the scripts do not have the same names: {}",
            wrong.join(", ")
        )))
    }

    /// The declaration of `words` for these scripts, which has what they use.
    fn of_scripts(&self, files: &[&str]) -> io::Result<String> {
        let used = Self::used(files)?;
        let mut script = "const words = {\n".to_owned();
        for word in self.0.iter().filter(|word| used.contains(&word.name)) {
            // The escapes of a Rust string are also those of a script.
            let _ = writeln!(script, "{}: {:?},", word.name, word.text);
        }
        Ok(script + "};\n")
    }

    /// The constants of `src/server/pages/words.rs`.
    fn constants(&self) -> String {
        let of_pages = self.0.iter().filter(|word| word.is_of_pages);
        let mut constants = String::new();
        for Word { name, text, .. } in of_pages {
            let _ =
                writeln!(constants, "pub(in crate::server) const {}: &str = {text:?};", name.to_uppercase());
        }
        constants
    }
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
