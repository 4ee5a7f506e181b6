//! The chat room at a terminal.
//!
//! `member` joins the room and sends messages. `listener` reads the room's event stream on a thread of its own and
//! reconnects after a break; `display` turns its events into lines. `shell` executes the lines that are typed.

pub mod display;
mod listener;
pub mod member;
pub mod shell;
