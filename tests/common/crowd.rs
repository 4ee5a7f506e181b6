//! A crowd of clients: many are idle, some read or write one byte at a time, some reconnect all the time.

use std::io::Read;
use std::net::TcpStream;

use super::{Wharf, Wire, raise_open_files};

/// How many clients of each kind there are.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Connections that have sent one request and are idle.
    pub idle: usize,
    /// Clients that read a file too slowly to ever finish.
    pub readers: usize,
    /// Clients that write such a file.
    pub writers: usize,
    /// Connections that are closed and opened again all the time.
    pub restless: usize,
}

/// The crowd that a server must be able to serve.
pub const CROWD: Sizes = Sizes { idle: 10_000, readers: 200, writers: 200, restless: 50 };

/// Descriptors that a test and a server need besides those of the crowd, because other tests run in the same process.
const OTHER_FILES: u64 = 8_000;

/// The size of the file that is read so slowly, and of those that are written: no transfer completes.
const ENDLESS: usize = 64 << 20;

/// All clients, connected.
pub struct Crowd<'w> {
    wharf: &'w Wharf,
    idle: Vec<Wire>,
    readers: Vec<Wire>,
    writers: Vec<Wire>,
    restless: Vec<TcpStream>,
}

impl Sizes {
    /// As many idle clients as the limit of open files allows.
    pub fn as_far_as_possible(self) -> Self {
        let possible = usize::try_from(raise_open_files().saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        Self { idle: self.idle.min(possible.max(100)), ..self }
    }

    /// How many connections that is.
    pub fn connections(self) -> usize {
        self.idle + self.readers + self.writers + self.restless
    }
}

impl<'w> Crowd<'w> {
    /// Connects all clients.
    pub fn gather(wharf: &'w Wharf, sizes: Sizes) -> Self {
        let path = wharf.write("endless.bin", "");
        let file = std::fs::File::options().write(true).open(path);
        file.and_then(|file| file.set_len(ENDLESS as u64)).expect("a long file");
        let connect = |number: usize| -> Vec<Wire> { (0..number).map(|_| wharf.connect()).collect() };
        let (mut idle, mut readers) = (connect(sizes.idle), connect(sizes.readers));
        for wire in &mut idle {
            wire.begin_to_ask("GET", "/.wharf/health", None);
        }
        for wire in &mut idle {
            assert_eq!(wire.read_answer(false).code(), 200);
        }
        for wire in &mut readers {
            wire.begin_to_ask("GET", "/endless.bin", None);
        }
        let mut writers = connect(sizes.writers);
        for (number, wire) in writers.iter_mut().enumerate() {
            wire.begin_to_ask("PUT", &format!("/never-{number}"), Some(ENDLESS));
        }
        let restless = (0..sizes.restless).map(|_| come(wharf)).collect();
        Self { wharf, idle, readers, writers, restless }
    }

    /// Each reader takes one byte, and each writer sends one. Only one of `groups` groups transfers bytes, so that not
    /// all do so at the same moment.
    pub fn stir(&mut self, group: usize, groups: usize) {
        for reader in self.readers.iter().skip(group).step_by(groups) {
            reader.stream().read_exact(&mut [0]).expect("a byte");
        }
        for writer in self.writers.iter_mut().skip(group).step_by(groups) {
            writer.send("x");
        }
    }

    /// The reconnecting clients of this group close their connections and open new ones.
    pub fn come_and_go(&mut self, group: usize, groups: usize) {
        for stream in self.restless.iter_mut().skip(group).step_by(groups) {
            *stream = come(self.wharf);
        }
    }

    /// The idle clients send another request: their connections are still open.
    pub fn ask_the_idle(&mut self) {
        for wire in self.idle.iter_mut().step_by(100) {
            assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200, "it is still open");
        }
    }
}

fn come(wharf: &Wharf) -> TcpStream {
    TcpStream::connect(wharf.address()).expect("a connection")
}
