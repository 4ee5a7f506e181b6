//! `wharf find URL PATTERN`: searches below a directory of a server.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::credentials::{CredentialArgs, NamedServer, TypedAddress};
use super::link::LinkUse;
use super::remote::{self, Remote};
use super::trust::TrustArgs;
use super::{exit, link, signals};
use crate::client::address::ServerAddress;
use crate::client::find::{FindError, FoundPath, find};
use crate::client::listing::RemoteEntryKind;
use crate::client::session::Session;
use crate::client::shown_target::ShownTarget;
use crate::printable::{self, Printable};

/// The exit code if nothing was found.
const NOTHING: u8 = 1;

/// The exit code if the search failed, or is incomplete.
const FAILED: u8 = 2;

/// Search below a directory of a server
///
/// Prints one path per line, relative to the directory and the nearest first; directories end in a slash. The exit code is 0
/// if something was found, 1 if nothing was, and 2 after an error.
#[derive(Debug, Args)]
pub(super) struct FindArgs {
    /// The directory: `http://host:port/dir/`, `https://host/dir/`, `host:port` or `unix:SOCKET!/dir/`
    #[arg(value_name = "URL", value_parser = remote::parse_server)]
    address: TypedAddress<ServerAddress>,
    /// A part of the name, or a glob for the whole name: `report`, `*.jpg`, `photo-[0-9]?.*`. With a slash, it is compared with
    /// the path: `2026/**/*.pdf`
    pattern: String,
    /// Print a JSON array of objects, for programs
    #[arg(long, conflicts_with = "null")]
    json: bool,
    /// End each path with a NUL instead of a line break, and print its bytes unchanged, for `xargs -0`
    #[arg(short = '0', long = "null")]
    null: bool,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    #[command(flatten)]
    pub(super) trust: TrustArgs,
}

/// What is printed for each path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Lines,
    Null,
    Json,
}

/// An object of the JSON output.
#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    href: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<&'a str>,
}

impl FindArgs {
    /// The server.
    pub(super) fn servers(&self) -> Vec<NamedServer> {
        self.address.at_port(None).into_iter().collect()
    }

    fn output(&self) -> Output {
        match (self.json, self.null) {
            (true, _) => Output::Json,
            (false, true) => Output::Null,
            (false, false) => Output::Lines,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &FindArgs) -> ExitCode {
    if let Err(error) = signals::leave_on_interrupt("Interrupted.", || {}) {
        exit::say(&format_args!("wharf: {error}"));
        return ExitCode::from(FAILED);
    }
    let mut remote = Remote::Http(args.address.address.clone());
    if link::open(&mut remote, LinkUse::Read).is_err() {
        return ExitCode::from(FAILED);
    }
    let Remote::Http(address) = remote else { return ExitCode::from(FAILED) };
    let target = address.target("");
    let mut session = Session::new(address.server);
    match search(&mut session, &target, args) {
        Ok(code) => code,
        Err(FindError::Request(error)) => {
            exit::say_about(&ShownTarget(&target).path(), &error);
            ExitCode::from(FAILED)
        }
        Err(FindError::NoSearch) => {
            let name = ShownTarget(&target);
            exit::say(&format_args!("{name}: the server cannot search (is it wharf, and new enough?)"));
            ExitCode::from(FAILED)
        }
        // `| head` has printed what it wanted.
        Err(FindError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(FindError::Output(error)) => {
            exit::say(&format_args!("wharf: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn search(session: &mut Session, target: &str, args: &FindArgs) -> Result<ExitCode, FindError> {
    let output = args.output();
    let mut out = io::stdout().lock();
    let mut count = 0;
    let end = find(session, target, &args.pattern, &mut |found| {
        write(found, output, count, &mut out)?;
        count += 1;
        Ok(())
    })?;
    if output == Output::Json {
        let text = if count == 0 { "[]\n" } else { "\n]\n" };
        out.write_all(text.as_bytes()).map_err(FindError::Output)?;
    }
    out.flush().map_err(FindError::Output)?;
    if !end.complete {
        exit::say(&match end.cut.as_deref() {
            Some("results") => "wharf: there is more to find: use a longer pattern, or a directory below",
            Some("time") => "wharf: the search took too long and was stopped: search a directory below",
            _ => "wharf: some directories were left out: search a directory below",
        });
        return Ok(ExitCode::from(FAILED));
    }
    Ok(if count == 0 { ExitCode::from(NOTHING) } else { ExitCode::SUCCESS })
}

/// Prints a path, at once: the next one may take a while.
fn write(found: &FoundPath, output: Output, count: usize, out: &mut impl Write) -> io::Result<()> {
    match output {
        Output::Lines => writeln!(out, "{}", Printable(&found.bytes()))?,
        Output::Null => {
            out.write_all(&found.bytes())?;
            out.write_all(b"\0")?;
        }
        Output::Json => {
            let row = Row {
                path: &found.path,
                href: &found.href,
                kind: if found.kind == RemoteEntryKind::Directory { "directory" } else { "file" },
                size: found.size,
                modified: found.modified.as_deref(),
            };
            let start = if count == 0 { "[" } else { "," };
            write!(out, "{start}\n  {}", printable::json(&serde_json::to_string(&row)?))?;
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: Output) -> Vec<u8> {
        let found = |path: &str, href: &str, kind| FoundPath {
            path: path.to_owned(),
            href: href.to_owned(),
            kind,
            size: (kind == RemoteEntryKind::File).then_some(7),
            modified: None,
        };
        let mut out = Vec::new();
        let all = [
            found("a\u{1b}\u{fffd}", "./a%1B%FF", RemoteEntryKind::File),
            found("b c", "./b%20c/", RemoteEntryKind::Directory),
        ];
        for (count, found) in all.iter().enumerate() {
            write(found, output, count, &mut out).expect("writing to a vector cannot fail");
        }
        out
    }

    #[test]
    fn what_is_printed() {
        assert_eq!(printed(Output::Lines), b"a\\u{1b}\\xff\nb c/\n");
        assert_eq!(printed(Output::Null), b"a\x1b\xff\0b c/\0");
        let json = [printed(Output::Json), b"\n]\n".to_vec()].concat();
        let all: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(all[0]["size"], 7);
        assert_eq!((all[1]["path"].as_str(), all[1]["kind"].as_str()), (Some("b c"), Some("directory")));
        assert!(!json.contains(&0x1b));
    }
}
