//! The name of what is restored.

use super::*;

#[test]
fn nothing_is_ever_replaced_by_what_is_restored() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("dir/a", "1");
        it.write("b/c.txt", "1");
        let folder = it.folder_in(method, with_trash());
        let ids: Vec<_> = ["dir", "b"]
            .iter()
            .map(|name| remove(&folder, name).expect("removed").kept.expect("kept"))
            .collect();
        it.write("dir", "another");
        it.write("b/c.txt", "2");
        it.write("b (restored)", "in the way");
        let paths: Vec<_> = ids.iter().map(|id| restore(&folder, id).expect("restored").path).collect();
        assert_eq!(paths, [path("dir (restored)"), path("b (restored 2)")]);
        assert_eq!(read(&folder, "b/c.txt").expect("read"), "2");
        assert_eq!(read(&folder, "b (restored 2)/c.txt").expect("read"), "1");
        let id = remove(&folder, "b/c.txt").expect("removed").kept.expect("kept");
        remove(&folder, "b").expect("removed");
        assert_eq!(restore(&folder, &id).expect("restored").path, path("b/c.txt"), "its parent was made");
    }
}

#[test]
fn a_free_name_is_found_after_many_that_are_taken() {
    let it = Fixture::new();
    it.write("a", "x");
    let folder = it.folder(with_trash());
    let id = remove(&folder, "a").expect("removed").kept.expect("kept");
    for name in ["a".to_owned(), "a (restored)".to_owned()]
        .into_iter()
        .chain((2..=150).map(|number| format!("a (restored {number})")))
    {
        it.write(&name, "taken");
    }
    assert_eq!(restore(&folder, &id).expect("restored").path, path("a (restored 151)"));
}
