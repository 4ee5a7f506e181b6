//! The client's credentials: where they come from, to which servers they are sent, and that they are not printed.

mod asking;
mod everywhere;
mod netrc;
mod redirects;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::common::{Fake, Output, field, read_head, run, run_with};

/// `anna:secret` and `bert:other` in base64.
const ANNA: &str = "Basic YW5uYTpzZWNyZXQ=";
const BERT: &str = "Basic YmVydDpvdGhlcg==";

/// Sends a response.
fn say(stream: &mut TcpStream, head: &str, content: &str) {
    let length = content.len();
    // A client that has received enough may have closed the connection.
    let _ =
        write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{content}");
}

/// Reads the content of a request, after the permission to send it if the client waits for that.
fn read_content(head: &str, stream: &mut TcpStream) {
    if field(head, "Expect").is_some() {
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if field(head, "Transfer-Encoding").is_some() {
        // The last chunk, without trailer fields, ends as a head does.
        let _ = read_head(stream);
        return;
    }
    let length = field(head, "Content-Length").map_or(0, |length| length.parse().expect("a number"));
    let _ = std::io::copy(&mut stream.take(length), &mut std::io::sink());
}

/// A server that sends `hello` to every client.
fn greeter() -> Fake {
    Fake::answers(|head, stream| {
        read_content(head, stream);
        say(stream, "200 OK", "hello");
    })
}

/// A server that refuses every client.
fn refuser() -> Fake {
    Fake::answers(|head, stream| {
        read_content(head, stream);
        say(stream, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"", "");
    })
}

/// The `Authorization` of each request so far.
fn authorizations(server: &Fake) -> Vec<Option<String>> {
    server.all_requests().iter().map(|head| field(head, "Authorization").map(str::to_owned)).collect()
}

/// The address with a user name, or a user name and a password, before the host.
fn address_of(user: &str, server: &Fake, target: &str) -> String {
    format!("http://{user}@{}{target}", server.address())
}

/// All text below a directory.
fn text_below(directory: &Path) -> String {
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let text = |path: std::path::PathBuf| {
        if path.is_dir() {
            return text_below(&path);
        }
        String::from_utf8_lossy(&fs::read(&path).expect("readable")).into_owned()
    };
    entries.map(text).collect()
}

#[test]
fn credentials_come_from_flags_addresses_and_the_environment() {
    let here = tempfile::tempdir().expect("a directory");
    let token = [("WHARF_TOKEN", "from-environment".to_owned())];
    let none: [(&str, String); 0] = [];
    let empty = [("WHARF_TOKEN", String::new())];
    let table: [(&str, &[&str], &str, &[(&str, String)], Option<&str>); 12] = [
        ("nothing", &[], "", &none, None),
        ("-u with a password", &["-u", "anna:secret"], "", &none, Some(ANNA)),
        ("--user with a password", &["--user=anna:secret"], "", &none, Some(ANNA)),
        ("a colon in the password", &["-u", "anna::"], "", &none, Some("Basic YW5uYTo6")),
        ("an empty password", &["-u", "anna:"], "", &none, Some("Basic YW5uYTo=")),
        ("UTF-8 (RFC 7617 §2.1)", &["-u", "test:123£"], "", &none, Some("Basic dGVzdDoxMjPCow==")),
        ("in the address", &[], "anna:secret@", &none, Some(ANNA)),
        ("encoded in the address", &[], "a%6ena:%73ecret@", &none, Some(ANNA)),
        ("--token", &["--token", "wharf_a.b"], "", &token, Some("Bearer wharf_a.b")),
        ("WHARF_TOKEN", &[], "", &token, Some("Bearer from-environment")),
        ("an empty WHARF_TOKEN", &[], "", &empty, None),
        ("a password before WHARF_TOKEN", &["-u", "anna:secret"], "", &token, Some(ANNA)),
    ];
    for (name, flags, user, variables, expected) in table {
        let server = greeter();
        let url = format!("http://{user}{}/a", server.address());
        let output = run_with(&[&["get", "-o", "-"], flags, &[&url]].concat(), "", here.path(), variables);
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{name}: {output:?}");
        assert_eq!(authorizations(&server), [expected.map(str::to_owned)], "{name}");
        let warns = user.is_empty() == output.stderr.is_empty();
        assert!(warns, "{name}: {}", output.stderr);
        let host = format!("Host: {}\r\n", server.address());
        assert!(server.all_requests().iter().all(|head| head.contains(&host)), "{name}");
    }
}

/// `-u` applies to all servers of the command line. A user name in an address applies only to this server.
#[test]
fn each_server_gets_its_own_credentials() {
    let here = tempfile::tempdir().expect("a directory");
    let (one, other) = (greeter(), greeter());
    let [first, second] = [address_of("anna:secret", &one, "/a"), address_of("bert:other", &other, "/b")];
    let output = run(&["get", &first, &second, &other.url("/c")], "", here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.stderr.matches("warning").count(), 1, "it warns once: {}", output.stderr);
    assert_eq!(authorizations(&one), [Some(ANNA.to_owned())]);
    // Also at an address of the same server without a user name.
    assert_eq!(authorizations(&other), [Some(BERT.to_owned()), Some(BERT.to_owned())]);

    let (one, other) = (greeter(), greeter());
    let output = run(&["get", "-u", "anna:secret", &one.url("/d"), &other.url("/e")], "", here.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(authorizations(&one), authorizations(&other));
}

#[test]
fn wrong_credentials_are_explained_and_not_printed() {
    let here = tempfile::tempdir().expect("a directory");
    let table: [(&[&str], &str); 20] = [
        (&["get", "-u", ":secret", "h"], "--user: the user name is empty"),
        (&["get", "-u", "", "h"], "--user: the user name is empty"),
        (&["get", "-u", "anna:sec\nret", "h"], "cannot contain control characters"),
        (&["get", "--token", "sec ret", "h"], "--token: a token consists of"),
        (&["get", "--token", "", "h"], "--token: a token consists of"),
        (&["get", "-u", "anna:secret", "--token", "secret", "h"], "cannot be used with"),
        (&["get", "-u", "anna:secret", "bert@h"], "the address of h:8080 has a user name"),
        (&["get", "anna:secret@h/a", "bert:secret@h/b"], "the addresses of h:8080 have different user names"),
        (&["get", "--token", "secret", "bert@h"], "the address of h:8080 has a user name"),
        (&["get", "-u", "anna:secret", "tftp://h/a"], "TFTP has no users"),
        (&["get", "tftp://anna:secret@h/a"], "a user name before the host is not supported here (use \"h\")"),
        (&["get", "http://:secret@h/"], "the user name is empty"),
        (&["get", "http://an%3Ana:secret@h/"], "cannot contain a colon"),
        (&["get", "http://anna:secret%@h/"], "as %25"),
        (&["get", "http://anna:secret/more@h/"], "as %2F"),
        (&["get", "http://anna:secret@h:0/"], "invalid port"),
        (&["list", "http://h/", "http://anna:secret@h/"], "unexpected argument 'http://h/'"),
        (&["list", "http://anna:secret@h/?x"], "has a query"),
        (&["chat", "ann", "anna:secret@h:0"], "invalid port"),
        (&["client", "--ip", "anna:secret@h", "--port", "x"], "invalid value 'x'"),
    ];
    for (arguments, expected) in table {
        let output = run(arguments, "", here.path());
        assert_eq!(output.code, Some(2), "{arguments:?}: {output:?}");
        assert!(output.stderr.contains(expected), "{arguments:?}: {}", output.stderr);
        assert!(!output.stderr.contains("sec"), "{arguments:?}: {}", output.stderr);
    }
    let variables = [("WHARF_TOKEN", "sec ret".to_owned())];
    let output = run_with(&["get", "h"], "", here.path(), &variables);
    assert!(output.stderr.starts_with("wharf: WHARF_TOKEN: a token consists of"), "{}", output.stderr);
    // At the prompt and in a script too.
    let server = greeter();
    let output = run(&["client", &server.address().to_string()], "client_get a anna:secret@h\n", here.path());
    assert!(
        output.stderr.contains("is not supported here") && !output.stderr.contains("secret"),
        "{output:?}"
    );
}

/// Runs the commands that print addresses, names or errors, with a password in the address.
fn all_commands(user: &str, server: &Fake, here: &Path) -> Vec<(&'static str, Output)> {
    let url = |target: &str| address_of(user, server, target);
    fs::write(here.join("f"), "f").expect("written");
    fs::write(here.join("s.txt"), "GET a\nPOST f\nclient_get a 127.0.0.1 1\n").expect("written");
    let reports = ["--json", "report.json", "--junit", "report.xml"];
    let whole = url("/");
    let port = server.address().port().to_string();
    let host = format!("{user}@127.0.0.1");
    vec![
        ("get", run(&["get", "--retries", "0", &url("/a"), &url("/b/")], "", here)),
        ("get -o", run(&["get", "--retries", "0", "-o", "x", &url("/a")], "", here)),
        ("put", run(&["put", "--retries", "0", "f", "--to", &whole], "", here)),
        ("list", run(&["list", &whole], "", here)),
        ("client", run(&["client", &whole], "GET a\nGET b/\nPOST f\nLIST\ncd x\npwd\nshutdown\n", here)),
        ("client -i", run(&["client", "-i", &host, "-p", &port], "GET a\nLIST\n", here)),
        ("client --chat", run(&["client", &whole, "--chat", "ann"], "hello\n/file\n/quit\n", here)),
        ("chat", run(&["chat", "ann", &host, &port], "hello\n/quit\n", here)),
        ("replay", run(&[&["replay", "s.txt", &whole][..], &reports].concat(), "", here)),
    ]
}

#[test]
fn a_password_in_an_address_is_printed_and_saved_nowhere() {
    for server in [greeter(), refuser(), Fake::answers(|_, _| {})] {
        let here = tempfile::tempdir().expect("a directory");
        for (name, output) in all_commands("anna:secret", &server, here.path()) {
            let printed = format!("{}{}", output.stdout, output.stderr);
            assert!(!printed.contains("secret") && !printed.contains("anna"), "{name}: {printed}");
            let warnings = printed.matches("warning: other users can see the password").count();
            assert_eq!(warnings, 1, "{name}: {printed}");
        }
        let saved = text_below(here.path());
        assert!(!saved.contains("secret") && !saved.contains("anna"), "{saved}");
    }
}

/// The server is named in a URL, so others see its requests; the password is only in `Authorization`.
#[test]
fn a_password_in_an_address_is_sent_only_as_authorization() {
    let here = tempfile::tempdir().expect("a directory");
    let server = greeter();
    all_commands("anna:secret", &server, here.path());
    let requests = server.all_requests();
    assert!(requests.len() > 8, "{requests:#?}");
    for head in requests {
        assert_eq!(field(&head, "Authorization"), Some(ANNA), "{head}");
        assert!(!head.contains("secret") && !head.contains("Referer") && !head.contains('@'), "{head}");
    }
}

#[test]
fn a_wrong_password_is_sent_once_and_explained() {
    let here = tempfile::tempdir().expect("a directory");
    for name in ["a", "b", "c"] {
        fs::write(here.path().join(name), name).expect("written");
    }
    let password = "the user name or the password is wrong";
    let advice = "log in with -u NAME, or with a token in WHARF_TOKEN";
    let table: [(&str, &[&str], &str, usize); 6] = [
        ("get", &["get", "--serial", "-u", "anna:wrong", "URL/a", "URL/b", "URL/c"], password, 1),
        ("get with a token", &["get", "--serial", "--token", "x", "URL/a", "URL/b"], "the token is wrong", 1),
        ("get -R", &["get", "-R", "-u", "anna:wrong", "URL/"], password, 1),
        ("put", &["put", "--serial", "-u", "anna:wrong", "--to", "URL/", "a", "b", "c"], password, 1),
        ("list", &["list", "-u", "anna:wrong", "URL/"], password, 1),
        ("without credentials", &["get", "--serial", "URL/d", "URL/e"], advice, 2),
    ];
    for (name, arguments, expected, requests) in table {
        let server = refuser();
        let arguments: Vec<_> = arguments.iter().map(|it| it.replace("URL", &server.url(""))).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = run(&arguments, "", here.path());
        assert_eq!(output.code, Some(1), "{name}: {output:?}");
        assert!(
            output.stderr.contains("401 Unauthorized") && output.stderr.contains(expected),
            "{name}: {output:?}"
        );
        assert_eq!(server.all_requests().len(), requests, "{name}");
    }
    // A script determines what is sent.
    let server = refuser();
    fs::write(here.path().join("s.txt"), "GET a -> 401\nGET b -> 401\n").expect("written");
    let output = run(&["replay", "s.txt", &server.url("/"), "-u", "anna:wrong"], "", here.path());
    assert_eq!((output.code, server.all_requests().len()), (Some(0), 2), "{output:?}");
}
