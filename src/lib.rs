//! wharf: share one folder over HTTP, TFTP and Unix sockets.
//!
//! `wharf` serves one folder to browsers, curl, TFTP clients and its own command-line client.
//!
//! # Modules
//!
//! ```text
//!   main ──► cli ──┬──► server ──┬──► http      HTTP/1.1 as bytes: no sockets, no files, no clock
//!                  │             ├──► tftp      TFTP as bytes and times: no sockets, no files, no clock
//!                  │             ├──► net       non-blocking sockets: no protocol, no folder
//!                  │             ├──► archive   tar and zip as bytes: no files, no sockets, no clock
//!                  │             ├──► thumbnail small pictures of pictures, as bytes: no files, no clock
//!                  │             ├──► dav       WebDAV as bytes and decisions: no sockets, no files, no clock
//!                  │             ├──► chat      the chat room: no sockets, no clock, no JSON
//!                  │             ├──► durable   files that survive a power failure: no protocol
//!                  │             ├──► accounts  users, sessions, tokens, links: uses access and durable
//!                  │             └──► folder    the shared folder: no protocol; uses durable
//!                  │                    └──► access    access control by path: no protocol, no files, no clock
//!                  ├──► client ─────► http, tftp, net, durable
//!                  ├──► replay ─────► client, http
//!                  └──► accounts ───► access, durable
//!
//!   path, network, blocking, own_paths, stop, printable, folding, name_pattern, sink, format, qr: below all
//! ```
//!
//! Imports follow the arrows: a module may import only what it can reach along them. The exact list is
//! `ALLOWED` in `tests/architecture.rs`, which reads every `use`: a new import between modules needs an entry
//! there.
//!
//! - [`accounts`] has the users, their password hashes, the file that stores both, and the sessions, tokens
//!   and links that act for a user.
//! - [`access`] is access control. Its grants are the only way to name a file to the folder.
//! - [`folder`] opens, lists and saves files beneath one directory handle, under one set of rules. A file is whole or
//!   absent.
//! - [`http`] finds the end of a head and of a body, parses requests and selects ranges.
//! - [`tftp`] has two state machines, a sender and a receiver, that tolerate packet loss.
//! - [`archive`] writes tar and zip as streams.
//! - [`thumbnail`] makes small pictures of pictures.
//! - [`dav`] reads and writes the bodies of WebDAV requests, and has the table of locks.
//! - [`chat`] is the chat room: its members, its messages, and which member sees which message.
//! - [`net`] reads and writes without blocking.
//! - [`durable`] syncs many files at once, with the directories that hold their names.
//! - [`server`] parks waiting connections and advances each as far as its socket allows; its documentation
//!   explains how.
//! - [`client`] fetches and sends files, from a prompt or from a command, and joins the chat room.
//! - [`replay`] sends a file of requests by way of the client, checks each response, and reports times.
//! - [`cli`] is the command line; [`path`] is the path of a file in the folder; [`blocking`] is the proof that a thread
//!   may wait for the disk; [`own_paths`] lists the paths below `/.wharf/`; [`stop`] signals shutdown to every thread;
//!   [`network`] is a range of addresses; [`printable`] escapes untrusted text for logs and terminals;
//!   [`folding`] compares names by their looks; [`name_pattern`] is the text of a search;
//!   [`sink`] writes logs without blocking a worker;
//!   [`mod@format`] formats sizes and times; [`qr`] draws addresses as QR codes.

pub mod access;
#[cfg(feature = "accounts")]
pub mod accounts;
#[cfg(feature = "archive")]
pub mod archive;
pub mod blocking;
pub mod chat;
pub mod cli;
pub mod client;
#[cfg(feature = "dav")]
pub mod dav;
pub mod durable;
pub mod folder;
pub mod folding;
pub mod format;
pub mod http;
pub mod name_pattern;
pub mod net;
pub mod network;
pub mod own_paths;
pub mod path;
pub mod printable;
#[cfg(feature = "qr")]
pub mod qr;
pub mod replay;
pub mod server;
pub mod sink;
pub mod stop;
pub mod tftp;
#[cfg(feature = "thumbs")]
pub mod thumbnail;
