//! The command line: one file for each command.

mod access_args;
#[cfg(feature = "accounts")]
mod accounts;
#[cfg(not(feature = "accounts"))]
#[path = "no_accounts.rs"]
mod accounts;
mod allow;
mod banner;
mod change_args;
mod chat;
mod client;
mod containment;
mod credentials;
#[cfg(any(feature = "accounts", feature = "shared"))]
mod environment;
mod exit;
mod find;
mod foreign_flags;
mod get;
mod link;
mod list;
mod log_line;
mod logging;
mod mkdir;
mod outputs;
mod passwords;
mod private;
mod put;
#[cfg(feature = "qr")]
mod qr_code;
#[cfg(not(feature = "qr"))]
#[path = "no_qr_code.rs"]
mod qr_code;
mod question;
#[cfg(feature = "accounts")]
mod record_values;
mod relocate;
mod remote;
mod replay;
mod rights;
mod rights_line;
mod rm;
mod serve;
mod serve_args;
mod serve_check;
mod serve_config;
#[cfg(feature = "accounts")]
mod share;
#[cfg(feature = "shared")]
mod shared_room;
#[cfg(not(feature = "shared"))]
#[path = "no_shared_room.rs"]
mod shared_room;
mod signals;
mod size;
#[cfg(any(feature = "accounts", feature = "tls"))]
mod state;
#[cfg(not(any(feature = "accounts", feature = "tls")))]
#[path = "no_state.rs"]
mod state;
#[cfg(feature = "thumbs")]
mod thumbs;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "accounts")]
mod token;
mod trash;
#[cfg(feature = "tls")]
mod trust;
#[cfg(not(feature = "tls"))]
#[path = "no_trust.rs"]
mod trust;
#[cfg(feature = "accounts")]
mod user;
mod values;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};

use self::chat::ChatArgs;
use self::client::ClientArgs;
use self::credentials::{CredentialArgs, NamedServer};
use self::find::FindArgs;
use self::get::GetArgs;
use self::list::ListArgs;
use self::mkdir::MkdirArgs;
use self::put::PutArgs;
use self::relocate::{CpArgs, MvArgs};
use self::replay::ReplayArgs;
use self::rights::RightsArgs;
use self::rm::RmArgs;
use self::serve_args::ServeArgs;
#[cfg(feature = "accounts")]
use self::share::ShareArgs;
#[cfg(feature = "accounts")]
use self::token::TokenArgs;
use self::trash::{TrashArgs, UndoArgs};
use self::trust::TrustArgs;
#[cfg(feature = "accounts")]
use self::user::UserArgs;
use crate::client::credentials::without_login;

/// The command line of wharf; its description is that of the package.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<ServeArgs>),
    Client(ClientArgs),
    Chat(ChatArgs),
    Get(GetArgs),
    Put(PutArgs),
    List(ListArgs),
    Find(FindArgs),
    Rm(RmArgs),
    Mv(MvArgs),
    Cp(CpArgs),
    Mkdir(MkdirArgs),
    Undo(UndoArgs),
    Trash(TrashArgs),
    Replay(ReplayArgs),
    Rights(Box<RightsArgs>),
    #[cfg(feature = "accounts")]
    User(UserArgs),
    #[cfg(feature = "accounts")]
    Token(TokenArgs),
    #[cfg(feature = "accounts")]
    Share(ShareArgs),
}

impl Command {
    /// Which certificates a client trusts.
    fn trust(&self) -> Option<&TrustArgs> {
        match self {
            Self::Serve(_) | Self::Rights(_) => None,
            #[cfg(feature = "accounts")]
            Self::User(_) => None,
            #[cfg(feature = "accounts")]
            Self::Token(args) => Some(args.trust()),
            #[cfg(feature = "accounts")]
            Self::Share(args) => Some(&args.trust),
            Self::Client(args) => Some(&args.trust),
            Self::Chat(args) => Some(&args.trust),
            Self::Get(args) => Some(&args.trust),
            Self::Put(args) => Some(&args.trust),
            Self::List(args) => Some(&args.trust),
            Self::Find(args) => Some(&args.trust),
            Self::Rm(args) => Some(&args.reach.trust),
            Self::Mv(args) => Some(&args.paths.reach.trust),
            Self::Cp(args) => Some(&args.paths.reach.trust),
            Self::Mkdir(args) => Some(&args.reach.trust),
            Self::Undo(args) => Some(args.trust()),
            Self::Trash(args) => Some(args.trust()),
            Self::Replay(args) => Some(&args.trust),
        }
    }

    /// Who the user of a client is, and the servers that it names.
    fn login(&self) -> Option<(&CredentialArgs, Vec<NamedServer>)> {
        match self {
            Self::Serve(_) | Self::Rights(_) => None,
            #[cfg(feature = "accounts")]
            Self::User(_) => None,
            #[cfg(feature = "accounts")]
            Self::Token(args) => Some(args.login()),
            #[cfg(feature = "accounts")]
            Self::Share(args) => Some((&args.credentials, args.servers())),
            Self::Client(args) => Some((&args.credentials, args.servers()?)),
            Self::Chat(args) => Some((&args.credentials, args.servers()?)),
            Self::Get(args) => Some((&args.credentials, args.servers())),
            Self::Put(args) => Some((&args.credentials, args.servers())),
            Self::List(args) => Some((&args.credentials, args.servers())),
            Self::Find(args) => Some((&args.credentials, args.servers())),
            Self::Rm(args) => Some((&args.reach.credentials, args.servers())),
            Self::Mv(args) => Some((&args.paths.reach.credentials, args.paths.servers())),
            Self::Cp(args) => Some((&args.paths.reach.credentials, args.paths.servers())),
            Self::Mkdir(args) => Some((&args.reach.credentials, args.servers())),
            Self::Undo(args) => Some(args.login()),
            Self::Trash(args) => Some(args.login()),
            Self::Replay(args) => Some((&args.credentials, args.servers()?)),
        }
    }
}

/// Printed at the end of the help.
const AFTER_HELP: &str = "\
wharf FOLDER and wharf --port 9000 mean wharf serve. wharf alone serves the folder www.";

/// Parses the command line and runs its command. Without a command, wharf serves.
pub fn run() -> ExitCode {
    let arguments = with_command(std::env::args_os().collect());
    let command = match Args::try_parse_from(&arguments) {
        Ok(args) => args.command.unwrap_or_else(|| Command::Serve(Box::default())),
        Err(error) => return refuse(error, &arguments),
    };
    if let Some(Err(code)) = command.trust().map(TrustArgs::apply) {
        return code;
    }
    if let Some(Err(code)) = command.login().map(|(args, servers)| args.apply(servers)) {
        return code;
    }
    let done = match command {
        Command::Serve(args) => serve::run(*args).map(|()| ExitCode::SUCCESS),
        Command::Client(args) => Ok(client::run(args)),
        Command::Chat(args) => Ok(chat::run(args)),
        Command::Get(args) => Ok(get::run(args)),
        Command::Put(args) => Ok(put::run(args)),
        Command::List(args) => Ok(list::run(&args)),
        Command::Find(args) => Ok(find::run(&args)),
        Command::Rm(args) => Ok(rm::run(&args)),
        Command::Mv(args) => Ok(relocate::mv(&args)),
        Command::Cp(args) => Ok(relocate::cp(&args)),
        Command::Mkdir(args) => Ok(mkdir::run(&args)),
        Command::Undo(args) => Ok(trash::undo(&args)),
        Command::Trash(args) => Ok(trash::run(&args)),
        Command::Replay(args) => Ok(replay::run(&args)),
        Command::Rights(args) => rights::run(*args),
        #[cfg(feature = "accounts")]
        Command::User(args) => user::run(args),
        #[cfg(feature = "accounts")]
        Command::Token(args) => token::run(&args),
        #[cfg(feature = "accounts")]
        Command::Share(args) => share::run(&args),
    };
    done.unwrap_or_else(|error| exit::end(&error))
}

/// Adds `serve` to a command line that begins with a flag, a folder or a port.
fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_command = |name: &str| Args::command().find_subcommand(name).is_some();
    let is_serve = arguments.get(1).is_some_and(|first| match first.to_str() {
        Some("-h" | "--help" | "-V" | "--version" | "help") => false,
        Some(text) if text.starts_with('-') => true,
        Some(text) if is_command(text) => false,
        Some(text) if text.contains('/') || text.parse::<u16>().is_ok() => true,
        _ => Path::new(first).exists(),
    });
    if is_serve {
        arguments.insert(1, "serve".into());
    }
    arguments
}

/// Removes a password that may have been typed in an address.
fn hide_password(error: &mut clap::Error) {
    // A rule has an `@` too, and no password.
    if matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(arg)) if arg.starts_with("--allow "))
    {
        return;
    }
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        let bare = without_login(text).into_owned();
        error.insert(kind, ContextValue::String(bare));
    }
}

/// Prints the help that was asked for, or why the command line is wrong.
fn refuse(mut error: clap::Error, arguments: &[OsString]) -> ExitCode {
    hide_password(&mut error);
    let is_serve = arguments.get(1).is_some_and(|first| first == "serve");
    if let Some(explained) = foreign_flags::explain(&error).filter(|_| is_serve) {
        return exit::wrong_usage(&format_args!("error: {explained}"));
    }
    // If the output is closed, nothing more can be done.
    let _ = error.print();
    if error.kind() == ErrorKind::InvalidSubcommand {
        exit::say(&"there is no command and no folder of that name (wharf FOLDER shares a folder)");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}
