//! The grid shows thumbnails, and an icon where there is none.

use super::driver::stage;
use crate::common::{Wharf, root};

/// Waits until the grid shows a thumbnail of the photo, and icons of the files that are no pictures.
const SETTLED: &str = "document.querySelector(`#files a[href='./photo.jpg'] img`)?.naturalWidth > 0
    && ['cut.jpg', 'text.png'].every((name) => document.querySelector(`#files a[href='./${name}'] > svg > use[href='#img']`))";

fn fill(wharf: &Wharf) {
    let photo = std::fs::read(root().join("www/server/photoServer.jpg")).expect("a photo");
    wharf.write("cut.jpg", &photo[..photo.len() / 2]);
    wharf.write("photo.jpg", &photo);
    wharf.write("text.png", "<script>document.title = 'evil'</script>");
    wharf.write("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>");
}

#[test]
fn the_grid_shows_thumbnails_and_icons() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.press("Grid");
    browser.until(SETTLED);
    let width = browser.js("return document.querySelector(`#files a[href='./photo.jpg'] img`).naturalWidth");
    assert!(width.as_u64().is_some_and(|width| width <= 320), "{width}");
    browser.until("document.querySelector(`#files a[href='./drawing.svg'] img`)?.naturalWidth > 0");
    let log = wharf.settled_log();
    assert!(log.contains("\"GET /photo.jpg?thumb HTTP/1.1\" 200 "), "{log}");
    assert!(!log.contains("\"GET /photo.jpg HTTP/1.1\""), "never the whole picture: {log}");

    // Also after the listing was fetched again.
    wharf.write("another.txt", "text");
    browser.js("dispatchEvent(new Event('focus'))");
    browser.until("document.querySelector(`#files a[href='./another.txt']`)");
    browser.until(SETTLED);
    assert_eq!(browser.js("return document.title"), "/ – wharf");

    // The preview shows the picture itself.
    browser.click("#files a[href='./photo.jpg']");
    browser.until("document.querySelector('#preview img')?.src.endsWith('/photo.jpg')");
}

#[test]
fn without_scripts_the_grid_has_thumbnails_too() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.without_script();
    browser.go(&wharf.url("/?view=grid"));
    browser.until("document.querySelector(`#files a[href='./photo.jpg'] img`).naturalWidth > 0");
    let alternative = browser.js("return document.querySelector(`#files a[href='./text.png'] img`).alt");
    assert_eq!(alternative, "", "the name is beside it");
}
