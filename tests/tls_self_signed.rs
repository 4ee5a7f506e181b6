//! `--tls-self-signed`: the certificate that wharf makes for itself, where it is kept, and when it is made again.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::common::tls_fake::{Authority, pin};
use crate::common::{Output, PATIENCE, Running, Wharf, Wire, eventually, outside, root, run};
use crate::disturbances::Clock;

/// A server with a self-signed certificate, kept beside its folder.
fn serve(flags: &[&str]) -> Wharf {
    serve_in(tempfile::tempdir().expect("a folder"), flags)
}

fn serve_in(place: tempfile::TempDir, flags: &[&str]) -> Wharf {
    let state = place.path().join("state").to_string_lossy().into_owned();
    Wharf::serve_in(place, &[&["--tls-self-signed", "--state", &state], flags].concat())
}

/// The state directory of such a server.
fn state(wharf: &Wharf) -> PathBuf {
    wharf.folder().with_file_name("state")
}

fn kept(directory: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(directory.join("tls-cert.pem")).expect("a certificate")
}

/// The certificate that a server presents to a client that trusts only this one, and asks for this name.
fn presented(
    wharf: &Wharf,
    trusted: &CertificateDer<'static>,
    name: &str,
) -> Option<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = TcpStream::connect(wharf.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    while session.is_handshaking() {
        session.complete_io(&mut stream).ok()?;
    }
    session.peer_certificates()?.first().cloned().map(CertificateDer::into_owned)
}

/// The public key of a certificate, by its hash.
fn public_key(directory: &Path) -> Vec<u8> {
    use rcgen::PublicKeyData as _;
    let key = fs::read_to_string(directory.join("tls-key.pem")).expect("a key");
    KeyPair::from_pem(&key).expect("a key").subject_public_key_info()
}

/// Replaces the certificate by one of its key that is valid until this day.
fn install(directory: &Path, names: &[&str], (year, month, day): (i32, u8, u8)) -> CertificateDer<'static> {
    let key = fs::read_to_string(directory.join("tls-key.pem")).expect("a key");
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_after = date_time_ymd(year, month, day);
    let certificate = params.self_signed(&KeyPair::from_pem(&key).expect("a key")).expect("made");
    let new = directory.join("new");
    fs::write(&new, certificate.pem())
        .and_then(|()| fs::rename(new, directory.join("tls-cert.pem")))
        .expect("replaced");
    certificate.der().clone()
}

/// The output of a server with these flags that cannot start, or exits soon: in this directory, with only these
/// variables.
fn start(flags: &[&str], place: &Path, variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(["serve", "share", "--port", "0", "--tls-self-signed"]).args(flags);
    if !flags.contains(&"--idle-exit") {
        command.args(["--idle-exit", "0.1"]);
    }
    command.current_dir(place).env_clear().envs(variables.iter().copied());
    let child = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let output = child.output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Output { stdout: text(&output.stdout), stderr: text(&output.stderr), code: output.status.code() }
}

/// The fingerprint that a server has printed.
fn printed(output: &Output) -> String {
    let line = output.stdout.split("\nIts certificate is self-signed:\n").nth(1);
    let line = line.unwrap_or_else(|| panic!("no fingerprint: {output:?}"));
    line.lines().next().unwrap_or_default().to_owned()
}

/// A directory with an empty folder.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("share")).expect("a folder");
    place
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn the_certificate_is_for_every_name_and_its_fingerprint_is_printed() {
    let mut wharf = serve(&["--ip", "0.0.0.0", "--host", "files.example", "--host", "192.0.2.7"]);
    let state = state(&wharf);
    let certificate = kept(&state);
    eventually("it serves", || wharf.log().contains(" serving "));
    let log = wharf.log();
    let addresses = log.lines().filter_map(|line| line.split_once(" at https://")?.1.rsplit_once(':'));
    let addresses: Vec<_> = addresses.map(|(address, _)| address.to_owned()).collect();
    assert_eq!(addresses[0], "127.0.0.1");
    let names = ["localhost", "files.example", "192.0.2.7", "127.0.0.1", "::1"].map(str::to_owned);
    for name in names.into_iter().chain(addresses) {
        assert_eq!(presented(&wharf, &certificate, &name).as_ref(), Some(&certificate), "{name}");
    }
    assert_eq!(presented(&wharf, &certificate, "other.example"), None);
    let modes = ["", "tls-cert.pem", "tls-key.pem"].map(|name| mode(&state.join(name)));
    assert_eq!(modes, [0o700, 0o600, 0o600]);
    assert_eq!(fs::read_dir(&state).expect("a directory").count(), 2);
    assert!(wharf.tree().is_empty(), "with --state, the folder needs no id");
    let plain = Wire::over(TcpStream::connect(wharf.address()).expect("a connection"))
        .send("GET /a HTTP/1.1\r\nHost: files.example\r\n\r\n")
        .read_answer(false);
    assert_eq!((plain.code(), plain.field("Location").as_str()), (308, "https://files.example/a"));
    wharf.signal(Signal::TERM);
    let (rest, _) = wharf.wait();
    let line = format!("Its certificate is self-signed:\n{}\n", pin(&certificate));
    assert!(rest.contains(&line), "{rest}");
    let is_narrow = |line: &str| line.contains(&*wharf.folder().to_string_lossy()) || line.len() <= 80;
    assert!(rest.lines().all(is_narrow), "{rest}");
    assert!(log.contains(&pin(&certificate)), "{log}");
}

#[test]
fn clients_that_trust_it_are_served() {
    let wharf = serve(&[]);
    wharf.write("a", "content");
    let (state, port) = (state(&wharf), wharf.address().port());
    let certificate = state.join("tls-cert.pem").to_string_lossy().into_owned();
    let pin = pin(&kept(&state));
    let place = tempfile::tempdir().expect("a directory");
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/a");
        for trust in [["--pin", &pin], ["--cacert", &certificate]] {
            let output = run(&[&["get", "-o", "-", &url][..], &trust].concat(), "", place.path());
            assert_eq!((output.code, output.stdout.as_str()), (Some(0), "content"), "{trust:?}: {output:?}");
        }
        let output = run(&["get", "-o", "-", "--retries", "0", &url], "", place.path());
        assert!(output.code == Some(1) && output.stdout.is_empty(), "{output:?}");
        if let Some(mut curl) = outside("curl") {
            let output = curl.args(["-sS", "--fail", "--cacert", &certificate, &url]).output().expect("run");
            assert_eq!(output.stdout, b"content", "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let Some(mut openssl) = outside("openssl") else { return };
    let purpose = ["-purpose", "sslserver", "-x509_strict", "-verify_hostname", "localhost"];
    let output = openssl.args(["verify", "-CAfile", &certificate]).args(purpose).arg(&certificate).output();
    let output = output.expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Without netlink, the C library finds no address of the machine, and the certificate would be for none of them.
#[test]
fn the_unit_of_systemd_lets_wharf_find_its_addresses() {
    let unit = fs::read_to_string(root().join("deploy/wharf.service")).expect("a unit");
    let families = unit.lines().find_map(|line| line.strip_prefix("RestrictAddressFamilies="));
    assert!(families.expect("a line").split(' ').any(|family| family == "AF_NETLINK"), "{families:?}");
    assert!(unit.contains("\nStateDirectory="));
}

/// The response to a GET over a Unix socket, which stays plain.
fn get(socket: &Path, target: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn clients_cannot_see_the_id_of_the_folder() {
    let place = tempfile::tempdir().expect("a directory");
    let (socket, home) = (place.path().join("s"), place.path().join("home"));
    let mut program = Command::new("env");
    program.args(["-u", "XDG_STATE_HOME", "-u", "STATE_DIRECTORY"]).arg(format!("HOME={}", home.display()));
    let flags = ["--tls-self-signed", "--hidden", "--unix", &socket.to_string_lossy()];
    let wharf = Wharf::serve_by(program, tempfile::tempdir().expect("a folder"), &flags);
    let id = String::from_utf8(wharf.read(".wharf/id")).expect("text");
    assert!(home.join(".local/state/wharf").join(id.trim()).join("tls-key.pem").exists());
    for target in ["/.wharf/id", "/.wharf/", "/.wharf%2fid"] {
        let answer = get(&socket, target);
        assert!(!answer.starts_with("HTTP/1.1 2") && !answer.contains(id.trim()), "{target}: {answer}");
    }
    assert!(!get(&socket, "/?list").contains(".wharf/\""));
    assert!(!get(&socket, "/?tar").contains(id.trim()));
}

#[test]
fn the_qr_page_shows_the_fingerprint() {
    let socket = tempfile::tempdir().expect("a directory");
    let socket = socket.path().join("s");
    let wharf = serve(&["--unix", &socket.to_string_lossy()]);
    let answer = get(&socket, "/.wharf/qr");
    let shown = format!("<code>{}</code>", pin(&kept(&state(&wharf))));
    assert!(answer.contains(&shown) == cfg!(feature = "qr"), "{answer}");
}

#[test]
fn a_server_that_starts_again_has_the_same_certificate() {
    let mut wharf = serve(&["--idle-exit", "0.2"]);
    let (state, first) = (state(&wharf), kept(&state(&wharf)));
    let before = fs::metadata(state.join("tls-cert.pem")).expect("there");
    assert!(wharf.wait().1.success());
    let wharf = serve_in(wharf.kill(), &["--idle-exit", "60"]);
    assert_eq!(presented(&wharf, &first, "localhost"), Some(first));
    let after = fs::metadata(state.join("tls-cert.pem")).expect("there");
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn a_certificate_that_cannot_stay_is_made_again_with_the_same_key() {
    let wharf = serve(&["--host", "old.example"]);
    let state = state(&wharf);
    let (first, key) = (kept(&state), public_key(&state));
    let mut place = wharf.kill();
    let ended = ["localhost", "127.0.0.1", "old.example"];
    let table: [(&str, &dyn Fn(), &str); 4] = [
        ("a name is new", &|| {}, "since the old one is not for new.example;"),
        (
            "it has ended",
            &|| drop(install(&state, &ended, (2001, 1, 1))),
            "since the old one ends on 2001-01-01T",
        ),
        (
            "it is gone",
            &|| fs::remove_file(state.join("tls-cert.pem")).expect("removed"),
            "made a certificate for ",
        ),
        (
            "it is damaged",
            &|| fs::write(state.join("tls-cert.pem"), "-----BEGIN CERTIFICATE-----\n").expect("written"),
            "was not a certificate of the key beside it",
        ),
    ];
    for (name, change, logged) in table {
        change();
        let wharf = serve_in(place, &["--host", "new.example"]);
        eventually(name, || wharf.log().contains(logged));
        let certificate = kept(&state);
        assert_ne!(certificate, first, "{name}");
        assert_eq!(presented(&wharf, &certificate, "new.example").as_ref(), Some(&certificate), "{name}");
        // Earlier names stay, unless it has ended.
        let is_for_old = presented(&wharf, &certificate, "old.example").is_some();
        assert_eq!(is_for_old, name == "a name is new", "{name}");
        assert_eq!(public_key(&state), key, "{name}");
        place = wharf.kill();
    }
    fs::remove_file(state.join("tls-key.pem")).expect("removed");
    let wharf = serve_in(place, &["--host", "new.example"]);
    eventually("the warning", || wharf.log().contains("was not a certificate of the key beside it"));
    assert_ne!(public_key(&state), key);
    let certificate = kept(&state);
    assert_eq!(presented(&wharf, &certificate, "localhost"), Some(certificate));
}

#[test]
fn a_certificate_is_made_again_while_the_server_runs() {
    let wharf = serve(&[]);
    let state = state(&wharf);
    let (first, key) = (kept(&state), public_key(&state));
    let changes: [&dyn Fn(); 3] = [
        &|| drop(install(&state, &["localhost", "127.0.0.1"], (2001, 1, 1))),
        &|| drop(install(&state, &["files.example"], (2090, 1, 1))),
        &|| fs::remove_file(state.join("tls-cert.pem")).expect("removed"),
    ];
    let mut last = first;
    for change in changes {
        change();
        eventually("a new certificate is used", || {
            let kept = CertificateDer::from_pem_file(state.join("tls-cert.pem")).ok();
            kept.is_some_and(|kept| kept != last && presented(&wharf, &kept, "127.0.0.1") == Some(kept))
        });
        last = kept(&state);
    }
    assert_eq!(public_key(&state), key);
    // A file that is not a key is not replaced, and the certificate stays in use.
    let key = fs::read(state.join("tls-key.pem")).expect("a key");
    fs::write(state.join("tls-key.pem"), "").expect("written");
    eventually("it is refused", || wharf.log().contains("it is not a key that wharf has made"));
    assert_eq!(presented(&wharf, &last, "localhost").as_ref(), Some(&last));
    assert_eq!(fs::read(state.join("tls-key.pem")).expect("there"), b"");
    fs::write(state.join("tls-key.pem"), key).expect("written");
    eventually("it is read again", || wharf.log().matches("reloaded the certificates").count() > 3);
    assert_eq!(kept(&state), last);
}

/// A change during a time in which the state directory cannot be used takes effect as soon as it can be used again.
#[test]
fn a_state_directory_that_can_be_used_again_is_used() {
    let place = tempfile::tempdir().expect("a directory");
    let [first, second] = [(); 2].map(|()| Authority::new());
    let ca = first.write(place.path());
    let wharf = serve(&["--tls-client-ca", &ca.to_string_lossy()]);
    wharf.write("a", "content");
    let state = state(&wharf);
    let certificate = kept(&state);
    let allow = |mode| fs::set_permissions(&state, fs::Permissions::from_mode(mode)).expect("set");
    allow(0o777);
    fs::remove_file(state.join("tls-cert.pem")).expect("removed");
    second.write(place.path());
    eventually("it is refused", || wharf.log().contains("other users can write to it"));
    let [user, key] = second
        .issue_to_client(|it| it.distinguished_name.push(DnType::CommonName, "ann"))
        .write_pair(place.path(), "ann");
    let url = wharf.url("/a");
    let get = |pin: &str| {
        let flags = ["get", "-o", "-", "--retries", "0", "--cert", &user, "--key", &key, "--pin", pin, &url];
        run(&flags, "", place.path())
    };
    assert!(get(&pin(&certificate)).stderr.contains("UnknownCA"), "all or nothing");
    allow(0o700);
    eventually("a certificate is made", || state.join("tls-cert.pem").exists());
    eventually("both are used", || get(&pin(&kept(&state))).stdout == "content");
    assert_eq!(wharf.log().matches("other users can write to it").count(), 1, "logged once");
}

#[test]
fn a_certificate_that_ends_soon_is_made_again_while_the_server_runs() {
    let place = tempfile::tempdir().expect("a directory");
    let state = place.path().join("state");
    let flags = ["--tls-self-signed", "--state", &state.to_string_lossy()];
    let Some(clock) = Clock::serve(&flags) else { return };
    let (first, key) = (kept(&state), public_key(&state));
    clock.set("+360d");
    clock.wharf.signal(Signal::HUP);
    eventually("it is read again", || clock.wharf.log().contains("reloaded the certificates"));
    assert_eq!(kept(&state), first, "more than a month is left");
    clock.set("+370d");
    eventually("there is a new one", || clock.wharf.log().contains("since the old one ends on "));
    assert_eq!(public_key(&state), key);
    let place = tempfile::tempdir().expect("a directory");
    clock.wharf.write("a", "content");
    eventually("clients get it", || {
        let url = clock.wharf.url("/a");
        // A pin is valid whatever the dates are: this client's clock is behind.
        let flags = ["--retries", "0", "--pin", &pin(&kept(&state))];
        let output = run(&[&["get", "-o", "-", &url][..], &flags].concat(), "", place.path());
        output.stdout == "content"
    });
}

#[test]
fn servers_that_start_at_once_have_one_certificate() {
    for _ in 0..3 {
        let place = place();
        let names = ["a.example", "a.example", "b.example", "c.example"];
        let started: Vec<_> = std::thread::scope(|scope| {
            let start = |name| {
                let path = place.path();
                scope.spawn(move || start(&["--host", name, "--idle-exit", "3"], path, &[("HOME", path)]))
            };
            let threads: Vec<_> = names.map(start).into();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let id = fs::read_to_string(place.path().join("share/.wharf/id")).expect("an id");
        let state = place.path().join(".local/state/wharf").join(id.trim());
        let last = pin(&kept(&state));
        assert_eq!(fs::read_dir(&state).expect("a directory").count(), 2, "nothing else is left");
        let made = |output: &Output| output.stderr.matches(" made ").count();
        assert!(started.iter().map(made).sum::<usize>() <= 3, "once for each name: {started:?}");
        for output in &started {
            assert_eq!(output.code, Some(0), "{output:?}");
            let was_first = printed(output) == last || output.stderr.contains("reloaded the certificates");
            assert!(was_first, "{last}: {output:?}");
        }
        let next = start(&["--host", "c.example"], place.path(), &[("HOME", place.path())]);
        assert_eq!(printed(&next), last);
    }
}

#[test]
fn the_state_directory_is_found() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    let (home, xdg, systemd) = (at("home"), at("xdg"), at("systemd"));
    let id = || fs::read_to_string(at("share/.wharf/id")).expect("an id").trim().to_owned();
    let start = |flags: &[&str], variables: &[(&str, &Path)]| {
        let output = start(flags, place.path(), variables);
        assert_eq!(output.code, Some(0), "{output:?}");
        printed(&output)
    };
    let by_home = start(&[], &[("HOME", &home)]);
    assert_eq!(by_home, pin(&kept(&home.join(".local/state/wharf").join(id()))));
    let relative = Path::new("relative");
    assert_eq!(start(&[], &[("HOME", &home), ("XDG_STATE_HOME", relative)]), by_home);
    let by_xdg = start(&[], &[("HOME", &home), ("XDG_STATE_HOME", &xdg)]);
    assert_eq!(by_xdg, pin(&kept(&xdg.join("wharf").join(id()))));
    let by_systemd = start(&[], &[("HOME", &home), ("STATE_DIRECTORY", &systemd)]);
    assert_eq!(by_systemd, pin(&kept(&systemd)));
    let given = start(&["--state", "given/below"], &[("HOME", &home), ("STATE_DIRECTORY", &systemd)]);
    assert_eq!(given, pin(&kept(&at("given/below"))));
    assert_eq!((mode(&at("given")), mode(&at("given/below"))), (0o700, 0o700));
    // A folder that is read-only stays as it is, and has an id by its path.
    fs::remove_dir_all(at("share/.wharf")).expect("removed");
    let read_only = start(&["--read-only"], &[("HOME", &home)]);
    assert_eq!(start(&["--read-only"], &[("HOME", &home)]), read_only);
    assert_ne!(read_only, by_home);
    assert_eq!(fs::read_dir(at("share")).expect("a folder").count(), 0);
}

#[test]
fn a_state_directory_that_cannot_be_used_is_one_line_at_the_start() {
    let place = place();
    let at = |name: &str| place.path().join(name);
    for name in ["share/below", "open", "damaged", "linked", "wide"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fs::write(at("file"), "").expect("written");
    symlink("share", at("link")).expect("a link");
    symlink("missing", at("dangling")).expect("a link");
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).expect("set");
    fs::write(at("damaged/tls-key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .expect("written");
    fs::set_permissions(at("damaged/tls-key.pem"), fs::Permissions::from_mode(0o600)).expect("set");
    symlink("../file", at("linked/tls-key.pem")).expect("a link");
    fs::create_dir(at("wide/tls-cert.pem")).expect("a directory");
    let in_folder = "it is in the shared folder (name a directory outside of it)";
    let not_key = "it is not a key that wharf has made (remove it, and wharf makes a new one)";
    let table = [
        ("share", format!("cannot use the state directory share: {in_folder}")),
        ("share/below", format!("cannot use the state directory share/below: {in_folder}")),
        ("share/new/er", format!("cannot use the state directory share/new/er: {in_folder}")),
        ("link/new", format!("cannot use the state directory link/new: {in_folder}")),
        ("file", "cannot use the state directory file: it is not a directory".to_owned()),
        (
            "dangling",
            "cannot use the state directory dangling: it is a symlink to a missing directory (create that directory)"
                .to_owned(),
        ),
        (
            "open",
            "cannot use the state directory open: other users can write to it (chmod 700 prevents that, or name a new \
             directory)"
                .to_owned(),
        ),
        ("damaged", format!("cannot use the key damaged/tls-key.pem: {not_key}")),
        ("linked", "cannot use the key linked/tls-key.pem: it is a symlink".to_owned()),
        ("wide", "cannot use the certificate wide/tls-cert.pem: it is not one of wharf's files".to_owned()),
    ];
    for (directory, error) in table {
        let output = start(&["--state", directory, "-q"], place.path(), &[]);
        assert_eq!((output.code, output.stderr), (Some(1), format!("wharf: {error}\n")), "{directory}");
    }
    assert_eq!(fs::read_dir(at("share")).expect("a folder").count(), 1, "nothing was created");
    let output = start(&["-q"], place.path(), &[]);
    let error = "wharf: there is no place for the state of the server: neither XDG_STATE_HOME nor HOME is set (name a directory \
                 with --state)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), error));
    // Another user's.
    let others = if rustix::process::geteuid().is_root() {
        fs::create_dir(at("others")).expect("a directory");
        std::os::unix::fs::chown(at("others"), Some(65534), None).expect("given away");
        at("others")
    } else {
        PathBuf::from("/")
    };
    let output = start(&["-q", "--state", &others.to_string_lossy()], place.path(), &[]);
    assert!(output.code == Some(1) && output.stderr.contains("it belongs to another user"), "{output:?}");
}

#[test]
fn a_lock_that_is_never_released_is_an_error() {
    let place = place();
    let state = place.path().join("state");
    fs::create_dir(&state).expect("a directory");
    let lock = fs::File::open(&state).expect("a directory");
    flock(&lock, FlockOperation::LockExclusive).expect("locked");
    let output = start(&["--state", "state", "-q"], place.path(), &[]);
    let error = "wharf: cannot use the state directory state: another server has locked it for 5 s (is it stopped?)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), error));
    drop(lock);
    assert_eq!(start(&["--state", "state", "-q"], place.path(), &[]).code, Some(0));
}

#[test]
fn a_key_that_others_could_read_is_protected_and_one_in_the_folder_is_refused() {
    let wharf = serve(&[]);
    let (state, first) = (state(&wharf), kept(&state(&wharf)));
    let place = wharf.kill();
    fs::set_permissions(state.join("tls-key.pem"), fs::Permissions::from_mode(0o644)).expect("set");
    let wharf = serve_in(place, &[]);
    eventually("the warning", || wharf.log().contains("tls-key.pem (mode 0644); its mode is now 0600"));
    assert_eq!((mode(&state.join("tls-key.pem")), kept(&state)), (0o600, first));
    fs::hard_link(state.join("tls-key.pem"), wharf.folder().join("key")).expect("a hard link");
    let place = wharf.kill();
    let output = start(&["--state", "state", "-q"], place.path(), &[]);
    let error = "wharf: cannot use the key state/tls-key.pem: it has other names (hard links), and the shared folder may \
                 contain one of them (name another file)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), error));
}

#[test]
fn flags_that_exclude_each_other_are_wrong_usage() {
    let place = place();
    let table = [
        (&["--tls-self-signed", "--tls-cert", "c", "--tls-key", "k"][..], "cannot be used with"),
        (&["--state", "s"], "--tls-self-signed"),
        (&["--no-plain"], "--tls-self-signed"),
        (&["--hsts", "60"], "--tls-self-signed"),
    ];
    for (flags, said) in table {
        let output = run(&[&["serve", "share", "--port", "0"], flags].concat(), "", place.path());
        assert!(output.code == Some(2) && output.stderr.contains(said), "{flags:?}: {output:?}");
    }
    let mut wharf = serve(&["--no-plain", "--hsts", "60"]);
    let mut wire = Wire::over(TcpStream::connect(wharf.address()).expect("a connection"));
    let end = wire.send("GET /.wharf/health HTTP/1.1\r\nHost: localhost\r\n\r\n").read_to_end();
    assert!(!end.starts_with(b"HTTP"), "{end:?}");
    assert!(wharf.ended().is_none());
}
