//! A server with the rules, and its folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use rcgen::DnType;
use rustix::process::geteuid;

use super::caller::{By, CALLERS, Caller, Kind, TOKEN_PATH};
use super::client::{Client, Listener};
use super::model::{DIRECTORIES, FILES, LINKS, RULES, USERS, content};
use super::unix_user::{ANOTHER, program_of_another};
#[cfg(feature = "tls")]
use crate::client_certificates::both;
use crate::common::accounts::{basic, write_users};
use crate::common::office::{bearer, json};
#[cfg(feature = "tls")]
use crate::common::tls_fake::Authority;
use crate::common::{Wharf, eventually};
#[cfg(feature = "tls")]
use crate::common::{client_config, pem};

/// The password of each user.
pub const PASSWORD: &str = "correct horse";

/// The flags of a server that trusts the proxy.
const TRUST: [&str; 4] = ["--trust-proxy", "127.0.0.9", "--trust-user-header", "Remote-User"];

/// The directories in which some client may change anything.
const CHANGEABLE: [&str; 3] = ["work", "inbox", "private/own"];

/// Writes all files and links.
pub fn furnish(folder: &Path) {
    for directory in DIRECTORIES {
        restore_directory(folder, directory);
    }
}

/// Writes what an operation may have changed.
pub fn restore(folder: &Path) {
    for directory in CHANGEABLE {
        match fs::remove_dir_all(folder.join(directory)) {
            // A client may remove it, and put a file in its place.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                fs::remove_file(folder.join(directory)).expect("a file");
            }
            removed => removed.expect("it may be changed"),
        }
        restore_directory(folder, directory);
    }
}

fn restore_directory(folder: &Path, directory: &str) {
    // The server may run as another user, which owns the folder.
    let owner = fs::metadata(folder).expect("a folder").uid();
    let give = |path: &Path| {
        if owner != geteuid().as_raw() {
            chown(path, Some(owner), Some(owner)).expect("only root runs servers as others");
        }
    };
    fs::create_dir_all(folder.join(directory)).expect("made");
    give(&folder.join(directory));
    let is_in = |path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| parent == directory);
    for file in FILES.into_iter().filter(|file| is_in(file)) {
        fs::write(folder.join(file), content(file)).expect("written");
        give(&folder.join(file));
    }
    for (name, target, _) in LINKS.into_iter().filter(|(name, ..)| is_in(name)) {
        std::os::unix::fs::symlink(target, folder.join(name)).expect("linked");
    }
}

/// Fails if anything was changed that no client may change.
pub fn assert_unchanged(wharf: &Wharf) {
    let is_changeable = |name: &str| CHANGEABLE.iter().any(|directory| name.starts_with(directory));
    let names: Vec<_> =
        wharf.tree().into_iter().filter(|name| !is_changeable(name) && !name.starts_with(".wharf")).collect();
    let expected = [
        "closed/",
        "closed/hush",
        "closed/near/",
        "closed/near/file",
        "open/",
        "open/file",
        "open/memo",
        "open/near",
        "private/",
        "private/memo",
    ];
    assert_eq!(names, expected);
    for file in FILES.into_iter().filter(|file| !is_changeable(file)) {
        assert_eq!(wharf.read(file), content(file).as_bytes(), "{file}");
    }
}

/// The token or link that anna has created.
fn made(wharf: &Wharf, target: &str, order: &str) -> serde_json::Value {
    let answer = wharf.ask("POST", target, &basic("anna", PASSWORD), order.as_bytes());
    assert_eq!(answer.code(), 201, "{order}: {}", answer.text());
    json(&answer)
}

/// A server with the rules, and its clients.
pub struct Stage {
    pub wharf: Wharf,
    pub clients: Vec<Client>,
    _place: tempfile::TempDir,
}

impl Stage {
    /// At TCP and Unix sockets, and over TFTP.
    pub fn new() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("socket");
        let at = ["--unix", socket.to_str().expect("text"), "--udp", "0"];
        // The folder is reached through a link, which is none of the links in it.
        let wharf = Wharf::serve_behind_link(&with(&flags(&place), &[&at[..], &TRUST].concat()));
        eventually("it listens", || socket.exists());
        let tcp = Listener::Tcp(wharf.address());
        Self::of(wharf, place, &CALLERS, |caller| match caller {
            Caller::Unix => Listener::Unix(socket.clone()),
            _ => tcp.clone(),
        })
    }

    /// Over TLS.
    #[cfg(feature = "tls")]
    pub fn over_tls() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let tls = tls();
        let wharf = Wharf::serve_behind_link(&with(&flags(&place), &with(&tls, &TRUST)));
        let tls = Listener::Tls(wharf.address(), Arc::new(client_config()));
        let callers: Vec<_> = CALLERS.into_iter().filter(|caller| *caller != Caller::Unix).collect();
        Self::of(wharf, place, &callers, |_| tls.clone())
    }

    /// Over TLS, for clients with certificates.
    #[cfg(feature = "tls")]
    pub fn with_certificates() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let authority = Authority::new();
        let ca = authority.write(place.path());
        let tls = tls();
        let ca = ["--tls-client-ca", ca.to_str().expect("text")];
        let wharf = Wharf::serve_behind_link(&with(&flags(&place), &with(&tls, &ca)));
        let address = wharf.address();
        let callers = [
            Caller::User("anna", By::Certificate),
            Caller::User("ben", By::Certificate),
            Caller::NoCertificate,
        ];
        Self::of(wharf, place, &callers, |caller| {
            let by_name =
                |name| authority.issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, name));
            let config = caller.user().map_or_else(client_config, |name| both(&by_name(name)));
            Listener::Tls(address, Arc::new(config))
        })
    }

    /// At the Unix socket of a server that runs as another user and believes login names. `None` if only root could do that.
    pub fn of_another_user() -> Option<Self> {
        let program = program_of_another()?;
        let (place, shared) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let flags = flags(&place);
        fs::create_dir(shared.path().join("share")).expect("made");
        for path in [place.path(), &place.path().join("users"), shared.path(), &shared.path().join("share")] {
            chown(path, Some(ANOTHER), Some(ANOTHER)).expect("only root runs servers as others");
        }
        let socket = place.path().join("socket");
        let at = ["--unix", socket.to_str().expect("text"), "--unix-mode", "666", "--unix-users"];
        let wharf = Wharf::serve_by(program, shared, &with(&flags, &at));
        eventually("it listens", || socket.exists());
        let caller = Caller::User("root", By::Peer);
        Some(Self::of(wharf, place, &[caller], |_| Listener::Unix(socket.clone())))
    }

    fn of(
        wharf: Wharf,
        place: tempfile::TempDir,
        callers: &[Caller],
        listener: impl Fn(Caller) -> Listener,
    ) -> Self {
        furnish(&wharf.folder());
        let mut clients: Vec<_> =
            callers.iter().map(|caller| Client::new(*caller, listener(*caller))).collect();
        for client in &mut clients {
            match client.caller {
                Caller::User(name, By::Session) => log_in(client, name),
                Caller::Token => {
                    let order = format!(r#"{{"name":"table","path":"/{TOKEN_PATH}","rights":"list,read"}}"#);
                    client.fields = bearer(&made(&wharf, "/.wharf/tokens", &order)["token"]);
                }
                _ => {}
            }
        }
        Self { wharf, clients, _place: place }
    }

    /// A client with a link to this directory, and the path of the link.
    pub fn visitor(&self, root: &'static str, kind: Kind) -> (Client, String) {
        let is_drop = kind == Kind::Drop;
        let rights = if is_drop { "" } else { r#","rights":"view""# };
        let order = format!(r#"{{"path":"/{root}","for":"1d","drop":{is_drop}{rights}}}"#);
        let made = made(&self.wharf, "/.wharf/links", &order);
        let link = made["link"].as_str().and_then(|link| link.split_once("/.wharf/")).expect("a link").1;
        let client = Client::new(Caller::Link(root, kind), Listener::Tcp(self.wharf.address()));
        (client, format!("/.wharf/{}", link.trim_end_matches('/')))
    }
}

/// The flags of a server with the users and the rules.
fn flags(place: &tempfile::TempDir) -> Vec<String> {
    let users = USERS.map(|(name, groups)| (name, PASSWORD, groups));
    let rules = RULES.iter().flat_map(|rule| ["--allow", rule]);
    let always = ["--no-sync", "--timeout", "60"].into_iter().chain(rules).map(str::to_owned);
    write_users(place.path(), &users).into_iter().chain(always).collect()
}

fn with<'f>(flags: &'f [String], more: &[&'f str]) -> Vec<&'f str> {
    flags.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

#[cfg(feature = "tls")]
fn tls() -> [String; 4] {
    let path = |name| pem(name).to_str().expect("text").to_owned();
    ["--tls-cert".to_owned(), path("localhost.pem"), "--tls-key".to_owned(), path("localhost.key")]
}

/// Logs a user in; from then on, the client sends the cookie.
fn log_in(client: &mut Client, name: &str) {
    let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let length = form.len();
    let head =
        "POST /.wharf/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded";
    let (status, answer) = client.ask(&format!("{head}\r\nContent-Length: {length}\r\n\r\n{form}"));
    let cookie = answer.split_once("Set-Cookie: ").and_then(|(_, rest)| rest.split(';').next());
    assert_eq!((status, cookie.is_some()), (303, true), "{answer}");
    client.fields = format!("Cookie: {}\r\n", cookie.unwrap_or_default());
}
