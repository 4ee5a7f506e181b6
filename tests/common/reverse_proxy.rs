//! Reverse proxies in front of a server, configured as in `deploy/`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, geteuid};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::{Running, eventually, outside, root};

/// The socket in the files of `deploy/`.
const SOCKET: &str = "/run/wharf/wharf.sock";

/// The modules of Apache that its files in `deploy/` need, beside those that are always loaded.
const APACHE_MODULES: [&str; 8] =
    ["mpm_event", "authz_core", "unixd", "headers", "alias", "proxy", "proxy_http", "ssl"];

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

/// The proxies with files in `deploy/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Haproxy,
    Caddy,
    Apache,
    Varnish,
}

/// Where a proxy shows the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Root,
    /// Below `/files`, which stays in the path.
    Below,
    /// Below `/files`, which the proxy removes from the path.
    Removed,
}

impl Program {
    /// Whether it can speak TLS to clients.
    pub fn has_tls(self) -> bool {
        self != Self::Varnish
    }

    /// Its file in `deploy/`.
    fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Caddy => "Caddyfile",
            Self::Apache => "apache.conf",
            Self::Varnish => "varnish.vcl",
        }
    }

    /// What has to be changed to remove the prefix, according to its file for a prefix.
    fn removal(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Nginx => &[
                ("proxy_pass http://wharf;", "proxy_pass http://wharf/;"),
                ("X-Forwarded-Prefix \"\"", "X-Forwarded-Prefix /files"),
            ],
            Self::Haproxy => &[("    #   http-request", "    http-request")],
            Self::Caddy => &[
                ("handle /files/* {", "handle /files/* {\n\t\turi strip_prefix /files"),
                ("header_up -X-Forwarded-Prefix", "header_up X-Forwarded-Prefix /files"),
            ],
            Self::Apache => &[
                ("unset X-Forwarded-Prefix", "set X-Forwarded-Prefix /files"),
                ("http://localhost/files/ ", "http://localhost/ "),
            ],
            Self::Varnish => &[("    #   ", "    ")],
        }
    }
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Root, Self::Below, Self::Removed];

    /// The flags of the server.
    pub fn flags(self) -> &'static [&'static str] {
        if self == Self::Root { &[] } else { &["--base", "/files"] }
    }

    /// The prefix of the server's paths.
    pub fn prefix(self) -> &'static str {
        if self == Self::Root { "" } else { "/files" }
    }

    /// The text of a file of `deploy/` for this place, for a server at this socket.
    fn deployed(self, program: Program, socket: &str) -> String {
        let name = program.file();
        let text = if self == Self::Root { deployed(name) } else { deployed(&format!("prefix/{name}")) };
        assert!(text.contains(SOCKET), "{name} names {SOCKET}");
        let text = text.replace(SOCKET, socket);
        if self != Self::Removed {
            return text;
        }
        program.removal().iter().fold(text, |text, (old, new)| {
            assert!(text.contains(old), "{name} has {old}: {text}");
            text.replace(old, new)
        })
    }
}

impl ReverseProxy {
    /// nginx with `deploy/nginx.conf`, in front of the server at this Unix-domain socket; `None` if nginx is
    /// not installed.
    pub fn nginx(socket: &str, tls: Tls) -> Option<Self> {
        Self::of(Program::Nginx, Place::Root, socket, tls)
    }

    /// This program with its file of `deploy/`, in front of the server at this Unix-domain socket; `None` if it is not
    /// installed. Its user need not be that of the server.
    pub fn of(program: Program, place: Place, socket: &str, tls: Tls) -> Option<Self> {
        let text = place.deployed(program, socket);
        match program {
            Program::Nginx => Self::nginx_text(&text, tls),
            Program::Haproxy => Self::haproxy_with(&text, tls),
            Program::Caddy => Self::caddy_with(&text, tls),
            Program::Apache => Self::apache_with(&text, tls),
            Program::Varnish => Self::varnish_with(&text),
        }
    }

    /// nginx with this text of `deploy/`.
    pub fn nginx_text(text: &str, tls: Tls) -> Option<Self> {
        Self::nginx_with(tls, |address, directory| {
            let listen = if tls == Tls::On { " ssl" } else { "" };
            let text = replaced(text, "listen 443 ssl;", &format!("listen {address}{listen};"));
            let text = text.replace("/etc/ssl/files.example", &format!("{directory}/tls"));
            if tls == Tls::On { text } else { without(&text, "ssl_certificate") }
        })
    }

    /// nginx with this text inside `http`, for this address and directory.
    pub fn nginx_with(tls: Tls, http: impl Fn(SocketAddr, &str) -> String) -> Option<Self> {
        let nginx = outside("nginx")?;
        Self::start(nginx, tls, |command, address, place| {
            let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let temporary = kinds.map(|kind| format!("{kind}_temp_path {place}/{kind};")).concat();
            let user = if geteuid().is_root() { "user root;" } else { "" };
            // A single process, which ends with the test.
            let main = format!("daemon off; master_process off; {user} pid {place}/pid; events {{}}");
            let http = http(address, place);
            let text = format!("{main}\nhttp {{\naccess_log off;\n{temporary}\n{http}\n}}\n");
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["-p", place, "-e", &format!("{place}/errors"), "-c", &format!("{place}/conf")]);
        })
    }

    /// HAProxy with this text of `deploy/`.
    pub fn haproxy_with(text: &str, tls: Tls) -> Option<Self> {
        Self::start(outside("haproxy")?, tls, |command, address, place| {
            let crt = if tls == Tls::On { format!(" ssl crt {place}/tls.pem") } else { String::new() };
            let bind = "bind :443 ssl crt /etc/haproxy/files.example.pem";
            let text = replaced(text, bind, &format!("bind {address}{crt}"));
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["-db", "-f", &format!("{place}/conf")]);
        })
    }

    fn caddy_with(text: &str, tls: Tls) -> Option<Self> {
        Self::start(outside("caddy")?, tls, |command, address, place| {
            let port = address.port();
            let site = match tls {
                // It is also reached by its address, for clients that send no server name.
                Tls::On => format!("https://:{port} {{\n\ttls {place}/tls.pem {place}/tls.key"),
                Tls::Off => format!("http://:{port} {{"),
            };
            let text = replaced(text, "files.example {", &format!("{site}\n\tbind {}", address.ip()));
            // No admin interface, and no ports besides this one.
            let text = format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}");
            fs::write(format!("{place}/conf"), text).expect("written");
            command.args(["run", "--adapter", "caddyfile", "--config", &format!("{place}/conf")]);
            command.env("HOME", place).env("XDG_DATA_HOME", place).env("XDG_CONFIG_HOME", place);
        })
    }

    fn apache_with(text: &str, tls: Tls) -> Option<Self> {
        Self::start(outside("apache2")?, tls, |command, address, place| {
            let text = replaced(text, "<VirtualHost *:443>", &format!("<VirtualHost {address}>"));
            let text = text.replace("/etc/ssl/files.example", &format!("{place}/tls"));
            let text = if tls == Tls::On { text } else { without(&text, "SSL") };
            // Some may be built in.
            let modules = APACHE_MODULES.map(|name| {
                let file = format!("/usr/lib/apache2/modules/mod_{name}.so");
                format!("<IfModule !{name}_module>\nLoadModule {name}_module {file}\n</IfModule>\n")
            });
            // Apache refuses to run as root.
            let user = if geteuid().is_root() { "User nobody\nGroup nogroup\n" } else { "" };
            let main = format!(
                "ServerName localhost\nServerRoot {place}\nPidFile {place}/pid\nDefaultRuntimeDir {place}\n\
                 ErrorLog {place}/errors\nMutex pthread\n{user}Listen {address}\n"
            );
            fs::write(format!("{place}/conf"), format!("{}{main}{text}", modules.concat())).expect("written");
            // A single process, which ends with the test.
            command.args(["-X", "-f", &format!("{place}/conf")]);
        })
    }

    fn varnish_with(text: &str) -> Option<Self> {
        Self::start(outside("varnishd")?, Tls::Off, |command, address, place| {
            fs::write(format!("{place}/conf"), text).expect("written");
            // Does not change the user, because this user owns the socket.
            command.args([
                "-F",
                "-j",
                "none",
                "-n",
                &format!("{place}/work"),
                "-f",
                &format!("{place}/conf"),
            ]);
            command.args(["-a", &address.to_string(), "-s", "malloc,64m", "-p", "thread_pools=1"]);
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

    /// Its process ID.
    #[allow(dead_code, reason = "only the benchmark measures it")]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The certificate that it presents, and its key, in PEM format.
    #[cfg(feature = "tls")]
    pub fn certificate(&self) -> std::path::PathBuf {
        self.place.path().join("tls.crt")
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

/// A file of `deploy/`.
pub fn deployed(name: &str) -> String {
    fs::read_to_string(root().join("deploy").join(name)).expect("it is there")
}

/// The file of `deploy/` with the addresses of these servers.
pub fn with_addresses(name: &str, servers: impl IntoIterator<Item = SocketAddr>) -> String {
    (8081..).zip(servers).fold(deployed(name), |text, (port, server)| {
        replaced(&text, &format!("127.0.0.1:{port}"), &server.to_string())
    })
}

/// Replaces a part of the text, which must occur.
pub fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "it has {old}: {text}");
    text.replace(old, new)
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
