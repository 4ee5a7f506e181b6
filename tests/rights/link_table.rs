//! The table for visitors with links.

use super::caller::Kind;
use super::model::Operation::{CopyFrom, CopyTo, MoveFrom, MoveTo};
use super::model::{READS, WRITES, expected, leaks};
use super::rotation::Rotation;
use super::stage::{Stage, assert_unchanged, restore};
use super::table::{PATHS, ask, assert_right, built};

/// In how many cells a spelling has one turn.
const PERIOD: usize = 5;

#[test]
fn links_follow_the_rules() {
    let stage = Stage::new();
    stage.wharf.files_age();
    let folder = stage.wharf.folder();
    let (mut wrong, mut rotation) = (Vec::new(), Rotation::new(PERIOD));
    // The other end of a move or a copy is outside of the link.
    let operations = [&READS[..], &WRITES].concat();
    let operations = built(&operations).filter(|it| !matches!(it, MoveFrom | CopyFrom | MoveTo | CopyTo));
    let operations: Vec<_> = operations.collect();
    for (root, kind) in [("private/own", Kind::View), ("work", Kind::View), ("work", Kind::Drop)] {
        let (mut client, link) = stage.visitor(root, kind);
        let below = PATHS.iter().filter_map(|path| path.strip_prefix(root)?.strip_prefix('/'));
        for (path, operation) in below.flat_map(|path| operations.iter().map(move |it| (path, *it))) {
            for (spelling, target, reading) in rotation.next_cell() {
                let target = target(path);
                // A URL names its host first, not the link.
                if !target.starts_with('/') {
                    continue;
                }
                let named = reading(path).map(|path| format!("{root}/{path}"));
                let expected = expected(client.caller, named.as_deref(), operation);
                let (status, answer) = ask(&mut client, operation, &format!("{link}{target}"));
                let case = format!("{:?} {operation:?} {path} ({spelling})", client.caller);
                if status != expected {
                    wrong.push(format!("{case}: {status}, not {expected}"));
                }
                // The response names a saved file as the client has named it.
                let is_saved = WRITES.contains(&operation) && status / 100 == 2;
                if let Some(file) = leaks(client.caller, &answer).filter(|_| !is_saved) {
                    wrong.push(format!("{case}: shows {file}: {answer}"));
                }
                if is_saved {
                    restore(&folder);
                }
            }
        }
    }
    rotation.assert_complete();
    assert_unchanged(&stage.wharf);
    assert_right(&wrong);
}
