//! GET, HEAD, POST, PUT and OPTIONS do what RFC 9110 says, and what curl and browsers expect.

use crate::common::Wharf;

#[test]
fn a_file_is_served_with_what_describes_it() {
    let wharf = Wharf::serve(&[]);
    wharf.write("server/testServer.txt", "hello\n");
    let answer = wharf.ask("GET", "/server/testServer.txt", "", b"");
    assert_eq!((answer.code(), answer.text().as_str()), (200, "hello\n"));
    assert_eq!(answer.field("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(answer.field("Content-Length"), "6");
    assert_eq!(answer.field("Accept-Ranges"), "bytes");
    assert!(answer.field("ETag").starts_with('"'), "a strong validator");
    assert!(httpdate::parse_http_date(&answer.field("Last-Modified")).is_ok());
    assert!(httpdate::parse_http_date(&answer.field("Date")).is_ok());
    let head = wharf.ask("HEAD", "/server/testServer.txt", "", b"");
    assert_eq!((head.code(), head.field("Content-Length").as_str()), (200, "6"));
    assert!(head.body.is_empty());
}
