//! Previews of files.

use serde_json::json;

use super::driver::stage;
use crate::common::{Wharf, eventually, root, sample};

/// Keys without a character (W3C WebDriver 2, §17.4.2).
const ESCAPE: char = '\u{e00c}';
const LEFT: char = '\u{e012}';
const RIGHT: char = '\u{e014}';

fn fill(wharf: &Wharf) {
    let photo = std::fs::read(root().join("www/server/photoServer.jpg")).expect("a photo");
    wharf.write("a.jpg", &photo);
    wharf.write("b.md", "# Heading <b>\n<script>document.title = 'evil'</script>\n");
    wharf.write("c.bin", "binary");
    wharf.write("d.mp4", sample(2000, 1));
    wharf.write("e.pdf", "%PDF-1.4\n");
    wharf.write("f.mp3", sample(2000, 2));
    wharf.write("g.html", "<title>a page</title>");
    wharf.write("h.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>top.document.title = 'evil'</script></svg>");
}

#[test]
fn the_keyboard_leads_to_the_previous_and_the_next_file() {
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    browser.click("#files a[href='./a.jpg']");
    browser.until("document.querySelector('#preview img')?.naturalWidth > 0");
    assert_eq!(browser.text("#preview h2"), "a.jpg");
    browser.key(LEFT);
    let table =
        [("b.md", "pre"), ("d.mp4", "video"), ("e.pdf", "iframe"), ("f.mp3", "audio"), ("h.svg", "img")];
    for (at, (name, element)) in (2..).zip(table) {
        browser.key(RIGHT);
        browser.until(&format!("document.querySelector('#preview h2').textContent === '{name}'"));
        browser.until(&format!("document.querySelector('#preview figure > {element}')"));
        assert_eq!(browser.text("#preview [role=status]"), format!("{at} of 6"));
        assert_eq!(
            browser.js("return document.querySelector('#preview .button').pathname"),
            format!("/{name}")
        );
    }
    browser.key(RIGHT);
    assert_eq!(browser.text("#preview h2"), "h.svg");
    browser.key(ESCAPE);
    browser.until(
        "!document.querySelector('#preview').open && !document.querySelector('#preview figure').firstChild",
    );
    assert_eq!(
        browser.js("return document.activeElement.pathname"),
        "/h.svg",
        "the focus is on the file that was viewed"
    );
    assert_eq!(browser.js("return document.title"), "/ – wharf");
}

#[test]
fn a_text_file_is_shown_as_text_and_a_long_one_is_cut() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    wharf.write("long.txt", "line\n".repeat(100_000));
    wharf.write("empty.txt", "");
    browser.go(&wharf.url("/?list"));
    browser.click("#files a[href='./b.md']");
    browser.until("document.querySelector('#preview pre')?.textContent.startsWith('# Heading <b>')");
    assert_eq!(browser.js("return document.querySelector('#preview pre').children.length"), 0);
    browser.press("Close");
    browser.click("#files a[href='./long.txt']");
    browser.until("document.querySelector('#preview pre').textContent.endsWith('232.3 KiB more: download the file to read the rest.')");
    browser.press("Close");
    browser.click("#files a[href='./empty.txt']");
    browser.until("document.querySelector('#preview pre').textContent === ''");
    assert_eq!(browser.js("return document.title"), "/ – wharf");
}

#[test]
fn a_file_without_a_preview_opens_in_the_browser() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let prevented = "const link = document.querySelector(`#files a[href='./${arguments[0]}']`);
                     const click = new MouseEvent('click', {bubbles: true, cancelable: true, ctrlKey: arguments[1]});
                     window.addEventListener('click', (event) => event.preventDefault(), {once: true, capture: false});
                     link.dispatchEvent(click);
                     return Boolean(document.querySelector('#preview')?.open)";
    for (name, with_control, shown) in
        [("c.bin", false, false), ("a.jpg", true, false), ("a.jpg", false, true)]
    {
        assert_eq!(browser.js_with(prevented, &json!([name, with_control])), shown, "{name}");
    }
    browser.press("Close");
    browser.click("#files a[href='./g.html']");
    browser.until("document.title === 'a page'");
    eventually("it was requested", || wharf.log().contains("\"GET /g.html HTTP/1.1\" 200 "));
}

#[test]
fn pictures_of_a_grid_load_when_they_scroll_into_view() {
    let photo = std::fs::read(root().join("www/server/photoServer.jpg")).expect("a photo");
    let fill = |wharf: &Wharf| {
        for number in 100..400 {
            wharf.write(&format!("{number}.jpg"), &photo);
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.click("nav a[href='?list&view=grid']");
    browser.until("document.querySelector('#files.grid img')?.naturalWidth > 0");
    assert!(!wharf.settled_log().contains("GET /399.jpg"), "pictures off-screen are not fetched");
    browser.js("scrollTo(0, document.documentElement.scrollHeight)");
    browser.until("[...document.querySelectorAll('#files img')].at(-1).naturalWidth > 0");
    eventually("it is fetched now", || wharf.log().contains("GET /399.jpg"));
    browser.click("#files a[href='./399.jpg']");
    browser.until("document.querySelector('#preview h2').textContent === '399.jpg'");
}
