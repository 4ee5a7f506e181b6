//! Uploads that fail, or whose connection is lost.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::super::driver::stage;
use super::{given, is_told, lines};
use crate::common::{eventually, sample};
use crate::resumable::occupy;

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
                        // Stalls until the test raises the limit; polled, because both are only numbers.
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
