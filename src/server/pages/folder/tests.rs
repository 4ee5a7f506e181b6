use std::ffi::OsStr;
use std::time::SystemTime;

use super::*;
use crate::http::status::Status;
use crate::own_paths;

fn html_of(path: &SharePath, entries: &[DirEntry], accepts_uploads: bool) -> String {
    let query = ListingQuery { view: View::Grid, ..ListingQuery::default() };
    html_as(query, path, entries, accepts_uploads)
}

fn html_as(query: ListingQuery, path: &SharePath, entries: &[DirEntry], accepts_uploads: bool) -> String {
    let count = Count { directories: 0, files: entries.len(), bytes: 0 };
    let page = ListingPage {
        root: "..",
        base: &Base::default(),
        path,
        count,
        query,
        uploads: accepts_uploads.then_some(OnConflict::Overwrite),
        rules: &Rules::default(),
        has_chat: true,
        name: None,
        account: AccountShown::None,
        has_qr_code: true,
        can_share: false,
        may: MayChange::default(),
        has_thumbs: false,
    };
    let (_, Framed { before: mut text, row, query, behind }) = page.framed(Head::new(Status::OK));
    entries.iter().enumerate().for_each(|(count, entry)| row(entry, count, &query, &mut text));
    text.extend(behind);
    String::from_utf8(text).expect("text")
}

fn entry(name: &[u8], kind: EntryKind) -> DirEntry {
    DirEntry { name: OsStr::from_bytes(name).to_owned(), kind, modified: SystemTime::UNIX_EPOCH }
}

#[test]
fn a_hostile_name_is_text() {
    let entry = entry(b"<img src=x onerror=alert(1)>\"'&\xff\n\xe2\x80\xae.jpg", EntryKind::File { len: 1 });
    let page = html_of(&SharePath::root(), &[entry], true);
    assert!(!page.contains("<img src=x"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;'&amp;\\xff\\n\\u{202e}.jpg<"), "{page}");
    let link = "./%3Cimg%20src=x%20onerror=alert(1)%3E%22'&amp;%FF%0A%E2%80%AE.jpg\"";
    assert!(
        page.contains(&format!("href=\"{link}")) && page.contains(&format!("<img src=\"{link}")),
        "{page}"
    );
}

#[test]
fn each_directory_above_has_a_link() {
    let path = SharePath::from_segments([&b"a b"[..], b"<c>", b"d"]).expect("a path");
    let page = html_as(ListingQuery::default(), &path, &[], true);
    for link in
        ["href=\"../\">Files<", "href=\"../a%20b/\"><bdi>a b<", "href=\"../a%20b/%3Cc%3E/\"><bdi>&lt;c&gt;<"]
    {
        assert!(page.contains(link), "{link}: {page}");
    }
    assert!(page.contains("<h1><bdi>d</bdi></h1>") && !page.contains("<details>"), "{page}");
}

#[test]
fn a_deep_path_is_folded_in_the_middle() {
    let path = SharePath::from_segments([b"a", b"b", b"c", b"d"]).expect("a path");
    let page = html_as(ListingQuery::default(), &path, &[], true);
    let folded = page.split_once("<details>").expect("folded").1.split_once("</details>").expect("an end").0;
    assert!(folded.contains("2 more folders"), "{folded}");
    for (link, is_folded) in [("/", false), ("/a/", true), ("/a/b/", true), ("/a/b/c/", false)] {
        let link = format!("href=\"..{link}\"");
        assert!(page.contains(&link) && folded.contains(&link) == is_folded, "{link}: {page}");
    }
}

#[test]
fn order_and_view_carry_into_other_directories() {
    let path = SharePath::from_segments([b"a", b"b"]).expect("a path");
    let entries = [entry(b"sub", EntryKind::Directory), entry(b"f", EntryKind::File { len: 1 })];
    let table = [
        (false, View::Rows, "name", ""),
        (true, View::Rows, "name", "?list"),
        (false, View::Grid, "name", "?view=grid"),
        (false, View::Rows, "-size", "?sort=-size"),
        (true, View::Grid, "time", "?list&amp;sort=time&amp;view=grid"),
    ];
    for (list, view, order, query) in table {
        let order = SortOrder::parse(order).expect("an order");
        let page = html_as(ListingQuery { list, order, view }, &path, &entries, true);
        for link in [format!("./sub/{query}"), format!("../a/{query}"), "./f".to_owned()] {
            assert!(page.contains(&format!("href=\"{link}\"")), "{link}: {page}");
        }
    }
}

/// The targets of all links, except for fragments of the page itself.
fn links(page: &str) -> Vec<&str> {
    let after = page.split([' ', '<']).filter_map(|part| {
        ["href=\"", "src=\"", "action=\"", "formaction=\""].iter().find_map(|name| part.strip_prefix(name))
    });
    after
        .map(|rest| rest.split('"').next().unwrap_or_default())
        .filter(|link| !link.starts_with('#'))
        .collect()
}

#[test]
fn links_lead_only_to_entries_directories_and_assets() {
    let path = SharePath::from_segments([b"a", b"b"]).expect("a path");
    let entries = [entry(b"sub", EntryKind::Directory), entry(b"f.jpg", EntryKind::File { len: 1 })];
    for (view, times) in [(View::Rows, 1), (View::Grid, 2)] {
        let query = ListingQuery { view, ..ListingQuery::default() };
        let page = html_as(query, &path, &entries, true);
        let page = page.replace(&query.to_string(), "");
        let (assets, others): (Vec<_>, Vec<_>) =
            links(&page).into_iter().partition(|link| link.starts_with(&format!("..{}", own_paths::ASSETS)));
        assert_eq!(assets.len(), 4, "style, script, and the icon twice: {assets:?}");
        let file = ["./f.jpg"].repeat(times);
        assert_eq!(others, [vec!["../", "../a/", "./sub/"], file].concat());
    }
}

#[test]
fn forms_change_one_parameter_and_keep_the_others() {
    let order = SortOrder::parse("-size").expect("an order");
    let query = ListingQuery { list: true, order, view: View::Grid };
    let entries = [entry(b"f", EntryKind::File { len: 1 })];
    let page = html_as(query, &SharePath::root(), &entries, true);
    let form = |start: &str| page.split_once(start).expect(start).1.split_once("</form>").expect("its end").0;
    let hidden = |name, value| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
    let (list, sort, view) = (hidden("list", ""), hidden("sort", "-size"), hidden("view", "grid"));
    assert_eq!(form("<form id=\"sort\">"), format!("{list}{view}"));
    assert!(
        form("<form class=\"views\" aria-label=\"View\">").starts_with(&format!("{list}{sort}<button>List<"))
    );
    for (value, name) in [("name", "Name"), ("size", "Size"), ("-time", "Modified")] {
        let head = format!("<button form=\"sort\" name=\"sort\" value=\"{value}\">{name}</button>");
        assert!(page.contains(&head), "{head}: {page}");
    }
}

#[test]
fn entries_are_counted() {
    let count = |directories, files, bytes| Count { directories, files, bytes };
    let table = [
        (count(0, 0, 0), ""),
        (count(0, 1, 1), "1 file, 1 B"),
        (count(2, 0, 0), "2 folders"),
        (count(1, 2, 1024), "1 folder, 2 files, 1.0 KiB"),
        (count(0, 2, u64::MAX), "2 files, 16.0 EiB"),
    ];
    for (count, expected) in table {
        assert_eq!(maud::Render::render(&count).into_string(), expected);
    }
}

#[test]
fn rows_come_in_chunks() {
    let entries: Vec<_> = (0..=2 * CHUNK).map(|_| entry(b"f", EntryKind::File { len: 1 })).collect();
    let page = html_of(&SharePath::root(), &entries, true);
    assert_eq!([page.matches("<tbody>").count(), page.matches("</tbody>").count()], [3, 3]);
    let rows = page.split_once("<tbody>").expect("rows").1.split_once("</table>").expect("an end").0;
    assert_eq!(rows.matches("<tr>").count(), entries.len());
}

#[test]
fn a_read_only_folder_says_so_and_has_no_form() {
    for accepts_uploads in [true, false] {
        let page = html_of(&SharePath::root(), &[], accepts_uploads);
        assert_eq!(page.contains("<form id=\"give\""), accepts_uploads);
        assert_eq!(page.contains("Read-only"), !accepts_uploads);
    }
}

#[test]
fn the_script_is_told_what_the_visitor_may_change() {
    let may = |add, remove, restore| MayChange { add, remove, restore }.shown();
    assert_eq!(may(true, true, true).as_deref(), Some("add remove restore"));
    assert_eq!(may(false, true, false).as_deref(), Some("remove"));
    assert_eq!(may(true, false, false).as_deref(), Some("add"));
    assert_eq!(may(false, false, true), None, "a button leads to the trash, which needs no script");
    assert_eq!(may(false, false, false), None);
}
