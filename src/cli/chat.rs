//! `wharf chat USER [HOST [PORT]]`: joins the room.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use clap::Args;
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};

use super::exit;
use crate::client::address::{AddressError, DEFAULT_HOST, ServerAddress, parse_port};
use crate::client::chat::hearing::{self, Present};
use crate::client::chat::member::ChatMember;
use crate::client::chat::showing::{Style, lines};
use crate::client::chat::speaking::{ChatFlow, Speaker};
use crate::client::error::ClientError;
use crate::client::prompt::FAREWELL;

const USAGE: &str = "usage: wharf chat USER [HOST [PORT]]";

/// Talk with the others in the folder
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// The name to have in the room
    user: Option<String>,
    /// The server's address or name [default: 127.0.0.1]
    host: Option<String>,
    /// The server's port [default: 8080]
    port: Option<String>,
    /// Where downloads go [default: a folder named after the user]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: ChatArgs) -> ExitCode {
    let Some(user) = args.user else { return exit::wrong_usage(&USAGE) };
    match address(args.host.as_deref(), args.port.as_deref()) {
        Ok(address) => talk(&user, &address, args.dir),
        Err(error) => exit::wrong_usage(&format_args!("wharf: {error}\n{USAGE}")),
    }
}

fn address(host: Option<&str>, port: Option<&str>) -> Result<ServerAddress, AddressError> {
    let address = ServerAddress::parse(host.unwrap_or(DEFAULT_HOST))?;
    match port {
        Some(port) => address.at_port(parse_port(port)?),
        None => Ok(address),
    }
}

/// Joins, and talks until one leaves or the server is gone for good.
pub fn talk(user: &str, address: &ServerAddress, downloads: Option<PathBuf>) -> ExitCode {
    let member = match ChatMember::join(&address.server, user) {
        Ok(member) => member,
        Err(ClientError::Refused(_, Some(said))) => return exit::failed(&said),
        Err(error) => return exit::failed(&error),
    };
    let present = Present::default();
    let downloads = downloads.unwrap_or_else(|| PathBuf::from(&member.name));
    let speaker = Speaker::new(member.clone(), Present::clone(&present), downloads);
    let outcome = if io::stdin().is_terminal() {
        run_interactive(member, present, speaker)
    } else {
        run_piped(member, present, speaker)
    };
    exit::code(outcome)
}

/// With a person: what is heard stands above the line being typed.
fn run_interactive(member: ChatMember, present: Present, mut speaker: Speaker) -> io::Result<bool> {
    let mut editor = DefaultEditor::new().map_err(io::Error::other)?;
    let mut printer = editor.create_external_printer().map_err(io::Error::other)?;
    let style = if std::env::var_os("NO_COLOR").is_none() { Style::Coloured } else { Style::Plain };
    let prompt = format!("{}> ", member.name);
    let (leaving, left) = channel();
    listen_aside(member, present, left, style, move |line| {
        // A terminal that is gone ends the lines too.
        let _ = printer.print(line);
    })?;
    loop {
        match editor.readline(&prompt) {
            Ok(line) => {
                // The history is a comfort; the line is what counts.
                let _ = editor.add_history_entry(&line);
                if speaker.handle(&line, &mut io::stdout(), &mut io::stderr())? == ChatFlow::Stop {
                    break;
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    drop(leaving);
    speaker.leave();
    writeln!(io::stdout(), "{FAREWELL}")?;
    Ok(true)
}

/// With a pipe: line after line; then it leaves.
fn run_piped(member: ChatMember, present: Present, mut speaker: Speaker) -> io::Result<bool> {
    let (leaving, left) = channel();
    listen_aside(member, present, left, Style::Plain, |line| {
        let _ = io::stdout().lock().write_all(line.as_bytes());
    })?;
    for line in io::stdin().lock().lines() {
        if speaker.handle(&line?, &mut io::stdout(), &mut io::stderr())? == ChatFlow::Stop {
            break;
        }
    }
    drop(leaving);
    speaker.leave();
    writeln!(io::stdout(), "{FAREWELL}")?;
    Ok(speaker.all_well)
}

/// Listens on a thread of its own, and shows what comes. When the server cannot be found any more, the program ends.
fn listen_aside(
    member: ChatMember,
    present: Present,
    left: Receiver<()>,
    style: Style,
    show: impl FnMut(String) + Send + 'static,
) -> io::Result<()> {
    let show = std::cell::RefCell::new(show);
    thread::Builder::new().name("listener".into()).spawn(move || {
        let heard = hearing::listen(
            &member,
            &present,
            &left,
            |event| {
                let shown = lines(event, &member.name, style);
                for line in shown {
                    (show.borrow_mut())(line + "\n");
                }
            },
            |line| (show.borrow_mut())(format!("{line}\n")),
        );
        if let Err(error) = heard {
            exit::leave(&error);
        }
    })?;
    Ok(())
}
