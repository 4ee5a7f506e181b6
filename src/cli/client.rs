//! `wharf client [ADDRESS]`: a prompt for a server.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::remote::{self, Remote};
use super::{chat, exit};
use crate::client::address::{DEFAULT_HOST, DEFAULT_PORT, ServerAddress};
use crate::client::prompt::FAREWELL;
use crate::client::shell::Shell;
use crate::client::tftp::{self, address::TftpSite};

/// The exit code of a program that Ctrl-C ended, by the shells' convention: 128 and the signal's number.
pub(super) const INTERRUPTED: i32 = 128 + SIGINT;

/// Talk to a server, line by line: GET, POST, LIST, exit, quit, help
#[derive(Debug, Args)]
pub struct ClientArgs {
    /// Where the server is: `http://host:port/path`, `host:port`, `unix:PATH` or `tftp://host:port`
    /// [default: 127.0.0.1:8080]
    #[arg(value_parser = remote::parse_directory, conflicts_with_all = ["ip", "port"])]
    address: Option<Remote<ServerAddress>>,
    /// The server's address or name
    #[arg(short, long, value_name = "ADDR", default_value = DEFAULT_HOST, value_parser = ServerAddress::parse)]
    ip: ServerAddress,
    /// The server's port
    #[arg(short, long, default_value_t = DEFAULT_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Where downloads go; made when missing
    #[arg(long, default_value = "downloads")]
    dir: PathBuf,
    /// Join the room under this name, and talk
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// Runs the command.
pub fn run(args: ClientArgs) -> ExitCode {
    let address = match args.address {
        Some(Remote::Http(address)) => Ok(address),
        Some(Remote::Tftp(_)) if args.user.is_some() => {
            return exit::wrong_usage(&"wharf: there is no room to talk in over TFTP (use http://host:port)");
        }
        Some(Remote::Tftp(site)) => return exit::code(talk_tftp(site, args.dir)),
        None => args.ip.at_port(args.port),
    };
    match address {
        Ok(address) => match args.user {
            Some(user) => chat::talk(&user, &address, Some(args.dir)),
            None => exit::code(talk(address, args.dir)),
        },
        Err(error) => exit::wrong_usage(&format_args!("wharf: {error}")),
    }
}

/// Talks until the lines end; whether all went well.
fn talk(address: ServerAddress, downloads: PathBuf) -> io::Result<bool> {
    say_farewell_on_interrupt(|| None)?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let shell = Shell::new(address, downloads, &mut out, &mut err);
    if io::stdin().is_terminal() {
        shell.run_interactive().map(|()| true)
    } else {
        shell.run_piped(io::stdin().lock())
    }
}

/// As [`talk`], over TFTP.
fn talk_tftp(site: TftpSite, downloads: PathBuf) -> io::Result<bool> {
    say_farewell_on_interrupt(|| None)?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let shell = tftp::shell::TftpShell::new(site, downloads, &mut out, &mut err);
    if io::stdin().is_terminal() {
        shell.run_interactive().map(|()| true)
    } else {
        shell.run_piped(io::stdin().lock())
    }
}

/// Leaves with the farewell when Ctrl-C comes while the prompt does not take it: in a transfer, or with a
/// pipe as input. `hint` may have something to say about how to go on.
pub(super) fn say_farewell_on_interrupt(
    hint: impl Fn() -> Option<&'static str> + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            // Whether anybody still reads it makes no difference now.
            let _ = writeln!(io::stdout(), "\n{FAREWELL}");
            let _ = hint().map(|hint| writeln!(io::stderr(), "{hint}"));
            tftp::line::end_all();
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}
