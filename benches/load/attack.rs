//! The attacks: what one client can do to deny service to others.
//!
//! Each is bounded: it opens at most [`UPLOADERS`] connections at once, and ends when the measurement ends.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// An attack, and the configuration of the server under attack.
pub struct Attack {
    /// Its name on the command line and in the table.
    pub name: &'static str,
    /// Shell commands that run before the server starts.
    pub shell: &'static str,
    /// The server's flags.
    pub flags: &'static [&'static str],
    /// Attacks until the target reports the end. All connections are closed when it returns.
    pub act: fn(&Target<'_>),
}

/// The target of an attack, and the attacker's address.
pub struct Target<'a> {
    pub address: SocketAddr,
    /// The attacker's address is 127.0.0.`from`.
    pub from: u8,
    pub is_over: &'a AtomicBool,
}

/// The log goes to a pipe that is never read: the server itself has its other end open.
const STALLED_LOG: &str =
    "export RUST_LOG=info; place=$(mktemp -d) && mkfifo $place/log && exec 2<>$place/log; rm -r $place";

pub const ATTACKS: &[Attack] = &[
    // Without syncing, so that the attacker uses as much CPU time as possible.
    Attack { name: "forms-cut", shell: ":", flags: &["--no-sync"], act: |target| send_forms(target, false) },
    Attack { name: "forms-whole", shell: ":", flags: &["--no-sync"], act: |target| send_forms(target, true) },
    Attack { name: "half-uploads", shell: "ulimit -n 1024", flags: &[], act: hold_uploads },
    Attack { name: "listings-unread", shell: ":", flags: &[], act: |target| request_listings(target, 0) },
    Attack { name: "listings-slow", shell: ":", flags: &[], act: |target| request_listings(target, SIP) },
    Attack { name: "resumable", shell: ":", flags: &[], act: begin_uploads },
    Attack { name: "hashes", shell: ":", flags: &[], act: request_hashes },
    Attack { name: "stalled-log", shell: STALLED_LOG, flags: &[], act: request_much },
    Attack { name: "connections", shell: ":", flags: &["--max-connections", "200"], act: connect_too_often },
];

/// Number of files in a form.
const PARTS: usize = 1000;

/// Number of entries in the directory that is listed.
const ENTRIES: usize = 20_000;

/// Large files to hash, and their size: each client disconnects before its hash is ready.
const LARGE_FILES: usize = 8;
const LARGE: u64 = 1 << 30;

/// How many connections are held: if descriptors run out, for listings, and if 200 are allowed.
const UPLOADERS: usize = 1000;
const READERS: usize = 100;
const CROWD: usize = 400;

/// How often an attacker that holds connections opens another.
const PULSE: Duration = Duration::from_millis(5);

/// How much a slow reader reads every [`PULSE`], in bytes.
const SIP: usize = 512;

/// How long an attacker waits for the server.
const PATIENCE: Duration = Duration::from_secs(1);

/// Creates the files for the attacks.
pub fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder.join("many"))?;
    for number in 0..ENTRIES {
        File::create(folder.join(format!("many/{number:06} with a usual name.txt")))?;
    }
    for number in 0..LARGE_FILES {
        // A sparse file takes no space on the disk, but hashing it takes as long as hashing any other file.
        File::create(folder.join(format!("large-{number}")))?.set_len(LARGE)?;
    }
    Ok(())
}

impl Target<'_> {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// A connection with a small receive buffer, over which this has been sent.
    fn send(&self, request: impl AsRef<[u8]>) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(4096)?;
        // Without this, the ports of closed connections could not be used again for a minute.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, self.from], 0)).into())?;
        socket.connect_timeout(&self.address.into(), PATIENCE)?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_ref())?;
        Ok(stream)
    }

    /// Holds this many connections, each with its own request, and replaces the oldest one every [`PULSE`].
    fn hold(&self, count: usize, request: impl Fn(usize) -> String, mut stir: impl FnMut(&mut TcpStream)) {
        let mut held = VecDeque::new();
        for number in 0.. {
            if self.is_over() {
                return;
            }
            held.extend(self.send(request(number)));
            if held.len() > count {
                held.pop_front();
                held.iter_mut().for_each(&mut stir);
                thread::sleep(PULSE);
            }
        }
    }

    /// Repeats this, whatever the result.
    fn repeat(&self, mut act: impl FnMut(usize) -> io::Result<()>) {
        for number in 0.. {
            if self.is_over() {
                return;
            }
            if act(number).is_err() {
                thread::sleep(PULSE);
            }
        }
    }
}

/// Forms of many tiny files, over one connection at a time, which is closed at once.
fn send_forms(target: &Target<'_>, is_whole: bool) {
    let part = |number| {
        format!("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"q{number}\"\r\n\r\n\r\n")
    };
    let parts: String = (0..PARTS).map(part).collect();
    let head = "POST /form/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=B\r\n";
    let request = if is_whole {
        let body = parts + "--B--\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    } else {
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{parts}\r\n", parts.len())
    };
    target.repeat(|_| target.send(&request).map(drop));
}

/// Uploads that have sent their first byte.
fn hold_uploads(target: &Target<'_>) {
    let request =
        |number| format!("PUT /half-{number} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx");
    target.hold(UPLOADERS, request, |_| ());
}

/// Listings in every format and order; each client reads this many bytes at a time.
fn request_listings(target: &Target<'_>, sip: usize) {
    let request = |number: usize| {
        let order = ["name", "-size", "time"][number % 3];
        let form = ["text/html", "application/json", "text/plain"][number / 3 % 3];
        format!("GET /many/?sort={order} HTTP/1.1\r\nHost: localhost\r\nAccept: {form}\r\n\r\n")
    };
    let mut bytes = vec![0; sip];
    target.hold(READERS, request, |stream| {
        // Nothing may have arrived yet.
        let _ = stream.set_nonblocking(true).and_then(|()| stream.read(&mut bytes));
    });
}

/// Resumable uploads without content, over one connection.
fn begin_uploads(target: &Target<'_>) {
    let request = |number| {
        format!(
            "POST /empty-{number} HTTP/1.1\r\nHost: localhost\r\nUpload-Complete: ?0\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let mut connection = None;
    target.repeat(|number| exchange(target, &mut connection, &request(number)));
}

/// Hashes of large files; each client disconnects at once.
fn request_hashes(target: &Target<'_>) {
    target.repeat(|number| {
        let file = number % LARGE_FILES;
        target.send(format!("GET /large-{file}?sha256 HTTP/1.1\r\nHost: localhost\r\n\r\n")).map(drop)
    });
}

/// Requests that each cause a long line in the log.
fn request_much(target: &Target<'_>) {
    let request = format!("GET /.wharf/health?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200));
    let mut connection = None;
    target.repeat(|_| exchange(target, &mut connection, &request));
}

/// Connections with one complete request, and connections with an incomplete one.
fn connect_too_often(target: &Target<'_>) {
    let request = |number| {
        let end = ["\r\n", ""][number % 2];
        format!("GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\n{end}")
    };
    target.hold(CROWD, request, |_| ());
}

/// Sends one request over this connection, or over a new one if it is closed, and reads part of the response.
fn exchange(target: &Target<'_>, connection: &mut Option<TcpStream>, request: &str) -> io::Result<()> {
    let mut stream = match connection.take() {
        Some(mut stream) => {
            stream.write_all(request.as_bytes())?;
            stream
        }
        None => target.send(request)?,
    };
    if stream.read(&mut [0; 4096])? > 0 {
        *connection = Some(stream);
    }
    Ok(())
}
