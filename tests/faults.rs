//! What breaks below the server costs whoever needs it an honest answer, and nobody anything else.

use std::thread;

use crate::common::{SmallDisk, Tftp, Wharf, Wire, sample};

/// Sends this in one chunk, and gives the status.
fn put_chunked(wire: &mut Wire, target: &str, content: &[u8]) -> u16 {
    let (host, length) = (wire.stream().peer_addr().expect("connected"), content.len());
    wire.send(format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    wire.send(format!("{length:x}\r\n")).send(content).send("\r\n0\r\n\r\n");
    wire.read_answer(false).code()
}

#[test]
fn what_is_kept_back_is_told_at_once() {
    // More than any disk has.
    let wharf = Wharf::serve(&["--reserve", "8000000T", "--udp", "0"]);
    let answer = wharf.ask("PUT", "/sized", "", b"x");
    assert_eq!((answer.code(), answer.text().as_str()), (507, "there is no space left for the file\n"));
    assert_eq!(put_chunked(&mut wharf.connect(), "/chunked", b"x"), 507);
    let mut wire = wharf.connect();
    let host = wharf.address();
    wire.send(format!(
        "PUT /a HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(wire.try_read_answer(false).expect("an answer").code(), 507, "before the body is sent");
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    assert_eq!(wharf.ask("POST", "/", form, b"--b--\r\n").code(), 507);
    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], b"x").expect_err("refused").0, 3);
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

#[test]
fn what_is_kept_back_stays_free_however_many_want_it() {
    const KEPT: u64 = 512 * 1024;
    /// What the disk takes besides content: the end of a page for each file, and its name.
    const PAGES: u64 = 20 * 4096;
    let Some(disk) = SmallDisk::mount("1m") else { return };
    let wharf = Wharf::serve_in(disk.place(), &["--reserve", "512K", "--udp", "0"]);
    let content = sample(600_000, 61);
    assert_eq!(wharf.ask("PUT", "/sized", "", &content).code(), 507, "its length was told");
    assert_eq!(put_chunked(&mut wharf.connect(), "/chunked", &content), 507, "on the way");
    assert_eq!(Tftp::new(wharf.tftp()).put("tftp", &[], &content).expect_err("refused").0, 3);
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
    let codes: Vec<u16> = thread::scope(|scope| {
        let upload = |number: usize| {
            let (wharf, content) = (&wharf, &content[..200_000]);
            scope.spawn(move || put_chunked(&mut wharf.connect(), &format!("/{number}"), content))
        };
        let uploads: Vec<_> = (0..10).map(upload).collect();
        uploads.into_iter().map(|upload| upload.join().expect("an answer")).collect()
    });
    assert!(codes.iter().all(|code| matches!(code, 201 | 507)), "{codes:?}");
    assert!(disk.free() + PAGES >= KEPT, "{} bytes are left: {codes:?}", disk.free());
    for (number, _) in codes.iter().enumerate().filter(|(_, code)| **code == 201) {
        assert!(wharf.read(&number.to_string()) == content[..200_000], "{number}");
    }
    assert_eq!(wharf.tree().len(), codes.iter().filter(|code| **code == 201).count(), "{codes:?}");
    assert_eq!(wharf.ask("PUT", "/small", "", b"small").code(), 201, "what fits is taken");
}
