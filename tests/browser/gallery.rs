//! Pictures: with the keyboard, with the mouse, and with fingers.

use serde_json::{Value, json};

use super::accessibility::is_for_everybody;
use super::driver::{Browser, stage};
use crate::common::{Plan, Proxy, Wharf, eventually};

const ESCAPE: char = '\u{e00c}';
const RIGHT: char = '\u{e014}';
const LEFT: char = '\u{e012}';

/// A name that would do harm as markup, and its link.
const HOSTILE: (&str, &str) =
    ("<img src=x onerror=alert(1)>.svg", "%3Cimg%20src=x%20onerror=alert(1)%3E.svg");

const CANNOT_BE_SHOWN: &str =
    "document.querySelector('#preview [role=alert]')?.textContent === 'This picture cannot be shown.'";

fn svg(width: u32) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='800'><rect width='100%' height='100%' fill='teal'/></svg>"
    )
}

fn fill(wharf: &Wharf) {
    for number in 1..=6 {
        wharf.write(&format!("{number}.svg"), svg(1000 + number));
    }
}

#[track_caller]
fn shows(browser: &Browser, name: &str) {
    browser.until(&format!("document.querySelector('#preview h2').textContent === {}", json!(name)));
    browser.until("document.querySelector('#preview img')?.naturalWidth > 0");
}

fn open(browser: &Browser, name: &str) {
    browser.click(&format!("#files a[href='./{name}']"));
    shows(browser, name);
}

/// How much larger than the window the picture is, and where its middle is.
fn zoom(browser: &Browser) -> (f64, f64, f64) {
    let script = "const image = document.querySelector('#preview img').getBoundingClientRect();
        return [image.width / document.querySelector('#preview img').offsetWidth, image.x + image.width / 2, image.y + image.height / 2]";
    serde_json::from_value(browser.js(script)).expect("numbers")
}

#[track_caller]
fn is_as_large(browser: &Browser, expected: f64) {
    eventually(&format!("it is {expected} times as large"), || (zoom(browser).0 - expected).abs() < 0.01);
}

/// The middle of the picture's window.
fn middle(browser: &Browser) -> (f64, f64) {
    let script = "const box = document.querySelector('#preview figure').getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]";
    serde_json::from_value(browser.js(script)).expect("numbers")
}

/// The time of an event of this test, in the browser's clock: it does not depend on how slow the machine is.
fn moment(browser: &Browser, seconds: f64) -> f64 {
    browser.js("return window.start ??= Date.now() / 1000").as_f64().expect("a number") + seconds
}

/// Moves one or two fingers in a line, from this second on.
fn fingers(browser: &Browser, from: &[(f64, f64)], to: &[(f64, f64)], second: f64) {
    let time = moment(browser, second);
    let points = |at: f64| -> Vec<Value> {
        let point = |(start, end): (&(f64, f64), &(f64, f64))| json!({"x": start.0 + at * (end.0 - start.0), "y": start.1 + at * (end.1 - start.1)});
        let pairs = from.iter().zip(to);
        pairs
            .map(point)
            .enumerate()
            .map(|(id, mut point)| {
                point["id"] = json!(id);
                point
            })
            .collect()
    };
    let touch = |kind: &str, points: Vec<Value>, after: f64| {
        let event = json!({"type": kind, "touchPoints": points, "timestamp": time + after});
        browser.devtools("Input.dispatchTouchEvent", &event);
    };
    touch("touchStart", points(0.0), 0.0);
    for step in 1..=4 {
        touch("touchMove", points(f64::from(step) / 4.0), 0.01 * f64::from(step));
    }
    touch("touchEnd", vec![], 0.05);
}

fn mouse(browser: &Browser, kind: &str, (x, y): (f64, f64), more: &Value) {
    let mut event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
    for (key, value) in more.as_object().expect("an object") {
        event[key] = value.clone();
    }
    browser.devtools("Input.dispatchMouseEvent", &event);
}

#[test]
fn the_neighbours_are_loaded_once_the_picture_is_there() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let proxy = Proxy::before(wharf.address());
    browser.go(&proxy.url("/?list"));
    proxy.plan(Plan::Hold(10));
    browser.click("#files a[href='./3.svg']");
    let requested = || {
        let requests = proxy.requests();
        let mut names: Vec<_> = requests
            .iter()
            .filter_map(|head| head.split(' ').nth(1))
            .filter(|path| path.contains(".svg"))
            .map(str::to_owned)
            .collect();
        names.sort();
        // A browser asks for the rest of what broke off.
        names.dedup();
        names
    };
    eventually("the picture is requested", || proxy.holds());
    assert_eq!(requested(), ["/3.svg"]);
    // It breaks off.
    proxy.plan(Plan::Through);
    browser.until(CANNOT_BE_SHOWN);
    assert_eq!(requested(), [""; 0]);
    assert_eq!(browser.text("#preview [role=status]"), "3 of 6");
    browser.key(RIGHT);
    shows(&browser, "4.svg");
    eventually("its neighbours are requested", || requested() == ["/3.svg", "/4.svg", "/5.svg"]);
    assert_eq!(browser.js("return document.querySelector('#preview img').alt"), "4.svg");
    browser.key(RIGHT);
    shows(&browser, "5.svg");
    eventually("only the next one is requested", || requested() == ["/3.svg", "/4.svg", "/5.svg", "/6.svg"]);
}

#[test]
fn the_keyboard_makes_a_picture_larger_and_moves_it() {
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    open(&browser, "2.svg");
    is_for_everybody(&browser, "picture");
    browser.key('+');
    browser.key('+');
    is_as_large(&browser, 2.25);
    is_for_everybody(&browser, "picture-zoomed");
    let before = zoom(&browser).1;
    browser.key(RIGHT);
    eventually("it has moved", || zoom(&browser).1 < before);
    shows(&browser, "2.svg");
    browser.key('-');
    is_as_large(&browser, 1.5);
    browser.key('0');
    is_as_large(&browser, 1.0);
    browser.key(RIGHT);
    shows(&browser, "3.svg");
    browser.click("[title='Zoom in']");
    is_as_large(&browser, 1.5);
    browser.click("[title='Zoom out']");
    is_as_large(&browser, 1.0);
    // That button is disabled now, but the keyboard still works.
    browser.key(LEFT);
    shows(&browser, "2.svg");
    browser.key(ESCAPE);
    browser.until("!document.querySelector('#preview').open && document.activeElement.pathname === '/2.svg'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_mouse_makes_a_picture_larger_and_moves_it() {
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    open(&browser, "2.svg");
    let (x, y) = middle(&browser);
    let click = |second: f64| {
        let time = moment(&browser, second);
        mouse(&browser, "mousePressed", (x, y), &json!({"timestamp": time}));
        mouse(&browser, "mouseReleased", (x, y), &json!({"timestamp": time + 0.01}));
    };
    click(100.0);
    click(100.1);
    is_as_large(&browser, 2.5);
    let before = zoom(&browser);
    mouse(&browser, "mousePressed", (x, y), &json!({}));
    mouse(&browser, "mouseMoved", (x + 50.0, y + 30.0), &json!({}));
    mouse(&browser, "mouseReleased", (x + 50.0, y + 30.0), &json!({}));
    eventually("it has moved", || {
        let (_, across, down) = zoom(&browser);
        (across - before.1 - 50.0).abs() < 1.0 && (down - before.2 - 30.0).abs() < 1.0
    });
    click(200.0);
    click(200.1);
    is_as_large(&browser, 1.0);
    mouse(
        &browser,
        "mouseWheel",
        (x, y),
        &json!({"deltaX": 0, "deltaY": -100, "modifiers": 2, "button": "none", "buttons": 0}),
    );
    eventually("the wheel makes it larger", || zoom(&browser).0 > 1.1);
    assert_eq!(browser.js("return visualViewport.scale"), 1);
}

#[test]
fn fingers_turn_pages_and_make_a_picture_larger() {
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    browser.show_as(true, true);
    open(&browser, "2.svg");
    let (x, y) = middle(&browser);
    let swipe = |by: f64, time: f64| fingers(&browser, &[(x, y)], &[(x + by, y)], time);
    swipe(-120.0, 10.0);
    shows(&browser, "3.svg");
    swipe(120.0, 20.0);
    shows(&browser, "2.svg");
    // Too short, and downwards.
    swipe(-30.0, 30.0);
    fingers(&browser, &[(x, y)], &[(x + 70.0, y + 200.0)], 35.0);
    shows(&browser, "2.svg");
    fingers(&browser, &[(x - 20.0, y), (x + 20.0, y)], &[(x - 60.0, y), (x + 60.0, y)], 40.0);
    is_as_large(&browser, 3.0);
    let before = zoom(&browser).1;
    swipe(60.0, 50.0);
    eventually("it has moved", || (zoom(&browser).1 - before - 60.0).abs() < 1.0);
    shows(&browser, "2.svg");
    let tap = |time: f64| swipe(0.0, time);
    tap(60.0);
    tap(60.1);
    is_as_large(&browser, 1.0);
    tap(70.0);
    tap(70.1);
    is_as_large(&browser, 2.5);
    // Two taps, but slow ones.
    tap(80.0);
    tap(82.0);
    is_as_large(&browser, 2.5);
    let small = "return [...document.querySelectorAll('#preview .head > :is(a, button)')].filter((one) => one.offsetParent)
        .map((one) => one.getBoundingClientRect()).filter((box) => box.width < 44 || box.height < 44).length";
    assert_eq!(browser.js(small), 0);
}

#[test]
fn what_is_no_picture_says_so() {
    let staged = stage(&[], |wharf| {
        wharf.write("1.png", "\u{89}PNG, it says");
        wharf.write("2.heic", crate::common::sample(1000, 1));
        wharf.write(HOSTILE.0, svg(100));
    });
    let Some((_wharf, browser)) = staged else { return };
    for name in ["1.png", "2.heic"] {
        browser.click(&format!("#files a[href='./{name}']"));
        browser.until(CANNOT_BE_SHOWN);
        is_for_everybody(&browser, &format!("no-picture-{name}"));
        browser.press("Close");
    }
    browser.click("#files a[href='./1.png']");
    browser.key(RIGHT);
    browser.until("document.querySelector('#preview h2').textContent === '2.heic'");
    browser.until("document.querySelector('#preview [role=alert]')");
    browser.press("Close");
    browser.click(&format!("#files a[href='./{}']", HOSTILE.1));
    shows(&browser, HOSTILE.0);
    assert_eq!(browser.js("return document.querySelectorAll('#preview img').length"), 1);
}

/// The browser's Back closes the preview, and the next Back leaves the page.
#[test]
fn back_closes_a_preview() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.go(&wharf.url("/?list&sort=-name"));
    for _ in 0..2 {
        open(&browser, "5.svg");
        browser.key(RIGHT);
        shows(&browser, "4.svg");
        browser.js("history.back()");
        browser.until(
            "!document.querySelector('#preview').open && document.activeElement.pathname === '/4.svg'",
        );
    }
    // Closed and opened again at once.
    browser.js("const link = document.querySelector('#files td a'); link.click()");
    browser.until("document.querySelector('#preview').open");
    browser.js("document.querySelector('#preview').close(); document.querySelector('#files td a').click()");
    browser.until("document.querySelector('#preview').open && history.state?.isPreview");
    browser.js("history.back()");
    browser.until("!document.querySelector('#preview').open && !history.state?.isPreview");
    browser.js("history.back()");
    browser.until("location.search === '?list'");
}
