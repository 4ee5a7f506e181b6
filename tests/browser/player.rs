//! Audio and video: the files of one kind follow each other.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::driver::stage;
use crate::common::{Wharf, sample};

/// A sound of this many samples, 8,000 of which take a second (WAV).
fn wav(samples: u32) -> Vec<u8> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + samples).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    for half in [1u16, 1] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    for half in [1u16, 8] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(samples.to_le_bytes());
    bytes.extend(vec![128; samples as usize]);
    bytes
}

/// The last track is long, so that it plays until the end of the test.
fn fill(wharf: &Wharf) {
    wharf.write("1 <b>.wav", wav(800));
    wharf.write("2.webm", wav(800));
    wharf.write("3.wav", sample(2000, 1));
    wharf.write("4.webm", wav(8000 * 300));
    wharf.write("5 \u{202e}vaw.wav", wav(8000 * 300));
}

#[test]
fn the_next_file_of_the_same_kind_plays_when_one_ends() {
    let Some((_wharf, browser)) = stage(&[], fill) else { return };
    browser.click("#files a[href='./1%20%3Cb%3E.wav']");
    // The file between cannot be played.
    browser.until("document.querySelector('#preview h2').textContent === '5 \\\\u{202e}vaw.wav'");
    browser.until("document.querySelector('audio').currentTime > 0");
    assert_eq!(browser.text("#preview .head [role=status]"), "3 of 3");
    let tracks = "return [...document.querySelectorAll('.player li')].map((row) => [row.textContent, row.firstChild.ariaCurrent])";
    let expected = json!([["1 <b>.wav", null], ["3.wav", null], ["5 \\u{202e}vaw.wav", "true"]]);
    assert_eq!(browser.js(tracks), expected);
    is_for_everybody(&browser, "tracks");
    // The keyboard chooses a track; what cannot be played says so, and stays.
    browser.tab_to("3.wav");
    browser.key('\u{e007}');
    browser.until(
        "document.querySelector('.player [role=alert]').textContent === 'This file cannot be played.'",
    );
    assert_eq!(browser.text("#preview h2"), "3.wav");
    assert_eq!(browser.js("return document.activeElement.textContent"), "3.wav");
    is_for_everybody(&browser, "cannot-play");
    browser.press("Close");
    browser.until("!document.querySelector('audio')");
    browser.click("#files a[href='./2.webm']");
    browser.until("document.querySelector('#preview h2').textContent === '4.webm'");
    browser.until("document.querySelector('video').currentTime > 0");
    assert_eq!(browser.js("return document.querySelector('.player li')"), json!(null));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
