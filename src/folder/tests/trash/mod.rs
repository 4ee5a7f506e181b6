//! The trash: what is kept, restored, discarded, and pushed out.

mod changed_by_others;
mod discarding;
mod keeping;
mod refusals;
mod restoring;
mod room;

use super::*;
use crate::access::{ToRemove, ToWrite};
use crate::folder::{Removed, Restored, TrashId, TrashItem, Whose};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A judge with all rights that the trash needs.
fn editor() -> Judge {
    Access::new(Rights::EDIT).judge(&Principal::anonymous(None))
}

fn to_remove(name: &str) -> Grant<'static, ToRemove> {
    editor().check(&path(name)).expect("all is allowed").into_owned()
}

fn to_write(name: &str) -> Grant<'static, ToWrite> {
    editor().check(&path(name)).expect("all is allowed").into_owned()
}

/// A user of this name.
fn user(name: &str) -> Remover {
    Remover::of_owner(format!("account {name}"), Some(name.to_owned()))
}

fn remove(folder: &Folder, name: &str) -> Result<Removed, Error> {
    folder.remove(&to_remove(name), Guard::None, &user("ann"), disk())
}

fn save_as(folder: &Folder, name: &str, content: &str, who: &Remover) -> Result<Saved, Error> {
    let mut incoming = folder.receive(&to_write(name), Some(content.len() as u64), disk())?;
    incoming.write(content.as_bytes(), disk())?;
    incoming.commit(Guard::None, who, disk())
}

fn all(folder: &Folder) -> Vec<TrashItem> {
    folder.trash(Whose::Everybody, 1_000, None, disk()).expect("a list")
}

fn restore(folder: &Folder, id: &TrashId) -> Result<Restored, Error> {
    folder.restore(id, Whose::Everybody, &editor(), disk())
}

/// Empties the trash, which takes one piece; returns how many entries it has discarded.
fn emptied(folder: &Folder, whose: Whose<'_>, judge: &Judge) -> usize {
    let emptied = folder.empty_trash(whose, None, judge, disk()).expect("emptied");
    assert_eq!(emptied.rest, None);
    emptied.count
}

fn with_trash() -> Rules {
    Rules { trash: Some(7 * DAY), ..quick() }
}

/// The names in the trash on the disk, sorted.
fn in_trash(it: &Fixture) -> Vec<String> {
    let Ok(entries) = fs::read_dir(it.share().join(".wharf/trash")) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

/// Gives an entry an id that makes it look older.
fn age(it: &Fixture, id: TrashId, by: Duration) -> TrashId {
    let then = id.time().checked_sub(by).expect("after 1970");
    let since = then.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let old = id.to_string();
    let new = format!("{:012x}{}", since.as_millis(), &old[12..]);
    let trash = it.share().join(".wharf/trash");
    for end in ["", ".json"] {
        fs::rename(trash.join(format!("{old}{end}")), trash.join(format!("{new}{end}"))).expect("renamed");
    }
    TrashId::parse(&new).expect("an id")
}
