use std::iter;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise, fstatfs};
use rustix::io::Errno;

use super::*;

/// The `f_type` of a file system that is entirely in memory (tmpfs(5)).
const TMPFS: u64 = 0x0102_1994;

/// A file whose last reference may be dropped anywhere.
fn opened(file: File) -> OpenedFile {
    Arc::new(Deferred::new(file, &Chores::new().0))
}

fn text(content: &Content) -> String {
    let bytes = content.iter().map(|chunk| match chunk {
        Chunk::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Chunk::File(_) | Chunk::Source(_) => "?".into(),
    });
    bytes.collect::<Vec<_>>().join(" ")
}

#[test]
fn chunks_leave_in_order() {
    let chunk = |letter: &str| Chunk::from(letter.as_bytes().to_vec());
    let mut content: Content = ["c", "d"].map(chunk).into_iter().collect();
    content.push(chunk("e"));
    content.prepend(["a", "b"].map(chunk).into_iter().collect());
    assert_eq!((text(&content), content.length()), ("a b c d e".to_owned(), Some(5)));
    assert!(content.as_bytes().is_none(), "it has several chunks");
    for letter in ["a", "b", "c", "d", "e"] {
        assert_eq!(content.as_bytes(), (letter == "e").then_some(b"e".as_slice()));
        assert!(content.pop_file().is_none(), "it is no file");
        let bytes = content.pop_bytes().expect("it is there");
        assert_eq!(*bytes, *letter.as_bytes());
    }
    assert!(content.pop_front().is_none());
    content.push_front(chunk("f"));
    assert_eq!(text(&content), "f");
}

#[test]
fn shared_bytes_are_a_span() {
    let span = Span::new(2, 3, 8).expect("within");
    assert_eq!(*Buffer::Shared(Arc::from(*b"01234567"), span), *b"234");
}

#[test]
fn a_file_that_was_read_is_in_memory_and_one_that_was_evicted_is_not() {
    // Next to this program, as the directory for temporary files may be in memory.
    let program = std::env::current_exe().expect("its path");
    let file = opened(tempfile::tempfile_in(program.parent().expect("a folder")).expect("a file"));
    if fstatfs(&**file).expect("its file system").f_type as u64 == TMPFS {
        return;
    }
    let length = 4 * READ_AHEAD as u64;
    file.write_all_at(&vec![b'x'; length as usize], 0).expect("written");
    let span = Span::new(0, length, length).expect("it is not empty");
    let all = FileSpan::new(Arc::clone(&file), span);
    if preadv2(&**file, &mut [IoSliceMut::new(&mut [0])], 0, ReadWriteFlags::NOWAIT) == Err(Errno::OPNOTSUPP)
    {
        assert!(all.in_memory(length).is_none(), "this file system cannot say");
        return;
    }
    assert!(all.in_memory(length).is_some(), "it has just been written");
    file.sync_all().expect("on the disk, so that memory can do without");
    // The kernel drops the pages when nothing else holds them, which may take a moment.
    let began = Instant::now();
    let forgets = || {
        fadvise(&**file, 0, None, Advice::DontNeed).expect("asked to forget");
        all.in_memory(length).is_none()
    };
    let mut tries = iter::repeat_with(forgets).take_while(|_| began.elapsed() < Duration::from_secs(20));
    assert!(tries.any(|has_forgotten| has_forgotten), "the disk has it");
    assert!(FileSpan::recent(Arc::clone(&file), span).in_memory(length).is_some(), "nobody looks");
    file.read_exact_at(&mut vec![0; length as usize], 0).expect("read");
    assert!(all.in_memory(length).is_some(), "all of it");
}

#[test]
fn a_small_span_is_read() {
    let file = opened(tempfile::tempfile().expect("a file"));
    file.write_all_at(b"0123456789", 0).expect("written");
    let read = |start, length| {
        let span = Span::new(start, length, u64::MAX).expect("within");
        FileSpan::new(Arc::clone(&file), span)
            .read_if_small(Blocking::own_thread())
            .expect("no network file system")
    };
    assert_eq!(text(&read(2, 3).into()), "234");
    assert!(matches!(read(8, 3), Chunk::File(_)), "the file is shorter");
    file.set_len(SMALL + 1).expect("longer");
    assert!(matches!(read(0, SMALL), Chunk::Bytes(_)));
    assert!(matches!(read(0, SMALL + 1), Chunk::File(_)));
}
