//! TFTP, datagram by datagram.

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::common::tftp::request;
use crate::common::{Tftp, Wharf, eventually, sample};

/// A server with two files and a directory.
fn serve(flags: &[&str]) -> Wharf {
    let wharf = Wharf::serve(&[&["--udp", "0"], flags].concat());
    wharf.write("a.txt", "hello");
    wharf.write("dir/b c.txt", sample(1000, 1));
    wharf
}

fn client(wharf: &Wharf) -> Tftp {
    Tftp::new(wharf.tftp())
}

#[test]
fn files_of_every_length_are_read_and_written() {
    let wharf = serve(&[]);
    for length in [0, 1, 511, 512, 513, 100_000] {
        let content = sample(length, 7);
        wharf.write("file", &content);
        assert!(client(&wharf).get("file") == Ok(content.clone()), "{length} bytes out");
        assert_eq!(client(&wharf).put("in/file", &[], &content), Ok(()), "{length} bytes in");
        assert!(wharf.read("in/file") == content, "{length} bytes in");
    }
    assert!(client(&wharf).get("/dir//b c.txt").is_ok(), "extra slashes");
    // A transfer is logged after its last packet was sent, so the client may receive this packet before the line is
    // logged.
    for line in [
        "\"RRQ file\" complete, 100000 B",
        "\"WRQ in/file\" complete, 100000 B",
        "saved in/file (100000 bytes)",
    ] {
        eventually(line, || wharf.log().contains(line));
    }
}

#[test]
fn directories_are_listed() {
    let wharf = serve(&[]);
    wharf.write(".hidden", "x");
    for name in ["", "/"] {
        let listing = client(&wharf).get(name).expect("a listing");
        let listing = String::from_utf8(listing).expect("text");
        let names: Vec<_> = listing.lines().map(|line| line.split('\t').next().unwrap_or("")).collect();
        assert_eq!(names, ["dir/", "a.txt"], "{name:?}");
    }
    let inner = String::from_utf8(client(&wharf).get("dir/").expect("a listing")).expect("text");
    assert!(inner.starts_with("b c.txt\t1000\t2") && inner.ends_with("Z\n"), "{inner}");
    let (code, said) = client(&wharf).get("dir").expect_err("no file");
    assert_eq!((code, said.contains("slash")), (2, true), "{said}");
}

#[test]
fn options_are_answered() {
    let wharf = serve(&[]);
    wharf.write("empty", "");
    let curl = request(1, b"empty", &[("tsize", "0"), ("blksize", "512")]);
    let answer = client(&wharf).send_request(&curl).hear();
    assert_eq!(answer, b"\0\x06blksize\x00512\0", "curl rejects tsize 0");
    let rows: [(&str, &[(&str, &str)], &[u8]); 10] = [
        ("none known", &[("color", "blue")], b"\0\x03\0\x01hello"),
        ("tsize (RFC 2349)", &[("tsize", "0")], b"\0\x06tsize\x005\0"),
        ("blksize (RFC 2348)", &[("BLKSIZE", "1428")], b"\0\x06blksize\x001428\0"),
        ("too large a block", &[("blksize", "65465")], b"\0\x06blksize\x0065464\0"),
        (
            "far too large",
            &[("blksize", "9999999999999999999999999999999999999999")],
            b"\0\x06blksize\x0065464\0",
        ),
        ("too small a block", &[("blksize", "7")], b"\0\x03\0\x01hello"),
        ("no window (RFC 7440)", &[("windowsize", "0")], b"\0\x03\0\x01hello"),
        ("timeout (RFC 2349)", &[("timeout", "3")], b"\0\x06timeout\x003\0"),
        ("longer than the limit for a silent client", &[("timeout", "255")], b"\0\x03\0\x01hello"),
        ("the same, with another option", &[("timeout", "9"), ("tsize", "0")], b"\0\x06tsize\x005\0"),
    ];
    for (name, options, expected) in rows {
        let mut client = client(&wharf);
        let answer = client.send_request(&request(1, b"a.txt", options)).hear();
        assert_eq!(answer.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{name}");
        client.send(b"\0\x05\0\0enough\0");
    }
}

/// Boot ROMs of Raspberry Pi and Cisco pad their packets with NULs.
#[test]
fn padded_packets_are_accepted() {
    let wharf = serve(&[]);
    let padded = |datagram: &[u8]| [datagram, &[0; 600]].concat();
    let mut reader = client(&wharf);
    reader.send_request(&padded(&request(1, b"dir/b c.txt", &[])));
    reader.hear_until(b"\0\x03\0\x01");
    reader.send(&padded(b"\0\x04\0\x01")).hear_until(b"\0\x03\0\x02");
    reader.send(&padded(b"\0\x04\0\x02"));
    eventually("it is complete", || wharf.log().contains("\"RRQ dir/b c.txt\" complete"));
    let mut reader = client(&wharf);
    reader.send_request(&padded(&request(1, b"a.txt", &[("blksize", "600")])));
    assert_eq!(reader.hear(), b"\0\x06blksize\x00600\0");
    reader.send(&padded(b"\0\x05\0\0enough\0"));
    let mut writer = client(&wharf);
    writer.send_request(&padded(&request(2, b"new", &[("tsize", "1")])));
    assert_eq!(writer.hear(), b"\0\x06tsize\x001\0");
    writer.send(b"\0\x03\0\x01x").hear_until(b"\0\x04\0\x01");
    assert_eq!(wharf.read("new"), b"x");
}

/// Boot programs of Windows separate directories with backslashes.
#[test]
fn backslashes_are_slashes() {
    let wharf = serve(&[]);
    for name in ["dir\\b c.txt", "\\dir\\b c.txt", "/dir\\b c.txt"] {
        assert_eq!(client(&wharf).get(name), Ok(sample(1000, 1)), "{name}");
    }
    let listing = client(&wharf).get("dir\\").expect("a listing");
    assert!(listing.starts_with(b"b c.txt\t"));
    assert_eq!(client(&wharf).put("in\\new", &[], b"new"), Ok(()));
    assert_eq!(wharf.read("in/new"), b"new");
    for name in ["..\\a.txt", "dir\\..\\a.txt", "\\.wharf\\exit"] {
        assert!(client(&wharf).get(name).is_err(), "{name}");
        assert!(client(&wharf).put(name, &[], b"x").is_err(), "{name}");
    }
    wharf.write("dir\\b c.txt", "a name that has a backslash");
    assert_eq!(client(&wharf).get("dir\\b c.txt"), Ok(b"a name that has a backslash".to_vec()));
}

#[test]
fn bad_datagrams_are_answered_as_the_rfc_says_or_ignored() {
    let wharf = serve(&[]);
    let long = request(1, &[b'x'; 10_000], &[]);
    let doubled = request(1, b"a.txt", &[("blksize", "512"), ("BLKSIZE", "600")]);
    let rows: [(&str, &[u8], Option<u16>); 15] = [
        ("nothing", b"", Some(4)),
        ("half an opcode", b"\0", Some(4)),
        ("an unknown opcode", b"\0\x09x\0octet\0", Some(4)),
        ("a request without a name", b"\0\x01", Some(4)),
        ("no NUL after the name", b"\0\x01a.txt", Some(4)),
        ("no mode", b"\0\x01a.txt\0", Some(4)),
        ("an unknown mode", b"\0\x01a.txt\0fax\0", Some(4)),
        ("mail (RFC 1123)", b"\0\x02a.txt\0mail\0", Some(4)),
        ("an option without its value", b"\0\x01a.txt\0octet\0tsize\0", Some(4)),
        ("an option twice", &doubled, Some(8)),
        ("a name of 10 KB", &long, Some(4)),
        ("a block without a transfer", b"\0\x03\0\x01hello", Some(5)),
        ("an ACK without a transfer", b"\0\x04\0\x01", Some(5)),
        ("an error without a transfer", b"\0\x05\0\x01what\0", None),
        ("a malformed error", b"\0\x05\0", None),
    ];
    for (name, datagram, code) in rows {
        let mut client = client(&wharf);
        client.send_request(datagram);
        match code {
            Some(code) => assert_eq!(client.hear_error().0, code, "{name}"),
            // The first response is to the next datagram.
            None => assert_eq!(client.send_request(&doubled).hear_error().0, 8, "{name}"),
        }
    }
    assert_eq!(client(&wharf).get("a.txt"), Ok(b"hello".to_vec()), "it still serves");
}

#[test]
fn a_packet_of_another_kind_ends_the_transfer_or_is_ignored() {
    let wharf = serve(&[]);
    let begin = |opcode: u8| {
        let mut client = client(&wharf);
        client.send_request(&request(opcode, if opcode == 1 { b"dir/b c.txt" } else { b"new" }, &[]));
        client.hear();
        client
    };
    let rows: [(&str, u8, &[u8], u16); 5] = [
        ("an ACK of a block that was never sent", 1, b"\0\x04\0\x07", 4),
        ("a block to a sender", 1, b"\0\x03\0\x01x", 4),
        ("an unknown opcode", 1, b"\0\x0a", 4),
        ("a block longer than agreed", 2, &[&b"\0\x03\0\x01"[..], &[0; 513]].concat(), 4),
        ("an ACK to a receiver", 2, b"\0\x04\0\x01", 4),
    ];
    for (name, opcode, datagram, code) in rows {
        assert_eq!(begin(opcode).send(datagram).hear_error().0, code, "{name}");
    }
    // Another peer gets an error, and the transfer continues.
    let mut mine = begin(1);
    let mut stranger = client(&wharf);
    assert_eq!(stranger.send_to(b"\0\x04\0\x01", mine.peer()).hear_error().0, 5);
    mine.send(b"\0\x04\0\x01").hear_until(b"\0\x03\0\x02");
    mine.send(b"\0\x04\0\x02");
    assert!(!wharf.tree().contains(&"new".to_owned()), "nothing of an aborted upload is saved");
}

#[test]
fn a_repeated_request_is_one_transfer() {
    let wharf = serve(&[]);
    let mut client = client(&wharf);
    let wanted = request(2, b"new", &[]);
    client.send_request(&wanted).send_request(&wanted).send_request(&wanted);
    assert_eq!(client.hear(), b"\0\x04\0\0");
    let peer = client.peer();
    client.send(b"\0\x03\0\x01whole");
    // The first response may be repeated if the machine is slow; another transfer would have another port.
    while client.hear() != b"\0\x04\0\x01" {
        assert_eq!(client.peer(), peer);
    }
    assert_eq!(client.peer(), peer);
    assert_eq!(wharf.read("new"), b"whole");
    client.send(b"\0\x03\0\x01whole");
    assert_eq!(client.hear(), b"\0\x04\0\x01", "the last ACK is repeated if it was lost");
    eventually("it is logged once", || wharf.log().matches("\"WRQ new\" complete").count() == 1);
    // The same port may be used at once for the next file, and for the same file again.
    for content in [&b"next"[..], b"again"] {
        client.send_request(&wanted);
        client.hear_until(b"\0\x04\0\0");
        client.send(&[b"\0\x03\0\x01", content].concat());
        client.hear_until(b"\0\x04\0\x01");
        assert_eq!(wharf.read("new"), content);
    }
}

/// A machine that resets asks for the same file again, often from the same port, while the server still sends the first
/// one.
#[test]
fn a_client_that_has_reset_gets_a_new_transfer() {
    let wharf = serve(&[]);
    let wanted = request(1, b"dir/b c.txt", &[("blksize", "200")]);
    let mut client = client(&wharf);
    client.send_request(&wanted).hear_until(b"\0\x06");
    let first = client.peer();
    client.send(b"\0\x04\0\0").hear_until(b"\0\x03\0\x01");
    client.send(b"\0\x04\0\x01").hear_until(b"\0\x03\0\x02");
    client.send_request(&wanted).hear_until(b"\0\x06");
    assert_ne!(client.peer(), first, "a new transfer");
    for block in 0..=5 {
        client.send(&[0, 4, 0, block]).hear_until(&[0, 3, 0, block + 1]);
        assert_ne!(client.peer(), first);
    }
    client.send(&[0, 4, 0, 6]);
    eventually("the new transfer is complete", || {
        wharf.log().contains("\"RRQ dir/b c.txt\" complete, 1000 B")
    });
    eventually("the old one has ended", || wharf.log().contains("the client has started it again"));
    // An upload, too: the first one is not saved.
    let wanted = request(2, b"new", &[]);
    client.send_request(&wanted).hear_until(b"\0\x04\0\0");
    client.send(&[&b"\0\x03\0\x01"[..], &[b'x'; 512]].concat()).hear_until(b"\0\x04\0\x01");
    client.send_request(&wanted).hear_until(b"\0\x04\0\0");
    client.send(b"\0\x03\0\x01short").hear_until(b"\0\x04\0\x01");
    eventually("the old one has ended", || {
        wharf.log().matches("the client has started it again").count() == 2
    });
    assert_eq!(wharf.read("new"), b"short");
}

/// The client of tftp-hpa does this, because it uses one socket for the whole session.
#[test]
fn the_same_file_may_be_fetched_again_at_once_from_the_same_port() {
    let wharf = serve(&[]);
    let mut client = client(&wharf);
    for _ in 0..7 {
        // These are one fewer than a client may have at once, because on a busy machine, the first may not have ended
        // before the last begins.
        for _ in 0..7 {
            assert_eq!(client.get("a.txt"), Ok(b"hello".to_vec()));
        }
        wharf.comes_to_rest();
    }
}

#[test]
fn an_upload_that_is_too_large_is_rejected_at_once() {
    let wharf = serve(&["--max-upload", "1000"]);
    let (code, said) = client(&wharf).put("new", &[("tsize", "1001")], b"").expect_err("refused");
    assert_eq!(code, 3, "{said}");
    let (code, said) =
        client(&wharf).put("new", &[("tsize", "99999999999999999999999")], b"").expect_err("refused");
    assert_eq!(code, 3, "{said}");
    let (code, said) = client(&wharf).put("new", &[], &sample(2000, 1)).expect_err("rejected later");
    assert_eq!(code, 3, "{said}");
    assert_eq!(client(&wharf).put("new", &[("tsize", "1000")], &sample(1000, 1)), Ok(()));
    assert_eq!(wharf.tree(), ["a.txt", "dir/", "dir/b c.txt", "new"], "nothing partial");
}

#[test]
fn the_number_of_transfers_is_limited() {
    let wharf = serve(&["--udp-sessions", "10"]);
    let mut eight: Vec<_> = (0..8).map(|_| client(&wharf)).collect();
    for client in &mut eight {
        client.send_request(&request(1, b"dir/b c.txt", &[]));
        client.hear();
    }
    let (code, said) = client(&wharf).get("a.txt").expect_err("one too many");
    assert!(code == 0 && said.contains("too many transfers from this client"), "{said}");
    for client in &mut eight[2..] {
        client.send(b"\0\x05\0\0never mind\0");
    }
    eventually("a slot is free", || client(&wharf).get("a.txt").is_ok());
    // A transfer that only waits to repeat its last packet does not occupy a slot.
    for round in 0..20 {
        let put = client(&wharf).put(&format!("new{round}"), &[], b"x");
        assert_eq!(put, Ok(()), "{round}");
    }
}

#[test]
fn the_response_comes_from_the_address_that_was_asked() {
    let wharf = Wharf::serve(&["--udp", "0", "--ip", "0.0.0.0"]);
    wharf.write("a.txt", "hello");
    let port = wharf.tftp().port();
    for host in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 3, 2, 1]] {
        let mut client = Tftp::new(SocketAddr::from((host, port)));
        assert_eq!(client.get("a.txt"), Ok(b"hello".to_vec()));
        assert_eq!(client.peer().ip(), SocketAddr::from((host, port)).ip());
    }
}

/// RFC 1123 §4.2.3.5.
#[test]
fn a_broadcast_request_is_not_answered() {
    let wharf = Wharf::serve(&["--udp", "0", "--ip", "0.0.0.0"]);
    wharf.write("a.txt", "hello");
    let port = wharf.tftp().port();
    let mut all = Tftp::new(SocketAddr::from(([127, 255, 255, 255], port)));
    all.allow_broadcast();
    all.send_request(&request(1, b"a.txt", &[])).send_request(b"nonsense");
    // Earlier datagrams have been read by then.
    assert_eq!(client(&wharf).get("a.txt"), Ok(b"hello".to_vec()));
    assert!(all.is_quiet());
}

#[test]
fn a_permitted_client_can_shut_down_the_server() {
    let mut wharf = serve(&["--allow-exit"]);
    let mut forged = client(&wharf);
    forged.send_request(&request(2, b".wharf/exit", &[]));
    forged.hear();
    assert!(wharf.ended().is_none(), "a request alone ends nothing: its sender may be forged");
    let mut running = client(&wharf);
    running.send_request(&request(1, b"dir/b c.txt", &[]));
    running.hear();
    assert_eq!(client(&wharf).put(".wharf/exit", &[], b""), Ok(()));
    assert_eq!(running.hear_error().1, "the server is shutting down", "clients with a transfer get an error");
    let (said, status) = wharf.wait();
    assert!(said.contains("Shutting Down Server...") && status.success(), "{said}");
}

#[test]
fn other_clients_cannot_shut_it_down() {
    let wharf = serve(&[]);
    let (code, said) = client(&wharf).put(".wharf/exit", &[], b"").expect_err("refused");
    assert!(code == 2 && said.contains("--allow-exit"), "{said}");
    let (code, _) = client(&wharf).get(".wharf/exit").expect_err("nothing to read");
    assert_eq!(code, 1);
    let answer = wharf.ask("POST", "/.wharf/exit", "", b"");
    assert_eq!(answer.code(), 403);
    assert!(String::from_utf8_lossy(&answer.body).contains("--allow-exit"));
}

#[test]
fn shutdown_over_http() {
    let mut wharf = serve(&["--allow-exit"]);
    assert_eq!(wharf.ask("GET", "/.wharf/exit", "", b"").code(), 405, "a GET never changes anything");
    let forged = wharf.ask("POST", "/.wharf/exit", "Origin: http://evil.example\r\n", b"");
    assert_eq!(forged.code(), 403);
    assert_eq!(wharf.ask("POST", "/.wharf/exit", "", b"").code(), 200);
    assert!(wharf.wait().1.success());
}

#[test]
fn a_stop_ends_transfers_and_keeps_nothing_partial() {
    let mut wharf = serve(&[]);
    let mut client = client(&wharf);
    client.send_request(&request(2, b"half", &[]));
    client.hear();
    client.send(&[&b"\0\x03\0\x01"[..], &[7; 512]].concat());
    client.hear_until(b"\0\x04\0\x01");
    wharf.signal(Signal::TERM);
    assert_eq!(client.hear_error().1, "the server is shutting down");
    assert!(wharf.wait().1.success());
    let log = wharf.log();
    assert!(
        log.contains("\"WRQ half\" the transfer was ended: error (0): the server is shutting down"),
        "{log}"
    );
    assert_eq!(wharf.tree(), ["a.txt", "dir/", "dir/b c.txt"]);
}

#[test]
fn a_transfer_keeps_the_server_up_and_its_end_does_not() {
    // The limit is long, because a busy machine may delay the test before its request.
    let mut wharf = Wharf::serve(&["--udp", "0", "--idle-exit", "3"]);
    let mut client = Tftp::new(wharf.tftp());
    client.send_request(&request(2, b"slow", &[]));
    client.hear();
    wharf.outlasts_an_idle_one("3");
    client.send(b"\0\x03\0\x01whole");
    client.hear_until(b"\0\x04\0\x01");
    let (said, status) = wharf.wait();
    assert!(said.contains("No request for 3 s.") && status.success(), "{said}");
    assert_eq!(wharf.read("slow"), b"whole");
}
