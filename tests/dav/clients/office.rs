//! Microsoft Office: discovery, a lock that is refreshed for as long as a document is open, and a name beside it.

use super::script::{LOCK, Script};
use super::serve;

const DOCUMENT: &str = "/docs/report%20(1).docx";

#[test]
pub fn it_edits_a_document() {
    let wharf = serve(&[]);
    wharf.write("docs/report (1).docx", "old");
    let request = |method: &str| format!("{method} {DOCUMENT}");
    let (get, head, put, lock) = (request("GET"), request("HEAD"), request("PUT"), request("LOCK"));
    let token = format!("If: ({{token {DOCUMENT}}})");
    let refresh = format!("{token}|Timeout: Second-3600");
    let without_body = format!("{refresh}|Content-Length: 0");
    Script::of("Microsoft Office Protocol Discovery", "Authorization: Bearer\r\n", &wharf)
        .run(&[("OPTIONS /docs/", "", "", "204 DAV: 1, 2, 3"), (&head, "", "", "200")]);
    let mut office = Script::of("Microsoft Office Word 2014", "X-MSGETWEBURL: t\r\n", &wharf);
    office.run(&[
        ("OPTIONS /docs", "", "", "204 MS-Author-Via: DAV"),
        (&head, "", "", "200"),
        (&lock, "Depth: 0|Timeout: Second-3600", LOCK, "200"),
        (&get, "", "", "200 old"),
        ("PUT /docs/~$report%20(1).docx", "", "ann", "201"),
        (&lock, &refresh, "", "200"),
        (&lock, &without_body, "", "200"),
    ]);
    let discovered = office.ask("PROPFIND", DOCUMENT, "Depth: 0", "").text();
    assert_eq!(discovered.matches("<D:activelock>").count(), 1, "a refresh makes no lock: {discovered}");
    let mut other = Script::of("Microsoft Office Word 2014", "", &wharf);
    other.run(&[
        (&lock, "Depth: 0|Timeout: Second-3600", LOCK, "423 <D:no-conflicting-lock>"),
        (&put, "", "another's", "423"),
    ]);
    let unlock = request("UNLOCK");
    let end = format!("Lock-Token: {{token {DOCUMENT}}}");
    office.run(&[
        (&put, &token, "new", "204"),
        (&unlock, &end, "", "204"),
        ("DELETE /docs/~$report%20(1).docx", "", "", "204"),
        (&get, "", "", "200 new"),
    ]);
    other.run(&[(&lock, "Depth: 0|Timeout: Second-3600", LOCK, "200")]);
}

/// It asks for a password only after 401.
#[test]
#[cfg(feature = "accounts")]
pub fn it_is_asked_to_log_in_where_that_helps() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "anna=edit@/docs"]);
    office.wharf.write("docs/a.docx", "old");
    Script::of("Microsoft Office Existence Discovery", "", &office.wharf)
        .run(&[("HEAD /docs/a.docx", "", "", "401"), ("HEAD /elsewhere/a.docx", "", "", "404")]);
    Script::of("Microsoft Office Word 2014", ANNA, &office.wharf).run(&[
        ("HEAD /docs/a.docx", "", "", "200"),
        ("LOCK /docs/a.docx", "Depth: 0", LOCK, "200"),
        ("PUT /docs/a.docx", "If: ({token /docs/a.docx})", "new", "204"),
    ]);
}
