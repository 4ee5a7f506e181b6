//! Clients that many people use, and the test suite of the field. Those that do not run here are scripts of the requests that
//! they are known to send.

#[cfg(feature = "accounts")]
#[path = "clients/davfs.rs"]
mod davfs;
#[path = "clients/explorer.rs"]
mod explorer;
#[path = "clients/finder.rs"]
mod finder;
#[path = "clients/gvfs.rs"]
mod gvfs;
#[path = "clients/joplin.rs"]
mod joplin;
#[path = "clients/keepass.rs"]
mod keepass;
#[path = "clients/office.rs"]
mod office;
#[path = "clients/script.rs"]
mod script;
#[path = "clients/zotero.rs"]
mod zotero;

use std::fs;
use std::process::Stdio;

use super::{EDIT, serve};
use crate::common::{Wharf, outside, sample};

#[test]
pub fn litmus_passes() {
    run_litmus(&serve(&[]), &[]);
}

#[test]
#[cfg(feature = "accounts")]
pub fn litmus_passes_with_an_account() {
    let office = crate::common::office::Office::open(&["--allow", "anna=edit"]);
    run_litmus(&office.wharf, &["anna", "secret-anna"]);
}

/// It accepts every certificate.
#[test]
#[cfg(feature = "tls")]
pub fn litmus_passes_over_tls() {
    crate::common::over_tls(|| run_litmus(&serve(&[]), &[]));
}

/// All suites pass, without a warning.
fn run_litmus(wharf: &Wharf, credentials: &[&str]) {
    let Some(mut litmus) = outside("litmus") else { return };
    let here = tempfile::tempdir().expect("a folder");
    litmus.arg(wharf.url("/")).args(credentials).current_dir(here.path());
    let output = litmus.stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !told.contains("WARNING") && !told.contains("FAIL"), "{told}");
    for suite in ["basic", "copymove", "props", "locks", "http"] {
        assert!(told.contains(&format!("<- summary for `{suite}'")), "{suite}: {told}");
    }
    assert_eq!(told.matches("0 failed. 100.0%").count(), 5, "{told}");
}

#[test]
pub fn cadaver_works() {
    let Some(mut cadaver) = outside("cadaver") else { return };
    let wharf = serve(&[]);
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("h.txt"), "hello").expect("written");
    let script = "mkcol c\ncd c\nput h.txt\nlock h.txt\nunlock h.txt\npropset h.txt author me\npropget h.txt\n\
                  copy h.txt i.txt\nmove i.txt j.txt\nls\ndelete h.txt\nquit\n";
    fs::write(here.path().join("script"), script).expect("written");
    let input = fs::File::open(here.path().join("script")).expect("a script");
    cadaver.arg(wharf.url("/")).current_dir(here.path()).env("HOME", here.path()).stdin(input);
    let output = cadaver.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!told.contains("failed") && told.contains("author = me"), "{told}");
    assert_eq!(wharf.read("c/j.txt"), b"hello");
    assert!(!wharf.folder().join("c/h.txt").exists());
}

#[test]
pub fn rclone_syncs_and_checks() {
    let Some(rclone) = outside("rclone") else { return };
    let program = rclone.get_program().to_owned();
    let wharf = Wharf::serve(&EDIT);
    let here = tempfile::tempdir().expect("a folder");
    for (number, name) in ["a b", "ü", "#%25?", "d/e/f"].iter().enumerate() {
        let path = here.path().join("from").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, sample(20_000, number as u64)).expect("written");
    }
    let configuration = here.path().join("rclone.conf");
    let section = format!("[w]\ntype = webdav\nurl = {}\nvendor = owncloud\n", wharf.url("/"));
    fs::write(&configuration, section).expect("written");
    let run = |arguments: &[&str]| {
        let mut rclone = std::process::Command::new(&program);
        rclone
            .args(arguments)
            .arg("--config")
            .arg(&configuration)
            .current_dir(here.path())
            .stdin(Stdio::null());
        let output = rclone.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
    };
    run(&["sync", "from", "w:to"]);
    run(&["check", "--download", "from", "w:to"]);
    run(&["move", "w:to/d", "w:moved"]);
    run(&["sync", "w:moved", "back"]);
    run(&["purge", "w:to"]);
    assert_eq!(fs::read(here.path().join("back/e/f")).expect("it is back"), sample(20_000, 3));
    assert!(!wharf.folder().join("to").exists());
}
