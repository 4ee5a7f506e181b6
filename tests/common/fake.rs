//! Servers that misbehave: one whose responses a test chooses, and one that forwards to a real server and
//! breaks off.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::PATIENCE;

/// A server that answers each request on a new connection.
pub struct Fake {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// A server that calls this for each request, with its head and the connection, which is closed afterwards.
    pub fn answers(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, asked) = (Arc::new(answer), Arc::clone(&requests));
        let address = listen(move |mut stream| {
            let Some(head) = read_head(&mut stream) else { return };
            lock(&asked).push(head.clone());
            answer(&head, &mut stream);
            // Closing with unread bytes would reset the connection.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        Self { address, requests }
    }

    /// The URL of a target.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far, each with its fields.
    pub fn all_requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }

    /// The requests for a target so far, each with its fields.
    pub fn requests(&self, target: &str) -> Vec<String> {
        let all = lock(&self.requests);
        all.iter().filter(|head| target_of(head) == target).cloned().collect()
    }
}

/// The target of a request.
pub fn target_of(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// A field's value in a head.
pub fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What a [`Proxy`] does with the next response.
#[derive(Debug, Clone, Copy)]
pub enum Plan {
    /// Forwards the response.
    Through,
    /// Closes both connections after this many bytes of content. With `reset`, the client loses what it has not read
    /// yet.
    Cut {
        /// The number of bytes of content after which it closes.
        after: u64,
        /// Whether it resets the connections.
        reset: bool,
    },
    /// Waits after this many bytes of content, until the test releases it.
    Hold(u64),
}

/// A proxy between a client and a server. Each connection carries one exchange.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    upstream: Mutex<SocketAddr>,
    plan: Mutex<Plan>,
    requests: Mutex<Vec<String>>,
    /// Bytes of content that were forwarded.
    content: AtomicU64,
    held: AtomicBool,
}

impl Proxy {
    /// A proxy in front of this server.
    pub fn before(upstream: SocketAddr) -> Self {
        let state = Arc::new(State {
            upstream: Mutex::new(upstream),
            plan: Mutex::new(Plan::Through),
            requests: Mutex::default(),
            content: AtomicU64::new(0),
            held: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let address = listen(move |client| {
            // The end of the input, whether by a close or an error.
            let _ = shared.exchange(client);
        });
        Self { address, state }
    }

    /// The URL of a target.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// Forwards to another server from now on.
    pub fn leads_to(&self, upstream: SocketAddr) {
        *lock(&self.state.upstream) = upstream;
    }

    /// Handles responses in this way from now on, and resets the counters.
    pub fn plan(&self, plan: Plan) {
        *lock(&self.state.plan) = plan;
        self.state.held.store(false, Ordering::SeqCst);
        self.state.content.store(0, Ordering::SeqCst);
        lock(&self.state.requests).clear();
    }

    /// Releases a held response.
    pub fn let_go(&self) {
        self.state.held.store(false, Ordering::SeqCst);
    }

    /// Whether a response is held.
    pub fn holds(&self) -> bool {
        self.state.held.load(Ordering::SeqCst)
    }

    /// How many bytes of content were forwarded since the plan was set.
    pub fn content(&self) -> u64 {
        self.state.content.load(Ordering::SeqCst)
    }

    /// The requests since the plan was set.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }
}

impl State {
    fn exchange(&self, mut client: TcpStream) -> std::io::Result<()> {
        let Some(request) = read_head(&mut client) else { return Ok(()) };
        let counts = !target_of(&request).contains('?');
        if counts {
            lock(&self.requests).push(request.clone());
        }
        let plan = if counts { *lock(&self.plan) } else { Plan::Through };
        let mut server = TcpStream::connect(*lock(&self.upstream))?;
        server.set_read_timeout(Some(PATIENCE))?;
        server.write_all(request.as_bytes())?;
        let Some(head) = read_head(&mut server) else { return Ok(()) };
        client.write_all(head.as_bytes())?;
        let length = if request.starts_with("HEAD ") { None } else { field(&head, "Content-Length") };
        let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        let stop = match plan {
            Plan::Through => u64::MAX,
            Plan::Cut { after, .. } | Plan::Hold(after) => after,
        };
        let mut passed = 0;
        while passed < length.min(stop) {
            let mut block = [0; 16 * 1024];
            let most = (length.min(stop) - passed).min(block.len() as u64) as usize;
            let count = server.read(&mut block[..most])?;
            if count == 0 {
                return Ok(());
            }
            // Counted before it is forwarded: a client that has received everything may check at once.
            if counts {
                self.content.fetch_add(count as u64, Ordering::SeqCst);
            }
            client.write_all(&block[..count])?;
            passed += count as u64;
        }
        if let Plan::Cut { reset: true, .. } = plan {
            SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
        }
        if let Plan::Hold(_) = plan {
            self.held.store(true, Ordering::SeqCst);
            // A peer that stalls until the test releases it.
            while self.held.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }
}

/// Listens, and serves each connection on a separate thread, until the test ends.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(PATIENCE)).expect("set");
            stream.set_nodelay(true).expect("set");
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads a head byte by byte, so that nothing after it is consumed; `None` at the end of the input.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.extend(byte),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
