//! Zotero: it verifies a server before it uses it.

use super::script::Script;
use super::serve;

const FIND: &str = "<propfind xmlns='DAV:'><prop><getcontentlength/></prop></propfind>";

const STEPS: &[super::script::Step<'_>] = &[
    ("OPTIONS /zotero/", "", "", "204 DAV: 1, 2, 3"),
    ("PROPFIND /zotero/", "Depth: 0|Content-Type: text/xml; charset=utf-8", FIND, "404"),
    ("PROPFIND /", "Depth: 0|Content-Type: text/xml; charset=utf-8", FIND, "207"),
    ("MKCOL /zotero/", "", "", "201"),
    (
        "PROPFIND /zotero/",
        "Depth: 0|Content-Type: text/xml; charset=utf-8",
        FIND,
        "207 <D:href>/zotero/</D:href>",
    ),
    ("GET /zotero/nonexistent.prop", "", "", "404"),
    ("PUT /zotero/zotero-test-file.prop", "", " ", "201"),
    ("GET /zotero/zotero-test-file.prop", "", "", "200"),
    ("DELETE /zotero/zotero-test-file.prop", "", "", "204"),
    ("GET /zotero/ABCD1234.prop", "", "", "404"),
    ("PUT /zotero/ABCD1234.zip", "Content-Type: application/zip", "zip", "201"),
    ("DELETE /zotero/ABCD1234.prop", "", "", "404"),
    ("PUT /zotero/ABCD1234.prop", "Content-Type: text/xml", "<properties version=\"1\"/>", "201"),
    ("GET /zotero/ABCD1234.prop", "", "", "200 <properties version=\"1\"/>"),
    ("PROPFIND /zotero/", "Depth: 1", "", "207 <D:href>/zotero/ABCD1234.zip</D:href>"),
    ("DELETE /zotero/ABCD1234.zip", "", "", "204"),
];

#[test]
pub fn it_verifies_and_stores() {
    let wharf = serve(&[]);
    Script::of("Zotero/6.0", "", &wharf).run(STEPS);
}

#[test]
#[cfg(feature = "accounts")]
pub fn it_verifies_and_stores_with_an_account() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "anna=edit"]);
    Script::of("Zotero/6.0", "", &office.wharf).run(&[("PROPFIND /zotero/", "Depth: 0", FIND, "401")]);
    Script::of("Zotero/6.0", ANNA, &office.wharf).run(STEPS);
}
