//! What the folder and the trash must hold after each operation: a model without files.

use std::collections::BTreeMap;

/// The tree below the directory of one sequence: paths without a leading slash.
pub type Tree = BTreeMap<String, Node>;

/// The identity of a client for the server: its cookie or, without a cookie, its address.
pub type Writer = Option<String>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    Directory,
    File {
        content: String,
        /// The client that has written it; `None` after a move or a copy.
        writer: Option<Writer>,
    },
}

/// What one client does.
#[derive(Debug, Clone)]
pub enum Operation {
    Put(String, String),
    MakeDirectory(String),
    Remove(String),
    Move(String, String, bool),
    Copy(String, String, bool),
    /// Restores one of its entries in the trash, counted from the newest.
    Restore(usize),
    Undo,
}

/// What a client has removed or overwritten, and can get back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lost {
    pub path: String,
    pub tree: Tree,
    /// Whether the trash must keep it: a file that its own writer removes within a minute need not be kept.
    pub must_be_kept: bool,
}

/// The allowed responses, and the state after a success.
#[derive(Debug)]
pub struct Expected {
    pub statuses: &'static [u16],
    pub after: Option<Tree>,
    pub lost: Option<Lost>,
}

impl Expected {
    fn refused(statuses: &'static [u16]) -> Self {
        Self { statuses, after: None, lost: None }
    }
}

pub fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(parent, _)| parent)
}

pub fn is_below(path: &str, directory: &str) -> bool {
    path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// The entries at this path and below it, by their paths relative to it. `""` is the entry at the path itself.
pub fn taken(tree: &Tree, path: &str) -> Tree {
    let below = tree.iter().filter(|(other, _)| is_below(other, path));
    below.map(|(other, node)| (other[path.len()..].to_owned(), node.clone())).collect()
}

/// The tree without the entry at this path.
fn without(tree: &Tree, path: &str) -> Tree {
    tree.iter().filter(|(other, _)| !is_below(other, path)).map(|(p, n)| (p.clone(), n.clone())).collect()
}

/// The tree with `thing` at this path, and with the directories above the path.
pub fn with(tree: &Tree, path: &str, thing: &Tree) -> Tree {
    let mut tree = tree.clone();
    let mut above = parent(path);
    while let Some(directory) = above {
        tree.insert(directory.to_owned(), Node::Directory);
        above = parent(directory);
    }
    tree.extend(thing.iter().map(|(below, node)| (format!("{path}{below}"), node.clone())));
    tree
}

/// The same entries, without their writers.
fn moved(thing: &Tree) -> Tree {
    let forget = |node: &Node| match node {
        Node::Directory => Node::Directory,
        Node::File { content, .. } => Node::File { content: content.clone(), writer: None },
    };
    thing.iter().map(|(path, node)| (path.clone(), forget(node))).collect()
}

/// Whether a file stands where a directory of this path would have to be.
pub fn has_file_above(tree: &Tree, path: &str) -> bool {
    let mut above = parent(path);
    while let Some(directory) = above {
        if matches!(tree.get(directory), Some(Node::File { .. })) {
            return true;
        }
        above = parent(directory);
    }
    false
}

fn has_parent(tree: &Tree, path: &str) -> bool {
    parent(path).is_none_or(|parent| tree.get(parent) == Some(&Node::Directory))
}

/// What the trash keeps for a client that removes or overwrites this.
fn lost(tree: &Tree, path: &str, by: &Writer) -> Option<Lost> {
    let thing = taken(tree, path);
    let is_anothers = |node: &Node| match node {
        Node::Directory => false,
        Node::File { writer, content } => {
            writer.as_ref().is_some_and(|writer| writer != by) && !content.is_empty()
        }
    };
    let must_be_kept = thing.values().any(is_anothers);
    (!thing.is_empty()).then(|| Lost { path: path.to_owned(), tree: thing, must_be_kept })
}

/// The expected result of an operation other than [`Operation::Restore`] and [`Operation::Undo`].
pub fn expect(tree: &Tree, operation: &Operation, by: &Writer) -> Expected {
    match operation {
        Operation::Put(path, content) => match tree.get(path) {
            _ if has_file_above(tree, path) => Expected::refused(&[409]),
            Some(Node::Directory) => Expected::refused(&[409]),
            found => {
                let node = Node::File { content: content.clone(), writer: Some(by.clone()) };
                Expected {
                    statuses: if found.is_some() { &[204] } else { &[201] },
                    after: Some(with(tree, path, &Tree::from([(String::new(), node)]))),
                    lost: lost(tree, path, by),
                }
            }
        },
        Operation::MakeDirectory(path) => match tree.get(path) {
            Some(_) => Expected::refused(&[405]),
            None if !has_parent(tree, path) => Expected::refused(&[409]),
            None => Expected {
                statuses: &[201],
                after: Some(with(tree, path, &Tree::from([(String::new(), Node::Directory)]))),
                lost: None,
            },
        },
        Operation::Remove(path) => match tree.get(path) {
            None => Expected::refused(&[404, 409]),
            Some(_) => {
                Expected { statuses: &[204], after: Some(without(tree, path)), lost: lost(tree, path, by) }
            }
        },
        Operation::Move(from, to, replaces) => transfer(tree, from, to, *replaces, true, by),
        Operation::Copy(from, to, replaces) => transfer(tree, from, to, *replaces, false, by),
        Operation::Restore(_) | Operation::Undo => unreachable!("they depend on the trash"),
    }
}

fn transfer(tree: &Tree, from: &str, to: &str, replaces: bool, is_move: bool, by: &Writer) -> Expected {
    const REFUSED: &[u16] = &[403, 404, 409, 412];
    let is_directory = tree.get(from) == Some(&Node::Directory);
    if from == to {
        return Expected::refused(if tree.contains_key(from) { &[403, 412] } else { &[403, 404] });
    }
    if !tree.contains_key(from) {
        return Expected::refused(&[404, 409]);
    }
    // A directory would be moved or copied into itself, or over a directory that it is in.
    if (is_directory && is_below(to, from)) || is_below(from, to) || !has_parent(tree, to) {
        return Expected::refused(REFUSED);
    }
    let is_taken = tree.contains_key(to);
    if is_taken && !replaces {
        return Expected::refused(&[412]);
    }
    let thing = moved(&taken(tree, from));
    let rest = without(&if is_move { without(tree, from) } else { tree.clone() }, to);
    Expected {
        statuses: if is_taken { &[204] } else { &[201] },
        after: Some(with(&rest, to, &thing)),
        lost: lost(tree, to, by),
    }
}
