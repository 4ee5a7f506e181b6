//! Uploading: by form and by drop, with a question if the name exists.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use tempfile::TempDir;

use super::driver::{Browser, stage};
use crate::common::{Wharf, eventually, sample};
use crate::resumable::occupy;

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

#[test]
fn a_name_that_exists_is_asked_about() {
    let fill = |wharf: &Wharf| {
        for name in ["a.txt", "b.txt", "c.txt"] {
            wharf.write(name, "old");
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) =
        given(&[("a.txt", b"new a"), ("b.txt", b"new b"), ("c.txt", b"new c"), ("d.txt", b"new d")]);
    browser.type_into("#give input", &lines(&paths));
    for (name, answer) in [("a.txt", "Replace"), ("b.txt", "Keep both"), ("c.txt", "Skip")] {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.press(answer);
    }
    is_told(&browser, "3 uploaded");
    let table =
        [("a.txt", "new a"), ("b.txt", "old"), ("b (1).txt", "new b"), ("c.txt", "old"), ("d.txt", "new d")];
    for (name, content) in table {
        assert_eq!(wharf.read(name), content.as_bytes(), "{name}");
    }
    assert_eq!(wharf.tree().len(), 5);
}

/// The question shows both sizes and times, and says if the contents are the same.
#[test]
fn the_question_compares_both_files() {
    let fill = |wharf: &Wharf| {
        for (name, content) in [("a.txt", "same"), ("b.txt", "five."), ("c.txt", "longer")] {
            wharf.write(name, content);
        }
        fs::create_dir(wharf.folder().join("d.txt")).expect("made");
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) =
        given(&[("a.txt", b"same"), ("b.txt", b"FIVE."), ("c.txt", b"short"), ("d.txt", b"no folder")]);
    browser.type_into("#give input", &lines(&paths));
    let table = [
        ("a.txt", "4 B", "4 B", "Both have the same content. Replace it?"),
        ("b.txt", "5 B", "5 B", "Replace it?"),
        ("c.txt", "6 B", "5 B", "Replace it?"),
    ];
    for (name, there, here, verdict) in table {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.until(&format!("document.querySelector('dialog p').textContent === '{verdict}'"));
        let facts = browser.text("dialog ul");
        let (first, second) = facts.split_once('\n').expect("two lines");
        assert!(first.starts_with(&format!("In the folder: {there}, 20")), "{facts}");
        assert!(second.starts_with(&format!("Your file: {here}, 20")), "{facts}");
        let focused = if verdict.starts_with("Both") { "Skip" } else { "Keep both" };
        assert_eq!(browser.js("return document.activeElement.textContent"), focused, "{name}");
        browser.press("Skip");
    }
    browser.until("document.querySelector('dialog p')?.textContent === 'It is a folder.'");
    assert!(!browser.text("dialog").contains("Replace"));
    browser.press("Keep both");
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.read("d (1).txt"), b"no folder");
}

/// Behind a proxy, visitors may add files only.
#[test]
fn what_may_not_be_replaced_is_kept() {
    let fill = |wharf: &Wharf| {
        for (name, content) in [("a.txt", "same"), ("b.txt", "old")] {
            wharf.write(name, content);
        }
    };
    let Some((wharf, browser)) = stage(&["--trust-proxy", "203.0.113.1"], fill) else { return };
    let (_place, paths) = given(&[("a.txt", b"same"), ("b.txt", b"new b")]);
    browser.type_into("#give input", &lines(&paths));
    let table = [
        ("a.txt", "Both have the same content. You cannot replace it.", "Skip"),
        ("b.txt", "You cannot replace it.", "Keep both"),
    ];
    for (name, verdict, answer) in table {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.until(&format!("document.querySelector('dialog p').textContent === '{verdict}'"));
        assert!(!browser.text("dialog .row").contains("Replace"), "{name}");
        browser.press(answer);
    }
    is_told(&browser, "1 uploaded");
    assert_eq!((wharf.read("b.txt"), wharf.read("b (1).txt")), (b"old".to_vec(), b"new b".to_vec()));
}

/// The page knows the rights in its directory only.
#[test]
fn what_may_not_be_replaced_in_a_subdirectory_is_asked_about_again() {
    let fill = |wharf: &Wharf| {
        wharf.write("sub/a.txt", "old");
    };
    let rules = ["--allow", "everyone=write", "--allow", "everyone=view,add@/sub"];
    let Some((wharf, browser)) = stage(&rules, fill) else { return };
    let (place, _) = given(&[("sub/a.txt", b"new")]);
    browser.drop_files(&[&place.path().join("sub")]);
    browser.until("document.querySelector('dialog p')?.textContent === 'Replace it?'");
    browser.press("Replace");
    browser.until("document.querySelector('dialog p')?.textContent === 'You cannot replace it.'");
    assert!(!browser.text("dialog .row").contains("Replace"));
    browser.press("Keep both");
    is_told(&browser, "1 uploaded");
    assert_eq!((wharf.read("sub/a.txt"), wharf.read("sub/a (1).txt")), (b"old".to_vec(), b"new".to_vec()));
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

/// The server has every byte, but its response is missing: the upload can still be cancelled.
#[test]
fn an_upload_can_be_cancelled_when_all_is_sent() {
    const SIZE: usize = 3 << 20;
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let network = Network::before(wharf.address(), usize::MAX);
    browser.go(&format!("http://{}/?list", network.address));
    let (_place, paths) = given(&[("large.bin", &sample(SIZE, 6))]);
    network.hold_responses_after(SIZE);
    browser.type_into("#give input", &lines(&paths));
    eventually("all is sent", || wharf.log().contains("\"PATCH /.wharf/uploads/TOKEN HTTP/1.1\" 204"));
    browser.until("document.querySelector('#uploads li progress').value === document.querySelector('#uploads li progress').max");
    browser.press("Cancel");
    network.hold_responses_after(usize::MAX);
    browser.until("!document.querySelector('#uploads')");
    eventually("it is cancelled", || wharf.log().contains("\"DELETE /.wharf/uploads/TOKEN HTTP/1.1\" 204"));
    assert_eq!(wharf.tree(), [".wharf/", ".wharf/uploads/"], "neither the file nor a part of it is left");
    // A small file is saved as soon as all is sent: then the page offers no Cancel.
    let (_place, paths) = given(&[("small.txt", b"small")]);
    browser.js("window.fetch = async () => new Response('{\"entries\":[]}')");
    network.hold_responses_after(0);
    browser.type_into("#give input", &lines(&paths));
    browser.until("document.querySelector('#uploads li small')?.textContent === 'saving'");
    assert_eq!(browser.js("return document.querySelector('#uploads li button').disabled"), true);
    network.hold_responses_after(usize::MAX);
    is_told(&browser, "1 uploaded");
}

#[test]
fn one_answer_can_apply_to_all() {
    let fill = |wharf: &Wharf| {
        for name in ["a.txt", "b.txt"] {
            wharf.write(name, "old");
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) = given(&[("a.txt", b"new"), ("b.txt", b"new")]);
    browser.type_into("#give input", &lines(&paths));
    browser.click("dialog input");
    browser.press("Keep both");
    is_told(&browser, "2 uploaded");
    assert_eq!((wharf.read("a (1).txt"), wharf.read("b (1).txt")), (b"new".to_vec(), b"new".to_vec()));
    assert_eq!((wharf.read("a.txt"), wharf.read("b.txt")), (b"old".to_vec(), b"old".to_vec()));
}

#[test]
fn a_name_that_another_client_takes_meanwhile_is_never_replaced_unasked() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", b"new")]);
    // The page gets an empty listing, although the folder has files.
    browser.js("const real = fetch; window.fetch = async (...asked) => asked[1]?.headers?.Accept === 'application/json' ? new Response('{\"entries\":[]}') : real(...asked)");
    wharf.write("a.txt", "old");
    browser.type_into("#give input", &lines(&paths));
    browser.until("document.querySelector('dialog h2')?.textContent === 'a.txt already exists'");
    assert_eq!(wharf.read("a.txt"), b"old");
    browser.press("Replace");
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.read("a.txt"), b"new");
}

#[test]
fn a_failed_upload_can_be_retried() {
    let Some((wharf, browser)) = stage(&["--max-upload", "100"], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", &sample(200, 1))]);
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 failed");
    browser.until("document.querySelector('#uploads .failed small').textContent === 'the file is larger than the 100 bytes allowed'");
    browser.press("Retry");
    eventually("it is retried", || wharf.log().matches("\"PUT /a.txt HTTP/1.1\" 413").count() == 2);
    is_told(&browser, "1 failed");
    assert!(wharf.tree().is_empty());
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

#[test]
fn an_upload_falls_back_to_a_single_request_if_pieces_are_refused() {
    let Some((wharf, browser)) = stage(&["--no-sync"], |_| {}) else { return };
    let busy = occupy(&wharf);
    let content = sample(3 << 20, 1);
    let (_place, paths) = given(&[("large.bin", &content)]);
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == content);
    eventually("it was refused in pieces", || wharf.log().contains("\"POST /large.bin HTTP/1.1\" 503"));
    drop(busy);
}

#[test]
fn an_upload_that_the_server_has_lost_is_sent_whole() {
    let Some((wharf, browser)) = stage(&["--no-sync"], |_| {}) else { return };
    // It is deleted as soon as it has started.
    browser.js(
        "const open = XMLHttpRequest.prototype.open;
         XMLHttpRequest.prototype.open = function (method, url) {
           return open.call(this, method, method === 'PATCH' ? url.replace(/.$/, (last) => last === '0' ? '1' : '0') : url);
         }",
    );
    let content = sample(3 << 20, 2);
    let (_place, paths) = given(&[("large.bin", &content)]);
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == content);
    assert!(wharf.settled_log().contains("\"PATCH /.wharf/uploads/TOKEN HTTP/1.1\" 404"), "it was lost");
}

/// A network between the browser and the server that breaks once, after this many bytes of one connection.
struct Network {
    address: SocketAddr,
    /// How many bytes the browser has sent in total.
    carried: Arc<AtomicUsize>,
    /// Responses are held back after this many of them.
    holds: Arc<AtomicUsize>,
}

impl Network {
    fn before(server: SocketAddr, breaks_after: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("an address");
        let carried = Arc::new(AtomicUsize::new(0));
        let holds = Arc::new(AtomicUsize::new(usize::MAX));
        let (count, is_whole) = (Arc::clone(&carried), Arc::new(AtomicBool::new(true)));
        let held = Arc::clone(&holds);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(server) else { return };
                // Bytes in flight are lost when it breaks, but only a few.
                SockRef::from(&far).set_send_buffer_size(64 * 1024).expect("set");
                let (back_from, back_to) =
                    (far.try_clone().expect("a socket"), near.try_clone().expect("a socket"));
                let (sent, held) = (Arc::clone(&count), Arc::clone(&held));
                thread::spawn(move || {
                    carry(back_from, back_to, |_| {
                        while sent.load(Ordering::Relaxed) > held.load(Ordering::Relaxed) {
                            thread::sleep(Duration::from_millis(5));
                        }
                        true
                    });
                });
                let (count, is_whole, mut on_this) = (Arc::clone(&count), Arc::clone(&is_whole), 0);
                thread::spawn(move || {
                    carry(near, far, |length| {
                        count.fetch_add(length, Ordering::Relaxed);
                        on_this += length;
                        on_this < breaks_after || !is_whole.swap(false, Ordering::Relaxed)
                    });
                });
            }
        });
        Self { address, carried, holds }
    }

    /// Holds responses back once the browser has sent this many bytes.
    fn hold_responses_after(&self, bytes: usize) {
        self.holds.store(bytes, Ordering::Relaxed);
    }
}

/// Copies bytes one way while this returns true; then closes both directions.
fn carry(mut from: TcpStream, mut to: TcpStream, mut goes_on: impl FnMut(usize) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !goes_on(length) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both).and(to.shutdown(Shutdown::Both));
}

#[test]
fn a_lost_connection_costs_only_the_bytes_in_flight() {
    const SIZE: usize = 12 << 20;
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let network = Network::before(wharf.address(), SIZE * 3 / 4);
    browser.go(&format!("http://{}/?list", network.address));
    let content = sample(SIZE, 5);
    let (_place, paths) = given(&[("large.bin", &content)]);
    browser.js(
        "window.said = new Set();
         new MutationObserver(() => document.querySelectorAll('#uploads small').forEach((text) => said.add(text.textContent)))
           .observe(document.body, {subtree: true, childList: true, characterData: true})",
    );
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == content);
    assert_eq!(browser.js("return [...said].some((text) => text.startsWith('connection lost'))"), true);
    let carried = network.carried.load(Ordering::Relaxed);
    // Chromium may send the lost request again by itself, and sends all of it before it looks for a response. The
    // server refuses it, and takes what the buffers of the sockets hold. A second start would send again what the first
    // connection has transferred.
    assert!(carried < SIZE + SIZE / 2, "{carried} bytes were sent for {SIZE}");
}
