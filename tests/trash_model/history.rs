//! The search for an order of requests that were made at the same time. The order must agree with real time, with each
//! response, and with the state at the end.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::model::{Lost, Node, Operation, Tree, Writer, expect, has_file_above, is_below, parent, with};
use crate::common::Answer;

/// A request and its result.
#[derive(Debug)]
pub struct Done {
    pub operation: Operation,
    /// The entry of the trash that it restores.
    pub entry: Option<String>,
    pub status: u16,
    /// The entry that the response names: what was removed or replaced.
    pub kept: String,
    /// Where it restored something.
    location: String,
    text: String,
    time: Range<u64>,
}

/// The state between two requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub tree: Tree,
    /// The entries of each client in the trash, the newest first.
    pub kept: Vec<Vec<(String, Lost)>>,
    /// How many requests of each client have happened.
    done: Vec<usize>,
    /// Whether the next request of each client has already made the directories that it needs.
    has_made_parents: Vec<bool>,
}

pub struct Order<'h> {
    /// The requests of each client, in the order in which it sent them.
    pub histories: &'h [Vec<Done>],
    pub writers: Vec<Writer>,
    /// Whether this is what was found in the end.
    pub is_end: &'h dyn Fn(&State) -> bool,
}

impl Done {
    pub fn new(
        operation: Operation,
        entry: Option<String>,
        home: &str,
        answer: &Answer,
        time: Range<u64>,
    ) -> Self {
        let location = answer.field("Location").replace("%20", " ").replace("%28", "(").replace("%29", ")");
        let below = location.trim_end_matches('/').strip_prefix(&format!("/{home}/"));
        Self {
            operation,
            entry,
            status: answer.code(),
            kept: answer.field("Wharf-Trash"),
            location: below.unwrap_or_default().to_owned(),
            text: answer.text(),
            time,
        }
    }

    pub fn has_restored(&self) -> bool {
        matches!(self.operation, Operation::Restore(_) | Operation::Undo) && self.status == 200
    }
}

impl Order<'_> {
    /// Whether such an order exists. `seen` has the states from which the search has begun.
    pub fn exists(&self, seen: &mut HashSet<State>) -> bool {
        let clients = self.histories.len();
        let start = State {
            tree: Tree::new(),
            kept: vec![Vec::new(); clients],
            done: vec![0; clients],
            has_made_parents: vec![false; clients],
        };
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            if state.done.iter().zip(self.histories).all(|(done, history)| *done == history.len()) {
                if (self.is_end)(&state) {
                    return true;
                }
            } else if !seen.contains(&state) {
                self.follow(&state, &mut open);
                seen.insert(state);
            }
        }
        false
    }

    /// Adds each state that can come next.
    fn follow(&self, state: &State, open: &mut Vec<State>) {
        let next = |client: usize| self.histories[client].get(state.done[client]);
        // A request that started after the end of another one comes after it.
        let first_end =
            (0..state.done.len()).filter_map(|client| next(client).map(|done| done.time.end)).min();
        for client in 0..state.done.len() {
            let Some(done) = next(client).filter(|done| Some(done.time.start) < first_end) else { continue };
            open.extend(self.happens(state, client, done));
            open.extend(makes_parents(state, client, done));
        }
    }

    /// The state after this request, if the model gives the same response.
    fn happens(&self, state: &State, client: usize, done: &Done) -> Option<State> {
        let mut after = match done.operation {
            Operation::Restore(_) | Operation::Undo => restored(state, client, done)?,
            _ => self.changed(state, client, done)?,
        };
        after.done[client] += 1;
        after.has_made_parents[client] = false;
        Some(after)
    }

    fn changed(&self, state: &State, client: usize, done: &Done) -> Option<State> {
        let expected = expect(&state.tree, &done.operation, &self.writers[client]);
        if !expected.statuses.contains(&done.status) {
            return None;
        }
        let mut after = state.clone();
        after.tree = expected.after.unwrap_or(after.tree);
        match (expected.lost, done.kept.is_empty()) {
            (Some(lost), false) => after.kept[client].insert(0, (done.kept.clone(), lost)),
            (Some(lost), true) if lost.must_be_kept => return None,
            (None, false) => return None,
            (Some(_) | None, true) => {}
        }
        Some(after)
    }

    /// All requests, for a person.
    pub fn shown(&self) -> String {
        let mut all: Vec<_> = self
            .histories
            .iter()
            .enumerate()
            .flat_map(|(client, history)| history.iter().map(move |done| (client, done)))
            .collect();
        all.sort_by_key(|(_, done)| done.time.start);
        all.iter().fold(String::new(), |mut text, (client, done)| {
            let Done { operation, entry, status, kept, location, text: said, time } = done;
            let said = said.trim_end();
            let _ = writeln!(
                text,
                "{time:?} client {client}: {operation:?} {entry:?}: {status} {said:?} kept {kept:?} at {location:?}"
            );
            text
        })
    }
}

fn restored(state: &State, client: usize, done: &Done) -> Option<State> {
    let Some(id) = &done.entry else {
        return (done.status == 404 && state.kept[client].is_empty()).then(|| state.clone());
    };
    let (_, lost) = state.kept[client].iter().find(|(kept, _)| kept == id)?;
    if has_file_above(&state.tree, &lost.path) {
        return (done.status == 409).then(|| state.clone());
    }
    let path = &done.location;
    let is_free = !state.tree.contains_key(&lost.path);
    let is_right =
        if is_free { *path == lost.path } else { path.starts_with(&format!("{} (restored", lost.path)) };
    if done.status != 200 || !is_right || state.tree.keys().any(|other| is_below(other, path)) {
        return None;
    }
    let mut after = state.clone();
    after.tree = with(&state.tree, path, &lost.tree);
    after.kept[client].retain(|(kept, _)| kept != id);
    Some(after)
}

/// The state if this request has only made the missing directories so far.
fn makes_parents(state: &State, client: usize, done: &Done) -> Option<State> {
    let path = match &done.operation {
        Operation::Put(path, _) => path,
        Operation::Restore(_) | Operation::Undo => {
            let id = done.entry.as_ref()?;
            &state.kept[client].iter().find(|(kept, _)| kept == id)?.1.path
        }
        _ => return None,
    };
    let above = parent(path).filter(|above| !state.tree.contains_key(*above))?;
    if state.has_made_parents[client] || has_file_above(&state.tree, path) {
        return None;
    }
    let mut after = state.clone();
    after.tree = with(&state.tree, above, &Tree::from([(String::new(), Node::Directory)]));
    after.has_made_parents[client] = true;
    Some(after)
}
