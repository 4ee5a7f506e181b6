//! Pictures that are none, and pictures that cost much.

use std::time::Duration;

use super::*;
use crate::common::eventually;

/// A PNG that says in its header that it has 50,000 x 50,000 pixels.
fn bomb() -> Vec<u8> {
    let mut bytes = small_png(RED);
    bytes[16..24].copy_from_slice(&[50_000u32.to_be_bytes(), 50_000u32.to_be_bytes()].concat());
    let mut checksum = u32::MAX;
    for byte in &bytes[12..29] {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            checksum = (checksum >> 1) ^ (0xedb8_8320 & (checksum & 1).wrapping_neg());
        }
    }
    bytes[29..33].copy_from_slice(&(!checksum).to_be_bytes());
    bytes
}

/// A JPEG that says in its header that it has 60,000 x 60,000 pixels.
fn large_jpeg() -> Vec<u8> {
    let mut bytes = photo(RED);
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[60_000u16.to_be_bytes(), 60_000u16.to_be_bytes()].concat());
    bytes
}

#[test]
fn a_bad_picture_gets_a_reason_and_harms_nothing() {
    let wharf = Wharf::serve(&[]);
    let photo = photo(RED);
    let files = [
        ("bomb.png", bomb()),
        ("large.jpg", large_jpeg()),
        ("cut.jpg", photo[..photo.len() / 2].to_vec()),
        ("cut.png", small_png(RED)[..100].to_vec()),
        ("text.jpg", b"Dear reader, this is text.\n".to_vec()),
        ("empty.png", Vec::new()),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
    ];
    for (name, content) in &files {
        wharf.write(name, content);
    }
    wharf.write("good.png", small_png(BLUE));
    wharf.ask("GET", "/good.png?thumb", "", b"");
    let before = wharf.status("VmHWM");
    for _ in 0..5 {
        for (name, _) in &files {
            let answer = wharf.ask("GET", &format!("/{name}?thumb"), "", b"");
            assert_eq!(
                (answer.code(), answer.field("ETag").as_str()),
                (415, ""),
                "{name}: {}",
                answer.text()
            );
            assert!(answer.text().starts_with("no thumbnail: "), "{name}: {}", answer.text());
        }
    }
    let after = wharf.status("VmHWM");
    assert!(after < before + 16 * 1024, "{before} KB before, {after} KB after");
    assert_eq!(seen(&wharf.ask("GET", "/good.png?thumb", "", b"")), ((320, 80), false));
}

#[test]
fn many_thumbnails_delay_no_other_client() {
    let wharf = Wharf::serve(&[]);
    wharf.write("plain.txt", "text");
    // Each takes a while to decode.
    let slow = encoded(&plain(3000, 3000, RED), ImageFormat::Png);
    let names: Vec<_> = (0..16).map(|number| format!("{number}.png")).collect();
    for name in &names {
        wharf.write(name, &slow);
    }
    let mut crowd: Vec<_> = names.iter().map(|_| wharf.connect()).collect();
    for (wire, name) in crowd.iter_mut().zip(&names) {
        wire.send_request("GET", &format!("/{name}?thumb"), "", b"");
    }
    assert_eq!(wharf.ask("GET", "/plain.txt", "", b"").text(), "text");
    assert_eq!(wharf.ask("GET", "/", "Accept: text/plain\r\n", b"").code(), 200, "a listing is a job too");
    let is_last_done = crowd.last_mut().is_some_and(|wire| wire.hears_within(Duration::from_millis(1)));
    assert!(!is_last_done, "the other requests did not wait for all thumbnails");
    for wire in &mut crowd {
        assert_eq!(wire.read_answer(false).code(), 200);
    }
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let wharf = Wharf::serve(&[]);
    let before = wharf.open_files();
    let photo = photo(RED);
    for number in 0..40 {
        wharf.write(&format!("{number}.jpg"), &photo);
    }
    for round in 0..2 {
        let crowd: Vec<_> = (0..40)
            .map(|number| {
                let mut wire = wharf.connect();
                wire.send_request("GET", &format!("/{number}.jpg?thumb&{round}"), "", b"");
                wire
            })
            .collect();
        drop(crowd);
    }
    // Some of these requests took the client's permits.
    eventually("it is served", || wharf.ask("GET", "/0.jpg?thumb", "", b"").code() == 200);
    eventually("all files are closed", || wharf.open_files() <= before + 2);
}
