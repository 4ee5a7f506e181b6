//! The client: sends requests over HTTP, fetches and sends files, and joins the chat room.
//!
//! - `address` parses the addresses that a person types; `command` parses a line of the prompt or of a script.
//! - A `session` holds one connection to one server and opens it again after the server has closed it. It sends a
//!   `request`, which may have `content`, and reads a `response`. `connection` does one exchange over a `stream`: a
//!   `socket`, which may lead to a `proxy`, and `tls` if the address begins with `https://`.
//! - `credentials` has the user's passwords and tokens. A session adds those for its server to each request. Without them,
//!   it adds one of the `undo_cookies`, which are kept as `state_files`.
//! - `fetch` downloads many files at once and resumes after a break, `put` uploads them the same way, and `tree` lists
//!   what a server holds. `progress` and `progress_bar` show how far they are.
//! - `change` removes, moves and copies on a server, `make_directory` makes directories there, and `trash` restores
//!   what was removed or replaced.
//! - `download`, `upload`, `listing`, `find`, `shutdown` and `error_response` each handle one kind of request or response.
//! - `prompt` reads lines from a terminal (with `line_editor`, `keyboard` and `completion`) or a pipe. `shell` is the
//!   prompt of `wharf client`; `tftp` is the client for servers that speak TFTP, and `chat` is the client for the chat
//!   room.
//!
//! The client knows nothing of the server's code, so it works with any HTTP server.

pub mod address;
pub mod change;
pub mod change_command;
pub mod change_error;
pub mod chat;
pub mod command;
#[cfg(feature = "terminal")]
mod completion;
#[cfg(not(feature = "terminal"))]
#[path = "plain/completion.rs"]
mod completion;
mod connection;
pub mod content;
pub mod credentials;
pub mod download;
pub mod error;
pub mod error_response;
pub mod fetch;
pub mod find;
#[cfg(feature = "terminal")]
mod keyboard;
#[cfg(feature = "terminal")]
pub mod line_editor;
#[cfg(not(feature = "terminal"))]
#[path = "plain/line_editor.rs"]
pub mod line_editor;
mod link_path;
mod links;
pub mod listing;
mod make_directory;
pub mod open_link;
mod own_root;
mod pace;
pub mod pattern;
#[cfg(feature = "terminal")]
pub mod progress_bar;
#[cfg(not(feature = "terminal"))]
#[path = "plain/progress_bar.rs"]
pub mod progress_bar;
pub mod prompt;
mod proxy;
pub mod proxy_error;
pub mod put;
#[cfg(feature = "accounts")]
pub mod records;
pub mod request;
pub mod response;
mod response_input;
mod selection;
pub mod session;
pub mod shell;
pub mod shown_target;
pub mod shutdown;
mod socket;
mod state_directory;
mod state_files;
mod stream;
pub mod targets;
pub mod tftp;
pub mod timeouts;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "plain/tls.rs"]
pub mod tls;
pub mod tls_error;
pub mod transfer;
pub mod trash;
pub mod tree;
pub mod typed_line;
pub mod undo_cookies;
pub mod upload;
mod visits;
pub mod walk;
pub mod words;

#[cfg(test)]
pub(crate) mod fake_peer;
