//! The configuration of a server, by the flags of `wharf serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::accounts::AccountsArgs;
use super::banner::IdleExit;
use super::exit::Failure;
use super::serve_args::{Conflict, ServeArgs};
use crate::access::{Access, Right, Rights};
use crate::folder::{Folder, OnConflict, Rules};
use crate::net::inherited::Inherited;
use crate::net::unix::SocketName;
use crate::net::zone::ZonedIp;
#[cfg(feature = "accounts")]
use crate::server::AmbientUsers;
use crate::server::{AllowedHosts, Config, ListenConfig, Recorder, TrustedProxies};

/// The default TCP port.
const PORT: u16 = 8080;

/// The configuration by the flags, without TLS and accounts; and the flags about accounts.
pub(super) fn config(
    args: ServeArgs,
    inherited: Inherited,
    recorder: Option<Recorder>,
) -> Result<(Config, AccountsArgs), Failure> {
    let listen = listen_config(&args, inherited)?;
    let root = args.root();
    let access = access(&args, listen.are_on_this_machine())?;
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
        trash: args.trash.kept_for(),
        trash_size: args.trash_size,
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
        #[cfg(feature = "accounts")]
        ambient_users: AmbientUsers::default(),
        udp_read_only: args.udp_read_only,
    };
    Ok((config, args.accounts))
}

/// Who may do what in the folder, by the flags. By default, whoever is not on this machine may not replace files; nor may the
/// clients of a proxy, which may be anywhere.
fn access(args: &ServeArgs, is_for_this_machine: bool) -> Result<Access, Failure> {
    const REPLACE: Rights = Rights::of(&[Right::Replace]);
    let kept = match args.on_conflict {
        Conflict::Overwrite if !args.read_only => Rights::NONE,
        _ => REPLACE,
    };
    let with_files = |rights: Rights| rights.without(kept).with(Rights::CHAT).with(Rights::ADMIN);
    let here = with_files(Rights::VIEW.with(Rights::SAVE));
    let elsewhere = here.without(REPLACE);
    let default = || {
        if !args.trust_proxy.is_empty() {
            Access::new(elsewhere)
        } else if is_for_this_machine {
            Access::new(here)
        } else {
            Access::with_more_on_this_machine(elsewhere, here)
        }
    };
    let chat = if args.no_chat { Rights::CHAT } else { Rights::NONE };
    let exit = if args.allow_exit { Rights::NONE } else { Rights::ADMIN };
    let access = args.allow.access(with_files(Rights::EDIT), &args.accounts, default)?;
    let access = access.withholding(chat.with(exit));
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
    use crate::server::TrustedProxy;

    #[test]
    fn flags_become_rights() {
        let add = Rights::VIEW.with(Rights::of(&[Right::Add]));
        let usual = Rights::VIEW.with(Rights::SAVE).with(Rights::CHAT);
        let flag = "127.0.0.1".parse::<TrustedProxy>().expect("valid");
        let [here, there] = [None, Some([192, 0, 2, 1].into())].map(Principal::anonymous);
        let rights = |args: &ServeArgs, is_local, principal| {
            access(args, is_local).expect("valid").rights(principal, &SharePath::root())
        };
        let mut args = ServeArgs::default();
        let both =
            |args: &ServeArgs, is_local| [&here, &there].map(|principal| rights(args, is_local, principal));
        assert_eq!(both(&args, true), [usual; 2], "nobody else can reach it");
        assert_eq!(both(&args, false), [usual, add.with(Rights::CHAT)]);
        args.trust_proxy.push(flag);
        assert_eq!(both(&args, true), [add.with(Rights::CHAT); 2], "behind a proxy");
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
            assert_eq!(rights(&args, true, &here), expected, "{flags}");
        }
    }
}
