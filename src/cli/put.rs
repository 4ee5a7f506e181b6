//! `wharf put FILE…`: uploads files.

use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::place::{self, Place};
use super::{client, exit};
use crate::client::address::Address;
use crate::client::error::Error;
use crate::client::script::upload_target;
use crate::client::session::{Method, Session};
use crate::client::{tftp, upload};

/// What is asked when no file is named.
const QUESTION: &str = "Files to send: ";

/// Upload files
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The files; asked for once when none is named
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// The server and the directory there: `http://host:port/dir/`, `host:port`, `unix:SOCKET!/dir/` or
    /// `tftp://host:port/dir/` [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", value_parser = place::of_directory)]
    to: Option<Place<Address>>,
}

/// Runs the command.
pub fn run(args: PutArgs) -> ExitCode {
    if let Err(error) = client::say_farewell_on_interrupt() {
        return exit::code(Err(error));
    }
    let place = args.to.unwrap_or_else(|| Place::Http(Address::default()));
    let files = if args.files.is_empty() { ask() } else { Ok(args.files) };
    exit::code(files.and_then(|files| put_all(&place, &files)))
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
fn put_all(place: &Place<Address>, files: &[String]) -> io::Result<bool> {
    let mut give = sender(place);
    let mut all_well = true;
    for file in files {
        match give(file) {
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

/// What sends a file to this kind of server, and says what became of it.
fn sender(place: &Place<Address>) -> Box<dyn FnMut(&str) -> Result<String, Error> + '_> {
    match place {
        Place::Http(address) => {
            let mut session = Session::new(address.server.clone());
            Box::new(move |file| {
                let target = upload_target(address, file, None);
                Ok(upload::send(&mut session, Method::Put, Path::new(file), target)?.to_string())
            })
        }
        Place::Tftp(site) => Box::new(move |file| {
            let name = site.name(&upload::default_name(file));
            Ok(tftp::put(site, Path::new(file), &name)?.to_string())
        }),
    }
}
