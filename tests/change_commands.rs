//! `wharf rm`, `mv`, `cp`, `mkdir`, `undo` and `trash`, and the same at the prompt.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

#[cfg(feature = "accounts")]
use crate::common::office::Office;
#[cfg(feature = "tls")]
use crate::common::pem;
use crate::common::{ClosedPort, Fake, Output, Wharf, run};
use crate::prompt::Terminal;

/// Everybody may change everything.
const EDIT: [&str; 2] = ["--allow", "everyone=edit,chat"];

/// A server with some files, and a directory for its client.
struct Stage {
    wharf: Wharf,
    here: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let wharf = Wharf::serve(&EDIT);
        for name in ["a.txt", "b.tmp", "c d.tmp", "dir/deep/e.txt", "other/f.txt"] {
            wharf.write(name, name);
        }
        Self { wharf, here: tempfile::tempdir().expect("a directory") }
    }

    fn at(&self, path: &str) -> String {
        self.wharf.url(path)
    }

    /// Runs a command whose arguments that begin with a slash are paths on the server.
    fn run(&self, line: &[&str]) -> Output {
        run(&self.arguments(line), "", self.here.path())
    }

    fn arguments<'l>(&self, line: &[&'l str]) -> Vec<&'l str> {
        // The arguments live as long as the test: there are few.
        line.iter().map(|word| if word.starts_with('/') { &*self.at(word).leak() } else { word }).collect()
    }

    /// Runs a command that succeeds; returns what it prints.
    #[track_caller]
    fn does(&self, line: &[&str]) -> String {
        let output = self.run(line);
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{line:?}: {output:?}");
        output.stdout
    }

    /// Runs a command that fails; returns its error.
    #[track_caller]
    fn fails(&self, line: &[&str], code: i32) -> String {
        let output = self.run(line);
        assert_eq!((output.code, &*output.stdout), (Some(code), ""), "{line:?}: {output:?}");
        output.stderr
    }

    /// The files in the folder, without the server's own files.
    fn files(&self) -> String {
        let tree = self.wharf.tree();
        let shown: Vec<_> =
            tree.iter().filter(|name| !name.starts_with(".wharf") && !name.ends_with('/')).collect();
        shown.into_iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }

    /// The ids of the entries in the trash, and their paths.
    fn trash(&self) -> Vec<(String, String)> {
        let json: serde_json::Value =
            serde_json::from_str(&self.does(&["trash", "list", "--json", "/"])).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        json.as_array()
            .expect("an array")
            .iter()
            .map(|entry| (text(&entry["id"]), text(&entry["path"])))
            .collect()
    }

    fn paths_in_trash(&self) -> Vec<String> {
        self.trash().into_iter().map(|(_, path)| path).collect()
    }

    /// A command at a terminal.
    fn types(&self, line: &[&str]) -> Terminal {
        let mut program = Command::new(env!("CARGO_BIN_EXE_wharf"));
        program.args(self.arguments(line)).env("XDG_STATE_HOME", self.here.path().join(".state"));
        Terminal::open_by(&mut program, self.here.path(), "xterm")
    }
}

#[test]
fn files_and_directories_are_removed() {
    let stage = Stage::new();
    assert_eq!(stage.does(&["rm", "-n", "/a.txt", "/*.tmp"]).lines().count(), 3);
    assert_eq!(stage.fails(&["rm", "-n", "/dir"], 1).lines().count(), 1);
    assert_eq!(stage.does(&["rm", "-rn", "/dir"]), "would remove /dir/ and everything in it\n");
    assert_eq!(stage.files(), "a.txt | b.tmp | c d.tmp | dir/deep/e.txt | other/f.txt");
    let directory = "it is a directory (rm -r removes it, with everything in it)\n";
    assert_eq!(stage.fails(&["rm", "/dir"], 1), format!("/dir: {directory}"));
    assert_eq!(stage.fails(&["rm", "-f", "/dir/"], 1), format!("/dir/: {directory}"));
    assert_eq!(stage.does(&["rm", "/*.tmp"]), "removed /b.tmp\nremoved /c d.tmp\n");
    assert_eq!(stage.files(), "a.txt | dir/deep/e.txt | other/f.txt");
    assert_eq!(stage.does(&["rm", "-r", "/dir", "/other/"]), "removed /dir/\nremoved /other/\n");
    assert_eq!(stage.files(), "a.txt");
    let missing = stage.fails(&["rm", "/none"], 1);
    assert!(missing.starts_with("/none: 404 Not Found"), "{missing}");
    assert_eq!(stage.fails(&["rm", "/*.tmp"], 1), "/*.tmp: no name matches\n");
    assert_eq!(stage.does(&["rm", "-f", "/none", "/*.tmp", "/none/*.tmp", "/a.txt"]), "removed /a.txt\n");
    let root = stage.fails(&["rm", "-rf", "/"], 1);
    assert!(root.starts_with("/: the root cannot be changed"), "{root}");
    let paths = ["/a.txt", "/other/", "/dir/", "/c d.tmp", "/b.tmp"];
    assert_eq!(stage.paths_in_trash(), paths);
}

#[test]
fn what_is_not_kept_is_removed_for_good() {
    let stage = Stage::new();
    stage.wharf.write("empty", "");
    stage.wharf.write("ü x.txt", "x");
    assert_eq!(stage.does(&["rm", "/empty", "/ü x.txt"]), "removed /empty for good\nremoved /ü x.txt\n");
    assert_eq!(stage.paths_in_trash(), ["/ü x.txt"]);
}

#[test]
fn a_client_that_the_server_cannot_know_is_told_so() {
    let stage = Stage::new();
    let text = "the server cannot recognise this client (if you have an account, log in with -u NAME)\n";
    assert_eq!(stage.run(&["trash", "list", "/"]).stderr, text);
    assert_eq!(stage.does(&["trash", "empty", "/"]), text);
    assert_eq!(stage.fails(&["undo", "/"], 1), format!("undo: {text}"));
}

#[test]
fn a_move_needs_a_destination() {
    let stage = Stage::new();
    for verb in ["mv", "cp"] {
        assert!(stage.fails(&[verb, "/a.txt"], 2).contains("DST is missing"), "{verb}");
    }
}

#[test]
fn what_fails_does_not_stop_the_rest() {
    let stage = Stage::new();
    let output = stage.run(&["rm", "/none", "/a.txt"]);
    assert_eq!((output.code, &*output.stdout), (Some(1), "removed /a.txt\n"), "{output:?}");
    let closed = ClosedPort::reserve();
    let gone = format!("http://{}/", closed.address());
    let output = stage.run(&["rm", &format!("{gone}x"), &format!("{gone}y"), "/b.tmp"]);
    assert_eq!((output.code, &*output.stdout), (Some(1), "removed /b.tmp\n"), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "a server is tried once: {output:?}");
    let plain = Wharf::serve(&[]);
    plain.write("a.txt", "a");
    let refused = stage.fails(&["rm", &plain.url("/a.txt")], 1);
    assert!(refused.starts_with("/a.txt: 40") && refused.trim_end().contains(": "), "{refused}");
    assert_eq!(plain.read("a.txt"), b"a");
}

#[test]
fn the_newest_comes_back_first() {
    let stage = Stage::new();
    stage.does(&["rm", "/a.txt"]);
    stage.does(&["rm", "-r", "/dir"]);
    assert_eq!(stage.does(&["undo", "/other/"]), "restored /dir/\n");
    assert_eq!(stage.does(&["undo", "/"]), "restored /a.txt\n");
    assert_eq!(stage.wharf.read("dir/deep/e.txt"), b"dir/deep/e.txt");
    // Another user does not see the entry.
    stage.does(&["rm", "/a.txt"]);
    let stranger = tempfile::tempdir().expect("a directory");
    let refused = run(&["undo", &stage.at("/")], "", stranger.path());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let kept = stage.here.path().join(".state/wharf/undo");
    assert_eq!(fs::metadata(&kept).expect("there").permissions().mode() & 0o777, 0o700);
    let files: Vec<_> =
        fs::read_dir(&kept).expect("there").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), 1, "one cookie for all changes: {files:?}");
    assert_eq!(fs::metadata(&files[0]).expect("there").permissions().mode() & 0o777, 0o600);
    // Another server does not get the cookie.
    let other = Wharf::serve(&EDIT);
    other.write("a.txt", "other");
    stage.does(&["rm", &other.url("/a.txt")]);
    assert_eq!(fs::read_dir(&kept).expect("there").count(), 2);
    assert_eq!(stage.paths_in_trash(), ["/a.txt"]);
}

#[test]
fn files_that_uploads_replace_come_back() {
    let stage = Stage::new();
    let names: Vec<_> = (0..8).map(|number| format!("{number}.txt")).collect();
    for name in &names {
        stage.wharf.write(name, format!("old {name}"));
        fs::write(stage.here.path().join(name), format!("new {name}")).expect("written");
    }
    // Several at once, before the client has a cookie.
    let files: Vec<&str> = names.iter().map(String::as_str).collect();
    let to = stage.at("/");
    let output = stage.run(&[&["put", "--to", &to, "-j", "8"], &files[..]].concat());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(stage.trash().len(), 8);
    for _ in 0..8 {
        let restored = stage.does(&["undo", "/"]);
        assert!(restored.starts_with("restored /") && restored.ends_with(" (restored).txt\n"), "{restored}");
    }
    assert_eq!(stage.wharf.read("3 (restored).txt"), b"old 3.txt");
    assert_eq!(stage.wharf.read("3.txt"), b"new 3.txt");
    assert!(stage.fails(&["undo", "/"], 1).contains("there is nothing to undo"));
}

#[test]
fn the_trash_is_listed_restored_and_emptied() {
    let stage = Stage::new();
    assert_eq!(stage.does(&["trash", "list", "--json", "/"]), "[]\n");
    stage.does(&["rm", "/*.tmp", "/a.txt"]);
    let listed = stage.does(&["trash", "list", "/"]);
    let rows: Vec<Vec<&str>> = listed.lines().map(|line| line.split("  ").collect()).collect();
    assert!(rows.iter().all(|row| row[0].len() == 29 && row[1].ends_with('Z')), "{listed}");
    assert!(listed.lines().next().expect("a line").ends_with("       5 B  /a.txt"), "{listed}");
    let entries = stage.trash();
    let (a, c) = (&*entries[0].0, &*entries[1].0);
    assert_eq!(entries[1].1, "/c d.tmp");
    assert_eq!(stage.does(&["trash", "restore", "/", c]), "restored /c d.tmp\n");
    let again = stage.fails(&["trash", "restore", "/", c], 1);
    assert!(again.starts_with(c) && again.contains("there is no such entry"), "{again}");
    assert_eq!(stage.does(&["trash", "empty", "-n", "/"]).lines().count(), 2);
    assert_eq!(stage.does(&["trash", "empty", "-n", "/", a]), format!("would delete {a} /a.txt\n"));
    assert_eq!(stage.trash().len(), 2);
    assert_eq!(stage.does(&["trash", "empty", "/", a]), format!("deleted {a}\n"));
    assert_eq!(stage.does(&["trash", "empty", "/"]), "deleted 1 entry\n");
    assert_eq!(stage.does(&["trash", "empty", "/"]), "the trash is empty\n");
    let off = Wharf::serve(&[&EDIT[..], &["--trash", "off"]].concat());
    let refused = stage.fails(&["trash", "list", &off.url("/")], 1);
    assert!(refused.contains("the trash is off"), "{refused}");
}

#[test]
fn things_are_moved_and_copied() {
    let stage = Stage::new();
    assert_eq!(stage.does(&["mv", "-n", "/a.txt", "/new.txt"]), "would move /a.txt → /new.txt\n");
    assert_eq!(stage.does(&["mv", "/a.txt", "/new.txt"]), "moved /a.txt → /new.txt\n");
    assert_eq!(stage.does(&["mv", "/new.txt", "/dir"]), "moved /new.txt → /dir/new.txt\n");
    let both = "moved /b.tmp → /other/b.tmp\nmoved /c d.tmp → /other/c d.tmp\n";
    assert_eq!(stage.does(&["mv", "/*.tmp", "/other"]), both);
    assert_eq!(stage.does(&["mv", "/dir/", "/other/"]), "moved /dir/ → /other/dir\n");
    assert_eq!(
        stage.files(),
        "other/b.tmp | other/c d.tmp | other/dir/deep/e.txt | other/dir/new.txt | other/f.txt"
    );
    let replaced = "copied /other/b.tmp → /other/f.txt (replaced a file)\n";
    assert_eq!(stage.does(&["cp", "/other/b.tmp", "/other/f.txt"]), replaced);
    assert_eq!(stage.wharf.read("other/f.txt"), b"b.tmp");
    assert_eq!(stage.does(&["undo", "/"]), "restored /other/f (restored).txt\n");
    let refused = stage.fails(&["cp", "/other", "/copy"], 1);
    assert_eq!(refused, "/other: it is a directory (cp -r copies it, with everything in it)\n");
    assert_eq!(stage.does(&["cp", "-r", "/other/dir", "/copy"]), "copied /other/dir → /copy\n");
    assert_eq!(stage.wharf.read("copy/deep/e.txt"), b"dir/deep/e.txt");
    let kept = stage.run(&["mv", "--no-clobber", "/other/b.tmp", "/other/f.txt"]);
    assert_eq!((kept.code, &*kept.stderr), (Some(0), "skipped /other/b.tmp: /other/f.txt exists\n"));
}

#[test]
fn no_directory_is_replaced() {
    let stage = Stage::new();
    stage.wharf.write("other/a.txt/in the way", "x");
    stage.wharf.write("other/dir/in the way", "x");
    let before = stage.files();
    for (from, to) in [("/a.txt", "/other"), ("/a.txt", "/other/"), ("/dir", "/other")] {
        for line in [["mv", from, to].as_slice(), &["cp", "-r", from, to], &["mv", "-n", from, to]] {
            let refused = stage.fails(line, 1);
            assert!(refused.contains(" is a directory, and is not replaced"), "{line:?}: {refused}");
        }
    }
    let several = stage.fails(&["mv", "/*.tmp", "/a.txt"], 1);
    assert!(several.starts_with("/a.txt: it is not a directory"), "{several}");
    assert!(stage.fails(&["mv", "/a.txt", "/a.txt"], 1).starts_with("/a.txt: 403 "), "onto itself");
    assert!(stage.fails(&["mv", "/dir", "/dir/deep/"], 1).starts_with("/dir: 409 "), "into itself");
    assert!(stage.fails(&["mv", "/a.txt", "/none/b"], 1).starts_with("/a.txt: 409 "), "no parent");
    assert!(stage.fails(&["cp", "/none", "/b"], 1).starts_with("/none: 404 "), "no source");
    assert_eq!(stage.files(), before);
}

#[test]
fn addresses_that_cannot_be_meant() {
    let stage = Stage::new();
    fs::write(stage.here.path().join("local.txt"), "x").expect("written");
    let other = "http://192.0.2.1/x";
    let table: [(&[&str], &str); 9] = [
        (&["mv", "/a.txt", other], "wharf get downloads it, and wharf put uploads it there"),
        (&["cp", other, "/a.txt"], "wharf get downloads it, and wharf put uploads it there"),
        (&["cp", "local.txt", "/a.txt"], "it is a path on this machine"),
        (&["cp", "/a.txt", "./x"], "it is a path on this machine"),
        (&["rm", "local.txt"], "it is a path on this machine"),
        (&["rm", "tftp://h/a"], "TFTP only reads, writes and lists files"),
        (&["mv", "/a.txt"], "DST"),
        (&["rm"], "URL"),
        (&["trash", "restore", "/"], "ID"),
    ];
    for (line, expected) in table {
        let refused = stage.fails(line, 2);
        assert!(refused.contains(expected), "{line:?}: {refused}");
    }
    assert_eq!(stage.files(), "a.txt | b.tmp | c d.tmp | dir/deep/e.txt | other/f.txt");
}

#[test]
fn directories_are_made() {
    let stage = Stage::new();
    assert_eq!(stage.does(&["mkdir", "/new", "/new/er/"]), "created /new/\ncreated /new/er/\n");
    assert!(stage.fails(&["mkdir", "/new"], 1).starts_with("/new: 405 "));
    assert!(stage.fails(&["mkdir", "/x/y"], 1).starts_with("/x/y: 409 "));
    assert_eq!(stage.does(&["mkdir", "-p", "/x/y z", "/new"]), "created /x/y z/\nunchanged: /new/\n");
    assert!(stage.fails(&["mkdir", "-p", "/a.txt/b"], 1).starts_with("/a.txt/b: 4"));
    assert!(stage.wharf.folder().join("x/y z").is_dir());
}

#[test]
#[cfg(feature = "accounts")]
fn a_user_needs_no_cookie() {
    let office = Office::open(&["--allow", "anna=edit", "--allow", "bert=edit"]);
    office.wharf.write("a.txt", "anna's");
    let here = tempfile::tempdir().expect("a directory");
    let run = |line: &[&str], user: &str| run(&[line, &["-u", user]].concat(), "", here.path());
    let (root, file) = (office.wharf.url("/"), office.wharf.url("/a.txt"));
    let removed = run(&["rm", &file], "anna:secret-anna");
    assert_eq!((removed.code, &*removed.stdout), (Some(0), "removed /a.txt\n"), "{removed:?}");
    let nothing = run(&["undo", &root], "bert:secret-bert");
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(run(&["trash", "list", &root], "anna:secret-anna").stdout.contains("  anna  /a.txt\n"));
    assert_eq!(run(&["undo", &root], "anna:secret-anna").stdout, "restored /a.txt\n");
    assert!(!here.path().join(".state/wharf/undo").exists(), "there is no cookie");
}

#[test]
fn directories_are_asked_about_at_a_terminal() {
    let stage = Stage::new();
    let question = "remove /dir/ and everything in it? [y/N] ";
    for (answer, is_left) in [("n\r", true), ("\r", true), ("y\r", false)] {
        let mut terminal = stage.types(&["rm", "-r", "/dir", "/a.txt"]);
        terminal.shows(question);
        terminal.types(answer);
        assert_eq!(terminal.code(), Some(0), "{answer:?}");
        assert_eq!(stage.wharf.folder().join("dir").exists(), is_left, "{answer:?}");
        assert_eq!(stage.wharf.folder().join("a.txt").exists(), is_left, "{answer:?}");
    }
    let mut forced = stage.types(&["rm", "-rf", "/other"]);
    forced.shows("removed /other/");
    assert_eq!((forced.code(), forced.count("[y/N]")), (Some(0), 0));
    let mut file = stage.types(&["rm", "-r", "/b.tmp"]);
    file.shows("removed /b.tmp");
    assert_eq!((file.code(), file.count("[y/N]")), (Some(0), 0), "it is not a directory");
    let mut emptied = stage.types(&["trash", "empty", "/"]);
    emptied.shows("delete 4 entries of the trash for good? [y/N] ");
    emptied.types("no\r");
    assert_eq!(emptied.code(), Some(0));
    assert_eq!(stage.trash().len(), 4);
}

#[test]
fn the_prompt_asks_too() {
    let stage = Stage::new();
    let mut terminal = stage.types(&["client", "/"]);
    terminal.shows("wharf> ");
    terminal.types("rm -r dir\r");
    terminal.shows("remove /dir/ and everything in it? [y/N] ");
    terminal.types("n\r");
    terminal.types("rm *.tmp\r");
    terminal.shows("removed /c d.tmp");
    assert!(stage.wharf.folder().join("dir").exists());
    terminal.types("rm -r dir\r");
    terminal.types("y\r");
    terminal.shows("removed /dir/");
    terminal.types("undo\r");
    terminal.shows("restored /dir/");
    terminal.types("trash empty\r");
    terminal.shows("delete 2 entries of the trash for good? [y/N] ");
    terminal.types("y\r");
    terminal.shows("deleted 2 entries");
    terminal.types("quit\r");
    assert_eq!(terminal.code(), Some(0));
    assert_eq!(stage.files(), "a.txt | dir/deep/e.txt | other/f.txt");
}

#[test]
fn a_piped_prompt_asks_nothing() {
    let stage = Stage::new();
    let lines = "ls\nrm 3\nrm -r dir\nundo\ncd dir\nmv deep/e.txt ..\nmkdir -p x/y\ncp ../e.txt x\nrm none\nrm -f none\ntrash list\n";
    let output = run(&["client", &stage.at("/")], lines, stage.here.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    for line in [
        "removed /a.txt\n",
        "restored /dir/\n",
        "moved /dir/deep/e.txt → /e.txt\n",
        "created /dir/x/y/\n",
        "copied /e.txt → /dir/x/e.txt\n",
    ] {
        assert!(output.stdout.contains(line), "{line}: {output:?}");
    }
    assert!(output.stderr.starts_with("/dir/none: 404 "), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
}

#[test]
fn a_prompt_over_tftp_says_that_it_cannot() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--udp", "0"]].concat());
    wharf.write("a.txt", "a");
    let here = tempfile::tempdir().expect("a directory");
    let address = format!("tftp://{}", wharf.tftp());
    let output = run(&["client", &address], "rm a.txt\nundo\n", here.path());
    assert_eq!((output.code, output.stderr.matches("TFTP only reads").count()), (Some(1), 2), "{output:?}");
    assert_eq!(wharf.read("a.txt"), b"a");
}

#[test]
fn over_a_unix_socket() {
    let place = tempfile::tempdir().expect("a directory");
    let socket = place.path().join("w.sock");
    let wharf = Wharf::serve(&[&EDIT[..], &["--unix", socket.to_str().expect("text")]].concat());
    wharf.write("a.txt", "a");
    let does = |line: &[&str]| {
        let output = run(line, "", place.path());
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{line:?}: {output:?}");
        output.stdout
    };
    assert_eq!(does(&["mv", "unix:w.sock!/a.txt", "unix:w.sock!/b.txt"]), "moved /a.txt → /b.txt\n");
    assert_eq!(does(&["rm", "unix:w.sock!/b.txt"]), "removed /b.txt\n");
    let whole = format!("unix:{}", Path::display(&socket));
    assert_eq!(does(&["undo", &whole]), "restored /b.txt\n");
}

#[test]
fn a_redirect_leads_nowhere() {
    let stage = Stage::new();
    // The client has a cookie of the server that the redirect names.
    stage.does(&["rm", "/b.tmp"]);
    let there = stage.at("/a.txt");
    let fake = Fake::answers(move |_, stream| {
        let answer = format!("HTTP/1.1 307 Moved\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    });
    let (file, other) = (fake.url("/a.txt"), fake.url("/b.txt"));
    for line in
        [["rm", &file].as_slice(), &["mv", &file, &other], &["cp", "-r", &file, &other], &["mkdir", &other]]
    {
        let refused = stage.fails(line, 1);
        assert!(refused.contains("307 ") && refused.contains("(use that address)"), "{line:?}: {refused}");
    }
    assert_eq!(stage.files(), "a.txt | c d.tmp | dir/deep/e.txt | other/f.txt");
    let heard = [fake.requests("/a.txt"), fake.requests("/b.txt/")].concat();
    assert!(heard.len() >= 4 && heard.iter().all(|head| !head.contains("Cookie:")), "{heard:?}");
    assert_eq!(stage.paths_in_trash(), ["/b.tmp"]);
}

#[test]
#[cfg(feature = "tls")]
fn over_tls() {
    let (cert, key) = (pem("localhost.pem"), pem("localhost.key"));
    let tls = ["--tls-cert", cert.to_str().expect("text"), "--tls-key", key.to_str().expect("text")];
    let wharf = Wharf::serve(&[&EDIT[..], &tls].concat());
    wharf.write("a.txt", "a");
    let here = tempfile::tempdir().expect("a directory");
    let root = format!("https://localhost:{}/", wharf.address().port());
    let ca = pem("ca.pem");
    let does = |line: &[&str]| {
        let output = run(&[line, &["--cacert", ca.to_str().expect("text")]].concat(), "", here.path());
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{line:?}: {output:?}");
        output.stdout
    };
    let (a, b) = (format!("{root}a.txt"), format!("{root}b.txt"));
    assert_eq!(does(&["mv", &a, &b]), "moved /a.txt → /b.txt\n");
    assert_eq!(does(&["rm", &b]), "removed /b.txt\n");
    assert_eq!(does(&["undo", &root]), "restored /b.txt\n");
}

#[test]
fn below_a_base() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--base", "/files"]].concat());
    wharf.write("in/a.txt", "a");
    let here = tempfile::tempdir().expect("a directory");
    let does = |line: &[&str]| {
        let output = run(line, "", here.path());
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{line:?}: {output:?}");
        output.stdout
    };
    let url = |path: &str| wharf.url(&format!("/files{path}"));
    assert_eq!(does(&["mv", &url("/in/a.txt"), &url("/b.txt")]), "moved /files/in/a.txt → /files/b.txt\n");
    assert_eq!(does(&["rm", &url("/b.txt")]), "removed /files/b.txt\n");
    assert_eq!(does(&["undo", &url("/in/")]).lines().count(), 1);
    assert_eq!(wharf.read("b.txt"), b"a");
}
