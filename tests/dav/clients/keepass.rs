//! `KeePass`, `KeeWeb` and `Keepass2Android`: a temporary beside the database, and a rename over it.

use super::script::Script;
use super::serve;

#[test]
pub fn keepass_saves_its_database() {
    let wharf = serve(&[]);
    wharf.write("db.kdbx", "old");
    Script::of("KeePass", "", &wharf).run(&[
        ("HEAD /db.kdbx", "", "", "200"),
        ("GET /db.kdbx", "", "", "200 old"),
        ("PUT /db.kdbx.tmp", "", "new", "201"),
        ("MOVE /db.kdbx.tmp", "Destination: http://{host}/db.kdbx", "", "204"),
        ("GET /db.kdbx", "", "", "200 new"),
        // As older versions do.
        ("PUT /db.kdbx.tmp", "", "newer", "201"),
        ("DELETE /db.kdbx", "", "", "204"),
        ("MOVE /db.kdbx.tmp", "Destination: http://{host}/db.kdbx|Overwrite: T", "", "201"),
        // Behind a proxy with TLS, the scheme is another one.
        ("PUT /db.kdbx.tmp", "", "newest", "201"),
        ("MOVE /db.kdbx.tmp", "Destination: https://{host}/db.kdbx", "", "204"),
        ("GET /db.kdbx", "", "", "200 newest"),
    ]);
    assert!(wharf.trash().iter().any(|(_, content)| content == b"old"), "the old database is kept");
}

#[test]
#[cfg(feature = "accounts")]
pub fn keeweb_saves_under_a_hidden_name_first() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "anna=edit"]);
    office.wharf.write("db.kdbx", "old");
    Script::of("Mozilla/5.0 KeeWeb/1.18.7", ANNA, &office.wharf).run(&[
        ("HEAD /db.kdbx", "", "", "200"),
        ("PUT /.db.kdbx.1492700000000", "", "new", "201"),
        ("HEAD /db.kdbx", "", "", "200"),
        ("MOVE /.db.kdbx.1492700000000", "Destination: http://{host}/db.kdbx|Overwrite: T", "", "204"),
        ("GET /db.kdbx", "", "", "200 new"),
        ("GET /.db.kdbx.1492700000000", "", "", "404"),
    ]);
}

#[test]
pub fn keepass2android_compares_before_it_saves() {
    let wharf = serve(&[]);
    wharf.write("safe/db.kdbx", "old");
    Script::of("okhttp/4.9", "", &wharf).run(&[
        ("PROPFIND /safe", "Depth: 1", "", "207 <D:href>/safe/db.kdbx</D:href>"),
        ("PROPFIND /safe/db.kdbx", "Depth: 0", "", "207 <D:getlastmodified>"),
        ("PUT /safe/db.kdbx.tmp.1", "", "new", "201"),
        ("MOVE /safe/db.kdbx.tmp.1", "Destination: http://{host}/safe/db.kdbx|Overwrite: T", "", "204"),
        ("GET /safe/db.kdbx", "", "", "200 new"),
    ]);
}
