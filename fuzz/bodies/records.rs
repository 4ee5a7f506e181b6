//! The file of sessions, tokens and links: an accepted file is exactly as wharf would write it, with the right number
//! of records at its end.

use wharf::accounts::records::file::{parse, print};

/// The input is a file, or lines of one.
pub(crate) fn check(data: &[u8]) {
    file(data);
    // Inputs rarely have the right number at their end.
    let lines = lines(data);
    file(&[b"wharf records 1\n", data, format!("end {lines}\n").as_bytes()].concat());
}

fn file(data: &[u8]) {
    match parse(data) {
        Ok(records) => {
            assert_eq!(print(&records).as_bytes(), data, "each file has one form");
            for (at, record) in records.iter().enumerate() {
                assert!(records[at + 1..].iter().all(|other| other.id != record.id), "{}", record.id);
            }
        }
        Err(wrong) => {
            let lines = lines(data);
            assert!((1..=lines + 1).contains(&wrong.number), "line {} of {lines}", wrong.number);
        }
    }
}

/// The number of line ends.
fn lines(data: &[u8]) -> usize {
    data.split(|byte| *byte == b'\n').count() - 1
}
