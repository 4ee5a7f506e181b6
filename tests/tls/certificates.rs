//! The certificates of the server: which can be used, which is chosen, and when they are read again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{serve, tcp, text};
use crate::common::{ClientTls, Wharf, client_config, eventually, pem, run, sample};

#[test]
fn a_pair_that_cannot_be_used_is_one_line_at_the_start() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("share")).expect("a folder");
    let write = |name: &str, content: &[u8]| fs::write(place.path().join(name), content).expect("written");
    let (localhost, key, ca) = (text("localhost.pem"), text("localhost.key"), text("ca.pem"));
    write("cert", localhost.as_bytes());
    write("key", key.as_bytes());
    write("other", text("other.key").as_bytes());
    write("encrypted", key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").as_bytes());
    write("chain", format!("{localhost}{ca}").as_bytes());
    write("upside-down", format!("{ca}{localhost}").as_bytes());
    write("unrelated", format!("{localhost}{}", text("other.pem")).as_bytes());
    write("der", &CertificateDer::from_pem_slice(localhost.as_bytes()).expect("PEM"));
    write("der-key", PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM").secret_der());
    write("cut", &localhost.as_bytes()[..localhost.len() / 2]);
    write("short", localhost.replacen("MII", "MIA", 1).as_bytes());
    write("empty", b"");
    fs::create_dir(place.path().join("directory")).expect("a folder");
    // Nobody writes to it.
    mknodat(CWD, place.path().join("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
    write("share/cert", localhost.as_bytes());
    write("share/key", key.as_bytes());
    let in_folder = "it is in the shared folder, where every client could read it (name a file outside it)";
    let order = "its chain is in the wrong order (the server's certificate comes first, then its issuer's, and so on)";
    let not_pem = "it is not PEM (convert it with openssl, from DER or PKCS #12)";
    let not_a_file = "it is not a regular file (it is read again when it changes)";
    let table = [
        ("cert", "directory", "key directory", not_a_file),
        ("cert", "pipe", "key pipe", not_a_file),
        ("pipe", "key", "certificate pipe", not_a_file),
        ("cert", "other", "key other", "it is not the key of the certificate cert"),
        ("cert", "encrypted", "key encrypted", "it is encrypted (decrypt it: openssl pkey -in KEY -out NEW)"),
        ("cert", "der-key", "key der-key", not_pem),
        ("cert", "cert", "key cert", "it contains no private key"),
        ("cert", "none", "key none", "there is no such file"),
        ("cert", "share/key", "key share/key", in_folder),
        ("upside-down", "key", "certificate upside-down", order),
        ("unrelated", "key", "certificate unrelated", order),
        ("der", "key", "certificate der", not_pem),
        ("empty", "key", "certificate empty", not_pem),
        ("key", "key", "certificate key", "it contains no certificate"),
        ("none", "key", "certificate none", "there is no such file"),
        ("share/cert", "key", "certificate share/cert", in_folder),
        ("short", "key", "certificate short", "it contains something that is not a certificate"),
    ];
    let start = |flags: &[&str]| {
        let flags = [&["serve", "share", "--port", "0", "--idle-exit", "0.1", "-q"], flags].concat();
        run(&flags, "", place.path())
    };
    for (certificate, key, what, why) in table {
        let output = start(&["--tls-cert", certificate, "--tls-key", key]);
        let said = output.stderr.as_str();
        assert_eq!(
            (output.code, said),
            (Some(1), &*format!("wharf: cannot use the {what}: {why}\n")),
            "{output:?}"
        );
    }
    let output = start(&["--tls-cert", "cut", "--tls-key", "key"]);
    assert!(output.code == Some(1) && output.stderr.contains("not valid PEM"), "{output:?}");
    let output = start(&["--tls-cert", "cert", "--tls-cert", "cert", "--tls-key", "key"]);
    let said = "wharf: each --tls-cert needs its --tls-key (2 and 1 were given)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), said));
    let output = start(&["--tls-cert", "chain", "--tls-key", "key"]);
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn a_certificate_that_is_not_valid_today_is_a_warning() {
    let table = [
        ("expired.pem", "has expired on 2001-01-01T00:00:00Z (renew it)"),
        ("future.pem", "is not valid before 2100-01-01T00:00:00Z (check the clock)"),
    ];
    for (name, warning) in table {
        let wharf = serve(&[(name, "dated.key")], &[]);
        eventually("the warning", || wharf.log().contains(warning));
    }
}

#[test]
fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let wharf = serve(&[("localhost.pem", "localhost.key"), ("other.pem", "other.key")], &[]);
    let certificate = |name: &str| {
        let mut tls = ClientTls::begin(client_config(), name, &mut tcp(&wharf)).ok()?;
        let chain = tls.session().peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
        assert_eq!(tls.session().alpn_protocol(), None, "the client names none");
        chain.into_iter().next()
    };
    let file = |name: &str| Some(CertificateDer::from_pem_file(pem(name)).expect("PEM"));
    assert_eq!(certificate("localhost"), file("localhost.pem"));
    assert_eq!(certificate("127.0.0.1"), file("localhost.pem"), "without a name: the first");
    assert_eq!(certificate("other.example"), file("other.pem"));
    assert_eq!(certificate("a.wild.example"), file("other.pem"));
    assert_eq!(certificate("unknown.example"), None, "the first, which has another name");
}

/// Copies a pair of `tests/tls` to these files, each by a rename.
fn install(certificate: &Path, key: &Path, pair: &str) {
    for (to, name) in [(certificate, format!("{pair}.pem")), (key, format!("{pair}.key"))] {
        let new = to.with_extension("new");
        fs::copy(pem(&name), &new).and_then(|_| fs::rename(&new, to)).expect("replaced");
    }
}

#[test]
fn certificates_are_read_again_without_losing_a_request() {
    reload_under_load(3);
}

/// A file may be unusable for a reason other than its content: here, a hard link.
#[test]
fn a_file_that_can_be_used_again_is_read() {
    let place = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (place.path().join("cert"), place.path().join("key"));
    install(&certificate, &key, "localhost");
    let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    let wharf = Wharf::serve(&flags);
    let other_name = wharf.folder().with_file_name("other-name");
    fs::hard_link(&key, &other_name).expect("a hard link");
    install(&certificate, &place.path().join("unused"), "localhost");
    eventually("it is refused", || wharf.log().contains("it has other names (hard links)"));
    fs::remove_file(other_name).expect("removed");
    eventually("it is read", || wharf.log().contains("reloaded the certificates"));
}

#[test]
#[ignore = "long"]
fn a_hundred_reloads_lose_no_request() {
    reload_under_load(100);
}

fn reload_under_load(reloads: usize) {
    let place = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (place.path().join("cert"), place.path().join("key"));
    install(&certificate, &key, "localhost");
    let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    let wharf = Wharf::serve(&flags);
    wharf.write("large", sample(300_000, 1));
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let read_again = "reloaded the certificates";
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = wharf.connect();
                while !is_over.load(Ordering::Relaxed) {
                    for answer in [kept.ask("GET", "/large", "", b""), wharf.ask("GET", "/large", "", b"")] {
                        assert!(answer.body == sample(300_000, 1));
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 0..reloads {
            if number % 2 == 0 {
                wharf.signal(Signal::HUP);
            } else {
                install(&certificate, &key, "localhost");
            }
            eventually("a reload", || wharf.log().matches(read_again).count() > number);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > reloads);
    let name_works = |name| ClientTls::begin(client_config(), name, &mut tcp(&wharf)).is_ok();
    // The certificate is replaced first: for a moment, the key does not match it.
    fs::copy(pem("other.pem"), &certificate).expect("copied");
    let kept = "the previous certificates stay in use";
    eventually("it is refused", || wharf.log().contains(kept));
    assert!(name_works("localhost"));
    fs::copy(pem("other.key"), &key).expect("copied");
    eventually("the new one is used", || name_works("other.example"));
    fs::remove_file(&key).expect("removed");
    eventually("it is refused", || wharf.log().matches(kept).count() > 1);
    assert!(name_works("other.example"));
}
