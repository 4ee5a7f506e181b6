//! Users, tokens, links and the administrator: each sees their own entries, and needs the rights at their places.

use serde_json::json;

use super::{TRASH, UNDO, Visitor, text};
use crate::common::eventually;
use crate::common::office::{ANNA, BERT, CARA, Office, bearer, json};

#[test]
fn each_user_sees_their_own_entries() {
    let office = Office::open(&["--allow", "users=edit"]);
    let wharf = &office.wharf;
    for name in ["a", "b", "c"] {
        wharf.write(name, name);
    }
    let (mut anna, mut bert) = (Visitor::with(wharf, ANNA), Visitor::with(wharf, BERT));
    assert_eq!(anna.does("DELETE", "/a", "", 204).field("Set-Cookie"), "", "a user needs no cookie");
    assert_eq!(anna.does("PUT", "/b", "new", 204).field("Set-Cookie"), "");
    bert.does("DELETE", "/c", "", 204);
    assert_eq!((anna.paths(), bert.paths()), (vec!["/b".to_owned(), "/a".into()], vec!["/c".to_owned()]));
    assert_eq!(anna.entries()[0]["principal"], "anna");
    let of_anna = anna.newest();
    bert.does("POST", &format!("{of_anna}/restore"), "", 404);
    bert.does("DELETE", &of_anna, "", 404);
    assert_eq!(bert.does("DELETE", TRASH, "", 200).text(), "{\"count\":1}\n");
    bert.does("POST", UNDO, "", 404);
    let mut nobody = Visitor::new(wharf);
    assert!(nobody.paths().is_empty());
    nobody.does("POST", &format!("{of_anna}/restore"), "", 404);
    assert_eq!(anna.does("POST", UNDO, "", 200).field("Location"), "/b%20(restored)");
}

#[test]
fn an_administrator_sees_everything() {
    let office = Office::open(&["--allow", "users=edit", "--allow", "cara=view,admin"]);
    let wharf = &office.wharf;
    for name in ["a", "b"] {
        wharf.write(name, name);
    }
    let (mut anna, mut cara) = (Visitor::with(wharf, ANNA), Visitor::with(wharf, CARA));
    anna.does("DELETE", "/a", "", 204);
    Visitor::with(wharf, BERT).does("DELETE", "/b", "", 204);
    assert_eq!(cara.paths(), ["/b", "/a"]);
    let page = cara.ask("GET", TRASH, "Accept: text/html\r\n", "").text();
    assert!(page.contains("by <bdi>anna</bdi>") && page.contains("by <bdi>bert</bdi>"), "{page}");
    let newest = cara.newest();
    let refused = cara.does("POST", &format!("{newest}/restore"), "", 403).text();
    assert!(refused.contains("this needs the right add"), "{refused}");
    cara.does("POST", UNDO, "", 404);
    cara.does("DELETE", &newest, "", 204);
    assert_eq!(anna.paths(), ["/a"]);
    assert_eq!(cara.does("DELETE", TRASH, "", 200).text(), "{\"count\":1}\n");
    assert!(anna.paths().is_empty());
}

#[test]
fn restoring_needs_the_right_to_add_and_discarding_that_to_remove() {
    let rules = ["anna=view,remove", "bert=write"];
    let office = Office::open(&rules.map(|rule| ["--allow", rule]).concat());
    let wharf = &office.wharf;
    wharf.write("d/a", "a");
    wharf.write("b", "b");
    let (mut anna, mut bert) = (Visitor::with(wharf, ANNA), Visitor::with(wharf, BERT));
    anna.does("DELETE", "/d/a", "", 204);
    bert.does("PUT", "/b", "new", 204);
    let newest = anna.newest();
    for target in [UNDO.to_owned(), format!("{newest}/restore")] {
        let refused = anna.does("POST", &target, "", 403).text();
        assert!(refused.contains("this needs the right add"), "{refused}");
    }
    assert_eq!(anna.paths(), ["/d/a"], "it is still there");
    anna.does("DELETE", &newest, "", 204);
    let newest = bert.newest();
    let refused = bert.does("DELETE", &newest, "", 403).text();
    assert_eq!(refused, "permission denied: this needs the right remove (ask the server's administrator)\n");
    assert_eq!(bert.does("DELETE", TRASH, "", 200).text(), "{\"count\":0}\n");
    assert_eq!(bert.does("POST", UNDO, "", 200).field("Location"), "/b%20(restored)");
}

#[test]
fn a_token_reaches_what_is_below_its_path() {
    let office = Office::open(&["--allow", "anna=edit"]);
    let wharf = &office.wharf;
    for name in ["work/a", "work/b", "other"] {
        wharf.write(name, name);
    }
    let token = json!({"name": "t", "path": "/work", "rights": "edit", "for": "1d"});
    let token = bearer(&office.make("/.wharf/tokens", ANNA, &token.to_string())["token"]);
    let (mut anna, mut program) = (Visitor::with(wharf, ANNA), Visitor::with(wharf, &token));
    program.does("DELETE", "/work/a", "", 204);
    anna.does("DELETE", "/work/b", "", 204);
    anna.does("DELETE", "/other", "", 204);
    assert_eq!(anna.paths(), ["/other", "/work/b", "/work/a"]);
    assert_eq!(program.paths(), ["/work/b", "/work/a"]);
    let said = program.does("DELETE", "/work", "", 403).text();
    assert_eq!(said, "the shared folder itself cannot be removed\n");
    let newest = anna.newest();
    let code = program.ask("POST", &format!("{newest}/restore"), "", "").code();
    assert!([403, 404].contains(&code), "{code}");
    let code = program.ask("DELETE", &newest, "", "").code();
    assert!([403, 404].contains(&code), "{code}");
    assert_eq!(program.does("POST", UNDO, "", 200).field("Location"), "/work/b");
    assert_eq!(program.does("DELETE", TRASH, "", 200).text(), "{\"count\":1}\n");
    assert_eq!(anna.paths(), ["/other"]);
}

#[test]
fn a_link_has_a_trash_of_its_own() {
    let office = Office::open(&["--allow", "anna=edit"]);
    let wharf = &office.wharf;
    for name in ["work/a", "work/b", "work/d/c", "other"] {
        wharf.write(name, name);
    }
    let made = |rights: &str| {
        let order = json!({"path": "/work", "for": "1d", "rights": rights});
        let made = office.make("/.wharf/links", ANNA, &order.to_string());
        let link = text(&made["link"]);
        link[link.find("/.wharf/l/").expect("a link")..].to_owned()
    };
    let (link, other) = (made("edit"), made("view"));
    let mut anna = Visitor::with(wharf, ANNA);
    anna.does("DELETE", "/work/b", "", 204);
    let mut guest = Visitor::new(wharf);
    assert_eq!(guest.does("DELETE", &format!("{link}/a"), "", 204).field("Set-Cookie"), "");
    guest.does("DELETE", &format!("{link}/d/"), "", 204);
    for root in ["", "/"] {
        let code = guest.ask("DELETE", &format!("{link}{root}"), "", "").code();
        assert!([403, 405].contains(&code), "{code}");
    }
    let code = guest.ask("DELETE", &format!("{other}/a"), "", "").code();
    assert_eq!(code, 403, "it only shows files");
    let list = json(&guest.does("GET", &format!("{link}{TRASH}"), "", 200));
    let paths: Vec<_> =
        list["items"].as_array().expect("an array").iter().map(|item| text(&item["path"])).collect();
    assert_eq!(paths, ["/d/", "/a"]);
    assert!(list["items"][0]["principal"].is_null(), "{list}");
    let page = guest.ask("GET", &format!("{link}{TRASH}"), "Accept: text/html\r\n", "").text();
    assert!(page.contains("/a<") && !page.contains("work") && !page.contains(&link), "{page}");
    assert_eq!(anna.paths(), ["/work/b"]);
    assert_eq!(json(&guest.does("GET", &format!("{other}{TRASH}"), "", 200))["items"], json!([]));
    guest.does("POST", &format!("{other}{UNDO}"), "", 404);
    let undone = guest.does("POST", &format!("{link}{UNDO}"), "", 200);
    assert_eq!(
        (undone.field("Location"), undone.text()),
        (format!("{link}/d/"), "{\"path\":\"/d/\"}\n".to_owned())
    );
    assert_eq!(wharf.read("work/d/c"), b"work/d/c");
    let form = "Accept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let emptied = guest.ask("POST", &format!("{link}{TRASH}"), form, "discard=all");
    assert_eq!((emptied.code(), emptied.field("Location")), (303, format!("{link}{TRASH}")));
    assert_eq!(anna.paths(), ["/work/b"]);
}

#[test]
fn entries_of_a_removed_user_are_for_the_administrator() {
    let office = Office::open(&["--allow", "users=edit", "--allow", "cara=edit,admin"]);
    office.wharf.write("a", "a");
    Visitor::with(&office.wharf, ANNA).does("DELETE", "/a", "", 204);
    office.keep_users(&["bert", "cara"]);
    Visitor::with(&office.wharf, ANNA).does("POST", UNDO, "", 401);
    // A user who is removed and added again inherits nothing.
    office.keep_users(&["anna", "bert", "cara"]);
    let mut anna = Visitor::with(&office.wharf, ANNA);
    eventually("anna is known again", || anna.ask("GET", TRASH, "", "").code() == 200);
    assert_eq!(anna.paths(), [""; 0]);
    anna.does("POST", UNDO, "", 404);
    let mut cara = Visitor::with(&office.wharf, CARA);
    let newest = cara.newest();
    cara.does("POST", &format!("{newest}/restore"), "", 200);
    assert_eq!(office.wharf.read("a"), b"a");
}
