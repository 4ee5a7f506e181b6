//! The blocks in flight: sent and kept, but not yet acknowledged.
//!
//! They are kept as complete datagrams and not read again, so a source need not seek (netascii cannot), and a
//! retransmission does not read the disk. The memory is bounded by the agreed block size times the window
//! size, plus one block: the next block is read while the peer receives the last one of its window. Buffers
//! are reused, so a transfer allocates only until its window is full.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::block::{FIRST_WRAPPED, Numbering};
use super::options::Terms;
use super::packet::data_head;
use super::size::DATA_HEAD;

/// The window of a file that is sent; lock-step is a window of one block.
#[derive(Debug)]
pub(super) struct Window {
    block_size: usize,
    capacity: usize,
    /// The oldest block that is not acknowledged.
    first: u64,
    /// The blocks from `first` on, each as a whole DATA packet: all blocks in the window, and the next one.
    held: VecDeque<Vec<u8>>,
    numbering: Numbering,
    /// How many of `held` were sent since the last return to `first`.
    sent: usize,
    /// How many of `held` were ever sent.
    ever_sent: usize,
    /// Buffers of blocks that were acknowledged.
    spare: Vec<Vec<u8>>,
    /// Whether the last block, the short one, was read.
    ended: bool,
}

/// What an ACK means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// Nothing new: the ACK is a duplicate, or was overtaken.
    Nothing,
    /// Some blocks have arrived; sending continues after them.
    Some,
    /// All blocks have arrived.
    Everything,
    /// The ACK is for a block that was never sent.
    NeverSent,
}

impl Window {
    pub(super) fn new(terms: &Terms) -> Self {
        Self {
            block_size: terms.block_size().bytes(),
            capacity: terms.window_size().blocks(),
            first: 1,
            held: VecDeque::new(),
            numbering: Numbering::default(),
            sent: 0,
            ever_sent: 0,
            spare: Vec::new(),
            ended: false,
        }
    }

    /// The oldest block that is not acknowledged.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Reads the next block if no held block can be sent, there is space, and the file has more.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<()> {
        let can_send = self.sent < self.held.len().min(self.capacity);
        if self.ended || can_send || self.held.len() > self.capacity {
            return Ok(());
        }
        let full = DATA_HEAD + self.block_size;
        // A reused buffer has its full length, unless it held the last block, so it is not zeroed again.
        let mut datagram = self.spare.pop().unwrap_or_else(|| vec![0; full]);
        let (head, content) = datagram.split_at_mut(DATA_HEAD);
        head.copy_from_slice(&data_head(self.numbering.on_wire(self.first + self.held.len() as u64)));
        let read = read_full(source, content)?;
        datagram.truncate(DATA_HEAD + read);
        self.ended = read < self.block_size;
        self.held.push_back(datagram);
        Ok(())
    }

    /// The next datagram to send; `None` if the window is full, or the whole file was sent.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let datagram = self.held.get(self.sent).filter(|_| self.sent < self.capacity)?;
        self.sent += 1;
        self.ever_sent = self.ever_sent.max(self.sent);
        Some(datagram)
    }

    /// Drops the blocks that are acknowledged. Sending goes back to the block after `block` (RFC 7440 §4): if later ones were
    /// sent already, the ACK means that they were lost.
    ///
    /// An ACK before the window is a duplicate or was overtaken, and changes nothing. If duplicates caused
    /// retransmissions, they would double all traffic from then on (RFC 1123 §4.2.3.1).
    pub(super) fn acknowledge(&mut self, block: u16) -> Acknowledged {
        self.learn(block);
        let Some(block) = self.numbering.nearest(self.first - 1, block) else {
            return Acknowledged::NeverSent;
        };
        let Some(count) = (block + 1).checked_sub(self.first).filter(|count| *count > 0) else {
            return Acknowledged::Nothing;
        };
        if count > self.ever_sent as u64 {
            return Acknowledged::NeverSent;
        }
        self.ever_sent -= count as usize;
        self.spare.extend(self.held.drain(..count as usize));
        (self.first, self.sent) = (block + 1, 0);
        if self.ended && self.held.is_empty() { Acknowledged::Everything } else { Acknowledged::Some }
    }

    /// Learns how the receiver numbers blocks after 65,535, and renumbers the held blocks accordingly.
    fn learn(&mut self, block: u16) {
        if self.first > FIRST_WRAPPED {
            return;
        }
        self.numbering.learn(block, self.first - 1 + self.ever_sent as u64);
        if self.numbering == Numbering::ToOne {
            for (block, datagram) in (self.first..).zip(&mut self.held) {
                let head = data_head(self.numbering.on_wire(block));
                datagram.splice(..DATA_HEAD, head);
            }
        }
    }

    /// Sends every unacknowledged block again.
    pub(super) fn go_back(&mut self) {
        self.sent = 0;
    }
}

/// Reads until `buffer` is full or the source has ended: a short read is not the end of a file.
fn read_full(source: &mut impl Read, mut buffer: &mut [u8]) -> io::Result<usize> {
    let size = buffer.len();
    while !buffer.is_empty() {
        match source.read(buffer) {
            Ok(0) => break,
            Ok(count) => buffer = buffer.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size - buffer.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tftp::options::{BlockSize, WindowSize};

    /// Sends all blocks that may be sent; returns their numbers and lengths.
    fn send(window: &mut Window, source: &mut &[u8]) -> Vec<(u16, usize)> {
        let mut sent = Vec::new();
        loop {
            window.fill(source).unwrap();
            let Some(datagram) = window.next() else { return sent };
            sent.push((u16::from_be_bytes([datagram[2], datagram[3]]), datagram.len() - DATA_HEAD));
        }
    }

    fn window(blocks: u16) -> Window {
        Window::new(&Terms {
            blksize: Some(BlockSize::MIN),
            windowsize: WindowSize::new(blocks),
            ..Terms::default()
        })
    }

    #[test]
    fn only_an_ack_of_something_new_moves_the_window() {
        let rows = [
            ("the duplicate of the last one (1123 4.2.3.1)", 0, Acknowledged::Nothing, vec![]),
            ("the first of four: the rest was lost (7440 4)", 1, Acknowledged::Some, vec![2, 3, 4, 5]),
            ("all four", 4, Acknowledged::Some, vec![5, 6, 7, 8]),
            ("one ahead of what was sent", 5, Acknowledged::NeverSent, vec![]),
            ("far ahead", 30_000, Acknowledged::NeverSent, vec![]),
            ("before the first block", 65_535, Acknowledged::NeverSent, vec![]),
        ];
        for (name, ack, meaning, then) in rows {
            let (mut window, mut source) = (window(4), &[7; 800][..]);
            assert_eq!(send(&mut window, &mut source), [(1, 8), (2, 8), (3, 8), (4, 8)]);
            assert_eq!(window.acknowledge(ack), meaning, "{name}");
            let sent: Vec<u16> = send(&mut window, &mut source).into_iter().map(|(block, _)| block).collect();
            assert_eq!(sent, then, "{name}");
        }
    }

    #[test]
    fn the_block_after_the_window_is_read_and_not_sent() {
        let (mut window, mut source) = (window(1), &[7; 80][..]);
        assert_eq!(send(&mut window, &mut source), [(1, 8)]);
        assert_eq!(source.len(), 64, "the second has been read, the third has not");
        assert_eq!(window.acknowledge(2), Acknowledged::NeverSent);
        assert_eq!(window.acknowledge(1), Acknowledged::Some);
        assert_eq!(window.acknowledge(2), Acknowledged::NeverSent, "it may be sent now, and has not been");
        assert_eq!(send(&mut window, &mut source), [(2, 8)]);
        window.go_back();
        assert_eq!(window.acknowledge(2), Acknowledged::Some, "it had been sent");
    }

    #[test]
    fn an_overtaken_ack_is_nothing_new() {
        let (mut window, mut source) = (window(2), &[7; 800][..]);
        send(&mut window, &mut source);
        assert_eq!(window.acknowledge(2), Acknowledged::Some);
        send(&mut window, &mut source);
        assert_eq!(window.acknowledge(1), Acknowledged::Nothing);
        assert_eq!(send(&mut window, &mut source), []);
    }

    #[test]
    fn an_ack_that_comes_after_going_back_still_counts() {
        let (mut window, mut source) = (window(3), &[7; 800][..]);
        send(&mut window, &mut source);
        window.go_back();
        assert_eq!(window.acknowledge(3), Acknowledged::Some);
        assert_eq!(send(&mut window, &mut source), [(4, 8), (5, 8), (6, 8)]);
    }

    /// The receiver counts blocks itself and ignores their numbers.
    #[test]
    fn a_receiver_may_continue_with_block_1() {
        for blocks in [1, 4] {
            let (mut window, mut source) = (window(blocks), &vec![7; 8 * 65_550][..]);
            let mut last = 0;
            while last < 65_536 {
                last += send(&mut window, &mut source).len() as u64;
                assert_eq!(window.acknowledge(Numbering::ToOne.on_wire(last)), Acknowledged::Some, "{last}");
            }
            let next = Numbering::ToOne.on_wire(last + 1);
            assert_eq!(send(&mut window, &mut source).first(), Some(&(next, 8)), "window {blocks}");
        }
    }

    #[test]
    fn a_lost_block_is_numbered_as_the_receiver_numbers_it() {
        let (mut window, mut source) = (window(1), &vec![7; 8 * 65_550][..]);
        for block in 1..=65_535 {
            send(&mut window, &mut source);
            window.acknowledge(block);
        }
        assert_eq!(send(&mut window, &mut source), [(0, 8)]);
        assert_eq!(window.acknowledge(1), Acknowledged::Some);
        assert_eq!(send(&mut window, &mut source), [(2, 8)]);
        window.go_back();
        assert_eq!(send(&mut window, &mut source), [(2, 8)]);
        assert_eq!(window.acknowledge(4), Acknowledged::NeverSent);
    }

    #[test]
    fn the_last_block_is_short_or_empty() {
        let rows = [
            ("an empty file", 0, vec![(1, 0)]),
            ("less than a block", 7, vec![(1, 7)]),
            ("a block: an empty one ends it (1350 6)", 8, vec![(1, 8), (2, 0)]),
            ("a block and more", 9, vec![(1, 8), (2, 1)]),
        ];
        for (name, len, blocks) in rows {
            let (mut window, file) = (window(4), vec![7; len]);
            assert_eq!(send(&mut window, &mut &*file), blocks, "{name}");
            assert_eq!(window.acknowledge(blocks.len() as u16), Acknowledged::Everything, "{name}");
        }
    }
}
