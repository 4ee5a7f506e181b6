//! TFTP as bytes and times: RFC 1350, with RFC 1123 §4.2 and the options of RFC 2347, 2348, 2349 and 7440.
//!
//! This room knows nothing of sockets, files, folders, threads or clocks. Datagrams, the time and the bytes
//! of a file go in; datagrams, the bytes of a file and a deadline come out. So every loss, duplicate and
//! reordering can be played to it without waiting for any (`exchange.rs`), and the server and the client use
//! the same two machines.
//!
//! - [`packet`] turns a datagram into a [`packet::Packet`] and back; [`fields`] holds what packets are made
//!   of.
//! - [`options`] decides what is agreed: the server's answer to what was asked, the client's verdict on that
//!   answer.
//! - [`netascii`] translates text, a byte stream at a time.
//! - [`send::Sender`] gives a file away: a server's read request, a client's write request.
//! - [`receive::Receiver`] takes one in: a server's write request, a client's read request.
//! - [`timing`] says when to repeat and when to give up; [`error`] how a transfer ends.
//!
//! # How a machine is driven
//!
//! Both machines have the same shape. Their `step` is asked until it says to wait; what arrives, or the
//! passing of the deadline, is told by `on_packet` or `on_timeout`; then `step` is asked again.
//!
//! ```
//! # use std::time::Instant;
//! # use wharf::tftp::{fields::Mode, options::Terms, packet::Packet, send::{Sender, SendAction}};
//! let mut sender = Sender::serve(Instant::now(), Terms::default(), Mode::Octet, &b"hello"[..]);
//! loop {
//!     match sender.next_action() {
//!         SendAction::Send(datagram) => assert_eq!(datagram, b"\0\x03\0\x01hello"),
//!         SendAction::Wait(_until) => sender.on_packet(Instant::now(), &Packet::Ack { block: 1 }),
//!         SendAction::Over(ending) => break assert!(ending.is_complete()),
//!     }
//! }
//! ```
//!
//! # What the driver minds
//!
//! A packet from another address than the peer's never reaches a machine; its sender is told
//! [`error::ErrorCode::UnknownTransferId`] (RFC 1350 §4). A repeated request from the same address belongs to
//! the transfer that it began: handing it to the machine, which ignores it, is right. The client's peer is
//! whoever answers its request first.

mod block;
pub mod error;
#[cfg(test)]
mod exchange;
pub mod fields;
pub mod netascii;
pub mod options;
pub mod packet;
pub mod receive;
#[cfg(test)]
mod script;
pub mod send;
pub mod timing;
mod window;
mod word;
