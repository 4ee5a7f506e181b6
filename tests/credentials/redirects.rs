//! Credentials follow no redirect to another scheme, host or port.

use std::path::Path;

use super::{ANNA, BERT, address_of, greeter, say};
use crate::common::{Fake, Output, field, run, target_of};

/// A server that redirects `/go` to this location, and sends `hello` for everything else.
fn redirecting(location: impl Fn(std::net::SocketAddr) -> String + Send + Sync + 'static) -> Fake {
    Fake::answers(move |head, stream| {
        let here = stream.local_addr().expect("an address");
        match target_of(head) {
            "/go" => say(stream, &format!("307 Temporary Redirect\r\nLocation: {}", location(here)), ""),
            _ => say(stream, "200 OK", "hello"),
        }
    })
}

/// The `Authorization` of the only request for this target.
fn authorization_at(server: &Fake, target: &str) -> Option<String> {
    let requests = server.requests(target);
    let [head] = requests.as_slice() else { panic!("{} requests for {target}", requests.len()) };
    field(head, "Authorization").map(str::to_owned)
}

/// The ways to download `/go`.
fn downloads(server: &Fake, here: &Path) -> Vec<(&'static str, Output)> {
    let url = address_of("anna:secret", server, "/go");
    let prompt = address_of("anna:secret", server, "/");
    vec![
        ("get", run(&["get", "--force", &url], "", here)),
        ("get -o -", run(&["get", "-o", "-", &url], "", here)),
        ("client", run(&["client", &prompt], "GET go\n", here)),
    ]
}

#[test]
fn redirects_to_the_same_server_keep_credentials() {
    let locations: [fn(std::net::SocketAddr) -> String; 4] = [
        |_| "/there".to_owned(),
        |_| "there".to_owned(),
        |here| format!("//{here}/there"),
        |here| format!("HTTP://{here}/there"),
    ];
    for location in locations {
        let here = tempfile::tempdir().expect("a directory");
        let server = redirecting(location);
        for (name, output) in downloads(&server, here.path()) {
            assert_eq!(output.code, Some(0), "{name}: {output:?}");
        }
        for head in server.all_requests() {
            assert_eq!(field(&head, "Authorization"), Some(ANNA), "{head}");
        }
        assert_eq!(server.requests("/there").len(), 3);
    }
}

#[test]
fn redirects_to_another_server_lose_credentials() {
    let locations: [(&str, fn(u16, u16) -> String); 4] = [
        ("another port", |other, _| format!("http://127.0.0.1:{other}/there")),
        ("another port, relative to the scheme", |other, _| format!("//127.0.0.1:{other}/there")),
        ("another name", |_, own| format!("http://localhost:{own}/there")),
        ("another name for another server", |other, _| format!("http://localhost:{other}/there")),
    ];
    for (case, location) in locations {
        let here = tempfile::tempdir().expect("a directory");
        let other = greeter();
        let port = other.address().port();
        let server = redirecting(move |here| location(port, here.port()));
        for (name, output) in downloads(&server, here.path()) {
            assert_eq!(output.code, Some(0), "{case}, {name}: {output:?}");
        }
        let there = [server.requests("/there"), other.requests("/there")].concat();
        assert_eq!(there.len(), 3, "{case}");
        for head in there {
            assert_eq!(field(&head, "Authorization"), None, "{case}: {head}");
        }
        for head in server.requests("/go") {
            assert_eq!(field(&head, "Authorization"), Some(ANNA), "{case}: {head}");
        }
    }
}

/// A redirect does not make the client send the credentials that it has for the other server. If that server redirects
/// back to the first one, the client does not log in again.
#[test]
fn a_server_that_a_redirect_names_gets_no_credentials_of_its_own() {
    let here = tempfile::tempdir().expect("a directory");
    let other = greeter();
    let port = other.address().port();
    let server = redirecting(move |_| format!("http://127.0.0.1:{port}/there"));
    let [first, second] =
        [address_of("anna:secret", &server, "/go"), address_of("bert:other", &other, "/own")];
    let output = run(&["get", "--serial", "--force", &second, &first], "", here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(authorization_at(&other, "/own").as_deref(), Some(BERT));
    assert_eq!(authorization_at(&other, "/there"), None);

    let back = redirecting(move |here| format!("http://localhost:{}/and-back", here.port()));
    let output = run(&["get", "--force", &address_of("anna:secret", &back, "/go")], "", here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(authorization_at(&back, "/and-back"), None);
}

#[test]
fn a_server_that_a_redirect_names_may_refuse() {
    let here = tempfile::tempdir().expect("a directory");
    let other = super::refuser();
    let address = other.address();
    let server = redirecting(move |_| format!("http://{address}/there"));
    let output = run(&["get", &address_of("anna:secret", &server, "/go")], "", here.path());
    let expected =
        format!("/go: 401 Unauthorized: a redirect has led to {address}, which gets no credentials");
    assert!(output.stderr.contains(&expected), "{output:?}");
    assert_eq!(output.code, Some(1));
}

/// Only downloads follow redirects.
#[test]
fn other_requests_follow_no_redirect() {
    let here = tempfile::tempdir().expect("a directory");
    std::fs::write(here.path().join("f"), "f").expect("written");
    std::fs::write(here.path().join("s.txt"), "GET a -> 307\n").expect("written");
    let other = greeter();
    let address = other.address();
    let server = Fake::answers(move |head, stream| {
        super::read_content(head, stream);
        say(stream, &format!("307 Temporary Redirect\r\nLocation: http://eve:x@{address}/there"), "");
    });
    let url = address_of("anna:secret", &server, "/");
    let port = server.address().port().to_string();
    let table: [(&[&str], &str, i32); 6] = [
        (&["put", "f", "--to", &url], "", 1),
        (&["list", &url], "", 1),
        (&["get", "-R", &url], "", 1),
        (&["client", &url], "POST f\nLIST\nshutdown\n", 1),
        (&["chat", "ann", "anna:secret@127.0.0.1", &port], "/quit\n", 1),
        (&["replay", "s.txt", &url], "", 0),
    ];
    for (arguments, input, code) in table {
        let before = server.all_requests().len();
        let output = run(arguments, input, here.path());
        assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
        assert!(server.all_requests().len() > before, "{arguments:?}");
        assert!(!output.stderr.contains("eve") && !output.stderr.contains("secret"), "{output:?}");
    }
    assert!(other.all_requests().is_empty());
}

#[cfg(feature = "tls")]
mod over_tls {
    use super::super::{ANNA, address_of};
    use super::redirecting;
    use crate::common::tls_fake::{Identity, TlsFake, close, say};
    use crate::common::{field, run};

    /// A server over TLS that redirects `/go` to this location.
    fn secure(location: impl Fn(u16) -> String + Send + Sync + 'static) -> TlsFake {
        let identity = Identity::self_signed(&["127.0.0.1", "localhost"], (2020, 2090), false);
        TlsFake::answers(identity.config(), move |head, stream| {
            let own = stream.sock.local_addr().expect("an address").port();
            if head.starts_with("GET /go ") {
                let location = location(own);
                say(stream, format!("HTTP/1.1 307 No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
            } else {
                say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
            }
            close(stream);
        })
    }

    /// The `Authorization` of the last request.
    fn last(server: &TlsFake) -> Option<String> {
        let requests = server.requests();
        field(requests.last().expect("a request"), "Authorization").map(str::to_owned)
    }

    #[test]
    fn credentials_follow_no_redirect_to_another_scheme() {
        let here = tempfile::tempdir().expect("a directory");
        let there = secure(|_| String::new());
        let port = there.address().port();
        let server = redirecting(move |_| format!("https://127.0.0.1:{port}/there"));
        let url = address_of("anna:secret", &server, "/go");
        let output = run(&["get", "--insecure", "-o", "-", &url], "", here.path());
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{output:?}");
        assert_eq!(last(&there), None);
    }

    #[test]
    fn credentials_follow_redirects_within_one_server_over_tls() {
        let here = tempfile::tempdir().expect("a directory");
        let other = secure(|_| String::new());
        let port = other.address().port();
        let table: [(&str, Box<dyn Fn(u16) -> String + Send + Sync>, Option<&str>); 3] = [
            ("itself", Box::new(|own| format!("https://127.0.0.1:{own}/there")), Some(ANNA)),
            ("another name", Box::new(|own| format!("https://localhost:{own}/there")), None),
            ("another port", Box::new(move |_| format!("https://127.0.0.1:{port}/there")), None),
        ];
        for (name, location, expected) in table {
            let server = secure(location);
            let url = server.url("anna:secret@127.0.0.1", "/go");
            let output = run(&["get", "--insecure", "-o", "-", &url], "", here.path());
            assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{name}: {output:?}");
            let at = if name == "another port" { &other } else { &server };
            assert_eq!(last(at).as_deref(), expected, "{name}");
            assert_eq!(field(&server.requests()[0], "Authorization"), Some(ANNA), "{name}");
        }
    }

    #[test]
    fn a_redirect_to_plain_http_is_an_error() {
        let here = tempfile::tempdir().expect("a directory");
        let plain = super::greeter();
        let address = plain.address();
        let server = secure(move |_| format!("http://{address}/there"));
        let url = server.url("anna:secret@127.0.0.1", "/go");
        let output = run(&["get", "--insecure", &url], "", here.path());
        assert!(output.stderr.contains("from https to http"), "{output:?}");
        assert!(plain.all_requests().is_empty());
    }
}
