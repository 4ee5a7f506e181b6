//! Random sequences of changes, by four clients at once, against a model: the folder, the trash and the responses agree.
//!
//! The clients have no accounts: each has its own cookie, and so its own entries in the trash. Here each thread has its own
//! directory, in which its four clients take turns. In `at_once` four clients change one directory at the same moment.

#[path = "trash_model/at_once.rs"]
mod at_once;
#[path = "trash_model/history.rs"]
mod history;
#[path = "trash_model/model.rs"]
mod model;
#[path = "trash_model/visit.rs"]
mod visit;

use std::fs;
use std::path::Path;
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use self::model::{Lost, Node, Operation, Tree, expect, has_file_above, is_below, with};
use self::visit::Visit;
use crate::common::Wharf;

const THREADS: u8 = 4;
const CLIENTS: usize = 4;
/// The sequences of each thread; 1,000 in all.
const SEQUENCES: u32 = 250;
const LONGEST: usize = 14;

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|names| names.join("/"))
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (path(), "[xyz]{0,3}").prop_map(|(path, content)| Operation::Put(path, content)),
        1 => path().prop_map(Operation::MakeDirectory),
        3 => path().prop_map(Operation::Remove),
        3 => (path(), path(), any::<bool>()).prop_map(|(from, to, replaces)| Operation::Move(from, to, replaces)),
        2 => (path(), path(), any::<bool>()).prop_map(|(from, to, replaces)| Operation::Copy(from, to, replaces)),
        2 => (0_usize..3).prop_map(Operation::Restore),
        2 => Just(Operation::Undo),
    ]
}

fn sequence() -> impl Strategy<Value = Vec<(usize, Operation)>> {
    prop::collection::vec((0..CLIENTS, operation()), 1..LONGEST)
}

/// An entry of a client in the trash, the newest first: its id, and what it holds.
type Kept = Vec<(String, Lost)>;

/// One sequence: a directory of the folder, and the clients that change it.
struct Run<'w> {
    wharf: &'w Wharf,
    home: String,
    clients: [Visit<'w>; CLIENTS],
    kept: [Kept; CLIENTS],
    tree: Tree,
}

impl Run<'_> {
    fn carry_out(&mut self, client: usize, operation: &Operation) {
        match operation {
            Operation::Restore(index) => {
                let entry = self.kept[client].get(*index).cloned();
                if let Some((id, lost)) = entry {
                    let target = format!("/.wharf/trash/{id}/restore");
                    self.restore(client, &target, &id, &lost, operation);
                }
            }
            Operation::Undo => {
                if let Some((id, lost)) = self.kept[client].first().cloned() {
                    self.restore(client, "/.wharf/undo", &id, &lost, operation);
                } else {
                    let status = self.clients[client].ask("POST", "/.wharf/undo", "", b"").code();
                    assert_eq!(status, 404, "nothing to undo");
                }
            }
            _ => self.change(client, operation),
        }
        assert_eq!(on_disk(self.wharf, &self.home), contents(&self.tree), "after {operation:?} by {client}");
    }

    fn change(&mut self, client: usize, operation: &Operation) {
        let by = self.clients[client].cookie.clone();
        let answer = self.clients[client].send(&self.home, operation, None);
        let expected = expect(&self.tree, operation, &by);
        let status = answer.code();
        let text = String::from_utf8_lossy(&answer.body);
        assert!(
            expected.statuses.contains(&status),
            "{operation:?} by {client}: {status} {text}, not one of {:?}; {:?}",
            expected.statuses,
            self.tree
        );
        let Some(after) = expected.after else { return };
        self.tree = after;
        let ids = self.clients[client].ids();
        let new: Vec<_> =
            ids.iter().filter(|id| !self.kept[client].iter().any(|(kept, _)| kept == *id)).collect();
        match (expected.lost, new.as_slice()) {
            (Some(lost), [id]) => self.kept[client].insert(0, ((*id).clone(), lost)),
            (Some(lost), []) => {
                assert!(!lost.must_be_kept, "{operation:?} by {client}: not in the trash: {lost:?}");
            }
            (None, []) => {}
            (lost, new) => panic!("{operation:?} by {client}: lost {lost:?}, new in the trash: {new:?}"),
        }
    }

    fn restore(&mut self, client: usize, target: &str, id: &str, lost: &Lost, operation: &Operation) {
        let answer = self.clients[client].ask("POST", target, "Accept: application/json\r\n", b"");
        let (status, location) = (answer.code(), answer.field("Location"));
        if has_file_above(&self.tree, &lost.path) {
            assert_eq!(status, 409, "{operation:?}: {lost:?}");
            return;
        }
        assert_eq!(status, 200, "{operation:?}: {lost:?} {}", String::from_utf8_lossy(&answer.body));
        let path = location
            .trim_start_matches('/')
            .trim_end_matches('/')
            .replace("%20", " ")
            .replace("%28", "(")
            .replace("%29", ")");
        let path = path.strip_prefix(&format!("{}/", self.home)).expect("in its directory").to_owned();
        assert!(!self.tree.keys().any(|other| is_below(other, &path)), "restored over something: {path}");
        let is_free = !self.tree.contains_key(&lost.path);
        assert!(
            if is_free { path == lost.path } else { path.starts_with(&format!("{} (restored", lost.path)) },
            "{lost:?} restored as {path}"
        );
        self.tree = with(&self.tree, &path, &lost.tree);
        self.kept[client].retain(|(kept, _)| kept != id);
        assert!(!self.clients[client].ids().iter().any(|other| other == id), "still in the trash");
    }
}

/// What is in a directory of the folder, by path; a file with its content.
fn on_disk(wharf: &Wharf, home: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    walk(&wharf.folder().join(home), "", &mut found);
    found.sort();
    found
}

fn contents(tree: &Tree) -> Vec<(String, Option<String>)> {
    let content = |node: &Node| match node {
        Node::Directory => None,
        Node::File { content, .. } => Some(content.clone()),
    };
    tree.iter().map(|(path, node)| (path.clone(), content(node))).collect()
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<(String, Option<String>)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("its type").is_dir() {
            found.push((path.clone(), None));
            walk(&entry.path(), &format!("{path}/"), found);
        } else {
            found.push((path, Some(fs::read_to_string(entry.path()).expect("text"))));
        }
    }
}

#[test]
fn folder_trash_and_responses_agree_with_a_model() {
    let wharf = Wharf::serve(&["--allow", "everyone=edit", "--no-sync", "--no-chat"]);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let wharf = &wharf;
            scope.spawn(move || run(wharf, thread));
        }
    });
}

fn run(wharf: &Wharf, thread: u8) {
    let config =
        Config { cases: SEQUENCES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[thread; 32]));
    let number = std::cell::Cell::new(0);
    let outcome = runner.run(&sequence(), |operations| {
        number.set(number.get() + 1);
        let home = format!("{thread}-{}", number.get());
        fs::create_dir(wharf.folder().join(&home)).expect("a directory");
        let mut run = Run {
            wharf,
            home,
            clients: std::array::from_fn(|_| Visit::new(wharf)),
            kept: [const { Vec::new() }; CLIENTS],
            tree: Tree::new(),
        };
        for (client, operation) in &operations {
            run.carry_out(*client, operation);
        }
        Ok::<_, TestCaseError>(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
