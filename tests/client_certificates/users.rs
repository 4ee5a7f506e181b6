//! A certificate that names a user of the users file.

use std::net::TcpStream;

use wharf::http::response::Received;

use super::{Guarded, both};
use crate::common::ClientTls;
use crate::common::accounts::basic;
use crate::rights::users::{UsersFile, authorization};

/// Sends a request over a connection that is kept; the status of the response.
fn ask_again(stream: &mut TcpStream, tls: &mut ClientTls, target: &str, fields: &str) -> u16 {
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    tls.write_all(stream, head.as_bytes()).expect("sent");
    let (mut answer, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        if let Some((head, length)) = Received::parse(&answer, false).expect("a response")
            && answer.len() as u64 >= length as u64 + head.content_length().unwrap_or(0)
        {
            return head.status.code();
        }
        let count = tls.read(stream, &mut bytes).expect("more");
        assert_ne!(count, 0, "the server closed the connection");
        answer.extend_from_slice(&bytes[..count]);
    }
}

/// The certificate decides before any other credentials, at each request.
#[test]
fn a_certificate_is_that_of_a_user_of_the_file() {
    let users = UsersFile::new(&["ann", "ben", "off"]);
    users.disable("off");
    let flags = users.flags();
    let rules = ["--allow", "users=edit", "--allow", "everyone=view@/open"];
    let guarded = Guarded::serve(&[&flags.each_ref().map(|flag| &**flag)[..], &rules].concat());
    guarded.wharf.write("open/file", "public");
    let open = |name: &str| {
        let mut stream = guarded.tcp();
        let tls = ClientTls::begin(both(&guarded.user(name)), "localhost", &mut stream).expect("a handshake");
        (stream, tls)
    };
    let wrong = basic("ann", "no");
    for (name, code) in [("ann", 200), ("off", 401), ("zoe", 401), ("ANN", 401)] {
        let (mut stream, mut tls) = open(name);
        for fields in ["", &authorization("ben"), &wrong, "Authorization: nonsense\r\n"] {
            for target in ["/a", "/open/file"] {
                let found = ask_again(&mut stream, &mut tls, target, fields);
                assert_eq!(found, code, "{name}: {target} {fields:?}: whoever may read it");
            }
            assert_eq!(ask_again(&mut stream, &mut tls, "/.wharf/health", fields), 200, "{name}");
        }
    }
    let (mut stream, mut tls) = open("ann");
    assert_eq!(ask_again(&mut stream, &mut tls, "/a", ""), 200);
    users.remove("ann", &guarded.wharf);
    assert_eq!(ask_again(&mut stream, &mut tls, "/a", ""), 401, "the connection is still open");
    assert_eq!(
        ask_again(&mut stream, &mut tls, "/open/file", &authorization("ben")),
        401,
        "nothing weaker counts"
    );
}
