//! The configuration of a server, by the flags of `wharf serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::access_args::{Conflict, Reach};
use super::accounts::AccountsArgs;
use super::banner::IdleExit;
use super::exit::Failure;
use super::rights_line::SetBy;
use super::serve_args::ServeArgs;
#[cfg(feature = "thumbs")]
use super::thumbs;
use crate::access::Subject;
use crate::folder::{Folder, Litter, OnConflict, Rules};
use crate::net::inherited::Inherited;
use crate::net::unix::SocketName;
use crate::net::zone::ZonedIp;
#[cfg(feature = "accounts")]
use crate::server::AmbientUsers;
use crate::server::{AllowedHosts, Config, ListenConfig, Recorder, TrustedProxies};

/// The default TCP port.
const PORT: u16 = 8080;

/// A server that is ready to listen.
pub(super) struct Prepared {
    pub config: Config,
    pub set_by: SetBy,
}

/// Reads all that the flags name.
pub(super) fn prepare(args: ServeArgs, recorder: Option<Recorder>) -> Result<Prepared, Failure> {
    let inherited = Inherited::take().map_err(|error| format!("cannot take over LISTEN_FDS: {error}"))?;
    let (tls, is_check) = (args.tls.clone(), args.check);
    let set_by = args.access.set_by(&args.accounts.users);
    let (state, allow) = (args.state.clone(), args.access.allow.clone());
    state.ensure_used(tls.keeps_state() || args.accounts.users.are_given())?;
    let (mut config, accounts) = config(args, inherited, recorder)?;
    config.tls = tls.read(&state, &config)?;
    #[cfg(feature = "accounts")]
    {
        config.ambient_users = accounts.ambient_users(&config)?;
    }
    config.accounts = accounts.read(&state, &config, is_check)?;
    config.accounts.iter().for_each(|accounts| {
        if !accounts.has(&Subject::Users) {
            log::warn!(
                "the users file is empty: nobody can log in (wharf user add NAME --users FILE adds one)"
            );
        }
        allow.warn_of_nobody(accounts);
    });
    Ok(Prepared { config, set_by })
}

/// Makes the configuration from the flags, without TLS and accounts. Also returns the flags about accounts.
fn config(
    args: ServeArgs,
    inherited: Inherited,
    recorder: Option<Recorder>,
) -> Result<(Config, AccountsArgs), Failure> {
    let listen = listen_config(&args, inherited)?;
    let root = args.root();
    let reach = Reach::of(!args.trust_proxy.is_empty(), listen.are_on_this_machine());
    let access = args.access.access(&args.accounts.users, reach)?;
    if access.depends_on_path() && !Path::new("/proc/self/fd").exists() {
        return Err(
            "rules for paths need /proc, to find out where links lead (mount it, or leave out @PATH)".into(),
        );
    }
    args.access.allow.warn(root, args.access.allow_exit);
    let (has_accounts, keeps_trash) = (args.accounts.users.are_given(), args.trash.kept_for().is_some());
    args.access.allow.warn_of_admin(args.access.allow_exit, has_accounts, keeps_trash);
    if args.trash_size.is_some() && args.trash.kept_for().is_none() {
        log::warn!("--trash-size has no effect: nothing is kept (--trash off)");
    }
    let rules = Rules {
        hidden: args.hidden,
        litter: if args.no_litter { Litter::Refuse } else { Litter::Save },
        read_only: args.access.read_only,
        on_conflict: match args.access.on_conflict {
            Conflict::Overwrite => OnConflict::Overwrite,
            Conflict::Refuse => OnConflict::Refuse,
            Conflict::Rename => OnConflict::Rename,
        },
        max_upload: args.max_upload,
        reserve: args.reserve,
        durable: !args.no_sync,
        stall: args.stall,
        trash: args.trash.kept_for(),
        trash_size: args.trash_size,
    };
    let config = Config {
        access,
        folder: Folder::open_at(root, rules)?,
        root: std::path::absolute(root)?,
        #[cfg(feature = "thumbs")]
        thumbs: (!args.no_thumbs).then(|| thumbs::kept_outside(root)),
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
        chat: !args.access.no_chat,
        #[cfg(feature = "dav")]
        dav: !args.no_dav,
        shared: args.shared.address(!args.access.no_chat, has_accounts)?,
        allow_exit: args.access.allow_exit,
        max_subscribers: args.max_subscribers,
        udp_sessions: usize::from(args.udp_sessions),
        trust_html: args.trust_html,
        index: (!args.index.is_empty()).then_some(args.index),
        recorder,
        tls: None,
        accounts: None,
        #[cfg(feature = "accounts")]
        ambient_users: AmbientUsers::default(),
        udp_read_only: args.udp_read_only,
    };
    Ok((config, args.accounts))
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
