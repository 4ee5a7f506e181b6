//! Names that look like markup, scripts or other names: each is shown as text, and its link leads to its
//! file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::driver::stage;

/// Names, and how they are displayed.
fn names() -> Vec<(Vec<u8>, String)> {
    let plain = [
        "<img src=x onerror=\"document.title='evil'\">.txt",
        "\"><script>document.title='evil'<&#x2f;script>.txt",
        "' onmouseover='document.title=1.txt",
        "javascript:document.title='evil'.txt",
        "data:text,x.txt",
        "%2e%2e%2fa.txt",
        "?list#fragment&amp;.txt",
        "a;b, c  d.txt",
        "größe 漢字 🛳.txt",
    ];
    let mut names: Vec<_> = plain.iter().map(|name| (name.as_bytes().to_vec(), (*name).to_owned())).collect();
    let shown_otherwise: [(&[u8], &str); 5] = [
        (b"two\nlines\r.txt", "two\\nlines\\r.txt"),
        ("turned \u{202e}txt.exe".as_bytes(), "turned \\u{202e}txt.exe"),
        (b"not \xff\xfe utf-8.txt", "not \\xff\\xfe utf-8.txt"),
        (b"back\\slash.txt", "back\\\\slash.txt"),
        (b"\x1b[31mred.txt", "\\u{1b}[31mred.txt"),
    ];
    names.extend(shown_otherwise.map(|(name, shown)| (name.to_vec(), shown.to_owned())));
    names.push((vec![b'w'; 255], "w".repeat(255)));
    names
}

#[test]
fn names_are_text_and_links_lead_to_their_files() {
    let names = names();
    let staged = stage(&[], |wharf| {
        for (number, (name, _)) in names.iter().enumerate() {
            let path = wharf.folder().join(OsStr::from_bytes(name));
            std::fs::write(path, number.to_string()).expect("written");
        }
    });
    let Some((wharf, browser)) = staged else { return };
    for view in ["/?list", "/?list&view=grid"] {
        browser.go(&wharf.url(view));
        let mut seen = browser.names();
        let mut expected: Vec<_> = names.iter().map(|(_, shown)| shown.clone()).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
        let fetched = browser.js_later(
            "const done = arguments[0];
             const links = [...document.querySelectorAll('#files td a')];
             Promise.all(links.map(async (link) => [link.textContent, await (await fetch(link.href)).text()])).then(done)",
            &serde_json::json!([]),
        );
        for (number, (_, shown)) in names.iter().enumerate() {
            let found = fetched.as_array().expect("pairs").iter().find(|pair| pair[0] == shown.as_str());
            assert_eq!(found.map(|pair| pair[1].clone()), Some(number.to_string().into()), "{shown}");
        }
        let wide = browser.js("return document.documentElement.scrollWidth > innerWidth");
        assert_eq!(wide, false, "a long name wraps");
    }
    assert_eq!(browser.js("return document.title"), "/ – wharf");
    assert_eq!(browser.complaints(), Vec::<String>::new(), "no script was even blocked");
}

/// Directories with the same names, which also appear in the path of links and in the title.
#[test]
fn directories_with_such_names_open() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    for (name, shown) in names() {
        let directory = wharf.folder().join(OsStr::from_bytes(&name));
        std::fs::create_dir(&directory).expect("made");
        std::fs::write(directory.join("inside.txt"), "").expect("written");
        browser.go(&wharf.url("/?list"));
        browser.click("#files .dir");
        browser.until("document.querySelector('#files bdi')?.textContent === 'inside.txt'");
        assert_eq!(browser.js("return document.querySelector('h1').textContent"), shown.as_str());
        assert!(browser.js("return document.title").as_str().expect("text").ends_with("/ – wharf"));
        std::fs::remove_dir_all(directory).expect("removed");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
