//! The id of a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;
use std::thread;

use super::{Fixture, disk, quick};
use crate::folder::{Folder, Rules};

fn id(folder: &Folder, random: u8) -> String {
    folder.id([random; 16], disk()).expect("an id").to_string()
}

#[test]
fn the_first_id_stays() {
    let fixture = Fixture::new();
    assert_eq!(id(&fixture.folder(quick()), 1), "01".repeat(16));
    assert_eq!(id(&fixture.folder(quick()), 2), "01".repeat(16));
    let mode = |name: &str| fs::metadata(fixture.share().join(name)).expect("there").permissions().mode();
    assert_eq!((mode(".wharf") & 0o777, mode(".wharf/id") & 0o777), (0o700, 0o600));
    fs::rename(fixture.share(), fixture.home.path().join("moved")).expect("moved");
    let moved = Folder::open_at(&fixture.home.path().join("moved"), quick()).expect("a folder");
    assert_eq!(id(&moved, 3), "01".repeat(16), "it moves with the folder");
}

#[test]
fn where_no_id_can_be_written_the_path_stands_for_it() {
    let fixture = Fixture::new();
    let read_only = fixture.folder(Rules { read_only: true, ..quick() });
    let by_path = id(&read_only, 1);
    assert_eq!((by_path.len(), id(&read_only, 2)), (32, by_path.clone()));
    assert!(fixture.on_disk().is_empty());
    let link = fixture.home.path().join("link");
    std::os::unix::fs::symlink("share", &link).expect("a link");
    let linked = Folder::open_at(&link, Rules { read_only: true, ..quick() }).expect("a folder");
    assert_eq!(id(&linked, 1), by_path, "whatever path leads there");
    // Even root cannot create a directory of that name.
    fixture.write(".wharf", "a file");
    assert_eq!(id(&fixture.folder(quick()), 1), by_path);
    fs::remove_file(fixture.share().join(".wharf")).expect("removed");
    let written = id(&fixture.folder(quick()), 1);
    assert_ne!(written, by_path);
    assert_eq!(id(&read_only, 2), written, "it is read all the same");
}

#[test]
fn what_is_no_id_is_left_alone() {
    let fixture = Fixture::new();
    let by_path = id(&fixture.folder(Rules { read_only: true, ..quick() }), 1);
    let file = fixture.share().join(".wharf/id");
    for content in ["", "short", "../../../../../../../../../x/y/z", &"a".repeat(1000)] {
        fixture.write(".wharf/id", content);
        assert_eq!(id(&fixture.folder(quick()), 1), by_path, "{content}");
        assert_eq!(fs::read_to_string(&file).expect("there"), content);
    }
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a directory");
    assert_eq!(id(&fixture.folder(quick()), 1), by_path);
    fs::remove_dir(&file).expect("removed");
    fs::write(fixture.outside().join("id"), "02".repeat(16)).expect("written");
    fixture.link("../../outside/id", ".wharf/id");
    assert_eq!(id(&fixture.folder(quick()), 1), by_path, "a link is not followed");
}

#[test]
fn servers_that_start_at_once_agree() {
    for _ in 0..20 {
        let fixture = Fixture::new();
        let folders: Vec<_> = (0..8).map(|_| fixture.folder(quick())).collect();
        let barrier = Barrier::new(folders.len());
        let ids: Vec<_> = thread::scope(|scope| {
            let start = |(number, folder)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    id(folder, number)
                })
            };
            let threads: Vec<_> = (1..).zip(&folders).map(start).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(fixture.on_disk(), [".wharf", ".wharf/id"]);
    }
}
