//! A server that a proxy shows below a path: all its links are below that path, whether or not the proxy removes the
//! path from requests.

use std::collections::BTreeSet;

use crate::common::{Wharf, run, sample};

/// The paths to which the attributes of this page lead, if it has this path.
fn paths(page: &str, at: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for attribute in [" href=\"", " src=\"", " action=\"", " formaction=\"", " data-of=\""] {
        let values = page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
        found.extend(values.filter(|value| value.starts_with(['/', '.'])).map(|value| resolve(value, at)));
    }
    found
}

/// The path that a reference resolves to (RFC 3986 §5.2), if the page has this path.
fn resolve(reference: &str, at: &str) -> String {
    let mut path = if reference.starts_with('/') { Vec::new() } else { at.split('/').skip(1).collect() };
    path.pop();
    for segment in reference.trim_start_matches('/').split('/') {
        match segment {
            "." => {}
            ".." => drop(path.pop()),
            segment => path.push(segment),
        }
    }
    format!("/{}", path.join("/"))
}

#[test]
fn links_redirects_and_fields_are_below_the_base() {
    let wharf = Wharf::serve(&["--base", "/my files/"]);
    wharf.write("a/b/c.txt", "c");
    let base = "/my%20files";
    let html = "Accept: text/html\r\n";
    for prefix in [base, ""] {
        for target in ["/", "/a/b/", "/a/?sort=size&view=grid", "/none", "/.wharf/qr?dir=/a"] {
            let page = wharf.ask("GET", &format!("{prefix}{target}"), html, b"").text();
            // As a browser sees it, whether or not the proxy removes the base.
            let at = format!("{base}{}", target.split('?').next().unwrap_or_default());
            let outside: Vec<_> =
                paths(&page, &at).into_iter().filter(|path| !path.starts_with(&format!("{base}/"))).collect();
            assert!(page.contains("</html>") && outside.is_empty(), "{prefix}{target}: {outside:?}");
            for path in paths(&page, &at).iter().filter(|path| path.contains("/.wharf/assets/")) {
                assert_eq!(wharf.ask("GET", path, "", b"").code(), 200, "{path}");
            }
        }
        let redirect = wharf.ask("GET", &format!("{prefix}/a?list"), "", b"");
        assert_eq!((redirect.code(), &*redirect.field("Location")), (308, "/my%20files/a/?list"), "{prefix}");
        assert_eq!(redirect.text(), "/my%20files/a/?list\n", "{prefix}");
        let saved = wharf.ask("PUT", &format!("{prefix}/new"), "", b"x");
        assert_eq!(saved.field("Content-Location"), "/my%20files/new", "{prefix}");
        let begun = wharf.ask("PUT", &format!("{prefix}/u"), "Upload-Complete: ?0\r\n", b"x");
        let upload = begun.field("Location");
        assert!(upload.starts_with("/my%20files/.wharf/uploads/"), "{upload}");
        assert_eq!(wharf.ask("DELETE", &upload, "", b"").code(), 204);
    }
    let to_base = wharf.ask("GET", "/my%20files?sort=size", "", b"");
    assert_eq!((to_base.code(), &*to_base.field("Location")), (308, "/my%20files/?sort=size"));
    assert!(
        wharf.greeting().contains(&format!("http://{}/my%20files/", wharf.address())),
        "{}",
        wharf.greeting()
    );
    assert_eq!(wharf.ask("GET", "/my%20files/.wharf/health", "", b"").code(), 200);
    assert_eq!(wharf.ask("GET", "/my%20filesystem/a", "", b"").code(), 404);
    // nginx finds `location "/my files/"` for these, and passes them on as they are.
    for same in ["/m%79%20files/a/b/c.txt", "//my%20files/a/b/c.txt"] {
        assert_eq!(wharf.ask("GET", same, "", b"").text(), "c", "{same}");
    }
    assert_eq!(wharf.ask("GET", "/m%79%20files", "", b"").field("Location"), "/my%20files/");
}

/// A folder inside may have the name of the base, so a proxy that removes the base must announce that.
#[test]
fn a_removed_prefix_is_not_removed_again() {
    let wharf = Wharf::serve(&["--base", "/files", "--trust-proxy", "127.0.0.1"]);
    wharf.write("files/a", "inner");
    wharf.write("a", "outer");
    let get = |target: &str, fields: &str| wharf.ask("GET", target, fields, b"");
    let removed = "X-Forwarded-Prefix: /files\r\n";
    assert_eq!(get("/files/a", "").text(), "outer");
    assert_eq!(get("/files/files/a", "").text(), "inner");
    assert_eq!(get("/files/a", removed).text(), "inner");
    assert_eq!(get("/a", removed).text(), "outer");
    assert_eq!(get("/files", removed).field("Location"), "/files/files/");
    assert_eq!(get("/a", "X-Forwarded-Prefix: /files/\r\n").code(), 200);
    for other in ["/other", "/files/files", "/", "files", "/Files", ""] {
        let refused = get("/a", &format!("X-Forwarded-Prefix: {other}\r\n"));
        assert_eq!(refused.code(), 400, "{other:?}");
    }
    assert_eq!(get("/a", &removed.repeat(2)).code(), 200);
    for two in
        ["/files\r\nX-Forwarded-Prefix: /other", "/files, /files", "/other\r\nX-Forwarded-Prefix: /files"]
    {
        let refused = get("/a", &format!("X-Forwarded-Prefix: {two}\r\n"));
        assert_eq!(refused.code(), 400, "{two:?}");
    }
    let plain = Wharf::serve(&["--trust-proxy", "127.0.0.1"]);
    assert_eq!(plain.ask("GET", "/", removed, b"").code(), 400, "there is no base");
    let direct = Wharf::serve(&["--base", "/files"]);
    direct.write("a", "outer");
    assert_eq!(direct.ask("GET", "/a", "X-Forwarded-Prefix: /other\r\n", b"").code(), 200, "not trusted");
}

#[test]
fn the_client_works_below_the_base() {
    let wharf = Wharf::serve(&["--base", "/files", "--allow-exit"]);
    wharf.write("a/b.txt", "b");
    let place = tempfile::tempdir().expect("a folder");
    let (here, root) = (place.path(), wharf.url("/files/"));
    let large = sample(3 << 20, 16);
    std::fs::write(here.join("large"), &large).expect("written");
    let listed = run(&["list", &root], "", here);
    assert_eq!((listed.code, &*listed.stdout), (Some(0), "a/\n"), "{}", listed.stderr);
    let got = run(&["get", &wharf.url("/files/a/b.txt")], "", here);
    assert_eq!(got.code, Some(0), "{}", got.stderr);
    let put = run(&["put", "large", "--to", &root], "", here);
    assert_eq!(put.code, Some(0), "{}", put.stderr);
    assert!(wharf.read("large") == large);
    let tree = run(&["get", "-R", &root, "--dir", "tree"], "", here);
    assert_eq!(tree.code, Some(0), "{}", tree.stderr);
    // With the URL of a directory, too: the room belongs to the whole server.
    let said = run(&["chat", "ann", &wharf.url("/files/a/")], "hello\n", here);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    let client = run(&["client", &wharf.url("/files/a/")], "LIST\nshutdown\n", here);
    assert!(client.code == Some(0) && client.stdout.contains("b.txt"), "{}{}", client.stdout, client.stderr);
}

#[test]
fn links_in_chat_events_are_below_the_base() {
    let wharf = Wharf::serve(&["--base", "/files"]);
    let joined = wharf.ask("POST", "/files/.wharf/chat/join", "", b"user=ann");
    let joined: serde_json::Value = serde_json::from_slice(&joined.body).expect("JSON");
    let member = format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"));
    wharf.ask("PUT", "/files/new.txt", "", b"x");
    let polled = wharf.ask("GET", "/files/.wharf/chat/messages?since=", &member, b"").text();
    assert!(polled.contains("\"href\":\"/files/new.txt\""), "{polled}");
}

#[test]
fn a_base_is_a_path() {
    let place = tempfile::tempdir().expect("a folder");
    for base in ["/a/../b", "//", "https://h/files", "/a?b", "/.wharf", "/a%20b"] {
        let refused = run(&["serve", ".", "--base", base], "", place.path());
        assert!(refused.code == Some(2) && refused.stderr.contains("--base"), "{base}: {}", refused.stderr);
    }
}
