//! `wharf client`: commands, errors, and exit codes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::common::{ClosedPort, Fake, Output, Running, Wharf, eventually, run, run_with, sample};

/// The directory of the examples.
fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("client_requests")
}

/// Runs a client of this server in this directory, with these lines as input.
fn say(wharf: &Wharf, lines: &str, directory: &Path) -> Output {
    run(&["client", &wharf.address().to_string()], lines, directory)
}

#[test]
fn a_first_session() {
    let wharf = Wharf::serve(&[]);
    let www = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/server");
    let names = ["testServer.txt", "photoServer.jpg", "index.html"];
    for name in names {
        wharf.write(&format!("server/{name}"), fs::read(www.join(name)).expect("an example"));
    }
    let downloads = tempfile::tempdir().expect("a folder");
    let lines = "GET server/testServer.txt\nPOST client/testClient.txt\nGET server/photoServer.jpg\n\
                 POST client/photoClient.jpg\nGET server/index.html\n";
    let address = wharf.address().to_string();
    let dir = downloads.path().display().to_string();
    let output = run(&["client", &address, "--dir", &dir], lines, &examples());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("200 OK → ")).count(), 5);
    assert!(output.stdout.ends_with("stopping client.\n"), "{output:?}");
    for name in names {
        let saved = fs::read(downloads.path().join("server").join(name)).expect(name);
        assert_eq!(saved, fs::read(www.join(name)).expect(name), "{name}");
    }
    for name in ["client/testClient.txt", "client/photoClient.jpg"] {
        assert_eq!(wharf.read(name), fs::read(examples().join(name)).expect(name), "{name}");
    }
}

#[test]
fn one_connection_serves_the_whole_session() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a folder");
    let output = say(&wharf, &"GET a.txt\nGET none\nLIST\n".repeat(5), place.path());
    assert_eq!(output.code, Some(1));
    let mut peers = wharf.peers_of("GET /", 15);
    peers.dedup();
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[test]
fn errors_are_printed_and_the_prompt_continues() {
    let wharf = Wharf::serve(&["--max-upload", "1M"]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("large"), sample(3_000_000, 1)).expect("written");
    let lines = "GET none.txt\nPOST none.txt\nPOST large\nFETCH a.txt\nGET ../a.txt\nGET a.txt\n";
    let output = say(&wharf, lines, place.path());
    let expected = [
        "none.txt: 404 Not Found",
        "File none.txt not found.",
        "large: 413 Content Too Large",
        "commands: GET, POST, LIST, cd, pwd, rm, mv, cp, mkdir, undo, trash, shutdown, exit, quit, help",
        "/../a.txt is outside the download directory",
    ];
    let said: Vec<_> = output.stderr.lines().collect();
    assert_eq!(said.len(), expected.len(), "{output:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(output.code, Some(1));
    assert_eq!(fs::read(place.path().join("downloads/a.txt")).expect("saved"), b"a");
    assert_eq!(wharf.tree(), ["a.txt"]);
}

#[test]
fn names_with_special_characters_round_trip() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    let names = ["a b.txt", "100%.txt", "größe 漢字.txt", "q?.txt", "it's.txt", "#1.txt"];
    let mut lines = String::new();
    for name in names {
        fs::write(place.path().join(name), name).expect("written");
        lines += &["POST \"", name, "\"\n"].concat();
    }
    let output = say(&wharf, &lines, place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    for name in names {
        assert_eq!(wharf.read(name), name.as_bytes(), "{name}");
    }
    let lines = "GET 'a b.txt'\nGET größe\\ 漢字.txt\nGET 100%25.txt\nGET q%3F.txt\n";
    let output = say(&wharf, lines, place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    for name in ["a b.txt", "100%.txt", "größe 漢字.txt", "q?.txt"] {
        assert_eq!(fs::read(place.path().join("downloads").join(name)).expect(name), name.as_bytes());
    }
}

#[test]
fn a_listing_has_a_line_for_each_entry() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    assert_eq!(say(&wharf, "LIST", place.path()).stdout, "No shared files\nstopping client.\n");
    wharf.write("sub/b.txt", "b");
    wharf.write("evil\x1b[2J.txt", [0; 2048]);
    let output = say(&wharf, "LIST\nLIST sub\nLIST none", place.path());
    let ends: Vec<_> = output.stdout.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(ends, ["sub/", "evil\\u{1b}[2J.txt", "b.txt", "client."], "{output:?}");
    assert!(output.stdout.contains("2.0 KiB"), "{output:?}");
    assert!(output.stderr.starts_with("none: 404 Not Found"), "{output:?}");
}

#[test]
fn downloads_are_selected_by_number_pattern_and_name() {
    let wharf = Wharf::serve(&[]);
    for name in ["a.txt", "b.jpg", "c.txt", "d/e.jpg", "7"] {
        wharf.write(name, name);
    }
    let cases: [(&str, &[&str], &str); 7] = [
        ("LIST\nget 3-4\n", &["a.txt", "b.jpg"], ""),
        (
            "LIST\nget 1 3 *.txt\n",
            &["a.txt", "c.txt", "d/e.jpg"],
            "downloads/a.txt is the name of another download",
        ),
        ("LIST d\nget 1\n", &["d/e.jpg"], ""),
        ("get *.txt 7\n", &["7", "a.txt", "c.txt"], ""),
        ("LIST\nget /7\n", &["7"], ""),
        ("get --serial a.txt b.jpg none\n", &["a.txt", "b.jpg"], "/none: 404 Not Found"),
        ("LIST\nget 9 *.png\n", &[], "9 is not in the last list, which has 5 entries"),
    ];
    for (lines, expected, error) in cases {
        let place = tempfile::tempdir().expect("a folder");
        let output = say(&wharf, lines, place.path());
        assert!(output.stderr.starts_with(error), "{lines}: {output:?}");
        assert_eq!(output.code, Some(i32::from(!error.is_empty())), "{lines}: {output:?}");
        for name in ["a.txt", "b.jpg", "c.txt", "d/e.jpg", "7"] {
            let saved = fs::read_to_string(place.path().join("downloads").join(name)).ok();
            assert_eq!(saved.as_deref(), expected.contains(&name).then_some(name), "{lines}: {output:?}");
        }
    }
    let place = tempfile::tempdir().expect("a folder");
    let listed = say(&wharf, "LIST\n", place.path()).stdout;
    let numbered: Vec<_> = listed
        .lines()
        .map(|line| (line.split_whitespace().next().unwrap_or_default(), line.split_whitespace().last()))
        .collect();
    assert_eq!(numbered[..2], [("1", Some("d/")), ("2", Some("7"))], "{listed}");
}

#[test]
fn a_directory_is_saved_as_its_page() {
    let wharf = Wharf::serve(&["--index"]);
    wharf.write("sub/index.html", "<p>hello");
    let place = tempfile::tempdir().expect("a folder");
    let output = say(&wharf, "GET sub", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(fs::read(place.path().join("downloads/sub/index.html")).expect("saved"), b"<p>hello");
}

#[test]
fn a_large_file_round_trips() {
    let wharf = Wharf::serve(&[]);
    let place = tempfile::tempdir().expect("a folder");
    let content = sample(20_000_003, 7);
    fs::write(place.path().join("large"), &content).expect("written");
    let output = say(&wharf, "PUT large deep/down/large\nGET deep/down/large\n", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.starts_with("201 Created → /deep/down/large, 19.1 MiB in "), "{output:?}");
    assert!(wharf.read("deep/down/large") == content);
    assert!(fs::read(place.path().join("downloads/deep/down/large")).expect("saved") == content);
}

#[test]
fn a_missing_server_is_reported() {
    let closed = ClosedPort::reserve();
    let address = closed.address();
    let place = tempfile::tempdir().expect("a folder");
    let output = run(&["client", "--port", &address.port().to_string()], "GET a\nLIST\n", place.path());
    let line = format!("Server is not running. ({address})\n");
    assert_eq!((output.code, output.stdout.as_str(), output.stderr), (Some(1), "", line));
    assert!(!place.path().join("downloads").exists());
    let output = run(&["client", "nowhere.invalid"], "GET a\n", place.path());
    assert_eq!(output.stderr, "cannot resolve host \"nowhere.invalid\"\n");
}

#[test]
fn a_closed_connection_is_reopened() {
    let wharf = Wharf::serve(&["--timeout", "1"]);
    wharf.write("a.txt", "a");
    let place = tempfile::tempdir().expect("a folder");
    let idle = wharf.open_files();
    let mut client = Running::start(
        std::process::Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["client", &wharf.address().to_string()])
            .current_dir(place.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null()),
    );
    let mut lines = client.stdin.take().expect("piped");
    let saved = place.path().join("downloads/a.txt");
    for round in ["first", "second"] {
        std::io::Write::write_all(&mut lines, b"GET a.txt\n").expect("a client that listens");
        eventually(round, || saved.exists());
        fs::remove_file(&saved).expect("removed");
        eventually("the server closes it", || wharf.open_files() <= idle);
    }
    drop(lines);
    assert_eq!(client.wait().expect("a child").code(), Some(0));
}

#[test]
fn shutdown_stops_a_server_that_allows_it_and_exit_only_leaves() {
    for (flags, said, complaint) in [
        (
            &["--allow-exit"][..],
            "the server is shutting down
stopping client.
",
            "",
        ),
        (
            &[],
            "stopping client.
",
            "shutdown: 403 Forbidden: remote shutdown is disabled",
        ),
    ] {
        let mut wharf = Wharf::serve(flags);
        let output = run(&["client", &wharf.address().to_string()], "shutdown\nquit\n", Path::new("."));
        assert_eq!(output.stdout, said, "{output:?}");
        assert!(output.stderr.starts_with(complaint), "{output:?}");
        assert_eq!(output.code, Some(i32::from(!complaint.is_empty())));
        if complaint.is_empty() {
            assert!(wharf.wait().1.success());
        } else {
            assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
        }
    }
    let wharf = Wharf::serve(&["--allow-exit"]);
    let output = run(&["client", &wharf.address().to_string()], "exit\nGET never\n", Path::new("."));
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "stopping client.\n"), "{output:?}");
    assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
}

#[test]
fn directories_and_other_names() {
    let wharf = Wharf::serve(&[]);
    for name in ["Photos/a b.jpg", "Photos/raw/c.raw", "img2", "IMG10", "img1"] {
        wharf.write(name, name);
    }
    let place = tempfile::tempdir().expect("a folder");
    let lines = "pwd\ncd Photos\nls\nget 'a b.jpg' as one.jpg\ncd raw\nget c.raw\nget '../a b.jpg' as up.jpg\ncd ..\npwd\ncd ../Photos/./raw\n\
                 cd\npwd\nls img2\nget 1 as two\nget Photos/\n";
    let output = say(&wharf, lines, place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    let plain = |line: &&str| line.starts_with('/');
    let directories: Vec<_> = output.stdout.lines().filter(plain).collect();
    assert_eq!(
        directories,
        ["/", "/Photos/", "/Photos/raw/", "/Photos/", "/Photos/", "/Photos/raw/", "/", "/"]
    );
    let saved = |name: &str| fs::read_to_string(place.path().join("downloads").join(name)).expect(name);
    assert_eq!((saved("one.jpg"), saved("two")), ("Photos/a b.jpg".to_owned(), "img2".to_owned()));
    assert_eq!(saved("up.jpg"), "Photos/a b.jpg");
    assert_eq!(saved("Photos/raw/c.raw"), "Photos/raw/c.raw");
    assert_eq!(saved("Photos/a b.jpg"), "Photos/a b.jpg");
    let output = say(&wharf, "cd none\ncd img1\nget * as x\nget none as y\nget 1 as ../x", place.path());
    assert_eq!((output.code, output.stderr.lines().count()), (Some(1), 5), "{output:?}");
    assert!(output.stderr.contains("\nimg1 is not a directory\n"), "{output:?}");
    assert!(!place.path().join("x").exists());
    // The order is the same as on the page.
    let output = say(&wharf, "ls", place.path());
    let names: Vec<_> = output.stdout.lines().filter_map(|line| line.split_whitespace().nth(4)).collect();
    assert_eq!(names, ["img1", "img2", "IMG10"], "{output:?}");
    let output = run(&["list", &wharf.url("/")], "", place.path());
    assert_eq!(output.stdout, "Photos/\nimg1\nimg2\nIMG10\n");
    let text = wharf.ask("GET", "/", "Accept: text/plain\r\n", b"").text();
    assert!(text.find("img2") < text.find("IMG10") && text.find("img1") < text.find("img2"), "{text}");
}

#[test]
fn an_invalid_address_is_an_error() {
    let cases = [
        ("another protocol", "ftp://localhost/", "is not supported"),
        ("no port", "localhost:0", "invalid port"),
        ("no user", "http://:secret@localhost/", "the user name is empty"),
    ];
    for (name, address, expected) in cases {
        let output = run(&["client", address], "", Path::new("."));
        assert_eq!(output.code, Some(2), "{name}");
        assert!(output.stderr.contains(expected), "{name}: {output:?}");
    }
}

#[test]
fn the_prompt_connects_through_the_proxy() {
    let proxy = Fake::answers(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    let place = tempfile::tempdir().expect("a folder");
    let variables = [("http_proxy", proxy.url("/")), ("no_proxy", String::new())];
    let output = run_with(&["client", "http://files.invalid/"], "GET a.txt\n", place.path(), &variables);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(fs::read(place.path().join("downloads/a.txt")).expect("saved"), b"ok");
    assert_eq!(proxy.requests("http://files.invalid/a.txt").len(), 1);
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("s.txt"), "GET a.txt\n").expect("written");
    let commands: [&[&str]; 6] = [
        &["client", "http://files.invalid/"],
        &["chat", "ann", "files.invalid"],
        &["get", "http://files.invalid/a.txt"],
        &["put", "s.txt", "--to", "http://files.invalid/"],
        &["list", "http://files.invalid/"],
        &["replay", "s.txt", "files.invalid"],
    ];
    let proxies = ["socks5://127.0.0.1:1", "http://ann:secret@127.0.0.1:1"];
    for (proxy, command) in proxies.iter().flat_map(|proxy| commands.map(|command| (proxy, command))) {
        let variables = [("http_proxy", (*proxy).to_owned()), ("no_proxy", String::new())];
        let output = run_with(command, "", place.path(), &variables);
        assert_eq!(output.code, Some(1), "{command:?}: {output:?}");
        let said = output.stdout + &output.stderr;
        assert!(said.contains("cannot use http_proxy: "), "{command:?}: {said}");
        assert!(!said.contains("secret"), "{command:?}: {said}");
    }
}
