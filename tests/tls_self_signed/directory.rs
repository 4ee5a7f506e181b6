//! The state directory, in which the certificate and its key are kept.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{kept, mode, place, printed, serve, serve_in, start, state};
use crate::common::tls_fake::pin;
use crate::common::{Output, eventually};

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
