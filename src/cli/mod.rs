//! The command line: one file for each command.

mod chat;
mod client;
mod containment;
mod exit;
mod get;
mod list;
mod log_line;
mod logging;
mod outputs;
mod private;
mod put;
#[cfg(feature = "qr")]
mod qr_code;
#[cfg(not(feature = "qr"))]
#[path = "no_qr_code.rs"]
mod qr_code;
mod remote;
mod replay;
mod serve;
mod signals;
mod size;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::chat::ChatArgs;
use self::client::ClientArgs;
use self::get::GetArgs;
use self::list::ListArgs;
use self::put::PutArgs;
use self::replay::ReplayArgs;
use self::serve::ServeArgs;

/// One folder, every socket: share a folder with browsers, curl and the terminal.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, about, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
    Client(ClientArgs),
    Chat(ChatArgs),
    Get(GetArgs),
    Put(PutArgs),
    List(ListArgs),
    Replay(ReplayArgs),
}

/// Parses the command line and runs its command. Without a command, wharf serves `www`.
pub fn run() -> ExitCode {
    let command = Args::parse().command.unwrap_or_else(|| Command::Serve(ServeArgs::default()));
    let done = match command {
        Command::Serve(args) => serve::run(args).map(|()| ExitCode::SUCCESS),
        Command::Client(args) => Ok(client::run(args)),
        Command::Chat(args) => Ok(chat::run(args)),
        Command::Get(args) => Ok(get::run(&args)),
        Command::Put(args) => Ok(put::run(args)),
        Command::List(args) => Ok(list::run(&args)),
        Command::Replay(args) => Ok(replay::run(&args)),
    };
    done.unwrap_or_else(|error| {
        exit::last_words(format!("wharf: {error}\n"));
        ExitCode::FAILURE
    })
}
