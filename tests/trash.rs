//! Removing over HTTP, and the trash: removed and replaced files can be restored by the client that removed or replaced
//! them, and by nobody else.

mod announced;
mod delete;
mod keeping;
mod killed;
mod meanwhile;
mod owners;
mod page;
mod recorded_calls;
mod restoring;
mod system_calls;
mod table;
#[cfg(feature = "accounts")]
mod users;

use serde_json::Value;

use crate::common::{Answer, Wharf};

#[cfg(feature = "tls")]
pub use delete::files_links_and_directories_are_removed;
#[cfg(feature = "tls")]
pub use restoring::what_was_removed_comes_back;

const TRASH: &str = "/.wharf/trash";
const UNDO: &str = "/.wharf/undo";

/// Everybody may remove.
const EDIT: [&str; 2] = ["--allow", "everyone=edit,chat"];

/// A client that keeps the cookie that it gets, and sends these fields with each request.
struct Visitor<'w> {
    wharf: &'w Wharf,
    fields: String,
    cookie: String,
}

impl<'w> Visitor<'w> {
    fn new(wharf: &'w Wharf) -> Self {
        Self::with(wharf, "")
    }

    fn with(wharf: &'w Wharf, fields: &str) -> Self {
        Self { wharf, fields: fields.to_owned(), cookie: String::new() }
    }

    fn ask(&mut self, method: &str, target: &str, fields: &str, body: &str) -> Answer {
        let fields = format!("{}{}{fields}", self.fields, self.cookie);
        let answer = self.wharf.ask(method, target, &fields, body.as_bytes());
        if let Some((cookie, _)) = answer.field("Set-Cookie").split_once(';') {
            self.cookie = format!("Cookie: {cookie}\r\n");
        }
        answer
    }

    #[track_caller]
    fn does(&mut self, method: &str, target: &str, body: &str, code: u16) -> Answer {
        let answer = self.ask(method, target, "", body);
        assert_eq!(answer.code(), code, "{method} {target}: {}", answer.text());
        answer
    }

    /// The entries that it sees, the newest first.
    #[track_caller]
    fn entries(&mut self) -> Vec<Value> {
        let answer = self.does("GET", TRASH, "", 200);
        let list: Value = serde_json::from_slice(&answer.body).expect("JSON");
        list["items"].as_array().expect("an array").clone()
    }

    /// Their paths.
    #[track_caller]
    fn paths(&mut self) -> Vec<String> {
        self.entries().iter().map(|entry| text(&entry["path"])).collect()
    }

    /// The path of its newest entry, below the path of the trash.
    #[track_caller]
    fn newest(&mut self) -> String {
        format!("{TRASH}/{}", text(&self.entries()[0]["id"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// What is in the folder, without what the server keeps there.
fn files(wharf: &Wharf) -> Vec<String> {
    wharf.tree().into_iter().filter(|name| !name.starts_with(".wharf")).collect()
}

/// The names of all files and directories that the trash has on the disk.
fn on_disk(wharf: &Wharf) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(wharf.folder().join(".wharf/trash")) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}
