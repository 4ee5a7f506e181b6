//! GNOME's virtual file systems (`gio`), over a session bus of their own.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::serve;
use crate::common::{outside, skip};

/// What a user of the file manager does. `$0` is the address of the folder.
const SCRIPT: &str = "set -e
gio mount \"$0\"
gio list \"$0\"
gio mkdir \"$0/new folder\"
gio copy ü.txt \"$0/new folder/ü.txt\"
gio rename \"$0/new folder/ü.txt\" renamed.txt
gio copy \"$0/new folder/renamed.txt\" \"$0/copy.txt\"
gio move \"$0/new folder\" \"$0/moved\"
test \"$(gio cat \"$0/moved/renamed.txt\")\" = hello
printf changed | gio save \"$0/copy.txt\"
gio info \"$0/copy.txt\" | grep -q 'standard::size: 7'
gio remove \"$0/moved/renamed.txt\" \"$0/moved\"
! gio info \"$0/moved\" 2>/dev/null
gio mount -u \"$0\"
";

#[test]
pub fn gio_works() {
    let (Some(_), Some(mut session)) = (outside("gio"), outside("dbus-run-session")) else { return };
    if !["/usr/libexec", "/usr/lib/gvfs"].iter().any(|at| Path::new(at).join("gvfsd-dav").exists()) {
        return skip("gvfs has no WebDAV here");
    }
    let wharf = serve(&[]);
    wharf.write("old.txt", "old");
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("ü.txt"), "hello").expect("written");
    session.args(["--", "sh", "-c", SCRIPT, &format!("dav://{}", wharf.address())]);
    for variable in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        session.env(variable, here.path());
    }
    session.env("LC_ALL", "C.UTF-8").env("GVFS_DISABLE_FUSE", "1").env_remove("DISPLAY");
    let output = session.current_dir(here.path()).stdin(Stdio::null()).output().expect("it runs");
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&told), wharf.log());
    let mut names = wharf.tree();
    names.sort();
    assert_eq!(names, ["copy.txt", "old.txt"]);
    assert_eq!(wharf.read("copy.txt"), b"changed");
}
