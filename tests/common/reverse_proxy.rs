//! Reverse proxies in front of a server: nginx, Caddy and HAProxy, configured as in `deploy/`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::{Running, eventually, outside, root};

/// The socket in the files of `deploy/`.
const SOCKET: &str = "/run/wharf/wharf.sock";

/// A running proxy.
pub struct ReverseProxy {
    child: Running,
    address: SocketAddr,
    /// Reserves the port before the proxy binds it. It does not listen, so the proxy can bind it too, but no
    /// other program can.
    _port: Socket,
    place: TempDir,
}

/// Whether clients speak TLS to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    On,
    Off,
}

impl ReverseProxy {
    /// nginx with `deploy/nginx.conf`, in front of the server at this Unix-domain socket; `None` if nginx is
    /// not installed.
    pub fn nginx(socket: &str, tls: Tls) -> Option<Self> {
        Self::nginx_with(tls, |port, place| {
            let listen =
                if tls == Tls::On { format!("listen {port} ssl;") } else { format!("listen {port};") };
            let text = deployed("nginx.conf", socket).replace("listen 443 ssl;", &listen);
            let text = text.replace("/etc/ssl/files.example", &format!("{place}/tls"));
            if tls == Tls::On { text } else { without(&text, "ssl_certificate") }
        })
    }

    /// nginx with this text inside `http`, for this address and directory.
    pub fn nginx_with(tls: Tls, http: impl Fn(SocketAddr, &str) -> String) -> Option<Self> {
        let nginx = outside("nginx")?;
        Self::start(nginx, tls, |command, address, place| {
            let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = kinds.map(|kind| format!("{kind}_temp_path {place}/{kind};")).concat();
            let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
            // A single process, which ends with the test.
            let main = format!("daemon off; master_process off; {user} pid {place}/pid; events {{}}");
            let http = http(address, place);
            let text = format!("{main}\nhttp {{\naccess_log off;\n{temporary}\n{http}\n}}\n");
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["-p", place, "-e", &format!("{place}/errors"), "-c", &format!("{place}/conf")]);
        })
    }

    /// HAProxy with `deploy/haproxy.cfg`.
    pub fn haproxy(socket: &str, tls: Tls) -> Option<Self> {
        Self::start(outside("haproxy")?, tls, |command, address, place| {
            let crt = if tls == Tls::On { format!(" ssl crt {place}/tls.pem") } else { String::new() };
            let bind = "bind :443 ssl crt /etc/haproxy/files.example.pem";
            let text = deployed("haproxy.cfg", socket);
            assert!(text.contains(bind), "{text}");
            let text = text.replace(bind, &format!("bind {address}{crt}"));
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["-db", "-f", &format!("{place}/conf")]);
        })
    }

    /// Caddy with `deploy/Caddyfile`.
    pub fn caddy(socket: &str, tls: Tls) -> Option<Self> {
        Self::start(outside("caddy")?, tls, |command, address, place| {
            let port = address.port();
            let site = match tls {
                Tls::On => format!("files.example:{port} {{\n\ttls {place}/tls.pem {place}/tls.key"),
                Tls::Off => format!("http://:{port} {{"),
            };
            let text = deployed("Caddyfile", socket);
            let text = text.replace("files.example {", &format!("{site}\n\tbind {}", address.ip()));
            // No admin interface, and no ports besides this one.
            let text = format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}");
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["run", "--adapter", "caddyfile", "--config", &format!("{place}/conf")]);
            command.env("HOME", place).env("XDG_DATA_HOME", place).env("XDG_CONFIG_HOME", place);
        })
    }

    fn start(
        mut command: Command,
        tls: Tls,
        configure: impl Fn(&mut Command, SocketAddr, &str),
    ) -> Option<Self> {
        let place = tempfile::tempdir().expect("a folder");
        if tls == Tls::On {
            certify(place.path())?;
        }
        let port = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        port.set_reuse_address(true).expect("set");
        port.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
        let address = port.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        configure(&mut command, address, place.path().to_str().expect("text"));
        let log = fs::File::create(place.path().join("log")).expect("a log");
        let errors = log.try_clone().expect("cloned");
        let child = Running::start(command.stdin(Stdio::null()).stdout(log).stderr(errors));
        let mut proxy = Self { child, address, _port: port, place };
        eventually("it listens", || {
            assert!(proxy.child.try_wait().expect("a child").is_none(), "it exited: {}", proxy.log());
            TcpStream::connect(address).is_ok()
        });
        Some(proxy)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn log(&self) -> String {
        ["log", "errors"]
            .map(|name| fs::read_to_string(self.place.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the log of the proxy:\n{}", self.log());
        }
    }
}

/// A file of `deploy/`, for a server at this socket.
fn deployed(name: &str, socket: &str) -> String {
    let text = fs::read_to_string(root().join("deploy").join(name)).expect("it is there");
    assert!(text.contains(SOCKET), "{name} names {SOCKET}");
    text.replace(SOCKET, socket)
}

fn without(text: &str, word: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with(word)).collect::<Vec<_>>().join("\n")
}

/// Creates a certificate for `files.example`: `tls.key`, and `tls.pem`, which also contains the key, as
/// HAProxy requires.
fn certify(place: &Path) -> Option<()> {
    let made = outside("openssl")?
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=files.example", "-addext", "subjectAltName=DNS:files.example"])
        .args(["-keyout", "tls.key", "-out", "tls.crt"])
        .current_dir(place)
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let both =
        ["tls.crt", "tls.key"].map(|name| fs::read_to_string(place.join(name)).expect("made")).concat();
    fs::write(place.join("tls.pem"), both).expect("written");
    Some(())
}
