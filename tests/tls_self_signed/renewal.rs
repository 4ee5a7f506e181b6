//! When the certificate is made again.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use rcgen::DnType;
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{install, kept, presented, public_key, serve, serve_in, state};
use crate::common::tls_fake::{Authority, pin};
use crate::common::{eventually, run};
use crate::disturbances::Clock;

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
