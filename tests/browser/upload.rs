//! Uploading: by form and by drop, with a question if the name exists.

pub(super) mod adding;
mod broken;
mod card;
mod conflicts;
mod resumed;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::driver::{Browser, stage};
use crate::common::{Wharf, sample};

/// Files to upload, outside the shared folder.
pub(super) fn given(files: &[(&str, &[u8])]) -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().expect("a folder");
    let paths = files.iter().map(|(name, content)| {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(&path, content).expect("written");
        path
    });
    let paths = paths.collect();
    (place, paths)
}

pub(super) fn lines(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.to_str().expect("text")).collect::<Vec<_>>().join("\n")
}

pub(super) fn is_told(browser: &Browser, text: &str) {
    browser.until(&format!("document.querySelector('#uploads [role=status]')?.textContent === '{text}'"));
}

#[test]
fn the_form_uploads_without_scripts() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", b"one"), ("photo 2.jpg", b"two")]);
    browser.without_script();
    browser.go(&wharf.url("/?list"));
    browser.type_into("#give input", &lines(&paths));
    browser.click("#give button");
    browser.until("document.querySelectorAll('#files tbody tr').length === 2");
    assert_eq!(browser.names(), ["a.txt", "photo 2.jpg"]);
    assert_eq!((wharf.read("a.txt"), wharf.read("photo 2.jpg")), (b"one".to_vec(), b"two".to_vec()));
}

#[test]
fn an_error_of_the_form_is_shown_on_a_page() {
    let Some((wharf, browser)) = stage(&["--max-upload", "100"], |_| {}) else { return };
    let (_place, paths) = given(&[("large.bin", &sample(5000, 1))]);
    browser.without_script();
    browser.go(&wharf.url("/?list"));
    browser.type_into("#give input", &lines(&paths));
    browser.click("#give button");
    browser.until("document.querySelector('h1').textContent === 'Too large'");
    assert!(wharf.tree().is_empty());
}

#[test]
fn dropped_files_upload_with_a_progress_bar_each() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let large = sample(8 << 20, 3);
    let (place, _) = given(&[
        ("tree/deep/er/c.txt", b"c"),
        ("tree/b.txt", b"b"),
        ("large.bin", &large),
        ("tree/.hidden", b""),
    ]);
    browser.js(
        "window.bars = new Set(); window.said = new Set();
         new MutationObserver(() => document.querySelectorAll('#uploads li').forEach((row) => {
           const bar = row.querySelector('progress');
           if (bar && row.textContent.includes('large.bin')) { bars.add(bar.value); said.add(row.querySelector('small').textContent); }
         })).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true})",
    );
    browser.drop_files(&[&place.path().join("tree"), &place.path().join("large.bin")]);
    is_told(&browser, "3 uploaded");
    assert!(wharf.read("large.bin") == large);
    assert_eq!((wharf.read("tree/b.txt"), wharf.read("tree/deep/er/c.txt")), (b"b".to_vec(), b"c".to_vec()));
    assert!(!wharf.tree().iter().any(|path| path.contains("hidden")), "hidden files are not uploaded");
    browser.until("document.querySelectorAll('#files tbody tr').length === 2");
    assert_eq!(browser.names(), ["tree", "large.bin"]);
    assert!(browser.js("return bars.size").as_u64() > Some(1), "the bar moved");
    assert_eq!(browser.js("return [...said].some((text) => text.includes(' of 8.0 MiB'))"), true);
    browser.press("Clear");
    browser.until("!document.querySelector('#uploads')");
}

/// Dropped files that cannot be read are reported, and the rest is sent.
#[test]
fn a_directory_that_cannot_be_read_does_not_stop_the_rest() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    browser.js(
        "const broken = (done, error) => error(new DOMException('no', 'NotReadableError'));
         const file = (fullPath) => ({ isFile: true, fullPath, file: (done) => done(new File(['x'], fullPath)) });
         const folder = (fullPath, entries) => ({ fullPath, createReader: () => ({
             readEntries: (done, error) => entries ? done(entries.splice(0, 1)) : broken(done, error) }) });
         const tree = folder('/F', [file('/F/one.txt'), folder('/F/private'), { ...file('/F/gone.txt'), file: broken }, file('/F/two.txt')]);
         const items = [tree, folder('/locked'), file('/three.txt')].map((entry) => ({ webkitGetAsEntry: () => entry }));
         const drop = new Event('drop', { bubbles: true, cancelable: true });
         drop.dataTransfer = { types: ['Files'], items };
         dispatchEvent(drop)",
    );
    is_told(&browser, "3 uploaded, 3 failed");
    assert_eq!(wharf.tree(), ["F/", "F/one.txt", "F/two.txt", "three.txt"]);
    let failed =
        browser.js("return [...document.querySelectorAll('#uploads .failed')].map((row) => row.textContent)");
    let expected = ["F/private", "F/gone.txt", "locked"].map(|path| format!("{path}cannot be read"));
    assert_eq!(failed, serde_json::json!(expected));
}

#[test]
fn dropped_folders_keep_their_empty_folders() {
    let fill = |wharf: &Wharf| {
        fs::create_dir_all(wharf.folder().join("tree/there")).expect("made");
        wharf.write("tree/taken", "a file");
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (place, _) = given(&[("tree/full/a.txt", b"a"), ("tree/secret/.hidden", b"")]);
    for directory in ["tree/deep/er/a b", "tree/there", "tree/taken", "alone"] {
        fs::create_dir_all(place.path().join(directory)).expect("made");
    }
    browser.drop_files(&[&place.path().join("tree"), &place.path().join("alone")]);
    is_told(&browser, "5 uploaded, 1 failed");
    let made = ["alone/", "tree/", "tree/deep/", "tree/deep/er/", "tree/deep/er/a b/", "tree/full/"];
    let rest = ["tree/full/a.txt", "tree/secret/", "tree/taken", "tree/there/"];
    let mut tree = wharf.tree();
    tree.sort_unstable();
    assert_eq!(tree, [&made[..], &rest].concat());
    let failed = browser.js("return document.querySelector('#uploads .failed').textContent");
    let said = "tree/taken/a file or directory of that name exists (choose another name)Retry";
    assert_eq!(failed, serde_json::json!(said));
    let done = browser.js("return document.querySelector('#uploads details').textContent");
    assert!(done.as_str().is_some_and(|done| done.contains("tree/deep/er/a b/created")), "{done}");
}

#[test]
fn a_button_chooses_a_folder() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let (place, _) = given(&[("tree/deep/a.txt", b"a"), ("tree/b.txt", b"b")]);
    browser.type_into("#give input[webkitdirectory]", place.path().join("tree").to_str().expect("text"));
    is_told(&browser, "2 uploaded");
    assert_eq!((wharf.read("tree/deep/a.txt"), wharf.read("tree/b.txt")), (b"a".to_vec(), b"b".to_vec()));
}

/// Small files in one request, and large ones, which can be resumed.
#[test]
fn uploads_carry_the_time_of_the_file() {
    let Some((_wharf, browser)) = stage(&[], |_| {}) else { return };
    let (_place, paths) = given(&[("small.txt", b"x"), ("large.bin", &sample(2 << 20, 1))]);
    browser.js("window.times = [];
         const set = XMLHttpRequest.prototype.setRequestHeader;
         XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
           if (name === 'X-OC-MTime') times.push(value);
           return set.call(this, name, value);
         }");
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "2 uploaded");
    let seconds = |path: &PathBuf| {
        let time = fs::metadata(path).and_then(|facts| facts.modified()).expect("a time");
        time.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
    };
    let mut expected: Vec<_> = paths.iter().map(seconds).collect();
    expected.sort_unstable();
    assert_eq!(browser.js("return times.sort()"), serde_json::json!(expected));
}

/// The sum of all uploads is shown while they run; finished ones are folded.
#[test]
fn finished_uploads_are_folded_into_a_card() {
    let Some((_wharf, browser)) = stage(&["--no-sync"], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", b"x"), ("large.bin", &sample(3_000_000, 1))]);
    // The large one stops after 1.2 MB, then continues slowly.
    browser.js(
        "window.sums = new Set();
         new MutationObserver(() => sums.add(document.querySelector('#uploads > p')?.textContent)).observe(document.body, {subtree: true, childList: true});
         const send = XMLHttpRequest.prototype.send; XMLHttpRequest.prototype.send = function (body) {
           if (body?.size !== 3000000) return send.call(this, body);
           let sent = 0;
           const step = () => (this.upload.onprogress({loaded: sent += 300000}), sent < 2400000 ? setTimeout(step, 300) : send.call(this, body));
           step();
         }",
    );
    browser.type_into("#give input", &lines(&paths));
    browser.until("[...window.sums].some((sum) => /^[0-9.]+ [KM]iB of 2.9 MiB, [0-9.]+ [KM]iB.s, [0-9]+ s left$/.test(sum))");
    is_told(&browser, "2 uploaded");
    browser.until("document.querySelector('#uploads > p').textContent === '2.9 MiB'");
    assert_eq!(browser.js("return document.querySelectorAll('#uploads > ol > li').length"), 0);
    assert_eq!(browser.js("return document.querySelector('#uploads details').open"), false);
    browser.click("#uploads summary");
    assert!(browser.text("#uploads details").contains("large.bin"));
}

#[test]
fn a_read_only_folder_offers_no_uploads() {
    let Some((wharf, browser)) = stage(&["--read-only"], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", b"x")]);
    assert_eq!(browser.js("return document.querySelector('input[type=file]')"), serde_json::Value::Null);
    browser.drop_files(&[&paths[0]]);
    assert_eq!(browser.js("return document.querySelector('#uploads')"), serde_json::Value::Null);
    assert!(!wharf.settled_log().contains("PUT"));
}
