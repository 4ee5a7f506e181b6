//! The folder as a page: list, sort, filter and open, with and without scripts.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::driver::stage;
use crate::common::{Wharf, outside};

/// The maximum size of a page of a dozen files, with its style and its script, in bytes, each after `gzip -6`.
const WEIGHT: usize = 60_000;

/// Writes files of these sizes, each a day older than the one before.
fn fill(wharf: &Wharf, files: &[(&str, usize)]) {
    for (day, (name, size)) in (0..).zip(files) {
        let path = wharf.write(name, vec![b'x'; *size]);
        let time = SystemTime::now() - Duration::from_secs(day * 86_400);
        File::options().write(true).open(path).expect("a file").set_modified(time).expect("set");
    }
}

fn some_files(wharf: &Wharf) {
    fill(wharf, &[("img10.jpg", 30), ("IMG2.jpg", 10), ("apple.txt", 2000), ("sub/below.txt", 5)]);
}

#[test]
fn sorting_works_without_scripts() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    for script in [true, false] {
        if !script {
            browser.without_script();
            browser.go(&wharf.url("/?list"));
        }
        assert_eq!(browser.names(), ["sub", "apple.txt", "IMG2.jpg", "img10.jpg"]);
        assert_eq!(browser.text("#count"), "1 folder, 3 files, 2.0 KiB");
        let table = [
            (2, "descending", ["sub", "apple.txt", "img10.jpg", "IMG2.jpg"]),
            (2, "ascending", ["sub", "IMG2.jpg", "img10.jpg", "apple.txt"]),
            (3, "descending", ["sub", "img10.jpg", "IMG2.jpg", "apple.txt"]),
            (1, "ascending", ["sub", "apple.txt", "IMG2.jpg", "img10.jpg"]),
        ];
        for (column, direction, names) in table {
            browser.click(&format!("th:nth-child({column}) button"));
            browser.until(&format!(
                "document.querySelector('th:nth-child({column})').ariaSort === '{direction}'"
            ));
            assert_eq!(browser.names(), names);
        }
    }
    assert_eq!(browser.js("return getComputedStyle(document.querySelector('#room')).display"), "none");
}

#[test]
fn the_filter_applies_while_typing() {
    let Some((_wharf, browser)) = stage(&[], some_files) else { return };
    browser.type_into("#filter", "IMG");
    browser.until("document.querySelector('#count').textContent === '2 of 4'");
    assert_eq!(browser.names(), ["IMG2.jpg", "img10.jpg"]);
    browser.type_into("#filter", "x");
    browser.until("document.querySelector('#count').textContent === '0 of 4: no name contains “IMGx”'");
    browser.js("const field = document.querySelector('#filter'); field.value = ''; field.dispatchEvent(new Event('input', {bubbles: true}))");
    assert_eq!((browser.names().len(), browser.text("#count").as_str()), (4, "1 folder, 3 files, 2.0 KiB"));
}

/// macOS stores names decomposed, people type them composed.
#[test]
fn the_filter_finds_composed_and_decomposed_names() {
    let files = [("re\u{301}sume\u{301} a.txt", 1), ("R\u{c9}SUM\u{c9} b.txt", 1), ("other.txt", 1)];
    let Some((_wharf, browser)) = stage(&[], |wharf| fill(wharf, &files)) else { return };
    for typed in ["r\u{e9}sum\u{e9}", "re\u{301}sume\u{301}"] {
        let script = "const field = document.querySelector('#filter'); field.value = arguments[0]; field.dispatchEvent(new Event('input', {bubbles: true}))";
        browser.js_with(script, &serde_json::json!([typed]));
        assert_eq!(browser.text("#count"), "2 of 3");
    }
}

#[test]
fn order_and_view_stay_in_other_directories() {
    let Some((wharf, browser)) = stage(&[], |wharf| fill(wharf, &[("a/b/c.txt", 3)])) else { return };
    browser.go(&wharf.url("/?list&sort=-size&view=grid"));
    let steps = [
        ("#files .dir", "a"),
        ("#files .dir", "b"),
        (".way li:nth-child(2) a", "a"),
        (".way li:first-child a", "Files"),
    ];
    for (link, title) in steps {
        browser.click(link);
        browser.until(&format!("document.querySelector('h1').textContent === '{title}'"));
        let look = "return [document.querySelector('#files').className, document.querySelector('th:nth-child(2)').ariaSort]";
        assert_eq!(browser.js(look), serde_json::json!(["grid", "descending"]), "{title}");
    }
}

/// With scripts, an archive is a download that does not leave the page, so the browser does not ask for confirmation
/// during an upload.
#[test]
fn archives_are_downloaded_with_and_without_scripts() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    browser.devtools("Browser.setDownloadBehavior", &serde_json::json!({"behavior": "deny"}));
    let path = wharf.outside_folder().join("stuck.bin");
    std::fs::write(&path, "never sent").expect("written");
    browser.js("XMLHttpRequest.prototype.send = () => {}");
    browser.type_into("#give input", path.to_str().expect("text"));
    browser.until("document.querySelector('#uploads [role=status]')?.textContent === '1 to go'");
    for (name, target) in [("Zip", "/?zip"), ("Tar", "/?tar")] {
        browser.press(name);
        eventually_asked(&wharf, &format!("\"GET {target} HTTP/1.1\" 200 "));
        assert_eq!(browser.names().len(), 4, "{name}");
    }
    browser.press("Cancel all");
    browser.without_script();
    browser.go(&wharf.url("/sub/?sort=-size"));
    for (name, target) in [("Zip", "/sub/?zip="), ("Tar", "/sub/?tar=")] {
        browser.press(name);
        eventually_asked(&wharf, &format!("\"GET {target} HTTP/1.1\" 200 "));
        assert_eq!(browser.names(), ["below.txt"], "{name}");
    }
}

#[test]
fn the_qr_code_of_each_folder_can_be_opened_without_scripts() {
    let Some((wharf, browser)) = stage(&[], |wharf| fill(wharf, &[("a b&c+d/e.txt", 3)])) else { return };
    let odd = wharf.folder().join(OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(odd).expect("created");
    browser.without_script();
    for (path, name) in [("/", "/"), ("/a%20b&c+d/", "/a b&c+d/"), ("/%FF/", "/\u{fffd}/")] {
        browser.go(&wharf.url(&format!("{path}?sort=-size")));
        browser.press("QR code");
        browser.until("document.querySelector('h1').textContent === 'QR code'");
        browser.until("document.querySelector('main img').naturalWidth > 0");
        assert_eq!(browser.text("main a"), wharf.url(path));
        browser.press(&format!("Back to {name}"));
        browser.until("document.querySelector('#files')");
        assert_eq!(browser.js("return location.pathname"), path);
    }
}

#[test]
fn order_and_view_survive_an_upload_without_scripts() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    let path = wharf.outside_folder().join("new.txt");
    std::fs::write(&path, "new").expect("written");
    browser.without_script();
    browser.go(&wharf.url("/sub/?sort=-size&view=grid"));
    browser.type_into("#give input", path.to_str().expect("text"));
    browser.press("Upload");
    browser.until("document.querySelectorAll('#files.grid tbody tr').length === 2");
    assert_eq!(browser.names(), ["below.txt", "new.txt"]);
    assert_eq!(browser.js("return location.search"), "?list&sort=-size&view=grid");
}

/// Tab reaches the column headers, Enter sorts, and a refresh of the listing keeps the focus and the links.
#[test]
fn sorting_works_with_the_keyboard() {
    const ENTER: char = '\u{e007}';
    const TAB: char = '\u{e004}';
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    browser.go(&wharf.url("/"));
    browser.js("document.querySelector('th button').focus()");
    browser.key(TAB);
    browser.key(ENTER);
    browser.until("document.querySelector('th:nth-child(2)').ariaSort === 'descending'");
    browser.js("document.querySelector('th button').focus()");
    browser.key(TAB);
    wharf.write("new.txt", "new");
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until("document.querySelectorAll('#files tbody tr').length === 5");
    assert_eq!(browser.js("return document.activeElement.textContent"), "Size");
    assert_eq!(browser.js("return document.querySelector('.dir').getAttribute('href')"), "./sub/?sort=-size");
}

#[test]
fn the_middle_of_a_deep_path_unfolds() {
    let deep = "a/b and a long name/c and a long name/d and a long name/e";
    let Some((wharf, browser)) = stage(&[], |wharf| fill(wharf, &[(&format!("{deep}/f.txt"), 3)])) else {
        return;
    };
    for script in [true, false] {
        if !script {
            browser.without_script();
        }
        browser.go(&wharf.url(&format!("/{}/?list", deep.replace(' ', "%20"))));
        assert_eq!(browser.text("nav .way").replace('\n', " "), "Files … d and a long name e");
        browser.click(".way summary");
        browser.click(".way details li:nth-child(2) a");
        browser.until("document.querySelector('h1').textContent === 'b and a long name'");
    }
}

/// The path and the button for uploads stay visible when the page is scrolled.
#[test]
fn the_header_stays_in_view() {
    let many = |wharf: &Wharf| (0..200).for_each(|number| drop(wharf.write(&format!("{number}.txt"), "")));
    let Some((_wharf, browser)) = stage(&[], many) else { return };
    for phone in [false, true] {
        browser.show_as(false, phone);
        browser.js("scrollTo(0, 3000)");
        browser.until("scrollY > 2000");
        let hidden = "return ['h1', '#add'].filter((part) => {
            const { left, top, width, height } = document.querySelector(part).getBoundingClientRect();
            return !document.elementFromPoint(left + width / 2, top + height / 2)?.closest('.top') || top < 0 })";
        assert_eq!(browser.js(hidden), serde_json::json!([]), "phone: {phone}");
        let height = browser.js("return document.querySelector('.top').offsetHeight / innerHeight").as_f64();
        assert!(height < Some(0.2), "the rest is for the files: {height:?}, phone: {phone}");
    }
}

/// A visible page sends a request every 30 s, so the server does not exit; it says when the server does not respond.
#[test]
fn the_page_says_when_the_server_has_gone() {
    let Some((wharf, browser)) = stage(&[], |wharf| fill(wharf, &[("a.txt", 1)])) else { return };
    let fast = "const later = setTimeout; window.setTimeout = (act, time, ...rest) => later(act, time / 50, ...rest)";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &serde_json::json!({"source": fast}));
    browser.go(&wharf.url("/?list"));
    let asked = || wharf.log().matches("\"GET /?list HTTP/1.1\" 200").count();
    crate::common::eventually("it asks again and again", || asked() > 4);
    assert_eq!(browser.js("return document.querySelector('#gone')"), serde_json::Value::Null);
    let port = wharf.address().port().to_string();
    let place = wharf.kill();
    browser.until("document.querySelector('#gone')?.textContent.startsWith('The server does not respond')");
    assert_eq!(browser.names(), ["a.txt"]);
    let wharf = Wharf::serve_in(place, &["--port", &port]);
    browser.until("!document.querySelector('#gone')");
    wharf.write("b.txt", "new");
    browser.until("document.querySelectorAll('#files tbody tr').length === 2");
    browser.go(&wharf.url("/?list"));
}

#[test]
fn directories_open_and_lead_back() {
    let Some((wharf, browser)) = stage(&[], |wharf| fill(wharf, &[("a b/c#d/e?.txt", 3)])) else { return };
    browser.click("#files .dir");
    browser.until("document.querySelector('h1').textContent === 'a b'");
    browser.click("#files .dir");
    browser.until("document.querySelector('h1').textContent === 'c#d'");
    assert_eq!(browser.names(), ["e?.txt"]);
    browser.click(".way li:nth-child(2) a");
    browser.until("document.querySelector('h1').textContent === 'a b'");
    assert_eq!(browser.js("return location.pathname"), "/a%20b/");
    browser.click(".way li:first-child a");
    browser.until("document.querySelector('h1').textContent === 'Files'");
    browser.go(&wharf.url("/a%20b/no"));
    assert_eq!(browser.text("h1"), "Not found");
    browser.click(".error button");
    browser.until("document.querySelector('h1').textContent === 'Files'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn new_files_of_others_appear_when_the_window_gets_the_focus() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    assert!(browser.text("#nothing").starts_with("No shared files"));
    wharf.write("new.txt", "new");
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until("document.querySelector('#files bdi')?.textContent === 'new.txt'");
    browser.until("document.querySelector('#filter') && document.querySelector('#nothing').hidden");
    assert_eq!(browser.text("#count"), "1 file, 3 B");
}

#[test]
fn ten_thousand_entries_are_shown_and_scroll() {
    let many = |wharf: &Wharf| {
        for number in 0..10_000 {
            std::fs::write(wharf.folder().join(format!("file {number}.txt")), "").expect("written");
        }
    };
    let Some((_wharf, browser)) = stage(&[], many) else { return };
    assert_eq!(browser.text("#count"), "10000 files, 0 B");
    let outside = "[...document.querySelectorAll('tbody')].filter((chunk) => !chunk.checkVisibility({contentVisibilityAuto: true}) || \
                   chunk.getBoundingClientRect().top > 3 * innerHeight).length";
    assert!(browser.js(&format!("return {outside}")).as_u64() > Some(90), "rows off-screen are not rendered");
    browser.js("document.querySelector('tbody:last-of-type').scrollIntoView({block: 'end'})");
    browser.until("document.querySelector('tbody:last-child tr:last-child').checkVisibility({contentVisibilityAuto: true})");
    assert_eq!(browser.text("tbody:last-child tr:last-child bdi"), "file 9999.txt");
    browser.type_into("#filter", "file 77");
    browser.until("document.querySelector('#count').textContent === '111 of 10000'");
}

#[test]
fn the_page_is_small_and_is_painted_after_one_request() {
    let names: Vec<_> = (1..=12).map(|number| (format!("holiday {number:02}.jpg"), number * 1000)).collect();
    let fill = |wharf: &Wharf| {
        fill(wharf, &names.iter().map(|(name, size)| (name.as_str(), *size)).collect::<Vec<_>>());
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let entries =
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]";
    let needed = format!(
        "return {entries}.map((entry) => new URL(entry.name)).filter(({{ pathname }}) => !pathname.endsWith('.svg')).map(({{ pathname, search }}) => pathname + search)"
    );
    let needed: Vec<String> = serde_json::from_value(browser.js(&needed)).expect("targets");
    assert_eq!(needed.len(), 3, "{needed:?}");
    if outside("gzip").is_some() {
        let sum: usize = needed
            .iter()
            .map(|target| gzipped(&wharf.ask("GET", target, "Accept: text/html\r\n", b"").body))
            .sum();
        assert!(sum > 10_000 && sum < WEIGHT, "{sum} bytes");
    }
    let blocking = format!(
        "return {entries}.filter((entry) => entry.renderBlockingStatus === 'blocking').map((entry) => entry.initiatorType)"
    );
    assert_eq!(browser.js(&blocking), serde_json::json!(["link"]));
}

/// The length of this content after `gzip -6`.
fn gzipped(content: &[u8]) -> usize {
    let mut gzip = Command::new("gzip")
        .arg("-6")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Less than a pipe holds is written back before all is read.
    let mut input = gzip.stdin.take().expect("a pipe");
    let mut output = gzip.stdout.take().expect("a pipe");
    let mut compressed = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(content).expect("it reads"));
        output.read_to_end(&mut compressed).expect("it writes");
    });
    assert!(gzip.wait().expect("it ends").success());
    compressed.len()
}

#[test]
fn injected_scripts_and_styles_do_not_run() {
    let Some((wharf, browser)) = stage(&[], |wharf| {
        wharf.write("evil.js", "document.title = 'evil'");
    }) else {
        return;
    };
    // As if an attacker had found a way to inject markup into the page.
    browser.js(
        "document.body.append(document.createRange().createContextualFragment(
           '<script>document.title = `evil`</script><script src=/evil.js></script><img src=x onerror=\"document.title = `evil`\"><style>body { --evil: 1 }</style>'))",
    );
    eventually_asked(&wharf, "\"GET /x HTTP/1.1\" 404 ");
    // The browser reports violations a moment later, and blocks the last of them.
    let mut refused = 0;
    crate::common::eventually("each was blocked", || {
        refused += browser.complaints().len();
        refused >= 4
    });
    assert_eq!(browser.js("return document.title"), "/ – wharf");
    assert_eq!(browser.js("return getComputedStyle(document.body).getPropertyValue('--evil')"), "");
    assert!(!wharf.settled_log().contains("evil.js"), "it was not even requested");
}

fn eventually_asked(wharf: &Wharf, line: &str) {
    crate::common::eventually(line, || wharf.log().contains(line));
}

/// The pages may not be framed.
#[test]
fn pages_have_a_strict_content_security_policy() {
    let wharf = Wharf::serve(&[]);
    for (target, code) in [("/?list", 200), ("/nothing", 404)] {
        let page = wharf.ask("GET", target, "Accept: text/html\r\n", b"");
        assert_eq!((page.code(), page.field("X-Content-Type-Options")), (code, "nosniff".to_owned()));
        let policy = page.field("Content-Security-Policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.field("Referrer-Policy"), "same-origin");
        let again = wharf.ask("GET", target, "Accept: text/html\r\n", b"");
        assert_ne!(again.field("Content-Security-Policy"), policy, "a nonce is not reused");
    }
    let line = wharf.ask("GET", "/nothing", "Accept: */*\r\n", b"");
    assert_eq!((line.code(), line.text().as_str()), (404, "there is nothing of that name\n"));
}

#[test]
fn assets_are_cached_for_good() {
    let wharf = Wharf::serve(&[]);
    let page = wharf.ask("GET", "/", "", b"").text();
    let links = page.split('"').filter_map(|part| part.strip_prefix('.'));
    let paths: BTreeSet<_> = links.filter(|path| path.starts_with("/.wharf/assets/")).collect();
    assert_eq!(paths.len(), 7, "{page}");
    for path in paths {
        let asset = wharf.ask("GET", path, "", b"");
        assert_eq!(
            (asset.code(), asset.field("Cache-Control").as_str()),
            (200, "public, max-age=31536000, immutable")
        );
        let known = format!("If-None-Match: {}\r\n", asset.field("ETag"));
        assert_eq!(wharf.ask("GET", path, &known, b"").code(), 304);
        assert_eq!(wharf.ask("POST", path, "", b"").code(), 405);
    }
    assert_eq!(wharf.ask("GET", "/.wharf/assets/page.0.css", "", b"").code(), 404);
}
