//! A headless browser that is controlled by WebDriver (W3C WebDriver 2) through chromedriver.
//!
//! Each browser has its own profile, and contacts no host but the page's server. A test polls for what it waits for, as
//! [`eventually`] does. Tests reuse browsers, one after the other (`session`).

use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::session::{Build, Session};
use crate::common::{Wharf, eventually, eventually_ok, outside};

/// The key under which WebDriver returns an element (§12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Browsers whose tests have ended, with one empty page each. Starting one takes half a second of a processor.
static IDLE: Mutex<Vec<Session>> = Mutex::new(Vec::new());

/// A browser, and the program that drives it.
pub struct Browser {
    /// Taken only by `drop`.
    session: Option<Session>,
    /// Whether another test may have it afterwards.
    is_usual: bool,
}

impl Browser {
    /// A browser without state of other tests; `None` if this machine has no browser.
    pub fn open() -> Option<Self> {
        outside(Build::HeadlessShell.name())?;
        let idle = IDLE.lock().expect("whole").pop();
        let mut browser = match idle {
            Some(session) => Self::of(session),
            None => Self::open_with(&[])?,
        };
        browser.is_usual = true;
        Some(browser)
    }

    /// Starts a new one with these additional flags.
    pub fn open_with(flags: &[&str]) -> Option<Self> {
        outside(Build::HeadlessShell.name())?;
        let driver = outside("chromedriver")?;
        let profile = tempfile::tempdir().expect("a folder");
        Some(Self::of(Session::start(&driver, Build::HeadlessShell, profile, flags)))
    }

    /// Starts the complete program, whose home is this directory.
    pub fn complete(home: TempDir) -> Option<Self> {
        outside(Build::Complete.name())?;
        let mut driver = outside("chromedriver")?;
        driver.env("HOME", home.path());
        Some(Self::of(Session::start(&driver, Build::Complete, home, &[])))
    }

    fn of(session: Session) -> Self {
        Self { session: Some(session), is_usual: false }
    }

    /// Sends the driver a command (§6.3) and returns its response.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (answer, value) = self.try_call(method, path, body);
        assert_eq!(answer, 200, "{method} {path}: {value}");
        value
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.session.as_ref().expect("it is not dropped").call(method, path, body)
    }

    /// Opens a page and waits until it is loaded.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.call("POST", "/url", &json!({"url": url}));
    }

    /// Runs a script in the page and returns its result.
    #[track_caller]
    pub fn js(&self, script: &str) -> Value {
        self.js_with(script, &json!([]))
    }

    /// Like [`Browser::js`], with these `arguments`.
    #[track_caller]
    pub fn js_with(&self, script: &str, arguments: &Value) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Like [`Browser::js_with`], for a script that passes its result to its last argument, a callback.
    #[track_caller]
    pub fn js_later(&self, script: &str, arguments: &Value) -> Value {
        self.call("POST", "/execute/async", &json!({"script": script, "args": arguments}))
    }

    /// Waits until this expression is true in the page, and the page is loaded.
    #[track_caller]
    pub fn until(&self, expression: &str) {
        let script = format!("return document.readyState !== 'loading' && Boolean({expression})");
        eventually(expression, || self.try_js(&script) == Value::Bool(true));
    }

    /// Like [`Browser::js`], for a page that may be navigating away.
    fn try_js(&self, script: &str) -> Value {
        let (code, value) = self.try_call("POST", "/execute/sync", &json!({"script": script, "args": []}));
        if code == 200 { value } else { Value::Null }
    }

    /// The text of the first element that matches this selector, as rendered.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0]).innerText";
        self.js_with(script, &json!([selector])).as_str().expect("text").to_owned()
    }

    /// The names of the files shown, in order.
    pub fn names(&self) -> Vec<String> {
        let names = "return [...document.querySelectorAll('#files tbody tr:not([hidden]) bdi')].map((name) => name.textContent)";
        serde_json::from_value(self.js(names)).expect("names")
    }

    /// The element that matches this selector, once there is one.
    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let by = json!({"using": "css selector", "value": selector});
        let find = || self.try_call("POST", "/element", &by).1[ELEMENT].as_str().map(str::to_owned);
        eventually_ok(&format!("there is {selector}"), || find().ok_or("there is none"))
    }

    /// Clicks as a user does: an element that is covered or off-screen cannot be clicked.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.act(selector, "click", &json!({}));
    }

    /// Clicks the first button with this text.
    #[track_caller]
    pub fn press(&self, text: &str) {
        let find = "[...document.querySelectorAll('button')].find((one) => one.textContent === arguments[0] && one.offsetParent)";
        let with = json!([text]);
        let mark = format!("const one = {find}; one?.setAttribute('data-pressed', ''); return Boolean(one)");
        eventually(&format!("there is a button {text}"), || self.js_with(&mark, &with) == true);
        self.click("[data-pressed]");
        self.js("document.querySelector('[data-pressed]')?.removeAttribute('data-pressed')");
    }

    /// Types into a field; for a file field, these are paths, one per line.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        self.act(selector, "value", &json!({"text": text}));
    }

    /// Acts on the element that matches this selector, as soon as that is possible. The page may just be replacing the
    /// element, as it does when the listing changes, or it may not show the element yet.
    #[track_caller]
    fn act(&self, selector: &str, what: &str, body: &Value) {
        eventually_ok(&format!("{what} of {selector}"), || {
            let element = self.element(selector);
            let (code, value) = self.try_call("POST", &format!("/element/{element}/{what}"), body);
            if code == 200 { Ok(()) } else { Err(value) }
        });
    }

    /// Presses a key in the focused element. Keys without a character have a code point of their own
    /// (§17.4.2).
    #[track_caller]
    pub fn key(&self, key: char) {
        let press = json!([{"type": "keyDown", "value": key.to_string()}, {"type": "keyUp", "value": key.to_string()}]);
        self.call(
            "POST",
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": press}]}),
        );
    }

    /// Presses a key while Control is pressed.
    #[track_caller]
    pub fn key_with_control(&self, key: char) {
        const CONTROL: char = '\u{e009}';
        self.chord(&[CONTROL, key]);
    }

    /// Presses Tab until this button or link has the focus.
    #[track_caller]
    pub fn tab_to(&self, text: &str) {
        const MOST: usize = 30;
        let is_there = || self.js("return document.activeElement.textContent") == text;
        let tab = || {
            self.key('\u{e004}');
            is_there()
        };
        assert!(
            is_there() || std::iter::repeat_with(tab).take(MOST).any(|found| found),
            "Tab leads to {text}"
        );
    }

    /// Presses these keys together in the focused element, the first one first.
    #[track_caller]
    pub fn chord(&self, keys: &[char]) {
        let act = |kind: &'static str| move |key: &char| json!({"type": kind, "value": key.to_string()});
        let press: Vec<_> =
            keys.iter().map(act("keyDown")).chain(keys.iter().rev().map(act("keyUp"))).collect();
        let keyboard = json!([{"type": "key", "id": "keyboard", "actions": press}]);
        self.call("POST", "/actions", &json!({"actions": keyboard}));
    }

    /// Sends the browser a command that WebDriver lacks (Chrome DevTools Protocol).
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Drops these files and directories on the page, as from a file manager.
    #[track_caller]
    pub fn drop_files(&self, paths: &[&std::path::Path]) {
        let files: Vec<_> = paths.iter().map(|path| path.to_str().expect("text")).collect();
        for kind in ["dragEnter", "dragOver", "drop"] {
            let data = json!({"items": [], "files": files, "dragOperationsMask": 1});
            let event = json!({"type": kind, "x": 300, "y": 300, "data": data});
            self.devtools("Input.dispatchDragEvent", &event);
        }
    }

    /// Disables scripts in pages from now on.
    pub fn without_script(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// Sets whether pages are dark, and whether the screen is a phone's.
    pub fn show_as(&self, dark: bool, phone: bool) {
        let scheme = json!([{"name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" }}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": scheme}));
        if phone {
            let size = json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
            self.devtools("Emulation.setDeviceMetricsOverride", &size);
        } else {
            self.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
        }
    }

    /// A screenshot, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.call("GET", "/screenshot", &json!({}));
        from_base64(picture.as_str().expect("text"))
    }

    /// Opens another tab and switches to it; returns the handles of both for [`Browser::turn_to`].
    pub fn new_tab(&self) -> (String, String) {
        let old = self.call("GET", "/window", &json!({}));
        let new = self.call("POST", "/window/new", &json!({"type": "tab"}));
        let handles =
            [old.as_str(), new["handle"].as_str()].map(|handle| handle.expect("a handle").to_owned());
        self.turn_to(&handles[1]);
        let [old, new] = handles;
        (old, new)
    }

    /// Switches to another tab.
    pub fn turn_to(&self, handle: &str) {
        self.call("POST", "/window", &json!({"handle": handle}));
    }

    /// Closes this tab.
    pub fn close_tab(&self) {
        self.call("DELETE", "/window", &json!({}));
    }

    /// The browser's errors since the last call, except for missing resources. Its warnings and advice do not count: some
    /// of them say only that the machine is slow.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({"type": "browser"}));
        let messages = log.as_array().into_iter().flatten();
        messages
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].to_string())
            .filter(|text| !text.contains("a status of 404"))
            .collect()
    }
}

/// Decodes Base64 (RFC 4648 §4).
fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for value in text.bytes().map_while(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        (bits, count) = (bits << 6 | value as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (_, page) = self.try_call(
                "POST",
                "/execute/sync",
                &json!({"script": "return document.body.innerText", "args": []}),
            );
            eprintln!("--- the page: {page}");
            eprintln!("--- its errors: {:?}", self.complaints());
        }
        // Its pages are closed at once: their scripts would go on, and ask a server that is gone.
        let session = self.session.take().filter(|_| self.is_usual && !std::thread::panicking());
        IDLE.lock().expect("whole").extend(session.and_then(Session::renewed));
    }
}

/// A server, and a browser that shows the listing of its folder; `None` if there is no browser.
pub fn stage(flags: &[&str], fill: impl FnOnce(&Wharf)) -> Option<(Wharf, Browser)> {
    let wharf = Wharf::serve(flags);
    fill(&wharf);
    let browser = Browser::open()?;
    browser.go(&wharf.url("/?list"));
    Some((wharf, browser))
}

/// Like [`stage`], with a browser that can show PDF.
pub fn stage_with_pdf(fill: impl FnOnce(&Wharf)) -> Option<(Wharf, Browser)> {
    let wharf = Wharf::serve(&[]);
    fill(&wharf);
    let browser = Browser::complete(tempfile::tempdir().expect("a folder"))?;
    browser.go(&wharf.url("/?list"));
    Some((wharf, browser))
}
