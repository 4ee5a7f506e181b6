//! The prompt of `wharf client tftp://…`.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use super::address::TftpSite;
use super::{exit, get, list, put};
use crate::client::command::split;
use crate::client::error::ClientError;
use crate::client::fetch::Downloads;
use crate::client::prompt::{self, LEAVING, LineHandler, PromptFlow};
use crate::client::upload::default_parts;
use crate::printable::Printable;

/// Printed for an unknown command.
const KNOWN: &str = "commands: get, put, list, exit, quit, help";

/// Printed for the commands of a prompt over HTTP that TFTP has no requests for.
const ONLY_HTTP: &str = "TFTP only reads, writes and lists files (wharf client http://HOST:PORT can do this)";

/// Printed for `help`.
const HELP: &str = "\
get path           download a file
put file [path]    upload a file
put file as path   the same
list [dir]         list a directory
exit               shut down the server, then quit
quit               quit (also Ctrl-D and Ctrl-C)
help, ?            print this
Quote a name that contains spaces.";

/// A prompt for a TFTP server.
pub struct TftpShell<'c> {
    site: TftpSite,
    downloads: PathBuf,
    out: &'c mut dyn Write,
    err: &'c mut dyn Write,
    all_well: bool,
}

impl<'c> TftpShell<'c> {
    /// A prompt that has not started. Downloads go below `downloads`.
    pub fn new(site: TftpSite, downloads: PathBuf, out: &'c mut dyn Write, err: &'c mut dyn Write) -> Self {
        Self { site, downloads, out, err, all_well: true }
    }

    /// Runs at a terminal until the user quits. Fails if the terminal fails.
    pub fn run_interactive(mut self) -> io::Result<()> {
        let site = self.site.clone();
        prompt::run_interactive(&mut self, &site, None::<()>)
    }

    /// Executes lines until they end; returns whether all succeeded.
    pub fn run_piped(mut self, lines: impl BufRead) -> io::Result<bool> {
        prompt::run_piped(&mut self, lines)?;
        Ok(self.all_well)
    }

    fn put(&mut self, file: &str, path: &[u8]) -> io::Result<PromptFlow> {
        let transferred = put(&self.site, Path::new(file), &self.site.name(path));
        self.tell(file, transferred, |transferred, out| writeln!(out, "{transferred}"))
    }

    fn list(&mut self, directory: &str) -> io::Result<PromptFlow> {
        let listing = list(&self.site, &self.site.name(directory.as_bytes()));
        let name = if directory.is_empty() { "/" } else { directory };
        self.tell(name, listing, |listing, out| listing.show(out))
    }

    /// Prints a result, or an error. Errors from the server are printed after the name; the others contain it.
    fn tell<T>(
        &mut self,
        name: &str,
        outcome: Result<T, ClientError>,
        show: impl FnOnce(T, &mut dyn Write) -> io::Result<()>,
    ) -> io::Result<PromptFlow> {
        match outcome {
            Ok(done) => show(done, self.out).map(|()| PromptFlow::Continue),
            Err(error @ ClientError::Transfer(_)) => {
                self.fail(format_args!("{}: {error}", Printable::text(name)))
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: impl std::fmt::Display) -> io::Result<PromptFlow> {
        self.all_well = false;
        writeln!(self.err, "{error}").map(|()| PromptFlow::Continue)
    }
}

/// The path of an upload as typed. Below a path that ends with a slash, the file keeps its name.
fn named(file: &str, path: &str) -> Vec<u8> {
    let own = default_parts(file);
    let name = own.rsplit(|byte| *byte == b'/').next().filter(|_| path.ends_with('/'));
    [path.as_bytes(), name.unwrap_or_default()].concat()
}

impl LineHandler for TftpShell<'_> {
    fn handle(&mut self, line: &str) -> io::Result<PromptFlow> {
        let words = match split(line) {
            Ok(words) => words,
            Err(error) => return self.fail(error),
        };
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let verb = words.first().map(|verb| verb.to_ascii_lowercase());
        match (verb.as_deref(), words.get(1..).unwrap_or_default()) {
            (None, _) => Ok(PromptFlow::Continue),
            (Some("get"), [path]) => {
                let downloads = Downloads::at(&self.downloads);
                let transferred = get(&self.site, &self.site.name(path.as_bytes()), &downloads, true);
                self.tell(path, transferred, |transferred, out| writeln!(out, "{transferred}"))
            }
            (Some("put"), [file]) => self.put(file, &default_parts(file)),
            (Some("put"), [file, path] | [file, "as", path]) => self.put(file, &named(file, path)),
            (Some("list"), []) => self.list(""),
            (Some("list"), [directory]) => self.list(directory),
            (Some("exit"), []) => match exit(&self.site) {
                Ok(()) => {
                    writeln!(self.out, "{LEAVING}")?;
                    Ok(PromptFlow::Stop)
                }
                Err(error) => self.fail(format_args!("exit: {error}")),
            },
            (Some("quit"), []) => Ok(PromptFlow::Stop),
            (Some("help" | "?"), []) => writeln!(self.out, "{HELP}").map(|()| PromptFlow::Continue),
            (Some("rm" | "mv" | "cp" | "mkdir" | "undo" | "trash"), _) => self.fail(ONLY_HTTP),
            _ => self.fail(KNOWN),
        }
    }

    fn out(&mut self) -> &mut dyn Write {
        self.out
    }
}
