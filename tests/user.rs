//! `wharf user` keeps a users file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::common::{Output, run};

/// `wharf user` with these arguments and this input, in a directory whose users file is `users`.
fn user(here: &Path, arguments: &[&str], input: &str) -> Output {
    let arguments: Vec<_> = ["user"].iter().chain(arguments).chain(&["--users", "users"]).copied().collect();
    run(&arguments, input, here)
}

/// Runs it, and expects success without a word on stderr.
fn succeeds(here: &Path, arguments: &[&str], input: &str) -> String {
    let output = user(here, arguments, input);
    assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    assert_eq!(output.stderr, "", "{arguments:?}");
    output.stdout
}

#[test]
fn users_are_added_changed_listed_and_removed() {
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    let line = |name: &str| {
        let file = fs::read_to_string(here.join("users")).expect("the users file");
        file.lines().find(|line| line.starts_with(name)).map(str::to_owned)
    };
    let add = |name, groups: &[&str], password: &str| {
        let groups = groups.iter().flat_map(|group| ["--group", group]);
        let arguments: Vec<_> = ["add", name, "--password-stdin"].into_iter().chain(groups).collect();
        succeeds(here, &arguments, password);
    };
    add("anna", &["staff", "admins"], "correct horse\n");
    add("bert", &[], "größe");
    let mode = fs::metadata(here.join("users")).expect("the users file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(succeeds(here, &["list"], ""), "anna\tstaff,admins\nbert\n");
    let before = line("anna").expect("she is there");
    assert!(before.starts_with("anna:$argon2id$v=19$m=19456,t=2,p=1$"), "{before}");
    assert!(before.ends_with(":staff,admins"), "{before}");
    assert!(!before.contains("horse"));

    succeeds(here, &["passwd", "anna", "--password-stdin"], "battery staple\r\nmore");
    let after = line("anna").expect("she is there");
    assert_ne!(before, after);
    assert!(after.ends_with(":staff,admins"), "{after}");
    // Tokens and links depend on it.
    let account = |line: &str| line["anna:$argon2id$v=19$m=19456,t=2,p=1$".len()..][..12].to_owned();
    assert_eq!(account(&before), account(&after), "another password, the same account");
    succeeds(here, &["remove", "anna"], "");
    assert_eq!(line("anna"), None);
    add("anna", &[], "correct horse\n");
    assert_ne!(account(&before), account(&line("anna").expect("she is there")), "another account");
    succeeds(here, &["remove", "anna"], "");
    assert_eq!(succeeds(here, &["list"], ""), "bert\n");
}

#[test]
fn a_file_that_others_wrote() {
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    let line = "carla:$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";
    fs::write(here.join("users"), format!("# of htpasswd\n{line}\nbert:!{}:staff\n", &line[6..]))
        .expect("written");
    fs::set_permissions(here.join("users"), fs::Permissions::from_mode(0o644)).expect("changed");
    let output = user(here, &["list"], "");
    assert_eq!(output.stdout, "carla\nbert\tstaff\tdisabled\n");
    assert!(output.stderr.contains("everybody on this machine can read users"), "{}", output.stderr);
}

#[test]
fn mistakes_are_explained_and_change_nothing() {
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    succeeds(here, &["add", "anna", "--password-stdin"], "secret");
    let before = fs::read(here.join("users")).expect("the users file");
    let long = "x".repeat(1025);
    let table: [(&[&str], &str, i32, &str); 10] = [
        (&["add", "anna", "--password-stdin"], "other", 1, "there is a user anna already"),
        (&["add", "bert", "--password-stdin"], "", 1, "the password is empty"),
        (&["add", "bert", "--password-stdin"], "\nsecret", 1, "the password is empty"),
        (&["add", "bert", "--password-stdin"], &long, 1, "a password has at most 1024 bytes"),
        (&["add", "bert", "--password-stdin"], "a\0b", 1, "a password must not contain NUL"),
        (&["add", "a:b", "--password-stdin"], "secret", 2, "a name must not contain ':'"),
        (&["add", "everyone", "--password-stdin"], "secret", 2, "cannot be names"),
        (&["add", "bert", "--group", "%staff", "--password-stdin"], "secret", 2, "must not contain '%'"),
        (&["passwd", "bert", "--password-stdin"], "secret", 1, "there is no user bert"),
        (&["remove", "bert"], "", 1, "there is no user bert"),
    ];
    for (arguments, input, code, expected) in table {
        let output = user(here, arguments, input);
        let error = &output.stderr;
        assert_eq!(output.code, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert_eq!(fs::read(here.join("users")).expect("the users file"), before, "{arguments:?}");
    }
    fs::write(here.join("users"), "# staff\nanna:secret\n").expect("written");
    let output = user(here, &["list"], "");
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("users:2: unknown hash"), "{}", output.stderr);
}

#[test]
fn a_name_that_looks_like_another_is_refused() {
    let here = tempfile::tempdir().expect("a directory");
    let here = here.path();
    let add = |name| user(here, &["add", name, "--password-stdin"], "correct horse\n");
    assert_eq!(add("anna").code, Some(0));
    for (name, shown) in [("Anna", "Anna"), ("ａｎｎａ", "ａｎｎａ"), ("an\u{200b}na", "an\\u{200b}na")]
    {
        let output = add(name);
        assert_eq!(output.code, Some(1), "{name}: {output:?}");
        let why = format!("{shown} looks like the user anna, so people would confuse them");
        assert!(output.stderr.contains(&why), "{}", output.stderr);
    }
    let output = add("\u{200b}");
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("nothing of the name can be seen"), "{}", output.stderr);
    assert_eq!(add("anne").code, Some(0));
    assert_eq!(succeeds(here, &["list"], ""), "anna\nanne\n");
    // An old file may have such names; they can be removed.
    let file = here.join("users");
    let text = fs::read_to_string(&file).expect("read");
    let anna = text.lines().find(|line| line.starts_with("anna:")).expect("she is there");
    fs::write(&file, format!("{text}{}\n", anna.replacen("anna", "Anna", 1))).expect("written");
    assert_eq!(succeeds(here, &["list"], ""), "anna\nanne\nAnna\n");
    succeeds(here, &["remove", "Anna"], "");
}
