//! Previews of files.

use serde_json::json;

use super::driver::{stage, stage_with_pdf};
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
    wharf.write("d2.mp4", sample(2000, 1));
    wharf.write("e.pdf", "%PDF-1.4\n");
    wharf.write("f.mp3", sample(2000, 2));
    wharf.write("f2.mp3", sample(2000, 2));
    wharf.write("g.html", "<title>a page</title>");
    wharf.write("h.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>top.document.title = 'evil'</script></svg>");
}

/// Previous and Next stay within pictures, videos, audio, or text.
#[test]
fn the_keyboard_leads_to_the_previous_and_the_next_file_of_its_kind() {
    let Some((_wharf, browser)) = stage_with_pdf(fill) else { return };
    let groups = [
        [("a.jpg", "img"), ("h.svg", "img")],
        [("d.mp4", ".player > video"), ("d2.mp4", ".player > video")],
        [("f.mp3", ".player > audio"), ("f2.mp3", ".player > audio")],
        [("b.md", ".text > pre"), ("e.pdf", "iframe")],
    ];
    let shows = |at, name: &str, element: &str| {
        browser.until(&format!("document.querySelector('#preview h2').textContent === '{name}'"));
        browser.until(&format!("document.querySelector('#preview figure > {element}')"));
        assert_eq!(browser.text("#preview [role=status]"), format!("{at} of 2"));
        let link = browser.js("return document.querySelector('#preview .button').pathname");
        assert_eq!(link, format!("/{name}"));
    };
    // Chromium's viewer of PDF may take the focus once it has loaded; then it handles the keys itself.
    let key = |key: char| {
        browser.js("if (document.activeElement.localName === 'iframe') document.querySelector('#preview .button').focus()");
        browser.key(key);
    };
    for [(first, element), (last, last_element)] in groups {
        browser.click(&format!("#files a[href='./{first}']"));
        shows(1, first, element);
        key(LEFT);
        shows(1, first, element);
        for _ in 0..2 {
            key(RIGHT);
            shows(2, last, last_element);
        }
        key(LEFT);
        shows(1, first, element);
        browser.click("#preview [title=Next]");
        shows(2, last, last_element);
        // That button is disabled now, but the keyboard still works.
        key(LEFT);
        shows(1, first, element);
        key(ESCAPE);
        browser.until(
            "!document.querySelector('#preview').open && !document.querySelector('#preview figure').firstChild",
        );
        assert_eq!(
            browser.js("return document.activeElement.pathname"),
            format!("/{first}"),
            "the focus is on the file that was viewed"
        );
    }
    assert_eq!(browser.js("return document.title"), "/ – wharf");
}

/// The whole picture and the header are visible, on a desktop and on a phone; the focus is on Close.
#[test]
fn a_preview_fits_the_screen() {
    let pictures = [("portrait", 1200, 1600), ("landscape", 1600, 500), ("tiny", 20, 10)];
    let fill = |wharf: &Wharf| {
        for (name, width, height) in pictures {
            let svg = format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'><rect width='100%' height='100%'/></svg>"
            );
            wharf.write(&format!("{name} {}.svg", "of a long name ".repeat(8)), svg);
        }
    };
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    for phone in [false, true] {
        browser.show_as(false, phone);
        for (name, width, height) in pictures {
            browser.click(&format!("#files a[href^='./{name}']"));
            browser.until("document.querySelector('#preview img')?.naturalWidth > 0");
            assert_eq!(browser.js("return document.activeElement.textContent"), "Close");
            let outside = "const [header, figure] = ['.head', 'figure'].map((name) => document.querySelector(`#preview ${name}`));
                const box = (element) => element.getBoundingClientRect();
                const isWithin = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1 &&
                    inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
                const window_ = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
                return [figure.firstChild, ...header.children].filter((element) =>
                    !isWithin(box(element), element === figure.firstChild ? box(figure) : window_) ||
                    element.scrollHeight > 90 && element !== figure.firstChild).map((element) => element.outerHTML)";
            assert_eq!(browser.js(outside), json!([]), "{name}, phone: {phone}");
            let shape = "const image = document.querySelector('#preview img').getBoundingClientRect(); return image.width / image.height";
            let shape = browser.js(shape).as_f64().expect("a number");
            assert!((shape / (f64::from(width) / f64::from(height)) - 1.0).abs() < 0.02, "{name}: {shape}");
            browser.press("Close");
        }
    }
}

/// Text that is not UTF-8 is read as Latin-1, or as UTF-16 if it says so.
#[test]
fn old_text_is_readable() {
    let utf_16: Vec<u8> = "\u{feff}größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cut = format!("{}é", "x".repeat(256 * 1024 - 1));
    let texts: [(&str, &[u8], &str); 4] = [
        ("latin.txt", b"gr\xf6\xdfe", "größe"),
        ("utf8.txt", "größe 漢字".as_bytes(), "größe 漢字"),
        ("utf16.txt", &utf_16, "größe"),
        ("cut.txt", cut.as_bytes(), "xxx"),
    ];
    let fill = |wharf: &Wharf| texts.iter().for_each(|(name, bytes, _)| drop(wharf.write(name, bytes)));
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    for (name, _, shown) in texts {
        browser.click(&format!("#files a[href='./{name}']"));
        browser.until(&format!("document.querySelector('#preview pre')?.textContent.startsWith('{shown}')"));
        assert_eq!(
            browser.js("return document.querySelector('#preview pre').textContent.includes('Ã')"),
            false
        );
        browser.press("Close");
    }
}

#[test]
fn a_text_file_is_shown_as_text_and_a_long_one_is_cut() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    wharf.write("long.txt", "line\n".repeat(100_000));
    wharf.write("empty.txt", "");
    browser.go(&wharf.url("/?list"));
    browser.click("#files a[href='./b.md']");
    browser.until("document.querySelector('#preview pre')?.textContent.startsWith('# Heading <b>')");
    assert_eq!(browser.js("return document.querySelectorAll('#preview pre :not(div, span)').length"), 0);
    browser.press("Close");
    browser.click("#files a[href='./long.txt']");
    browser.until("document.querySelector('#preview .text .hint')?.textContent === '… 232.3 KiB more: download the file to read the rest.' ");
    browser.press("Close");
    browser.click("#files a[href='./empty.txt']");
    browser.until("document.querySelector('#preview pre')?.textContent === ''");
    assert_eq!(browser.js("return document.title"), "/ – wharf");
}

/// The numbers are drawn, but are not part of the text that is selected. Long lines wrap.
#[test]
fn lines_have_numbers_that_are_not_copied() {
    let long = "word ".repeat(400);
    let text = format!("one\n\n{long}\r\nold\rMac\n{}end", "line\n".repeat(3000));
    let fill = |wharf: &Wharf| {
        wharf.write("a.txt", &text);
        wharf.write("most.txt", "\n".repeat(256 * 1024));
    };
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    browser.click("#files a[href='./a.txt']");
    browser.until("document.querySelector('#preview pre')");
    let selected = "getSelection().selectAllChildren(document.querySelector('#preview pre')); return getSelection().toString()";
    let selected = browser.js(selected).as_str().expect("text").to_owned();
    let with_newlines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    assert!(with_newlines(&selected) == with_newlines(&text), "{:?}", selected.get(..3000));
    let numbers = "const lines = [...document.querySelectorAll('#preview pre span')];
        return [lines.length, getComputedStyle(lines[0], '::before').content, lines[2].offsetHeight > 2 * lines[0].offsetHeight,
            lines[1].offsetHeight === lines[0].offsetHeight, document.querySelector('#preview pre').scrollWidth <= innerWidth]";
    assert_eq!(browser.js(numbers), json!([3006, "counter(line) / \"\"", true, true, true]));
    browser.press("Close");
    browser.click("#files a[href='./most.txt']");
    browser.until("document.querySelectorAll('#preview pre span').length === 262144");
}

#[test]
fn a_file_without_a_preview_opens_in_the_browser() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let prevented = "const link = document.querySelector(`#files a[href='./${arguments[0]}']`);
                     const click = new MouseEvent('click', {bubbles: true, cancelable: true});
                     let isShown;
                     window.addEventListener('click', (event) => { isShown = event.defaultPrevented; event.preventDefault(); }, {once: true});
                     link.dispatchEvent(click);
                     return isShown";
    for (name, shown) in [("c.bin", false), ("a.jpg", true)] {
        assert_eq!(browser.js_with(prevented, &json!([name])), shown, "{name}");
    }
    browser.until("document.querySelector('#preview')?.open");
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
    browser.press("Grid");
    browser.until("document.querySelector('#files.grid img')?.naturalWidth > 0");
    assert!(!wharf.settled_log().contains("GET /399.jpg"), "pictures off-screen are not fetched");
    browser.js("scrollTo(0, document.documentElement.scrollHeight)");
    browser.until("[...document.querySelectorAll('#files img')].at(-1).naturalWidth > 0");
    eventually("it is fetched now", || wharf.log().contains("GET /399.jpg"));
    browser.click("#files a[href='./399.jpg']");
    browser.until("document.querySelector('#preview h2').textContent === '399.jpg'");
}
