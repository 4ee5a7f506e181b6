//! The flags of `wharf serve`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser};
use rustix::fs::Mode;

use super::access_args::AccessArgs;
use super::accounts::AccountsArgs;
use super::banner::IdleExit;
use super::logging::Verbosity;
use super::qr_code::QrArgs;
use super::shared_room::SharedArgs;
use super::size;
use super::state::StateArgs;
use super::tls::TlsArgs;
use super::values::{
    TrashTime, idle_exit, keep_alive, mode, page_name, seconds, seconds_or_none, trash_time, udp_port,
};
use crate::net::zone::ZonedIp;
use crate::server::{Base, HostName, KeepAlive, TrustedProxy};

/// Share a folder with browsers, curl and `wharf client`
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The folder to share [default: www]
    #[arg(env = "SERVER_SHARED_FILES", conflicts_with = "dir")]
    pub folder: Option<PathBuf>,
    /// The folder to share; the same as FOLDER
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// TCP port; 0 picks a free one [default: 8080]
    ///
    /// `wharf serve 9000` sets it too, if there is no folder 9000.
    #[arg(short, long)]
    pub port: Option<u16>,
    /// Address to listen on; 0.0.0.0 shares with the network, :: over IPv6 too; can be repeated [default: 127.0.0.1]
    #[arg(short, long, visible_alias = "bind", visible_short_alias = 'b', value_name = "ADDR")]
    pub ip: Vec<ZonedIp>,
    /// Do not listen on TCP
    #[arg(long, conflicts_with = "port")]
    pub no_tcp: bool,
    /// Also listen on this Unix socket; `@NAME` is an abstract one, open to every local user; can be repeated
    #[arg(long, value_name = "PATH")]
    pub unix: Vec<OsString>,
    /// Permissions of the Unix socket, in octal
    #[arg(long, value_name = "MODE", default_value = "0600", value_parser = mode)]
    pub unix_mode: Mode,
    /// Also serve TFTP, on this UDP port; 0 picks a free one [without a value: 6969]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "6969",
        value_parser = udp_port)]
    pub udp: Option<u16>,
    /// Maximum number of TFTP transfers at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub udp_sessions: u16,
    /// Refuse all writes over TFTP
    #[arg(long)]
    pub udp_read_only: bool,
    /// Accept this Host name, in addition to localhost, the machine's own name and IP addresses; can be repeated
    #[arg(long, value_name = "NAME")]
    pub host: Vec<HostName>,
    /// Trust the proxy at this address, or at the Unix sockets, to say who its clients are, in `X-Forwarded-` fields or in
    /// `Forwarded`; can be repeated
    #[arg(long, value_name = "CIDR|unix[=x-forwarded|forwarded]")]
    pub trust_proxy: Vec<TrustedProxy>,
    /// Expect a PROXY header (version 1 or 2) on each connection, and accept connections from trusted proxies only
    #[arg(long, requires = "trust_proxy")]
    pub proxy_protocol: bool,
    /// A proxy shows this server below this path, such as /files: all links lead there
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub base: Base,
    /// After SIGTERM, keep serving for this many seconds, while `/.wharf/ready` says 503 and connections close after
    /// their response
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds_or_none)]
    pub drain: Duration,
    /// When the server stops, give requests in flight this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_or_none)]
    pub grace: Duration,
    /// Close a connection after this many idle seconds; `dynamic` is max(5, 20 - n), where n is the number of open
    /// connections
    #[arg(long, value_name = "RULE", default_value = "dynamic", value_parser = keep_alive)]
    pub timeout: KeepAlive,
    /// Exit after this many seconds without a request; `never` keeps running
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = idle_exit)]
    pub idle_exit: IdleExit,
    /// Abort a transfer that stalls for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub stall: Duration,
    /// Number of worker threads; idle connections need none
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub workers: u16,
    /// Maximum number of connections; beyond it, the longest idle one is closed, or the new one is refused
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    #[command(flatten)]
    pub access: AccessArgs,
    /// Do not serve the folder over WebDAV
    #[cfg(feature = "dav")]
    #[arg(long)]
    pub no_dav: bool,
    /// Make no thumbnails of pictures
    #[cfg(feature = "thumbs")]
    #[arg(long)]
    pub no_thumbs: bool,
    /// Largest upload, such as 500M or 2G [default: as much as the disk holds]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub max_upload: Option<u64>,
    /// Disk space that uploads must leave free, such as 500M or 2G
    #[arg(long, value_name = "SIZE", default_value = "0", value_parser = size::parse)]
    pub reserve: u64,
    /// Keep what was removed or replaced for this time, such as 12h or 30d; `off` keeps nothing
    #[arg(long, value_name = "TIME|off", default_value = "7d", value_parser = trash_time)]
    pub trash: TrashTime,
    /// Largest size of the trash, such as 500M or 2G; a removal or an overwriting upload beyond it is refused [default: as much as the disk holds]
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub trash_size: Option<u64>,
    /// Acknowledge uploads before they are on the disk: for measurements, and for data you can afford to lose
    #[arg(long)]
    pub no_sync: bool,
    /// Serve names that begin with a dot to everybody, and accept them from everybody (never `.wharf`)
    #[arg(long)]
    pub hidden: bool,
    /// Refuse to save files that operating systems leave behind, such as `.DS_Store`, `._x` and `Thumbs.db`
    #[arg(long)]
    pub no_litter: bool,
    #[command(flatten)]
    pub qr: QrArgs,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub accounts: AccountsArgs,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub shared: SharedArgs,
    /// Maximum number of open event streams of the chat; at most four fifths of --max-connections
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_subscribers: u32,
    /// Give HTML and SVG files in the folder the rights of the server's own pages, even if others can upload them
    #[arg(long)]
    pub trust_html: bool,
    /// Show these pages instead of a directory's listing, even if others can upload them [without a value:
    /// index.html] [default: index.html, with --read-only only]
    #[arg(long, value_name = "NAMES", num_args = 0..=1, require_equals = true, value_delimiter = ',',
        default_missing_value = "index.html", value_parser = page_name)]
    pub index: Vec<String>,
    /// Read everything that a start would read, print the rules and the addresses, and exit without listening
    #[arg(long)]
    pub check: bool,
    /// Log every request, also to a terminal
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Log only warnings and errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Log to this file, outside the folder, instead of stderr; SIGHUP reopens it; `RUST_LOG` sets what is logged
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Record requests for `wharf replay` in this file, outside the folder; SIGHUP reopens it
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
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

impl ServeArgs {
    /// A number is the port, unless a folder has this name.
    pub(super) fn with_number_as_port(mut self) -> Self {
        let number = self.folder.as_deref().and_then(Path::to_str).and_then(|text| text.parse().ok());
        if self.port.is_none() && number.is_some() && !self.no_tcp && !self.root().exists() {
            (self.port, self.folder) = (number, None);
        }
        self
    }

    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Default,
        }
    }

    /// The folder to share.
    pub(super) fn root(&self) -> &Path {
        self.folder.as_deref().or(self.dir.as_deref()).unwrap_or(Path::new("www"))
    }
}
