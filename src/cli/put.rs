//! `wharf put FILE…`: uploads files.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::exit;
use crate::client::address::Address;
use crate::client::error::Error;
use crate::client::script::upload_target;
use crate::client::session::{Method, Session};
use crate::client::upload::{self, Sent};

/// What is asked when no file is named.
const QUESTION: &str = "Files to send: ";

/// Upload files
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The files; asked for once when none is named
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// The server and the directory there: `http://host:port/dir/`, `host:port` or `unix:SOCKET!/dir/`
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_parser = Address::parse)]
    to: Option<Address>,
}

/// Runs the command.
pub fn run(args: PutArgs) -> ExitCode {
    let address = args.to.unwrap_or_default();
    let files = if args.files.is_empty() { ask() } else { Ok(args.files) };
    exit::code(files.and_then(|files| put_all(&address, &files)))
}

/// Asks for names, once; they are split as a shell splits them.
fn ask() -> io::Result<Vec<String>> {
    let mut out = io::stdout();
    write!(out, "{QUESTION}")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    shell_words::split(&line).map_err(|_| io::Error::other("a quote has no end"))
}

/// Sends one file after the other over one connection; whether all were taken.
fn put_all(address: &Address, files: &[String]) -> io::Result<bool> {
    let mut session = Session::new(address.server.clone());
    let mut all_well = true;
    for file in files {
        match send(&mut session, address, file) {
            Ok(sent) => writeln!(io::stdout(), "{sent}")?,
            Err(error) => {
                all_well = false;
                exit::say_about(file, &error);
                if matches!(error, Error::NotRunning(_)) {
                    break;
                }
            }
        }
    }
    Ok(all_well)
}

/// Sends a file to whichever kind of server it is: another kind of address is another arm here.
fn send(session: &mut Session, address: &Address, file: &str) -> Result<Sent, Error> {
    upload::send(session, Method::Put, Path::new(file), upload_target(address, file, None))
}
