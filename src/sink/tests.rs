//! What a sink writes, in which order and when, over pipes and files.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use super::queue::{BATCH, WriterState};
use super::{LineSink, Notices, PAUSE, QUEUE};

const NOTICES: Notices = Notices {
    name: "test",
    missing: |count| format!("{count} dropped\n"),
    recovered: |_| {},
    failed: |_| {},
    reopened: |_| {},
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn pipe() -> (File, File) {
    let (reader, writer) = io::pipe().expect("a pipe");
    (OwnedFd::from(reader).into(), OwnedFd::from(writer).into())
}

#[test]
fn every_line_arrives_in_order() {
    let (mut reader, writer) = pipe();
    let sink = LineSink::new(writer, None, NOTICES).expect("a sink");
    let expected: String = (0..10_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
    let length = expected.len();
    let reading = thread::spawn(move || {
        let mut read = vec![0; length];
        reader.read_exact(&mut read).expect("lines");
        String::from_utf8(read).expect("text")
    });
    expected.split_inclusive('\n').for_each(|line| sink.push(line.as_bytes()));
    assert!(sink.flush(PATIENCE));
    assert!(sink.0.lock().is_empty());
    assert!(reading.join().expect("no panic") == expected);
}

/// A sink that collects lines for longer than this test takes, has written one, and collects now.
fn collecting() -> (File, LineSink) {
    let (mut reader, writer) = pipe();
    let sink = LineSink::with_pause(writer, None, NOTICES, 2 * PATIENCE).expect("a sink");
    sink.push(b"first\n");
    read(&mut reader, "first\n");
    let writing = sink.0.emptied.wait_timeout_while(sink.0.lock(), PATIENCE, |queue| !queue.is_empty());
    drop(writing);
    sink.push(b"second\n");
    let queue = sink.0.lock();
    assert!(queue.writer == WriterState::Collects && queue.lines == b"second\n", "it is not written yet");
    drop(queue);
    (reader, sink)
}

/// Reads as many bytes as these, and asserts that they are equal.
fn read(reader: &mut File, expected: &str) {
    let mut text = vec![0; expected.len()];
    reader.read_exact(&mut text).expect("text");
    assert_eq!(String::from_utf8_lossy(&text), expected);
}

#[test]
fn lines_are_written_within_a_second_though_nobody_flushes() {
    const { assert!(PAUSE.as_millis() < 500, "half a second is left for the write") };
    let (mut reader, writer) = pipe();
    let sink = LineSink::new(writer, None, NOTICES).expect("a sink");
    for line in ["one\n", "two\n", "three\n"] {
        sink.push(line.as_bytes());
        read(&mut reader, line);
    }
}

#[test]
fn an_urgent_line_is_written_at_once_behind_those_before_it() {
    let (mut reader, sink) = collecting();
    sink.push_urgent(b"urgent\n");
    read(&mut reader, "second\nurgent\n");
    sink.push(b"later\n");
    assert!(sink.flush(PATIENCE));
    read(&mut reader, "later\n");
}

#[test]
fn a_full_batch_is_written_at_once() {
    let (mut reader, sink) = collecting();
    let line = format!("{}\n", "x".repeat(1023));
    (0..BATCH / line.len()).for_each(|_| sink.push(line.as_bytes()));
    read(&mut reader, &format!("second\n{}", line.repeat(BATCH / line.len())));
}

#[test]
fn a_flush_and_a_reopening_wait_for_no_pause() {
    let (mut reader, sink) = collecting();
    assert!(sink.flush(PATIENCE));
    read(&mut reader, "second\n");
    let (mut reader, sink) = collecting();
    sink.reopen();
    read(&mut reader, "second\n");
}

#[test]
fn a_line_that_is_too_long_stops_none_of_the_later_ones() {
    let (mut reader, sink) = collecting();
    sink.push(&vec![b'x'; QUEUE]);
    read(&mut reader, "second\n1 dropped\n");
}

#[test]
fn a_reader_that_stalls_costs_lines_which_are_counted() {
    const LINES: usize = 100_000;
    let (reader, writer) = pipe();
    let sink = LineSink::new(writer, None, NOTICES).expect("a sink");
    (0..LINES).for_each(|number| sink.push(format!("a line with a number: {number:8}\n").as_bytes()));
    assert!(!sink.flush(Duration::from_millis(1)), "nobody reads");
    assert!(sink.0.lock().lines.len() <= QUEUE);
    let mut lines = io::BufRead::lines(io::BufReader::new(reader)).map(|line| line.expect("text"));
    let written: Vec<_> = lines.by_ref().take_while(|line| !line.ends_with(" dropped")).collect();
    for (number, line) in written.iter().enumerate() {
        assert_eq!(*line, format!("a line with a number: {number:8}"), "the first ones, without a gap");
    }
    assert!(written.len() < LINES);
    drop(lines);
}

#[test]
fn the_count_stands_where_lines_are_missing() {
    let (mut reader, writer) = pipe();
    let sink = LineSink::new(writer, None, NOTICES).expect("a sink");
    let long = vec![b'x'; QUEUE + 1];
    sink.push(b"before\n");
    sink.push(&long);
    assert!(sink.flush(PATIENCE));
    sink.push(b"later\n");
    assert!(sink.flush(PATIENCE));
    drop(sink);
    let expected = "before\n1 dropped\nlater\n";
    let mut read = vec![0; expected.len()];
    reader.read_exact(&mut read).expect("lines");
    assert_eq!(String::from_utf8_lossy(&read), expected);
}

#[test]
fn what_cannot_be_written_is_counted_and_told_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let full = File::options().write(true).open("/dev/full").expect("opened");
    let reopened = path.clone();
    let reopen = Box::new(move || File::create(&reopened));
    let sink = LineSink::new(full, Some(reopen), NOTICES).expect("a sink");
    sink.push(b"one\n");
    sink.push(b"two\n");
    assert!(sink.flush(PATIENCE));
    sink.reopen();
    sink.push(b"three\n");
    assert!(sink.flush(PATIENCE));
    assert_eq!(std::fs::read_to_string(path).expect("a log"), "2 dropped\nthree\n");
}
