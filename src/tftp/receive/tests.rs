//! Transfers of a receiver.

use super::*;
use crate::tftp::block::Numbering;
use crate::tftp::options::{BlockSize, WindowSize};
use crate::tftp::script::{On, Party, TestAction, UNCOUNTED, play, request};

const FULL: &[u8] = b"01234567";

/// Blocks of 8 bytes.
fn terms(window: u16) -> Terms {
    Terms { blksize: Some(BlockSize::MIN), windowsize: WindowSize::new(window), ..Terms::default() }
}

fn serve(terms: Terms) -> Party<'static> {
    Party::taking(Receiver::serve(Instant::now(), terms, Mode::Octet))
}

fn get(asked: Terms) -> Party<'static> {
    Party::taking(Receiver::request(Instant::now(), request(&asked, Mode::Octet), asked))
}

type Row<'a> = (&'a str, Party<'static>, &'a [(On, &'a str)]);

fn play_all(rows: Vec<Row<'_>>) {
    for (name, party, script) in rows {
        play(name, party, Instant::now(), script);
    }
}

#[test]
fn the_file_is_committed_before_its_last_ack() {
    use On::{Abort, CommitFailed, Committed, Data, Error, Silence, Start};
    play_all(vec![
        (
            "the last ACK is repeated while it dallies (1350 6)",
            serve(Terms::default()),
            &[
                (Start, "ACK 0"),
                (Data(1, b"all"), "commit"),
                (Data(1, b"all"), "commit"),
                (Silence, "commit"),
                (Committed, "ACK 1, dally"),
                (Data(1, b"all"), "ACK 1, dally"),
                (Data(2, b"more"), "dally"),
                (Committed, "dally"),
                (Silence, "complete"),
                (Data(1, b"all"), "complete"),
            ],
        ),
        (
            "a commit that failed is an ERROR and no ACK",
            serve(Terms::default()),
            &[
                (Start, "ACK 0"),
                (Data(1, b""), "commit"),
                (CommitFailed, "ERROR 3, aborted 3"),
                (Data(1, b""), "aborted 3"),
            ],
        ),
        (
            "an ERROR cannot undo a commit",
            serve(Terms::default()),
            &[
                (Start, "ACK 0"),
                (Data(1, b""), "commit"),
                (Error, "commit"),
                (Committed, "ACK 1, dally"),
                (Error, "dally"),
            ],
        ),
        (
            "the driver may stop while it dallies",
            serve(Terms::default()),
            &[(Start, "ACK 0"), (Data(1, b""), "commit"), (Committed, "ACK 1, dally"), (Abort, "complete")],
        ),
        (
            "a commit too early is ignored",
            serve(terms(1)),
            &[(Start, "OACK"), (Committed, ""), (Data(1, FULL), "ACK 1")],
        ),
    ]);
}

#[test]
fn a_server_receives_a_file() {
    use On::{Committed, Data, Start};
    play_all(vec![
        (
            "lock-step, ending with an empty block",
            serve(terms(1)),
            &[(Start, "OACK"), (Data(1, FULL), "ACK 1"), (Data(2, FULL), "ACK 2"), (Data(3, b""), "commit")],
        ),
        (
            "a window is acknowledged as a whole (7440 4)",
            serve(terms(3)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(2, FULL), ""),
                (Data(3, FULL), "ACK 3"),
                (Data(4, b"x"), "commit"),
                (Committed, "ACK 4, dally"),
            ],
        ),
    ]);
}

#[test]
fn a_client_receives_a_file() {
    use On::{Ack, Data, Oack, Start};
    let larger = terms(3);
    play_all(vec![
        ("from a server without options (2347)", get(terms(2)), &[(Start, "RRQ"), (Data(1, FULL), "commit")]),
        (
            "ACK 0 answers the OACK, each time (2347)",
            get(terms(2)),
            &[
                (Start, "RRQ"),
                (Oack(terms(2)), "ACK 0"),
                (Oack(terms(2)), "ACK 0"),
                (Data(1, FULL), ""),
                (Oack(terms(2)), ""),
                (Data(2, FULL), "ACK 2"),
            ],
        ),
        (
            "an OACK with more than was requested (7440 3)",
            get(terms(2)),
            &[(Start, "RRQ"), (Oack(larger), "ERROR 8, aborted 8"), (Data(1, FULL), "aborted 8")],
        ),
        (
            "a first block that is not block 1",
            get(terms(2)),
            &[(Start, "RRQ"), (Data(2, FULL), "ERROR 4, aborted 4")],
        ),
        (
            "an ACK of a block that was never sent",
            get(terms(2)),
            &[(Start, "RRQ"), (Ack(0), "ERROR 4, aborted 4")],
        ),
    ]);
}

#[test]
fn a_gap_is_reported_once() {
    use On::{Data, Silence, Start};
    play_all(vec![
        (
            "until the missing block comes (7440 4)",
            serve(terms(4)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(3, FULL), "ACK 1"),
                (Data(4, FULL), ""),
                (Data(2, FULL), ""),
                (Data(4, FULL), "ACK 2"),
                (Data(3, FULL), ""),
            ],
        ),
        (
            "and again after a wait",
            serve(terms(4)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(3, FULL), "ACK 1"),
                (Silence, "ACK 1"),
                (Data(4, FULL), "ACK 1"),
                (Data(4, FULL), ""),
            ],
        ),
        (
            "a window counts from there",
            serve(terms(2)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(3, FULL), "ACK 1"),
                (Data(2, FULL), ""),
                (Data(3, FULL), "ACK 3"),
            ],
        ),
    ]);
}

#[test]
fn a_repeated_block_is_acknowledged_only_if_it_was_the_last() {
    use On::{Data, Start};
    play_all(vec![
        (
            "lock-step: the ACK was lost (1350 2)",
            serve(terms(1)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), "ACK 1"),
                (Data(1, FULL), "ACK 1"),
                (Data(2, FULL), "ACK 2"),
                (Data(1, FULL), ""),
            ],
        ),
        (
            "a repeated window causes one ACK",
            serve(terms(3)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(2, FULL), ""),
                (Data(3, FULL), "ACK 3"),
                (Data(1, FULL), ""),
                (Data(2, FULL), ""),
                (Data(3, FULL), "ACK 3"),
            ],
        ),
        (
            "inside a window it causes none",
            serve(terms(3)),
            &[
                (Start, "OACK"),
                (Data(1, FULL), ""),
                (Data(1, FULL), ""),
                (Data(2, FULL), ""),
                (Data(3, FULL), "ACK 3"),
            ],
        ),
        (
            "block 0 does not exist",
            serve(terms(1)),
            &[(Start, "OACK"), (Data(0, FULL), ""), (Data(1, FULL), "ACK 1")],
        ),
    ]);
}

#[test]
fn silence_repeats_the_last_packet_and_ends_the_transfer() {
    use On::{Data, Request, Silence, Start};
    let unanswered = [
        (Start, "OACK"),
        (Request, ""),
        (Silence, "OACK"),
        (Silence, "OACK"),
        (Silence, "OACK"),
        (Silence, "timed out"),
    ];
    play("a server's OACK: a few times", serve(terms(1)), Instant::now(), &unanswered);
    let mut script = vec![(Start, "OACK"), (Data(2, FULL), "ACK 0")];
    script.extend(std::iter::repeat_n((Silence, "ACK 0"), usize::from(REPEATS)));
    script.push((Silence, "ERROR 0, timed out"));
    play("more often for a client that has answered", serve(terms(4)), Instant::now(), &script);
    let mut script = vec![(Start, "OACK"), (Data(1, FULL), ""), (Data(2, FULL), "")];
    script.extend(std::iter::repeat_n((Silence, "ACK 2"), usize::from(REPEATS) + UNCOUNTED));
    script.push((Silence, "ERROR 0, timed out"));
    play("in the middle of a window", serve(terms(4)), Instant::now(), &script);
}

#[test]
fn faults_end_the_transfer() {
    use On::{Abort, Ack, Data, Error, Oack, Start};
    play_all(vec![
        ("an ERROR ends it silently (1350 2)", serve(terms(1)), &[(Start, "OACK"), (Error, "refused 1")]),
        ("an ERROR to a request", get(terms(1)), &[(Start, "RRQ"), (Error, "refused 1")]),
        (
            "a block longer than agreed",
            serve(terms(1)),
            &[(Start, "OACK"), (Data(1, b"012345678"), "ERROR 4, aborted 4")],
        ),
        ("an ACK for a receiver", serve(terms(1)), &[(Start, "OACK"), (Ack(1), "ERROR 4, aborted 4")]),
        ("an OACK for a server", serve(terms(1)), &[(Start, "OACK"), (Oack(terms(1)), "ERROR 4, aborted 4")]),
        (
            "the folder is full",
            serve(terms(1)),
            &[(Start, "OACK"), (Abort, "ERROR 3, aborted 3"), (Data(1, b""), "aborted 3")],
        ),
    ]);
}

/// Receives a file of 65,552 blocks from a sender that numbers them this way. `lost` lists the transmissions
/// that are lost, each by its block and the number of the transmission.
fn receive_from(numbering: Numbering, window: u16, lost: &[(u64, u32)]) {
    const BLOCKS: u64 = 65_552;
    let (mut now, mut party) = (Instant::now(), get(terms(window)));
    let content = |block: u64| if block < BLOCKS { block.to_be_bytes().to_vec() } else { Vec::new() };
    let mut sent = std::collections::HashMap::<u64, u32>::new();
    let mut acknowledged = 0;
    loop {
        let datagram = match party.next_action() {
            TestAction::Send(datagram) => datagram,
            TestAction::Wait(until) => {
                now = until.instant();
                party.late(now);
                continue;
            }
            TestAction::Commit => break,
            other => panic!("{other:?}, after block {acknowledged:?}"),
        };
        let next = match Packet::parse(&datagram).expect("a packet") {
            Packet::Read(_) => {
                party.hear(now, &Packet::OptionAck(terms(window).to_options()));
                continue;
            }
            Packet::Ack { block } if acknowledged == 0 && block == 0 => 1,
            Packet::Ack { block } => numbering.nearest(acknowledged, block).expect("a block") + 1,
            other => panic!("{other:?}"),
        };
        acknowledged = next - 1;
        for block in next..(next + u64::from(window)).min(BLOCKS + 1) {
            let transmission = sent.entry(block).or_default();
            *transmission += 1;
            if !lost.contains(&(block, *transmission)) {
                let content = content(block);
                party.hear(now, &Packet::Data { block: numbering.on_wire(block), content: &content });
            }
        }
    }
    let Party::Taking { file, .. } = party else { panic!("a receiver") };
    assert!(file == (1..BLOCKS).flat_map(content).collect::<Vec<_>>(), "{numbering:?}, window {window}");
}

#[test]
fn block_numbers_continue_with_0_or_1() {
    for window in [1, 2, 5, 16, 17] {
        for numbering in [Numbering::ToZero, Numbering::ToOne] {
            receive_from(numbering, window, &[]);
            receive_from(numbering, window, &[(65_536, 1)]);
            receive_from(
                numbering,
                window,
                &[(65_535, 1), (65_536, 1), (65_536, 2), (65_536, 3), (65_537, 1)],
            );
            receive_from(numbering, window, &[(65_536, 2), (65_551, 1), (65_552, 1)]);
        }
    }
}
