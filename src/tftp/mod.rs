//! TFTP as bytes and times: RFC 1350, with RFC 1123 §4.2 and the options of RFC 2347, 2348, 2349 and 7440.
//!
//! This module knows nothing of sockets, files, folders, threads or clocks. Its input is datagrams, the time and the
//! bytes of a file; its output is datagrams, the bytes of a file and a deadline. So a test can simulate every loss,
//! duplicate and reordering without waiting (`exchange.rs`), and the server and the client use the same two state
//! machines.
//!
//! - [`packet`] turns a datagram into a [`packet::Packet`] and back; [`fields`] has the fields of packets.
//! - [`options`] negotiates options: the server's answer to a request, and the client's check of that answer.
//! - [`netascii`] translates text as a byte stream.
//! - [`send::Sender`] sends a file: a server's read request, a client's write request.
//! - [`receive::Receiver`] receives a file: a server's write request, a client's read request.
//! - [`timing`] decides when to retransmit and when to give up; [`error`] describes how a transfer ends.
//!
//! # Driving a state machine
//!
//! Both machines have the same interface. Call `next_action` until it returns `Wait`; report an arrived packet or a
//! passed deadline with `on_packet` or `on_timeout`; then call `next_action` again.
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
//! # What the driver must do
//!
//! A packet that does not come from the peer's address must not reach the machine; the driver answers it with
//! [`error::ErrorCode::UnknownTransferId`] (RFC 1350 §4). A repeated request from the same address belongs to
//! the transfer that it started: pass it to the machine, which ignores it. The client's peer is the first
//! address that answers its request.

mod block;
pub mod error;
#[cfg(test)]
mod exchange;
pub mod fields;
pub mod netascii;
pub mod options;
pub mod packet;
mod packet_error;
pub mod receive;
#[cfg(test)]
mod script;
pub mod send;
mod size;
pub mod timing;
mod window;
mod word;
