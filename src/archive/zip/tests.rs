use std::io::{Cursor, Read as _};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The whole archive of this layout, with these contents.
fn assemble(layout: &ZipLayout, contents: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(place) = layout.part_at(bytes.len() as u64) {
        assert_eq!(place.start, bytes.len() as u64, "{place:?}");
        match place.part {
            ZipPart::Content(number) => match layout.coding(number) {
                Coding::Stored => bytes.extend_from_slice(contents[number]),
                Coding::Blocks => {
                    let content = contents[number];
                    blocks::append(&mut bytes, content, 0, content.len() as u64, 5);
                }
            },
            part => {
                let checksum =
                    layout.needs_checksum(part).map_or(0, |number| crc32fast::hash(contents[number]));
                bytes.extend_from_slice(&layout.bytes(part, checksum));
            }
        }
        assert_eq!(place.end, bytes.len() as u64, "{place:?}");
    }
    assert_eq!(layout.length(), bytes.len() as u64);
    bytes
}

/// The names, modes and contents that another zip library finds.
fn read_back(bytes: Vec<u8>) -> Vec<(String, Option<u32>, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    let entries = (0..archive.len()).map(|index| {
        let mut file = archive.by_index(index).expect("an entry");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("its checksum holds");
        (file.name().expect("text").into_owned(), file.unix_mode().map(|mode| mode & 0o777), content)
    });
    entries.collect()
}

#[test]
fn files_are_read_back_unchanged() {
    let contents = ["", "first", "", "last"].map(str::as_bytes);
    let mut zip = ZipBuilder::default();
    zip.directory(b"d", at(1_700_000_001)).expect("added");
    for (name, content) in ["d/a", "d/gr\u{f6}\u{df}e", "b"].into_iter().zip(&contents[1..]) {
        zip.file(name.as_bytes(), content.len() as u64, at(1_700_000_001)).expect("added");
    }
    let found = read_back(assemble(&zip.finish(), &contents));
    let expected = [
        ("d/", Some(0o755), ""),
        ("d/a", Some(0o644), "first"),
        ("d/gr\u{f6}\u{df}e", Some(0o644), ""),
        ("b", Some(0o644), "last"),
    ];
    let expected = expected.map(|(name, mode, content)| (name.to_owned(), mode, content.as_bytes().to_vec()));
    assert_eq!(found, expected);
    assert!(read_back(assemble(&ZipBuilder::default().finish(), &[])).is_empty(), "an empty archive");
}

#[test]
fn long_files_are_deflated_in_stored_blocks() {
    const LIMIT: usize = 100_000;
    let long = vec![7; LIMIT + 1];
    let mut zip = ZipBuilder { stored_limit: LIMIT as u64, ..ZipBuilder::default() };
    zip.file(b"stored", LIMIT as u64, at(0)).expect("added");
    zip.file(b"deflated", long.len() as u64, at(0)).expect("added");
    let layout = zip.finish();
    assert_eq!([0, 1].map(|number| layout.coding(number)), [Coding::Stored, Coding::Blocks]);
    let found = read_back(assemble(&layout, &[&long[1..], &long]));
    assert!(found[0].2 == long[1..] && found[1].2 == long);
}

/// Files that need zip64 are too long for a test: the numbers are checked instead of the content.
#[test]
fn zip64_begins_at_4_gib() {
    let field =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    for (length, is_long) in [((4 << 30) - (1 << 20), false), (4 << 30, true)] {
        let mut zip = ZipBuilder::default();
        zip.file(b"f", length, at(0)).expect("added");
        zip.file(b"g", 1, at(0)).expect("added");
        let layout = zip.finish();
        let (local, descriptor) =
            (layout.bytes(ZipPart::LocalHeader(0), 9), layout.bytes(ZipPart::Descriptor(0), 9));
        assert_eq!(descriptor.len(), if is_long { 24 } else { 16 });
        assert_eq!((field(&local, 14), field(&descriptor, 4)), (0, 9), "the checksum stands behind");
        assert_eq!(field(&local, 22), if is_long { u32::MAX } else { 0 });
        for number in [0, 1] {
            let central = layout.bytes(ZipPart::CentralHeader(number), 9);
            let numbers = [field(&central, 20), field(&central, 24), field(&central, 42)];
            let marks = numbers.iter().filter(|&&number| number == u32::MAX).count();
            let fields = if is_long { [2, 1][number] } else { 0 };
            assert_eq!(marks, fields, "{number} of {length}");
            let extra = usize::from(u16::from_le_bytes([central[30], central[31]]));
            assert_eq!(extra, 9 + if fields > 0 { 4 + 8 * fields } else { 0 });
        }
        assert_eq!(layout.bytes(ZipPart::End, 0).len(), if is_long { 98 } else { 22 });
    }
    let mut many = ZipBuilder::default();
    for number in 0..u16::MAX {
        many.file(number.to_string().as_bytes(), 0, at(0)).expect("added");
    }
    let layout = many.finish();
    assert_eq!(layout.bytes(ZipPart::End, 0).len(), 98);
    assert_eq!(read_back(assemble(&layout, &vec![&[][..]; u16::MAX as usize])).len(), usize::from(u16::MAX));
}

#[test]
fn what_does_not_fit_is_rejected() {
    let mut zip = ZipBuilder::default();
    zip.file(b"a%FF", 1, at(0)).expect("added");
    assert!(matches!(zip.file(b"a\xff", 1, at(0)), Err(ArchiveError::Refused(_))), "the name is taken");
    assert!(
        matches!(zip.file(&vec![b'\\'; 30_000], 1, at(0)), Err(ArchiveError::Refused(_))),
        "90,000 bytes"
    );
    zip.file(b"b", 1, at(0)).expect("added after an error");
    let names = read_back(assemble(&zip.finish(), &[b"x", b"y"])).into_iter().map(|(name, ..)| name);
    assert!(names.eq(["a%FF", "b"]));
    let mut full = ZipBuilder::default();
    for number in 0..ENTRIES_LIMIT {
        full.file(number.to_string().as_bytes(), 0, at(0)).expect("added");
    }
    assert!(matches!(full.directory(b"more", at(0)), Err(ArchiveError::Full { limit: ENTRIES_LIMIT })));
}

proptest! {
    #[test]
    fn any_part_of_the_blocks_is_a_part_of_the_whole(
        length in 1_u64..300_000,
        cuts in prop::collection::vec(0_u64..300_030, 0..6),
    ) {
        let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let mut whole = Vec::new();
        blocks::append(&mut whole, &content, 0, length, 5);
        prop_assert_eq!(whole.len() as u64, blocks::encoded_length(length));
        for start in cuts.into_iter().filter(|&cut| cut < whole.len() as u64) {
            let (at, header) = blocks::content_at(start);
            let mut part = Vec::new();
            blocks::append(&mut part, &content[at as usize..], at, length, header);
            prop_assert!(part == whole[start as usize..], "from {}", start);
        }
    }
}
