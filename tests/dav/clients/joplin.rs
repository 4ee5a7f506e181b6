//! Joplin: hidden directories, and a tag that is none, to keep caches away.

use super::script::Script;

const FIND: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><d:propfind xmlns:d=\"DAV:\"><d:prop xmlns:oc=\"http://owncloud.org/ns\">\
                    <d:getlastmodified/><d:resourcetype/></d:prop></d:propfind>";

#[test]
#[cfg(feature = "accounts")]
pub fn it_syncs() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "anna=edit"]);
    Script::of("Joplin/1.0", ANNA, &office.wharf).run(&[
        ("MKCOL /joplin", "", "", "201"),
        ("PROPFIND /joplin/", "Depth: 1|If-None-Match: JoplinIgnore-1492", FIND, "207 <D:getlastmodified>"),
        ("GET /joplin/info.json", "", "", "404"),
        ("PUT /joplin/info.json", "", "{\"version\":3}", "201"),
        ("MKCOL /joplin/.sync", "", "", "201"),
        ("MKCOL /joplin/.sync", "", "", "405"),
        ("MKCOL /joplin/.resource", "", "", "201"),
        ("MKCOL /joplin/.lock", "", "", "201"),
        ("MKCOL /joplin/locks", "", "", "201"),
        ("MKCOL /joplin/temp", "", "", "201"),
        ("PUT /joplin/.sync/version.txt", "", "2", "201"),
        ("GET /joplin/.sync/version.txt", "", "", "200 2"),
        ("PUT /joplin/locks/sync_desktop_1.json", "", "{}", "201"),
        ("PROPFIND /joplin/locks", "Depth: 1|If-None-Match: JoplinIgnore-2", FIND, "207 sync_desktop_1.json"),
        ("PUT /joplin/.resource/0a1b", "", "an image", "201"),
        (
            "PROPFIND /joplin/.resource",
            "Depth: 1|If-None-Match: JoplinIgnore-3",
            FIND,
            "207 /joplin/.resource/0a1b",
        ),
        ("PROPFIND /joplin/0a.md", "Depth: 0|If-None-Match: JoplinIgnore-4", FIND, "404"),
        ("PUT /joplin/0a.md", "", "a note", "201"),
        ("PUT /joplin/0a.md", "", "a longer note", "204"),
        ("DELETE /joplin/none.md", "", "", "404"),
        ("DELETE /joplin/locks/sync_desktop_1.json", "", "", "204"),
        ("DELETE /joplin/0a.md", "", "", "204"),
        ("DELETE /joplin/.lock", "", "", "204"),
    ]);
}
