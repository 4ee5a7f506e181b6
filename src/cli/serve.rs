//! `wharf serve [DIR]`: shares a folder.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use rustix::fs::Mode;
use rustix::process::geteuid;

use super::exit::Failure;
use super::outputs::Outputs;
use super::{signals, size};
use crate::folder::{Folder, OnConflict, Rules};
use crate::net::inherited::Inherited;
use crate::net::listener::ListenAddress;
use crate::net::reach::reached_at;
use crate::net::unix::SocketName;
use crate::printable::Printable;
use crate::qr::{self, Colours};
use crate::server::{AllowedHosts, Config, HostName, KeepAlive, ListenConfig, Recorder, Server};
use crate::stop::{Stop, StopReason};

/// The TCP port unless it is told otherwise.
const PORT: u16 = 8080;

/// Share a folder with browsers, curl and `wharf client`
// A flag stands there or does not.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The folder [default: www]
    #[arg(env = "SERVER_SHARED_FILES", conflicts_with = "dir")]
    folder: Option<PathBuf>,
    /// The folder, said as a flag
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The TCP port; 0 takes a free one [default: 8080]
    #[arg(short, long)]
    port: Option<u16>,
    /// Where to listen; may be given again; 0.0.0.0 or :: shares with the network [default: 127.0.0.1]
    #[arg(short, long, value_name = "ADDR")]
    ip: Vec<IpAddr>,
    /// Do not listen on TCP
    #[arg(long, conflicts_with = "port")]
    no_tcp: bool,
    /// Listen on a Unix-domain socket too; `@NAME` is an abstract one, which every user of this machine may
    /// reach; may be given again
    #[arg(long, value_name = "PATH")]
    unix: Vec<OsString>,
    /// The mode of that socket, in octal: who may connect
    #[arg(long, value_name = "MODE", default_value = "0600", value_parser = mode)]
    unix_mode: Mode,
    /// Serve TFTP too, at this UDP port; 0 takes a free one
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "6969",
        value_parser = udp_port)]
    udp: Option<u16>,
    /// TFTP transfers at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    udp_sessions: u16,
    /// A name of this server, besides localhost, the machine's own and IP addresses: what is in the address bar, also
    /// where a proxy adds TLS; may be given again
    #[arg(long, value_name = "NAME")]
    host: Vec<HostName>,
    /// How long a connection is kept between two requests: `dynamic` is max(5, 20 - n) seconds, n the
    /// connections open now; or a number of seconds
    #[arg(long, value_name = "RULE", default_value = "dynamic", value_parser = keep_alive)]
    timeout: KeepAlive,
    /// Leave after so many seconds without a request; `never` stays
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = idle_exit)]
    idle_exit: IdleExit,
    /// Give up a body, in or out, of which no byte moves for so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    stall: Duration,
    /// Threads that serve; waiting clients need none
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    workers: u16,
    /// Connections at once; past it the longest idle one makes room, or the new one is turned away
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Take no uploads
    #[arg(long)]
    read_only: bool,
    /// What becomes of an upload whose name exists
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Overwrite)]
    on_conflict: Conflict,
    /// The largest upload, as 500M or 2G [default: what the disk holds]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_upload: Option<u64>,
    /// Uploads leave so much of the disk free, as 500M or 2G
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = size::parse)]
    reserve: u64,
    /// Say that an upload is saved before it is on the disk: for measurements, and for folders that one can
    /// afford to lose in a power failure
    #[arg(long)]
    no_sync: bool,
    /// Serve and accept names that begin with a dot (never `.wharf`)
    #[arg(long)]
    hidden: bool,
    /// Show the address as a QR code too, for a telephone: that of the network, if it is shared there
    #[arg(long)]
    qr: bool,
    /// No chat
    #[arg(long)]
    no_chat: bool,
    /// Open event streams of the chat at once; never more than four fifths of the connections
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_subscribers: u32,
    /// Let HTML and SVG of the folder do what the server's own pages may, though others can write there
    #[arg(long)]
    trust_html: bool,
    /// Let a client's `exit` stop the server
    #[arg(long)]
    allow_exit: bool,
    /// Log to this file instead of stderr; SIGHUP opens it again; it must not be in the folder; `RUST_LOG` sets what
    /// is logged
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Write a script of the requests served, for `wharf replay`; SIGHUP opens it again; it must not be in the folder
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// What `--on-conflict` says.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Conflict {
    /// The new file takes the old one's place
    Overwrite,
    /// The upload is refused
    Refuse,
    /// The new file is saved beside it, as `a (1).txt`
    Rename,
}

/// What `--idle-exit` says.
#[derive(Debug, Clone, Copy)]
enum IdleExit {
    After(Duration),
    Never,
}

impl Default for ServeArgs {
    fn default() -> Self {
        /// `wharf serve` without a word, as clap fills it in.
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: ServeArgs,
        }
        Alone::parse_from(["wharf"]).args
    }
}

/// Serves until it is stopped.
pub fn run(args: ServeArgs) -> Result<(), Failure> {
    let (log, record) = (args.log_file.as_deref(), args.record.as_deref());
    let outputs = Outputs::open(log, record, args.root())?;
    let served = serve(args, &outputs);
    outputs.flush();
    served
}

fn serve(args: ServeArgs, outputs: &Outputs) -> Result<(), Failure> {
    let inherited = Inherited::take().map_err(|error| format!("cannot take over LISTEN_FDS: {error}"))?;
    let stop = Stop::new()?;
    let (hung_up, leaving) = (outputs.clone(), outputs.clone());
    signals::become_stop(stop.clone(), move || hung_up.reopen(), move || leaving.flush())?;
    signals::outlive_file_limit()?;
    let (idle_exit, shows_code) = (args.idle_exit, args.qr);
    let config = config(args, inherited, outputs.recorder())?;
    let files = outputs.clone();
    config.folder.follow_if(move || files.ensure_outside());
    let root = config.root.clone();
    let takes_writes = !config.folder.rules().read_only;
    let server = Server::bind(config, stop)?;
    outputs.print(&greeting(&root, &server, idle_exit, takes_writes));
    if shows_code {
        outputs.print(&code(&server));
    }
    log::info!("serving {}", Printable::path(&root));
    if geteuid().is_root() {
        log::warn!(
            "running as root: a fault in wharf would have all rights; run it as another user, as deploy/ shows"
        );
    }
    server.run(|why| outputs.print(&announcement(why, idle_exit)))?;
    log::info!("stopped");
    outputs.print("\nBye.\n");
    Ok(())
}

impl ServeArgs {
    /// The folder to share.
    fn root(&self) -> &Path {
        self.folder.as_deref().or(self.dir.as_deref()).unwrap_or(Path::new("www"))
    }
}

fn config(args: ServeArgs, inherited: Inherited, recorder: Option<Recorder>) -> Result<Config, Failure> {
    let listen = listen_config(&args, inherited)?;
    let root = args.root();
    let rules = Rules {
        hidden: args.hidden,
        read_only: args.read_only,
        on_conflict: match args.on_conflict {
            Conflict::Overwrite => OnConflict::Overwrite,
            Conflict::Refuse => OnConflict::Refuse,
            Conflict::Rename => OnConflict::Rename,
        },
        max_upload: args.max_upload,
        reserve: args.reserve,
        durable: !args.no_sync,
        stall: args.stall,
    };
    Ok(Config {
        folder: Folder::open_at(root, rules)?,
        root: std::path::absolute(root)?,
        listen,
        allowed_hosts: AllowedHosts::new(args.host),
        keep_alive: args.timeout,
        stall: args.stall,
        idle_exit: match args.idle_exit {
            IdleExit::After(time) => Some(time),
            IdleExit::Never => None,
        },
        workers: usize::from(args.workers),
        max_connections: args.max_connections,
        chat: !args.no_chat,
        max_subscribers: args.max_subscribers,
        udp_sessions: usize::from(args.udp_sessions),
        trust_html: args.trust_html,
        allow_exit: args.allow_exit,
        recorder,
    })
}

/// Where to listen. Sockets that somebody else holds are instead of the usual one, not besides it: it may be among
/// them.
fn listen_config(args: &ServeArgs, inherited: Inherited) -> Result<ListenConfig, Failure> {
    let is_told = args.port.is_some() || !args.ip.is_empty();
    let has_tcp = !args.no_tcp && (inherited.is_empty() || is_told);
    if !has_tcp && args.unix.is_empty() && args.udp.is_none() && inherited.is_empty() {
        return Err("there is no door left to serve at (--no-tcp needs --unix PATH or --udp)".into());
    }
    let usual = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let ips = if args.ip.is_empty() { &usual[..] } else { &args.ip };
    let at = |port| ips.iter().map(move |ip| SocketAddr::new(*ip, port));
    Ok(ListenConfig {
        tcp: has_tcp.then(|| at(args.port.unwrap_or(PORT))).into_iter().flatten().collect(),
        unix: args.unix.iter().map(|name| SocketName::parse(name)).collect(),
        unix_mode: args.unix_mode,
        udp: args.udp.map(at).into_iter().flatten().collect(),
        inherited,
    })
}

/// What is served and where, when it will leave, and how to stop it.
fn greeting(root: &Path, server: &Server, idle_exit: IdleExit, takes_writes: bool) -> String {
    let mut lines = vec![format!("wharf serves {}", Printable::path(root))];
    let mut is_open = false;
    for address in server.addresses() {
        is_open |= is_open_to_others(&address);
        for url in urls(&address) {
            log::info!("at {url}");
            lines.push(url);
        }
    }
    if is_open && takes_writes {
        let dir = Printable::path(root);
        lines.push(format!("anyone who reaches this address can write into {dir}; --read-only forbids it"));
    }
    lines.push(match idle_exit {
        IdleExit::After(time) => {
            format!("It leaves after {} s without a request; --idle-exit never keeps it.", time.as_secs_f64())
        }
        IdleExit::Never => "It stays until it is stopped.".to_owned(),
    });
    lines.push("Ctrl-C stops it.\n".to_owned());
    lines.join("\n")
}

/// The address as a QR code, also where the output is a file or a pipe: somebody has asked for it, and may look at
/// a log in a terminal.
fn code(server: &Server) -> String {
    let is_coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let colours = if is_coloured { Colours::Taken } else { Colours::Refused };
    match server.url().and_then(|url| Some((qr::lines(&url, colours)?, url))) {
        Some((mut lines, url)) => {
            lines.extend([url, String::new()]);
            lines.join("\n")
        }
        None => "There is no QR code: nothing is served over TCP.\n".to_owned(),
    }
}

/// Whether it can be reached by others than this user (or, over TCP, this machine).
fn is_open_to_others(address: &ListenAddress) -> bool {
    match address {
        ListenAddress::Tcp(address) | ListenAddress::Udp(address) => !address.ip().is_loopback(),
        ListenAddress::Unix(name) => matches!(name, SocketName::Abstract(_)),
    }
}

/// Under which addresses a listener is reached: its own, or each of the machine's where it listens on all.
fn urls(address: &ListenAddress) -> Vec<String> {
    let (scheme, address) = match address {
        ListenAddress::Tcp(address) => ("http", address),
        ListenAddress::Udp(address) => ("tftp", address),
        ListenAddress::Unix(_) => return vec![address.to_string()],
    };
    reached_at(*address).into_iter().map(|address| format!("{scheme}://{address}")).collect()
}

fn announcement(why: StopReason, idle_exit: IdleExit) -> String {
    let mut lines = String::new();
    if let (StopReason::Idle, IdleExit::After(time)) = (why, idle_exit) {
        log::info!("no request for {} s: leaving", time.as_secs_f64());
        lines = format!("No request for {} s.\n", time.as_secs_f64());
    }
    lines + "Shutting Down Server...\n"
}

/// The port of `--udp`; what follows the flag is taken for one.
fn udp_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is no port (the folder stands before --udp)"))
}

/// A time in seconds; fractions are taken too.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    match Duration::try_from_secs_f64(number) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("it must be more than 0 seconds".to_owned()),
    }
}

/// The permission bits of a file, in octal.
fn mode(text: &str) -> Result<Mode, String> {
    match u32::from_str_radix(text, 8) {
        Ok(bits) if bits <= 0o777 => Ok(Mode::from_raw_mode(bits)),
        _ => Err("it must be three octal digits, as 660 or 0600".to_owned()),
    }
}

fn keep_alive(text: &str) -> Result<KeepAlive, String> {
    if text == "dynamic" { Ok(KeepAlive::Dynamic) } else { seconds(text).map(KeepAlive::Fixed) }
}

fn idle_exit(text: &str) -> Result<IdleExit, String> {
    if text == "never" { Ok(IdleExit::Never) } else { seconds(text).map(IdleExit::After) }
}
