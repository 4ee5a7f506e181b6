//! Each request to the server has the credentials, whatever its method and transport.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::{ANNA, authorizations, greeter, read_content, say};
use crate::common::{Fake, Proxy, Wharf, field, run, run_with, sample, target_of};

/// A server with resumable uploads, listings and a chat, as far as a client sees it.
fn everything() -> Fake {
    Fake::answers(|head, stream| {
        read_content(head, stream);
        let method = head.split(' ').next().unwrap_or_default();
        match (method, target_of(head)) {
            ("OPTIONS", _) => say(stream, "200 OK\r\nAccept-Patch: application/partial-upload", ""),
            ("HEAD", _) => say(stream, "404 Not Found", ""),
            ("PUT", _) if field(head, "Upload-Complete") == Some("?0") => {
                say(stream, "201 Created\r\nLocation: /upload/1", "");
            }
            ("PATCH", _) => say(stream, "201 Created\r\nUpload-Complete: ?1", ""),
            ("PUT" | "MKCOL", _) => say(stream, "201 Created", ""),
            (_, "/.wharf/chat/join") => say(stream, "200 OK", "{\"user\":\"ann\",\"token\":\"chat-token\"}"),
            (_, "/.wharf/chat/events") => {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n");
                // Until the client leaves.
                let _ = std::io::copy(stream, &mut std::io::sink());
            }
            (_, target) if target.ends_with("?list") => {
                say(stream, "200 OK\r\nContent-Type: application/json", "{\"entries\":[]}");
            }
            _ => say(stream, "200 OK", "hello"),
        }
    })
}

/// Runs a command, and returns its requests; each must have the credentials.
fn requests(arguments: &[&str], input: &str, here: &Path) -> Vec<String> {
    let server = everything();
    let arguments: Vec<_> = arguments
        .iter()
        .map(|it| it.replace("URL", &server.url("")).replace("PORT", &server.address().port().to_string()))
        .collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = run(&[&arguments[..], &["-u", "anna:secret"]].concat(), input, here);
    assert_eq!(output.code, Some(0), "{arguments:?}: {output:?}");
    let all = server.all_requests();
    for head in &all {
        assert_eq!(field(head, "Authorization"), Some(ANNA), "{arguments:?}: {head}");
    }
    all
}

#[test]
fn every_command_logs_in() {
    let here = tempfile::tempdir().expect("a directory");
    fs::create_dir(here.path().join("empty")).expect("made");
    fs::write(here.path().join("small"), "small").expect("written");
    fs::write(here.path().join("large"), sample(1 << 20, 1)).expect("written");
    let large = fs::File::options().write(true).open(here.path().join("large")).expect("there");
    large.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).expect("set");
    fs::write(here.path().join("s.txt"), "GET a\nPUT small\nLIST b\n").expect("written");
    let table: [(&[&str], &str, &[&str]); 8] = [
        (&["get", "--force", "URL/a"], "", &["GET /a"]),
        (&["put", "small", "--to", "URL/"], "", &["HEAD /small", "PUT /small"]),
        (
            &["put", "large", "--to", "URL/"],
            "",
            &["HEAD /large", "OPTIONS /large", "PUT /large", "PATCH /upload/1"],
        ),
        (&["put", "-R", "empty", "--to", "URL/"], "", &["MKCOL /empty/"]),
        (&["put", "-", "--to", "URL/x"], "hello", &["PUT /x"]),
        (&["list", "-R", "URL/d/"], "", &["GET /d/?list"]),
        (
            &["client", "URL/"],
            "GET c\nPUT small\nPOST small\nLIST\ncd b\n",
            &["GET /c", "PUT /small", "POST /small"],
        ),
        (&["replay", "s.txt", "127.0.0.1", "PORT"], "", &["GET /a", "PUT /small", "GET /b/?list"]),
    ];
    for (arguments, input, expected) in table {
        let heads = requests(arguments, input, here.path());
        let sent: Vec<_> =
            heads.iter().map(|head| head.split(" HTTP/1.1").next().unwrap_or_default()).collect();
        for line in expected {
            assert!(sent.contains(line), "{arguments:?}: {line} is not in {sent:?}");
        }
    }
}

/// Two `Authorization` fields would be an error, so the chat's token has a separate field.
#[test]
fn the_chat_logs_in_and_names_its_member() {
    let here = tempfile::tempdir().expect("a directory");
    let heads = requests(&["chat", "ann", "127.0.0.1", "PORT"], "hello\n/quit\n", here.path());
    let find = |target: &str| heads.iter().find(|head| target_of(head) == target).expect(target);
    assert_eq!(field(find("/.wharf/chat/join"), "Wharf-Member"), None);
    for target in ["/.wharf/chat/messages", "/.wharf/chat/leave"] {
        assert_eq!(field(find(target), "Wharf-Member"), Some("chat-token"), "{target}");
    }
    for head in heads.iter().filter(|head| target_of(head) == "/.wharf/chat/events") {
        assert_eq!(field(head, "Wharf-Member"), Some("chat-token"), "{head}");
    }
    for head in &heads {
        assert_eq!(head.matches("Authorization:").count(), 1, "{head}");
    }
}

/// Ranges, and the questions about an unchanged file.
#[test]
fn downloads_in_parts_log_in() {
    let here = tempfile::tempdir().expect("a directory");
    let wharf = Wharf::serve(&[]);
    wharf.write("a", sample(4 << 20, 2));
    let proxy = Proxy::before(wharf.address());
    let flags = ["get", "-u", "anna:secret", "--split", "1M"];
    for _ in 0..2 {
        let output = run(&[&flags[..], &[&proxy.url("/a")]].concat(), "", here.path());
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    let heads = proxy.requests();
    assert!(heads.iter().filter(|head| field(head, "Range").is_some()).count() > 1, "{heads:#?}");
    assert!(heads.iter().any(|head| head.starts_with("HEAD ")), "{heads:#?}");
    for head in heads {
        assert_eq!(field(&head, "Authorization"), Some(ANNA), "{head}");
    }
}

/// A proxy passes the credentials of a plain request on to the server. They are not for the proxy.
#[test]
fn a_proxy_is_not_logged_in_to() {
    let here = tempfile::tempdir().expect("a directory");
    let proxy = Fake::answers(|head, stream| {
        let (status, content) =
            if head.starts_with("CONNECT ") { ("403 Forbidden", "") } else { ("200 OK", "hello") };
        say(stream, status, content);
    });
    let variables = ["http_proxy", "https_proxy"].map(|name| (name, proxy.url("")));
    let get = |url: &str| {
        run_with(&["get", "--force", "--retries", "0", "-u", "anna:secret", url], "", here.path(), &variables)
    };
    let output = get("http://files.example/a");
    assert_eq!(output.code, Some(0), "{output:?}");
    let warning = "warning: the password goes to files.example:80 unencrypted, so others on the network can read it (use https://)\n";
    assert_eq!(output.stderr, warning);
    assert_eq!(authorizations(&proxy), [Some(ANNA.to_owned())]);
    assert!(
        proxy.all_requests()[0].starts_with("GET http://files.example/a HTTP/1.1\r\nHost: files.example\r\n")
    );
    if cfg!(feature = "tls") {
        let output = get("https://files.example/a");
        assert!(output.stderr.contains("403 Forbidden") && !output.stderr.contains("warning"), "{output:?}");
        let connect = &proxy.all_requests()[1];
        assert!(connect.starts_with("CONNECT files.example:443 HTTP/1.1\r\n"), "{connect}");
        assert!(!connect.contains("uthorization"), "{connect}");
    }
    for head in proxy.all_requests() {
        assert!(!head.contains("Proxy-Authorization"), "{head}");
    }
}

#[test]
fn a_password_in_clear_is_a_warning_except_on_this_machine() {
    let here = tempfile::tempdir().expect("a directory");
    let proxy = greeter();
    let variables = [("http_proxy", proxy.url(""))];
    let token = [("http_proxy", proxy.url("")), ("WHARF_TOKEN", "x".to_owned())];
    let secret: &[&str] = &["-u", "anna:secret"];
    let table: [(&str, &[&str], &[(&str, String)], &str); 5] = [
        ("a password", secret, &variables, "warning: the password goes to 192.0.2.1:80 unencrypted"),
        ("a token", &["--token", "x"], &variables, "warning: the token goes to 192.0.2.1:80 unencrypted"),
        ("a token of the environment", &[], &token, "warning: the token goes to 192.0.2.1:80 unencrypted"),
        (
            "both servers at once",
            secret,
            &variables,
            "warning: the password goes to 192.0.2.1:80 unencrypted",
        ),
        ("nothing", &[], &variables, ""),
    ];
    for (name, flags, variables, expected) in table {
        let urls: &[&str] = &["http://192.0.2.1/a", "http://192.0.2.2/b"];
        let output = run_with(&[&["get", "--force"], flags, urls].concat(), "", here.path(), variables);
        assert_eq!(output.code, Some(0), "{name}: {output:?}");
        let lines = usize::from(!expected.is_empty());
        assert!(
            output.stderr.starts_with(expected) && output.stderr.lines().count() == lines,
            "{name}: {output:?}"
        );
    }
    let server = greeter();
    let local = [server.url("/a"), server.url("/a").replace("127.0.0.1", "localhost")];
    for url in local {
        let output = run(&["get", "--force", "-u", "anna:secret", &url], "", here.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{url}");
    }
}
