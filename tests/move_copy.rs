//! MOVE and COPY: what is moved and copied, what is refused, and who may do it.

#[path = "move_copy/bad_input.rs"]
mod bad_input;
#[path = "move_copy/copies.rs"]
mod copies;
#[path = "move_copy/file_systems.rs"]
mod file_systems;
#[path = "move_copy/moves.rs"]
mod moves;
#[path = "move_copy/rights.rs"]
mod rights;

use std::fs;
use std::path::PathBuf;

use crate::common::{Answer, Wharf, Wire};

/// Everybody may do everything with files, and chat.
const EDIT: [&str; 2] = ["--allow", "everyone=edit,chat"];

fn serve(flags: &[&str]) -> Wharf {
    Wharf::serve(&[&EDIT, flags].concat())
}

/// Sends a MOVE or COPY with these further fields.
fn relocate(wire: &mut Wire, method: &str, from: &str, to: &str, fields: &str) -> Answer {
    wire.ask(method, from, &format!("Destination: {to}\r\n{fields}"), b"")
}

/// Everything in the folder except the server's own files.
fn tree(wharf: &Wharf) -> Vec<String> {
    wharf.tree().into_iter().filter(|name| !name.starts_with(".wharf/")).collect()
}

/// The content of the trash, without records and without content that is being removed.
fn in_trash(wharf: &Wharf) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(wharf.folder().join(".wharf/trash")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_none()).collect()
}
