//! Start-up: what is printed, and the errors.

use std::fs;
use std::path::Path;

use crate::common::{Wharf, eventually, run};

#[test]
fn the_start_prints_what_is_served_and_where() {
    let wharf = Wharf::serve(&["--idle-exit", "60"]);
    let greeting = wharf.greeting();
    let lines: Vec<_> = greeting.lines().collect();
    assert_eq!(lines[0], format!("wharf serves {}", wharf.folder().display()));
    assert_eq!(lines[1], format!("http://{}", wharf.address()));
}

#[test]
fn the_start_says_who_may_do_what() {
    let greeting = |flags: &[&str]| {
        let mut wharf = Wharf::serve(flags);
        wharf.signal(rustix::process::Signal::TERM);
        let (rest, _) = wharf.wait();
        format!("{}{rest}", wharf.greeting())
    };
    let table: [(&[&str], &str); 6] = [
        (&[], "Everyone who can reach it may view, add and replace files, and chat.\n"),
        (&["--read-only", "--no-chat", "--ip", "0.0.0.0"], "Everyone who can reach it may view files.\n"),
        (&["--on-conflict", "rename"], "Everyone who can reach it may view and add files, and chat.\n"),
        (
            &["--ip", "0.0.0.0"],
            "Everyone may view and add files, and chat. Only this machine may replace files.\n",
        ),
        (
            &["--trust-proxy", "192.0.2.1"],
            "Everyone who can reach it may view and add files, and chat (more: --allow).\n",
        ),
        (
            &["--ip", "0.0.0.0", "--allow", "everyone=write"],
            "The rules of --allow say who may do what; everyone may change some files.\n",
        ),
    ];
    for (flags, line) in table {
        let greeting = greeting(flags);
        assert!(greeting.contains("http://127.0.0.1:") && greeting.contains(line), "{flags:?}: {greeting}");
    }
}

#[test]
fn each_start_error_is_one_line_with_a_way_out() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("file"), "x").expect("written");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();
    let cases: [(&[&str], i32, &str); 8] = [
        (&["serve", "none"], 1, "there is no such folder"),
        (&["serve", "file"], 1, "it is not a folder"),
        (&["serve"], 1, "cannot share www"),
        (
            &["serve", ".", "--port", &port],
            1,
            "address already in use (is another server running? try --port 0)",
        ),
        (&["serve", ".", "--ip", "203.0.113.1", "--port", "0"], 1, "this machine has no such address"),
        (&["serve", ".", "--port", "0", "--log-file", "none/log"], 1, "cannot log to none/log"),
        (&["serve", ".", "--port", "0", "--record", "none/script"], 1, "cannot record to none/script"),
        (&[], 1, "cannot share www"),
    ];
    for (arguments, code, said) in cases {
        let output = run(arguments, "", place.path());
        assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(said), "{arguments:?}: {output:?}");
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let place = tempfile::tempdir().expect("a folder");
    let cases: [&[&str]; 9] = [
        &["serve", "--nonsense"],
        &["nonsense"],
        &["serve", "--port", "70000"],
        &["serve", "--timeout", "soon"],
        &["serve", "--timeout", "0"],
        &["serve", "--idle-exit", "-1"],
        &["serve", "--max-upload", "lots"],
        &["serve", "--workers", "0"],
        &["serve", "a", "--dir", "b"],
    ];
    for arguments in cases {
        let output = run(arguments, "", place.path());
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
    }
    for arguments in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let output = run(arguments, "", place.path());
        assert_eq!(output.code, Some(0), "{arguments:?}");
        assert!(output.stdout.contains("wharf"), "{arguments:?}");
    }
}

#[test]
fn a_folder_a_port_or_a_flag_alone_means_serve() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("www")).expect("a folder");
    fs::create_dir(place.path().join("pictures")).expect("a folder");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address");
    let port = free.port().to_string();
    let cases: [(&[&str], &str, bool); 6] = [
        (&["pictures", "--port", "0"], "pictures", false),
        (&["./pictures", "--port", "0"], "pictures", false),
        (&["--port", &port], "www", true),
        (&[&port], "www", true),
        (&["serve", &port], "www", true),
        (&["serve", "pictures", "-b", "127.0.0.1", "-q", "--port", "0"], "pictures", false),
    ];
    for (arguments, folder, has_port) in cases {
        let all = [arguments, &["--idle-exit", "0.1"]].concat();
        let output = run(&all, "", place.path());
        assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
        let first = output.stdout.lines().next().unwrap_or_default();
        assert!(first.ends_with(folder), "{arguments:?}: {output:?}");
        assert!(
            !has_port || output.stdout.contains(&format!("127.0.0.1:{port}\n")),
            "{arguments:?}: {output:?}"
        );
    }
    // A folder of that name is a folder.
    fs::create_dir(place.path().join("8089")).expect("a folder");
    let output = run(&["serve", "8089", "--port", "0", "--idle-exit", "0.1"], "", place.path());
    assert!(output.stdout.lines().next().is_some_and(|line| line.ends_with("8089")), "{output:?}");
}

#[test]
fn flags_of_other_servers_are_explained() {
    let place = tempfile::tempdir().expect("a folder");
    let accounts =
        if cfg!(feature = "accounts") { "`wharf user add NAME --users FILE`" } else { "has no accounts" };
    for (flag, said) in [
        ("-a", accounts),
        ("--auth", accounts),
        ("-u", accounts),
        ("--user", accounts),
        ("--render-index", "index.html"),
        ("--ssl", "--tls-cert"),
        ("--allow-upload", "--read-only"),
    ] {
        for arguments in [&["serve", flag, "x"][..], &["serve", flag], &[flag]] {
            let output = run(arguments, "", place.path());
            assert_eq!((output.code, output.stderr.lines().count()), (Some(2), 1), "{flag}: {output:?}");
            assert!(output.stderr.contains(said), "{flag}: {output:?}");
        }
    }
    let output = run(&["pictures"], "", place.path());
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("there is no command and no folder of that name"), "{output:?}");
}

#[test]
fn each_address_is_printed_once() {
    let mut wharf = Wharf::serve(&["--ip", "127.0.0.1", "--ip", "0.0.0.0", "--idle-exit", "0.1"]);
    let (rest, _) = wharf.wait();
    let printed = format!("{}{rest}", wharf.greeting());
    let mut urls: Vec<_> = printed.lines().filter(|line| line.starts_with("http://")).collect();
    let count = urls.len();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(urls.len(), count, "{printed}");
}

#[test]
fn the_log_and_the_recording_go_to_files() {
    let place = tempfile::tempdir().expect("a folder");
    let (log, script) = (place.path().join("log"), place.path().join("script"));
    let flags = ["--log-file", log.to_str().expect("text"), "--record", script.to_str().expect("text")];
    let wharf = Wharf::serve(&flags);
    wharf.write("a", "x");
    // On one connection, so that they are in order.
    let mut wire = wharf.connect();
    wire.ask("GET", "/a", "", b"");
    wire.ask("POST", "/b%20c", "", b"y");
    wire.ask("GET", "/none", "", b"");
    // A request is logged after its response has been sent: the client may receive the response first.
    let holds = |file: &Path, last: &str| fs::read_to_string(file).is_ok_and(|text| text.contains(last));
    eventually("the last request is recorded", || holds(&script, "GET /none -> 404\n"));
    eventually("the last request is logged", || holds(&log, "\"GET /none HTTP/1.1\" 404"));
    let script = fs::read_to_string(script).expect("a script");
    let lines: Vec<_> = script.lines().filter(|line| !line.starts_with('#')).collect();
    let saved = wharf.folder().join("b c");
    assert_eq!(
        lines,
        ["GET /a -> 200", &format!("POST '{}' /b%20c -> 200", saved.display()), "GET /none -> 404"]
    );
    let log = fs::read_to_string(log).expect("a log");
    for line in ["\"GET /a HTTP/1.1\" 200 1 B", "saved b c (1 bytes)", "\"GET /none HTTP/1.1\" 404"] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    assert!(wharf.log().is_empty(), "nothing on stderr");
}

#[test]
fn an_unwritable_log_or_recording_is_an_error_that_helps() {
    let place = tempfile::tempdir().expect("a folder");
    fs::create_dir(place.path().join("share")).expect("a folder");
    fs::write(place.path().join("file"), "").expect("written");
    let cases = [
        ("none/log", "its directory does not exist (create it, or name another file)"),
        ("share", "it is a directory (name a file in it)"),
        ("file/log", "part of the path is a file, not a directory (name another file)"),
    ];
    for (flag, what) in [("--log-file", "log to"), ("--record", "record to")] {
        for (file, why) in cases {
            let output = run(&["serve", "share", "--port", "0", flag, file], "", place.path());
            assert_eq!(output.stderr, format!("wharf: cannot {what} {file}: {why}\n"));
            assert_eq!(output.code, Some(1), "{flag} {file}");
        }
    }
}

#[test]
fn the_environment_can_name_the_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(["serve", "--port", "0"])
        .env("SERVER_SHARED_FILES", "not-there")
        .current_dir(place.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot share not-there"), "{said}");
}
