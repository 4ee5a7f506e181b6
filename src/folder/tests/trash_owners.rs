//! The owners of trash entries: a share for each, and what happens to the entries of an owner that no longer exists.

use super::*;
use crate::access::ToRemove;
use crate::folder::{Removed, TrashBound, TrashId, Whose};

/// A share of the trash.
const SHARE: usize = 16_384;

fn folder(it: &Fixture) -> Folder {
    it.folder(Rules { trash: Some(Duration::from_secs(7 * 24 * 60 * 60)), ..quick() })
}

fn remove(folder: &Folder, name: &str, by: &Remover) -> Result<Removed, Error> {
    let judge = Access::new(Rights::EDIT).judge(&Principal::anonymous(None));
    let path = path(name);
    let grant: Grant<'_, ToRemove> = judge.check(&path).expect("all is allowed");
    folder.remove(&grant, Guard::None, by, disk())
}

fn of_owner(folder: &Folder, owner: &str) -> Vec<TrashId> {
    let items = folder.trash(Whose::Owner(owner), 10, None, disk()).expect("a list");
    items.into_iter().map(|item| item.id).collect()
}

#[test]
fn one_client_cannot_fill_the_trash() {
    let it = Fixture::new();
    for name in ["first", "anns", "bobs", "by cookie", "at an address"] {
        it.write(name, name);
    }
    let [ann, bob] = ["account ann", "account bob"].map(|owner| Remover::of_owner(owner.to_owned(), None));
    let before = folder(&it);
    let id = remove(&before, "first", &ann).expect("removed").kept.expect("kept").to_string();
    let trash = it.share().join(".wharf/trash");
    let record = fs::read(trash.join(format!("{id}.json"))).expect("a record");
    // Ids end in 16 hexadecimal digits.
    let begin = &id[..id.len() - 16];
    for number in 1..SHARE {
        let id = format!("{begin}{number:016x}");
        fs::write(trash.join(&id), "x").expect("written");
        fs::write(trash.join(format!("{id}.json")), &record).expect("written");
    }
    drop(before);

    let folder = folder(&it);
    let full = remove(&folder, "anns", &ann).expect_err("her share is used up");
    assert!(matches!(full, Error::TrashFull { bound: TrashBound::Share, .. }), "{full:?}");
    assert_eq!(fs::read_to_string(it.share().join("anns")).expect("there"), "anns");
    assert!(remove(&folder, "bobs", &bob).expect("removed").kept.is_some());
    // A client may invent any number of cookies: all count for its address.
    let cookie = Remover::with_cookie("undo 1".to_owned(), "192.0.2.1".to_owned());
    let other = Remover::with_cookie("undo 2".to_owned(), "192.0.2.1".to_owned());
    assert_eq!((&cookie.share, cookie.share == other.share), (&"192.0.2.1".to_owned(), true));
    assert!(remove(&folder, "by cookie", &cookie).expect("removed").kept.is_some());
    assert!(remove(&folder, "at an address", &someone()).expect("removed").kept.is_some());
}

#[test]
fn entries_of_an_owner_who_is_gone_are_nobodys() {
    let it = Fixture::new();
    let folder = folder(&it);
    for owner in ["account ann", "account bob", "link 1"] {
        it.write(owner, "content");
        let remover = Remover::of_owner(owner.to_owned(), Some(owner.to_owned()));
        remove(&folder, owner, &remover).expect("removed");
    }
    folder.disown_trash(|owner| owner != "account ann", disk()).expect("disowned");
    for folder in [folder, self::folder(&it)] {
        let counts = ["account ann", "account bob", "link 1"].map(|owner| of_owner(&folder, owner).len());
        assert_eq!(counts, [0, 1, 1]);
        let all = folder.trash(Whose::Everybody, 10, None, disk()).expect("a list");
        assert_eq!(all.len(), 3, "it is not lost");
    }
}
