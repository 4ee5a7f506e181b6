//! Logins in `.netrc`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{ANNA, BERT, authorizations, greeter};
use crate::common::{Fake, Output, outside, run_with};

/// A file with this text that only its owner can read.
fn written(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("set");
}

/// `wharf get` with these flags, and this text in the file that `NETRC` names.
fn get(text: &str, flags: &[&str], server: &Fake, user: &str) -> Output {
    let here = tempfile::tempdir().expect("a directory");
    let path = here.path().join("logins");
    written(&path, text);
    let url = format!("http://{user}{}/a", server.address());
    let variables = [("NETRC", path.to_str().expect("text").to_owned())];
    run_with(&[&["get", "-o", "-", &url], flags].concat(), "", here.path(), &variables)
}

#[test]
fn the_login_for_the_host_is_used_unless_another_is_named() {
    const HERE: &str = "machine 127.0.0.1 login anna password secret\n";
    const TWO: &str =
        "machine 127.0.0.1 login anna password secret\nmachine 127.0.0.1 login bert password other\n";
    let table: [(&str, &str, &[&str], &str, Option<&str>); 10] = [
        ("this host", HERE, &[], "", Some(ANNA)),
        ("another host", "machine 127.0.0.2 login anna password secret", &[], "", None),
        ("default", "machine h login a password b\ndefault login anna password secret", &[], "", Some(ANNA)),
        ("nothing", "", &[], "", None),
        ("a flag", HERE, &["-u", "bert:other"], "", Some(BERT)),
        ("a token", HERE, &["--token", "x"], "", Some("Bearer x")),
        ("an address", HERE, &[], "bert:other@", Some(BERT)),
        ("the password of a flag's user", TWO, &["-u", "bert"], "", Some(BERT)),
        ("the password of an address's user", TWO, &[], "bert@", Some(BERT)),
        ("the first of two", TWO, &[], "", Some(ANNA)),
    ];
    for (name, text, flags, user, expected) in table {
        let server = greeter();
        let output = get(text, flags, &server, user);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{name}: {output:?}");
        assert_eq!(authorizations(&server), [expected.map(str::to_owned)], "{name}");
        let warns = output.stderr.contains("password in the address") == user.contains(':');
        assert!(warns && !output.stderr.contains("netrc"), "{name}: {output:?}");
    }
}

#[test]
fn the_file_is_in_the_home_directory_unless_netrc_names_another() {
    let here = tempfile::tempdir().expect("a directory");
    let home = ("HOME", here.path().to_str().expect("text").to_owned());
    written(&here.path().join(".netrc"), "machine 127.0.0.1 login anna password secret");
    written(&here.path().join("other"), "machine 127.0.0.1 login bert password other");
    let path = |name: &str| here.path().join(name).to_str().expect("text").to_owned();
    for (named, expected) in [(String::new(), Some(ANNA)), (path("other"), Some(BERT)), (path("none"), None)]
    {
        let server = greeter();
        let url = server.url("/a");
        let variables = [home.clone(), ("NETRC", named.clone())];
        let output = run_with(&["get", "-o", "-", &url], "", here.path(), &variables);
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{named}: {output:?}");
        assert_eq!(authorizations(&server), [expected.map(str::to_owned)], "{named}");
    }
}

#[test]
fn a_file_that_cannot_be_trusted_or_read_is_a_warning() {
    let here = tempfile::tempdir().expect("a directory");
    let path = here.path().join("logins");
    let text = path.to_str().expect("text").to_owned();
    let exposed = format!("warning: other users can read {text} (chmod 600 protects it)\n");
    let quote = format!("warning: {text}: unclosed quote (it is ignored)\n");
    let control = format!("warning: {text}: a user name and a password cannot contain control characters");
    let table = [
        ("private", "machine 127.0.0.1 login anna password secret", 0o600, "", Some(ANNA)),
        ("readable by others", "machine 127.0.0.1 login anna password secret", 0o644, &exposed, Some(ANNA)),
        (
            "readable by the group",
            "machine 127.0.0.1 login anna password secret",
            0o640,
            &exposed,
            Some(ANNA),
        ),
        ("readable, but for another host", "machine h login anna password secret", 0o644, "", None),
        ("an open quote", "machine 127.0.0.1 login anna password \"secret", 0o600, &quote, None),
        ("a line end", "machine 127.0.0.1 login anna password \"a\\nb\"", 0o600, &control, None),
    ];
    for (name, content, mode, warning, expected) in table {
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        let server = greeter();
        let variables = [("NETRC", text.clone())];
        let urls = [server.url("/a"), server.url("/b")];
        let output = run_with(&["get", "--force", &urls[0], &urls[1]], "", here.path(), &variables);
        assert_eq!(output.code, Some(0), "{name}: {output:?}");
        assert!(output.stderr.starts_with(warning), "{name}: {}", output.stderr);
        assert_eq!(
            output.stderr.lines().count(),
            usize::from(!warning.is_empty()),
            "{name}: {}",
            output.stderr
        );
        assert!(authorizations(&server).iter().all(|sent| sent.as_deref() == expected), "{name}");
    }
    let variables = [("NETRC", here.path().to_str().expect("text").to_owned())];
    let server = greeter();
    let output = run_with(&["get", &server.url("/c")], "", here.path(), &variables);
    assert!(output.stderr.starts_with("warning: cannot read ") && output.code == Some(0), "{output:?}");
}

/// curl and wharf find the same login in the same file.
#[test]
fn curl_reads_the_same() {
    let texts = [
        "machine 127.0.0.1 login anna password secret",
        "machine 127.0.0.1\n\tlogin anna\n\tpassword secret\n",
        "machine h login a password b\nmachine 127.0.0.1 login anna password secret\n",
        "# machine 127.0.0.1 login a password b\nmachine 127.0.0.1 login anna password secret\n",
        "machine 127.0.0.1 login anna password \"sec ret\"\n",
        "machine 127.0.0.1 login anna password \"a\\\"b\\\\c\"\n",
        "machine 127.0.0.1 login anna password sec#ret:@/\n",
        "macdef m\nmachine 127.0.0.1 login a password b\n\nmachine 127.0.0.1 login anna password secret\n",
        "machine h login a password b\ndefault login anna password secret\n",
        "machine h login a password b\n",
        "machine 127.0.0.1 login größe password pässword\n",
        "machine 127.0.0.1 login anna password secret machine 127.0.0.1 login a password b\n",
    ];
    for text in texts {
        let Some(mut curl) = outside("curl") else { return };
        let here = tempfile::tempdir().expect("a directory");
        let path = here.path().join("logins");
        written(&path, text);
        let server = greeter();
        curl.args(["-q", "-sS", "--noproxy", "*", "--netrc-optional", "--netrc-file"]).arg(&path);
        let output = curl.arg(server.url("/a")).output().expect("curl runs");
        assert!(output.status.success(), "{text}: {output:?}");
        get(text, &[], &server, "");
        let [by_curl, by_wharf] = &authorizations(&server)[..] else { panic!("two requests") };
        assert_eq!(by_curl, by_wharf, "{text}");
    }
}
