//! Writes the media types of `mime_guess` as text, for `src/server/media.rs`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let line = |extension: &&str| {
        let media_type = mime_guess::from_ext(extension).first_raw()?;
        Some(format!("{extension} {media_type}\n"))
    };
    let extensions = mime_guess::get_extensions("*", "*").unwrap_or_default();
    let mut lines: Vec<_> = extensions.iter().filter_map(line).collect();
    // By extension: a space sorts before every character of one.
    lines.sort_unstable();
    lines.dedup();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("media_types.txt"), lines.concat())
}
