//! `wharf serve [FOLDER]`: shares a folder.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use rustix::fs::Mode;
use rustix::process::geteuid;

use super::accounts::AccountsArgs;
use super::allow::AllowArgs;
use super::banner::{self, IdleExit};
use super::exit::Failure;
use super::logging::Verbosity;
use super::outputs::Outputs;
use super::qr_code::QrArgs;
use super::state::StateArgs;
use super::tls::TlsArgs;
use super::values::{idle_exit, keep_alive, mode, page_name, seconds, seconds_or_none, udp_port};
use super::{signals, size};
use crate::access::{Access, Right, Rights};
use crate::folder::{Folder, OnConflict, Rules};
use crate::net::inherited::Inherited;
use crate::net::unix::SocketName;
use crate::net::zone::ZonedIp;
use crate::printable::Printable;
use crate::server::{
    Accounts, AllowedHosts, Base, Config, HostName, KeepAlive, ListenConfig, Recorder, Server, Tls,
    TrustedProxies, TrustedProxy,
};
use crate::stop::Stop;

/// The default TCP port.
const PORT: u16 = 8080;

/// Share a folder with browsers, curl and `wharf client`
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The folder to share [default: www]
    #[arg(env = "SERVER_SHARED_FILES", conflicts_with = "dir")]
    folder: Option<PathBuf>,
    /// The folder to share; the same as FOLDER
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// TCP port; 0 picks a free one [default: 8080]
    ///
    /// `wharf serve 9000` sets it too, if there is no folder 9000.
    #[arg(short, long)]
    port: Option<u16>,
    /// Address to listen on; 0.0.0.0 shares with the network, :: over IPv6 too; can be repeated [default: 127.0.0.1]
    #[arg(short, long, visible_alias = "bind", visible_short_alias = 'b', value_name = "ADDR")]
    ip: Vec<ZonedIp>,
    /// Do not listen on TCP
    #[arg(long, conflicts_with = "port")]
    no_tcp: bool,
    /// Also listen on this Unix socket; `@NAME` is an abstract one, open to every local user; can be repeated
    #[arg(long, value_name = "PATH")]
    unix: Vec<OsString>,
    /// Permissions of the Unix socket, in octal
    #[arg(long, value_name = "MODE", default_value = "0600", value_parser = mode)]
    unix_mode: Mode,
    /// Also serve TFTP, on this UDP port; 0 picks a free one [without a value: 6969]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "6969",
        value_parser = udp_port)]
    udp: Option<u16>,
    /// Maximum number of TFTP transfers at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    udp_sessions: u16,
    /// Accept this Host name, in addition to localhost, the machine's own name and IP addresses; can be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<HostName>,
    /// Trust the proxy at this address, or at the Unix sockets, to say who its clients are, in `X-Forwarded-` fields or in
    /// `Forwarded`; can be repeated
    #[arg(long, value_name = "CIDR|unix[=x-forwarded|forwarded]")]
    trust_proxy: Vec<TrustedProxy>,
    /// Expect a PROXY header (version 1 or 2) on each connection, and accept connections from trusted proxies only
    #[arg(long, requires = "trust_proxy")]
    proxy_protocol: bool,
    /// A proxy shows this server below this path, such as /files: all links lead there
    #[arg(long, value_name = "PATH", default_value = "/")]
    base: Base,
    /// After SIGTERM, keep serving for this many seconds, while `/.wharf/ready` says 503 and connections close after
    /// their response
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds_or_none)]
    drain: Duration,
    /// When the server stops, give requests in flight this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_or_none)]
    grace: Duration,
    /// Close a connection after this many idle seconds; `dynamic` is max(5, 20 - n), where n is the number of open
    /// connections
    #[arg(long, value_name = "RULE", default_value = "dynamic", value_parser = keep_alive)]
    timeout: KeepAlive,
    /// Exit after this many seconds without a request; `never` keeps running
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = idle_exit)]
    idle_exit: IdleExit,
    /// Abort a transfer that stalls for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    stall: Duration,
    /// Number of worker threads; idle connections need none
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    workers: u16,
    /// Maximum number of connections; beyond it, the longest idle one is closed, or the new one is refused
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// Refuse uploads and new directories
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    allow: AllowArgs,
    /// What to do with an upload whose name exists
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Overwrite)]
    on_conflict: Conflict,
    /// Largest upload, such as 500M or 2G [default: as much as the disk holds]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_upload: Option<u64>,
    /// Disk space that uploads must leave free, such as 500M or 2G
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = size::parse)]
    reserve: u64,
    /// Acknowledge uploads before they are on the disk: for measurements, and for data you can afford to lose
    #[arg(long)]
    no_sync: bool,
    /// Serve and accept names that begin with a dot (never `.wharf`)
    #[arg(long)]
    hidden: bool,
    #[command(flatten)]
    qr: QrArgs,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    accounts: AccountsArgs,
    #[command(flatten)]
    state: StateArgs,
    /// Disable the chat
    #[arg(long)]
    no_chat: bool,
    /// Maximum number of open event streams of the chat; at most four fifths of --max-connections
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_subscribers: u32,
    /// Give HTML and SVG files in the folder the rights of the server's own pages, even if others can upload them
    #[arg(long)]
    trust_html: bool,
    /// Show these pages instead of a directory's listing, even if others can upload them [without a value:
    /// index.html] [default: index.html, with --read-only only]
    #[arg(long, value_name = "NAMES", num_args = 0..=1, require_equals = true, value_delimiter = ',',
        default_missing_value = "index.html", value_parser = page_name)]
    index: Vec<String>,
    /// Let clients stop the server: `shutdown` in `wharf client`, `exit` over TFTP
    #[arg(long)]
    allow_exit: bool,
    /// Log every request, also to a terminal
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// Log only warnings and errors
    #[arg(short, long)]
    quiet: bool,
    /// Log to this file, outside the folder, instead of stderr; SIGHUP reopens it; `RUST_LOG` sets what is logged
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Record requests for `wharf replay` in this file, outside the folder; SIGHUP reopens it
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// The values of `--on-conflict`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Conflict {
    /// Replace the old file
    Overwrite,
    /// Refuse the upload
    Refuse,
    /// Save the new file beside the old one, as `a (1).txt`
    Rename,
}

impl Default for ServeArgs {
    fn default() -> Self {
        /// `wharf serve` without arguments: clap fills in the defaults.
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: ServeArgs,
        }
        Alone::parse_from(["wharf"]).args
    }
}

/// Runs the command, until the server is stopped.
pub(super) fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut args = args.with_number_as_port();
    args.accounts.take_variable()?;
    let (log, record) = (args.log_file.as_deref(), args.record.as_deref());
    let outputs = Outputs::open(log, args.verbosity(), record, args.root())?;
    let served = serve(args, &outputs);
    outputs.flush();
    served
}

fn serve(args: ServeArgs, outputs: &Outputs) -> Result<(), Failure> {
    let inherited = Inherited::take().map_err(|error| format!("cannot take over LISTEN_FDS: {error}"))?;
    let stop = Stop::new()?;
    let (idle_exit, qr, drain, tls) = (args.idle_exit, args.qr, args.drain, args.tls.clone());
    let state = args.state.clone();
    state.ensure_used(tls.keeps_state() || args.accounts.are_given())?;
    let (mut config, accounts) = config(args, inherited, outputs.recorder())?;
    config.tls = tls.read(&state, &config)?;
    config.accounts = accounts.read(&state, &config)?;
    let (reopened, flushed) = (outputs.clone(), outputs.clone());
    let (certificates, accounts) = (config.tls.clone(), config.accounts.clone());
    let hung_up = move || {
        certificates.iter().for_each(Tls::reload_soon);
        accounts.iter().for_each(Accounts::reload_soon);
        if !reopened.reopen() && certificates.is_none() && accounts.is_none() {
            log::info!(
                "SIGHUP is ignored: there is no --log-file, --record, --tls-cert or --users to reopen"
            );
        }
    };
    signals::become_stop(stop.clone(), drain, hung_up, move || flushed.flush())?;
    signals::outlive_file_limit()?;
    let (files, certificates, accounts) = (outputs.clone(), config.tls.clone(), config.accounts.clone());
    config.folder.follow_if(move || {
        files.ensure_outside()?;
        certificates.iter().try_for_each(Tls::check)?;
        accounts.iter().try_for_each(Accounts::check_file)
    });
    let root = config.root.clone();
    let accepts_uploads = config.access.lets_everyone_change();
    let server = Server::bind(config, stop)?;
    let mut greeting = banner::greeting(&root, &server, idle_exit, accepts_uploads);
    greeting.extend(qr.code(&server));
    outputs.print_before_log(&greeting);
    if !outputs.logs_to_terminal() {
        for url in banner::urls(&server) {
            log::info!("at {url}");
        }
        if let Some(fingerprint) = server.fingerprint() {
            log::info!("with the certificate {fingerprint}");
        }
        log::info!("serving {}", Printable::path(&root));
    }
    if geteuid().is_root() {
        log::warn!(
            "running as root: a bug in wharf could damage the whole system (run it as another user, as in deploy/)"
        );
    }
    server.run(
        |why| outputs.print(&banner::announcement(why, idle_exit)),
        |client| outputs.print_beside_log(client),
    )?;
    log::info!("stopped");
    outputs.print("\nBye.\n");
    Ok(())
}

impl ServeArgs {
    /// A number is the port, unless a folder has this name.
    fn with_number_as_port(mut self) -> Self {
        let number = self.folder.as_deref().and_then(Path::to_str).and_then(|text| text.parse().ok());
        if self.port.is_none() && number.is_some() && !self.no_tcp && !self.root().exists() {
            (self.port, self.folder) = (number, None);
        }
        self
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Default,
        }
    }

    /// The folder to share.
    fn root(&self) -> &Path {
        self.folder.as_deref().or(self.dir.as_deref()).unwrap_or(Path::new("www"))
    }
}

/// The configuration by the flags, without TLS and accounts; and the flags about accounts.
fn config(
    args: ServeArgs,
    inherited: Inherited,
    recorder: Option<Recorder>,
) -> Result<(Config, AccountsArgs), Failure> {
    let listen = listen_config(&args, inherited)?;
    let root = args.root();
    let access = access(&args)?;
    if access.depends_on_path() && !Path::new("/proc/self/fd").exists() {
        return Err(
            "rules for paths need /proc, to find out where links lead (mount it, or leave out @PATH)".into(),
        );
    }
    args.allow.warn(root, args.allow_exit);
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
    let config = Config {
        access,
        folder: Folder::open_at(root, rules)?,
        root: std::path::absolute(root)?,
        listen,
        allowed_hosts: AllowedHosts::new(args.host),
        base: args.base,
        grace: args.grace,
        proxies: TrustedProxies::new(args.trust_proxy, args.proxy_protocol),
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
        index: (!args.index.is_empty()).then_some(args.index),
        recorder,
        tls: None,
        accounts: None,
    };
    Ok((config, args.accounts))
}

/// Who may do what in the folder, by the flags.
fn access(args: &ServeArgs) -> Result<Access, Failure> {
    let files = if args.accounts.are_given() { Rights::EDIT } else { Rights::VIEW.with(Rights::SAVE) };
    let kept = match args.on_conflict {
        Conflict::Overwrite => Rights::NONE,
        Conflict::Refuse | Conflict::Rename => Rights::of(&[Right::Replace]),
    };
    let without_rules = files.without(kept).with(Rights::CHAT).with(Rights::ADMIN);
    let chat = if args.no_chat { Rights::CHAT } else { Rights::NONE };
    let exit = if args.allow_exit { Rights::NONE } else { Rights::ADMIN };
    let access = args.allow.access(without_rules, &args.accounts)?.withholding(chat.with(exit));
    Ok(if args.read_only { access.read_only() } else { access })
}

/// Where to listen. Inherited sockets replace the default address: it may be among them.
fn listen_config(args: &ServeArgs, inherited: Inherited) -> Result<ListenConfig, Failure> {
    let is_given = args.port.is_some() || !args.ip.is_empty();
    let has_tcp = !args.no_tcp && (inherited.is_empty() || is_given);
    if !has_tcp && args.unix.is_empty() && args.udp.is_none() && inherited.is_empty() {
        return Err("there is nothing to listen on (--no-tcp needs --unix PATH or --udp)".into());
    }
    let default = [ZonedIp::from(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    let ips = if args.ip.is_empty() { &default[..] } else { &args.ip };
    let at = |port| ips.iter().map(move |ip| ip.at(port));
    Ok(ListenConfig {
        tcp: has_tcp.then(|| at(args.port.unwrap_or(PORT))).into_iter().flatten().collect(),
        unix: args.unix.iter().map(|name| SocketName::parse(name)).collect(),
        unix_mode: args.unix_mode,
        udp: args.udp.map(at).into_iter().flatten().collect(),
        inherited,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Principal;
    use crate::path::SharePath;

    #[test]
    fn flags_become_rights() {
        let add = Rights::VIEW.with(Rights::of(&[Right::Add]));
        let usual = Rights::VIEW.with(Rights::SAVE).with(Rights::CHAT);
        let table: [(&str, fn(&mut ServeArgs), Rights); 6] = [
            ("none", |_| {}, usual),
            ("--read-only", |args| args.read_only = true, Rights::VIEW.with(Rights::CHAT)),
            ("--on-conflict refuse", |args| args.on_conflict = Conflict::Refuse, add.with(Rights::CHAT)),
            ("--on-conflict rename", |args| args.on_conflict = Conflict::Rename, add.with(Rights::CHAT)),
            ("--no-chat", |args| args.no_chat = true, Rights::VIEW.with(Rights::SAVE)),
            ("--allow-exit", |args| args.allow_exit = true, usual.with(Rights::ADMIN)),
        ];
        for (flags, set, expected) in table {
            let mut args = ServeArgs::default();
            set(&mut args);
            let rights =
                access(&args).expect("valid").rights(&Principal::anonymous(None), &SharePath::root());
            assert_eq!(rights, expected, "{flags}");
        }
    }
}
