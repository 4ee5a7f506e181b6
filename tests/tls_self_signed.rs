//! `--tls-self-signed`: the certificate that wharf makes for itself, where it is kept, and when it is made again.

mod directory;
mod renewal;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::common::tls_fake::pin;
use crate::common::{Output, PATIENCE, Running, Wharf, Wire, eventually, outside, root, run};

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

/// Replaces the certificate by a new one with the same key, valid until this day.
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

/// The output of a server that cannot start or exits soon, with these flags and only these variables, in this
/// directory.
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
