//! wharf: one folder, every socket.
//!
//! A ship's wharf takes cargo from whatever vessel ties up. `wharf` shares one folder with whatever client comes: a
//! browser, curl, its own client in a terminal.
//!
//! # The map of the house
//!
//! ```text
//!   main ──► cli ──┬──► server ──┬──► http      HTTP/1.1 as bytes: no sockets, no files, no clock
//!                  │             ├──► tftp      TFTP as bytes and times: no sockets, no files, no clock
//!                  │             ├──► folder    the shared folder: knows no protocol
//!                  │             ├──► archive   tar and zip as bytes: no files, no sockets, no clock
//!                  │             ├──► chat      the room: knows no sockets, no clock, no JSON
//!                  └──► client ──┼──► net       sockets that never wait: knows no protocol and no folder
//!                                └──► durable   files that outlast a power failure: knows no protocol
//!
//!   stop, printable, sink, figures, qr: below all
//! ```
//!
//! Arrows go one way, and the rooms in the last column import none of each other; a test reads every `use` and holds
//! them to it.
//!
//! - [`folder`] opens, lists and saves files, beneath one directory handle, under one policy. A file is there
//!   whole or not at all.
//! - [`http`] says where a head ends, what it asks, where its body ends, what a range selects.
//! - [`tftp`] is two machines, one that gives a file away and one that takes one in, whatever the network loses.
//! - [`archive`] writes tar and zip, from front to back.
//! - [`chat`] is the room in which people talk: who is here, what was said, who may hear it.
//! - [`net`] reads and writes without ever waiting for the other side.
//! - [`durable`] syncs many files at once, and the directories of their names.
//! - [`server`] parks connections while they wait and moves each as far as its socket allows; see its page for how.
//! - [`client`] asks: line by line at a prompt, or from a file of requests whose answers it judges.
//! - [`cli`] is the command line; [`stop`] is how everybody hears that it is time to leave; [`printable`] is the
//!   one door through which foreign text goes to a log or a terminal; [`sink`] writes logs without making a worker wait; [`figures`] writes sizes and times for people;
//!   [`qr`] draws addresses for cameras.

pub mod archive;
pub mod chat;
pub mod cli;
pub mod client;
pub mod durable;
pub mod figures;
pub mod folder;
pub mod http;
pub mod net;
pub mod printable;
pub mod qr;
pub mod server;
pub mod sink;
pub mod stop;
pub mod tftp;
