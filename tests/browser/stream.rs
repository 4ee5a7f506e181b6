//! The page reads the chat's event stream itself: in every form that a stream may have, and again after every break.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::chat::{hears, join, says};
use super::driver::{Browser, stage};
use super::upload;
use crate::common::{Wharf, eventually};

/// A proxy that passes event streams on in other forms, a byte at a time, and breaks them.
struct Proxy {
    address: SocketAddr,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// The number of bytes of a stream after which its connection is closed; if it is not positive, no connection is
    /// closed.
    cut_after: AtomicIsize,
    /// How many streams there were.
    streams: AtomicUsize,
    /// The streams up to this one get nothing more.
    silent: AtomicUsize,
}

/// The line ends of a stream (WHATWG HTML §9.2.5); the events use them in turn.
const LINE_ENDS: [&str; 3] = ["\n", "\r", "\r\n"];

impl Proxy {
    fn before(wharf: &Wharf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let (address, faults) = (listener.local_addr().expect("bound"), Arc::new(Faults::default()));
        let (server, shared) = (wharf.address(), Arc::clone(&faults));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { continue };
                let faults = Arc::clone(&shared);
                let [from, to] = [&client, &server].map(|stream| stream.try_clone().expect("a descriptor"));
                thread::spawn(move || pass(&from, &to));
                thread::spawn(move || answer(&server, &client, &faults));
            }
        });
        Self { address, faults }
    }

    fn url(&self) -> String {
        format!("http://{}/?list", self.address)
    }

    fn streams(&self) -> usize {
        self.faults.streams.load(Ordering::SeqCst)
    }
}

/// Passes on what a client sends.
/// Passes on requests, but none for the stream of the listing: it must not count.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let read = &bytes[..count];
        if String::from_utf8_lossy(read).contains("?changes HTTP/1.1") {
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
        if to.write_all(read).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Passes on the responses of the server, and changes its event streams.
fn answer(mut server: &TcpStream, mut client: &TcpStream, faults: &Faults) {
    let (mut bytes, mut stream) = ([0; 4096], None);
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        let mut read = &bytes[..count];
        if stream.is_none()
            && let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n")
            && String::from_utf8_lossy(&read[..end]).contains("text/event-stream")
        {
            let (head, rest) = read.split_at(end + 4);
            let number = faults.streams.fetch_add(1, Ordering::SeqCst) + 1;
            stream = Some(Changed { number, events: 0, text: String::new(), bytes: Vec::new() });
            if client.write_all(&[head, "\u{feff}".as_bytes()].concat()).is_err() {
                break;
            }
            read = rest;
        }
        let is_passed = if let Some(stream) = &mut stream {
            stream.send(read, client, faults)
        } else {
            client.write_all(read).is_ok()
        };
        if !is_passed {
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

/// A stream in another form.
struct Changed {
    number: usize,
    events: usize,
    text: String,
    bytes: Vec<u8>,
}

impl Changed {
    /// Sends all events that are whole now; returns whether the connection stays.
    fn send(&mut self, read: &[u8], mut client: &TcpStream, faults: &Faults) -> bool {
        self.bytes.extend_from_slice(read);
        let Ok(text) = std::str::from_utf8(&self.bytes) else { return true };
        self.text.push_str(text);
        self.bytes.clear();
        client.set_nodelay(true).expect("set");
        while let Some((event, rest)) = self.text.split_once("\n\n") {
            // A field without a colon, an ID that does not count, a comment, a short pause, and the data in two lines.
            let mut form = format!(":é\nnonsense\nid: \0\nretry:10\nretry: x\n{event}\n\n");
            if let Some(at) = form.find("\",\"") {
                form.insert_str(at + 2, "\ndata:");
            }
            let form = form.replace('\n', LINE_ENDS[self.events % LINE_ENDS.len()]);
            self.events += 1;
            self.text = rest.to_owned();
            for byte in form.as_bytes() {
                while self.number <= faults.silent.load(Ordering::SeqCst) {
                    if is_closed(client) {
                        return false;
                    }
                }
                if client.write_all(&[*byte]).is_err() || faults.cut_after.fetch_sub(1, Ordering::SeqCst) == 1
                {
                    return false;
                }
            }
        }
        true
    }
}

/// Whether the other end has closed the connection within a moment.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    !matches!(stream.peek(&mut [0]), Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted))
}

/// A member who speaks without a browser.
fn speaker(wharf: &Wharf, name: &str) -> impl Fn(&str) {
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", format!("user={name}").as_bytes()).text();
    let fields = format!("Wharf-Member: {}\r\n", joined.split('"').nth(3).expect("a token"));
    move |text| {
        assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, text.as_bytes()).code(), 202);
    }
}

#[test]
fn every_form_of_a_stream_is_read_and_no_break_loses_a_message() {
    let wharf = Wharf::serve(&[]);
    let proxy = Proxy::before(&wharf);
    let Some(browser) = Browser::open() else { return };
    browser.go(&proxy.url());
    join(&browser, "bob");
    browser.until("document.querySelector('#state').textContent === '1 here'");
    let ann_says = speaker(&wharf, "ann");
    let texts: Vec<_> =
        (0..30).map(|number| format!("n{number}: größe 漢字 🚢 \u{2028}\"a\",\"b\" :x\nline two")).collect();
    for (number, text) in (0_isize..).zip(&texts) {
        let streams = proxy.streams();
        if number % 3 == 2 {
            // In the middle of an event: in its ID, its data, or a character.
            proxy.faults.cut_after.store(40 + 23 * number % 170, Ordering::SeqCst);
        }
        ann_says(text);
        if number % 3 == 2 {
            eventually("the page has requested the stream again", || proxy.streams() > streams);
        }
    }
    hears(&browser, "n29: ");
    let heard =
        "return [...document.querySelectorAll('#log p:not(.told)')].map((p) => p.lastChild.textContent)";
    let heard: Vec<String> = serde_json::from_value(browser.js(heard)).expect("texts");
    assert_eq!(heard, texts, "each once, in order");
    assert_eq!(browser.text("#state"), "2 here");
}

#[test]
fn a_silent_stream_is_replaced() {
    let wharf = Wharf::serve(&[]);
    let proxy = Proxy::before(&wharf);
    let Some(browser) = Browser::open() else { return };
    browser.go(&proxy.url());
    join(&browser, "bob");
    says(&browser, "before");
    hears(&browser, "you before");
    let ann_says = speaker(&wharf, "ann");
    // The connection stays open, as when the machine has slept meanwhile.
    proxy.faults.silent.store(proxy.streams(), Ordering::SeqCst);
    ann_says("unheard");
    browser.js("const now = Date.now; Date.now = () => now() + 60_000");
    hears(&browser, "ann unheard");
    assert_eq!(proxy.streams(), 2);
}

#[test]
fn the_pauses_between_attempts_grow() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "ann");
    browser.until("document.querySelector('#state').textContent === '1 here'");
    // A hidden page does not follow its listing, so these are the pauses of the chat.
    browser.js("Object.defineProperty(document, 'visibilityState', {value: 'hidden'}); \
                document.dispatchEvent(new Event('visibilitychange'))");
    // Only these pauses are random, so the others are integers. They are shortened.
    browser.js("window.pauses = []; const set = setTimeout; \
                window.setTimeout = (act, time) => set(act, Number.isInteger(time) ? time : (pauses.push(time), 1))");
    let port = wharf.address().port().to_string();
    let place = wharf.kill();
    browser.until("pauses.length >= 8");
    let pauses: Vec<f64> = serde_json::from_value(browser.js("return pauses")).expect("numbers");
    for (pause, longest) in pauses.iter().zip([2., 4., 8., 16., 30., 30., 30., 30.]) {
        assert!((longest * 500. ..=longest * 1000.).contains(pause), "{pauses:?}");
    }
    let _again = Wharf::serve_in(place, &["--port", &port]);
    browser.until("document.querySelector('#state').textContent === '1 here'");
}

/// All tabs and later visits are the same member; its uploads are announced with its name.
#[test]
fn a_member_stays_the_same_until_it_leaves() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "ann");
    says(&browser, "first");
    hears(&browser, "you first");
    browser.go(&wharf.url("/?list"));
    says(&browser, "second");
    hears(&browser, "you second");
    let (_given, paths) = upload::given(&[("new.txt", b"new")]);
    browser.type_into("#give input", &upload::lines(&paths));
    hears(&browser, "ann uploaded new.txt, 3 B");
    let joined = || wharf.log().matches("joined the chat as ann").count();
    assert_eq!(joined(), 1);
    browser.press("Leave");
    eventually("she has left", || wharf.log().contains("left the chat as ann"));
    assert_eq!(browser.js("return Object.keys(localStorage)"), serde_json::json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
