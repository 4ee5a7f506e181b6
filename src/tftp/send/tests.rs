//! Transfers of a sender.

use super::*;
use crate::tftp::options::{BlockSize, WindowSize};
use crate::tftp::script::{On, Party, UNCOUNTED, play, request};

const FILE: &[u8] = b"0123456789abcdefghijklmn";

/// Blocks of 8 bytes, so that [`FILE`] has four, the last one empty.
fn terms(window: u16) -> Terms {
    Terms { blksize: Some(BlockSize::MIN), windowsize: WindowSize::new(window), ..Terms::default() }
}

fn serve(terms: Terms) -> Party<'static> {
    Party::Giving(Sender::serve(Instant::now(), terms, Mode::Octet, FILE))
}

fn put(asked: Terms) -> Party<'static> {
    Party::Giving(Sender::request(Instant::now(), request(&asked, Mode::Octet), asked, FILE))
}

type Row<'a> = (&'a str, Party<'static>, &'a [(On, &'a str)]);

fn play_all(rows: Vec<Row<'_>>) {
    for (name, party, script) in rows {
        play(name, party, Instant::now(), script);
    }
}

#[test]
fn a_server_sends_a_file() {
    use On::{Ack, Start};
    play_all(vec![
        ("without options (1350)", serve(Terms::default()), &[(Start, "DATA 1"), (Ack(1), "complete")]),
        (
            "lock-step, ending with an empty block (2347, 1350 6)",
            serve(terms(1)),
            &[
                (Start, "OACK"),
                (Ack(0), "DATA 1"),
                (Ack(1), "DATA 2"),
                (Ack(2), "DATA 3"),
                (Ack(3), "DATA 4"),
                (Ack(4), "complete"),
                (Ack(4), "complete"),
            ],
        ),
        (
            "a window (7440)",
            serve(terms(3)),
            &[(Start, "OACK"), (Ack(0), "DATA 1, DATA 2, DATA 3"), (Ack(3), "DATA 4"), (Ack(4), "complete")],
        ),
    ]);
}

#[test]
fn a_client_sends_a_file() {
    use On::{Ack, Oack, Start};
    let larger = Terms { blksize: BlockSize::new(9), ..Terms::default() };
    play_all(vec![
        (
            "to a server without options (2347)",
            put(terms(2)),
            &[(Start, "WRQ"), (Ack(0), "DATA 1"), (Ack(1), "complete")],
        ),
        (
            "its first block answers the OACK (2347)",
            put(terms(2)),
            &[
                (Start, "WRQ"),
                (Oack(terms(2)), "DATA 1, DATA 2"),
                (Oack(terms(2)), ""),
                (Ack(2), "DATA 3, DATA 4"),
            ],
        ),
        (
            "an OACK with more than was requested (2348)",
            put(terms(1)),
            &[(Start, "WRQ"), (Oack(larger), "ERROR 8, aborted 8"), (Ack(0), "aborted 8")],
        ),
    ]);
}

#[test]
fn a_duplicate_never_makes_it_send() {
    use On::{Ack, Request, Start};
    play_all(vec![
        (
            "every ACK twice (1123 4.2.3.1)",
            serve(terms(1)),
            &[
                (Start, "OACK"),
                (Ack(0), "DATA 1"),
                (Ack(0), ""),
                (Ack(1), "DATA 2"),
                (Ack(1), ""),
                (Ack(0), ""),
                (Ack(2), "DATA 3"),
            ],
        ),
        (
            "every ACK twice, with a window",
            serve(terms(2)),
            &[
                (Start, "OACK"),
                (Ack(0), "DATA 1, DATA 2"),
                (Ack(2), "DATA 3, DATA 4"),
                (Ack(2), ""),
                (Ack(1), ""),
            ],
        ),
        (
            "a repeated request is the same transfer",
            serve(terms(1)),
            &[(Start, "OACK"), (Request, ""), (Ack(0), "DATA 1"), (Request, ""), (Ack(1), "DATA 2")],
        ),
    ]);
}

#[test]
fn before_the_first_answer_only_one_packet_is_repeated_and_a_few_times() {
    use On::{Request, Silence, Start};
    let silence =
        |word| [(Start, word), (Silence, word), (Silence, word), (Silence, word), (Silence, "timed out")];
    play("an OACK", serve(terms(64)), Instant::now(), &silence("OACK"));
    play("a first block", serve(Terms::default()), Instant::now(), &silence("DATA 1"));
    let begged =
        [(Start, "OACK"), (Request, ""), (Silence, "OACK"), (Request, ""), (Request, ""), (Silence, "OACK")];
    play("requests do not add to that", serve(terms(64)), Instant::now(), &begged);
}

#[test]
fn losses_are_recovered() {
    use On::{Ack, Silence, Start};
    play_all(vec![
        (
            "a block or its ACK is lost",
            serve(terms(1)),
            &[(Start, "OACK"), (Ack(0), "DATA 1"), (Silence, "DATA 1"), (Ack(1), "DATA 2"), (Ack(1), "")],
        ),
        (
            "the middle of a window is lost (7440 4)",
            serve(terms(3)),
            &[(Start, "OACK"), (Ack(0), "DATA 1, DATA 2, DATA 3"), (Ack(1), "DATA 2, DATA 3, DATA 4")],
        ),
        (
            "a whole window is lost",
            serve(terms(2)),
            &[
                (Start, "OACK"),
                (Ack(0), "DATA 1, DATA 2"),
                (Silence, "DATA 1, DATA 2"),
                (Ack(2), "DATA 3, DATA 4"),
            ],
        ),
    ]);
}

#[test]
fn a_silent_peer_gets_an_error() {
    let silences = usize::from(REPEATS);
    let mut script = vec![(On::Start, "OACK"), (On::Ack(0), "DATA 1")];
    script.extend(std::iter::repeat_n((On::Silence, "DATA 1"), silences + UNCOUNTED));
    script.push((On::Silence, "ERROR 0, timed out"));
    play("after the first answer", serve(terms(1)), Instant::now(), &script);
    let mut script = vec![(On::Start, "WRQ")];
    script.extend(std::iter::repeat_n((On::Silence, "WRQ"), silences));
    script.push((On::Silence, "timed out"));
    play("a server that is not there", put(terms(1)), Instant::now(), &script);
}

#[test]
fn faults_end_the_transfer() {
    use On::{Abort, Ack, Data, Error, Oack, Start};
    play_all(vec![
        (
            "an ERROR ends it silently (1350 2)",
            serve(terms(1)),
            &[(Start, "OACK"), (Error, "refused 1"), (Error, "refused 1")],
        ),
        ("an ERROR to a request", put(terms(1)), &[(Start, "WRQ"), (Error, "refused 1")]),
        (
            "an ACK of a block never sent (1350 2)",
            serve(terms(2)),
            &[(Start, "OACK"), (Ack(0), "DATA 1, DATA 2"), (Ack(3), "ERROR 4, aborted 4")],
        ),
        (
            "an ACK of a block before the first",
            serve(terms(1)),
            &[(Start, "OACK"), (Ack(9), "ERROR 4, aborted 4")],
        ),
        ("a block for a sender", serve(terms(1)), &[(Start, "OACK"), (Data(1, b"x"), "ERROR 4, aborted 4")]),
        ("an OACK for a server", serve(terms(1)), &[(Start, "OACK"), (Oack(terms(1)), "ERROR 4, aborted 4")]),
        (
            "this side ends it",
            serve(terms(1)),
            &[(Start, "OACK"), (Abort, "ERROR 3, aborted 3"), (Abort, "aborted 3")],
        ),
    ]);
}

#[test]
fn a_source_that_fails_ends_the_transfer() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let source = io::BufReader::new(Broken);
    let mut sender = Sender::serve(Instant::now(), Terms::default(), Mode::Octet, source);
    assert!(matches!(sender.next_action(), SendAction::Send([0, 5, 0, 0, ..])));
    assert!(
        matches!(sender.next_action(), SendAction::Over(Ending::Aborted(fault)) if fault.code == ErrorCode::NotDefined)
    );
}
