//! The prompt of `wharf client`: executes commands.
//!
//! Results are printed on stdout and errors on stderr, one line each. After an error the prompt continues. `prompt` reads
//! the lines, and `command` parses them.

mod changes;

use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::address::{Endpoint, ServerAddress};
use super::change_command::AskedChange;
use super::command::{self, Command, HELP, KNOWN, SelectCommand, UploadCommand};
use super::completion::Completion;
use super::download;
use super::error::ClientError;
use super::fetch::{self, Downloads, FetchOptions, FetchOrder, FetchResult, Fetched};
use super::listing::{self, RemoteEntry, RemoteListing};
use super::prompt::{self, LEAVING, LineHandler, PromptFlow};
use super::selection::{self, Shown};
use super::session::Session;
use super::shown_target::ShownTarget;
use super::shutdown;
use super::targets::{self, Targets, target_of};
use super::transfer::{TransferObserver, TransferProgress};
use super::undo_cookies::UndoCookies;
use super::upload;
use crate::http::status::Status;
use crate::printable::Printable;

/// A prompt for a server.
pub struct Shell<'c> {
    /// The server, and the directory on it; completion follows `cd`.
    address: Rc<RefCell<ServerAddress>>,
    /// The address at the start.
    home: ServerAddress,
    /// Shared with completion, which lists names over the same connection.
    session: Rc<RefCell<Session>>,
    downloads: PathBuf,
    /// The last list, whose numbers can be used.
    shown: Option<Shown>,
    /// The cookies with which the user can undo changes.
    undo: Arc<UndoCookies>,
    /// Whether the user is asked before directories are removed.
    asks: bool,
    /// What the user was asked about.
    asked: Option<AskedChange>,
    out: &'c mut dyn Write,
    err: &'c mut dyn Write,
    all_well: bool,
}

impl<'c> Shell<'c> {
    /// A prompt that has not started. Downloads go below `downloads`.
    pub fn new(
        address: ServerAddress,
        downloads: PathBuf,
        undo: UndoCookies,
        out: &'c mut dyn Write,
        err: &'c mut dyn Write,
    ) -> Self {
        let undo = Arc::new(undo);
        let session = Rc::new(RefCell::new(Session::new(address.server.clone()).undoable(&undo)));
        let home = address.clone();
        let address = Rc::new(RefCell::new(address));
        let (shown, asked) = (None, None);
        Self { address, home, session, downloads, shown, undo, asks: false, asked, out, err, all_well: true }
    }

    /// Connects to the server; returns whether that succeeded. An error is printed.
    pub fn connect(&mut self) -> io::Result<bool> {
        let connected = self.session.borrow_mut().connect();
        match connected {
            Ok(()) => Ok(true),
            Err(error) => self.fail(error).map(|()| false),
        }
    }

    /// Runs at a terminal until the user quits. Fails if the terminal fails.
    pub fn run_interactive(mut self) -> io::Result<()> {
        let completion = Completion::new(Rc::clone(&self.address), Rc::clone(&self.session));
        let server = self.home.server.clone();
        self.asks = true;
        prompt::run_interactive(&mut self, &server, Some(completion))
    }

    /// Executes lines until they end; returns whether all succeeded.
    pub fn run_piped(mut self, lines: impl BufRead) -> io::Result<bool> {
        prompt::run_piped(&mut self, lines)?;
        Ok(self.all_well)
    }

    /// Downloads one path over the open connection, even if it has been downloaded before.
    fn get(&mut self, path: &str, server: Option<Endpoint>) -> io::Result<()> {
        let is_several = path.ends_with('/') || selection::selects(path, self.shown.as_ref());
        if server.is_none() && is_several {
            return self.get_selected(&SelectCommand {
                words: vec![path.to_owned()],
                serial: false,
                hidden: false,
            });
        }
        let downloads = self.downloads.clone();
        let result =
            self.with(server, |session, address| download::fetch(session, &address.target(path), &downloads));
        match result {
            Ok(saved) => {
                if let Some(warning) = saved.warning() {
                    writeln!(self.err, "{}: {warning}", Printable::text(path))?;
                }
                writeln!(self.out, "{saved}")
            }
            Err(error) => self.fail_at(path, &error),
        }
    }

    /// Downloads one path, or one entry of the last list, under another name.
    fn get_as(&mut self, path: &str, name: &str) -> io::Result<()> {
        let (options, mut targets) = (FetchOptions::default(), Targets::new(true));
        selection::add(path, self.shown.as_ref(), &self.address.borrow(), &options, &mut targets);
        let Targets { mut orders, failures, directories, .. } = targets;
        match orders.pop() {
            Some(order) if orders.is_empty() && failures.is_empty() => {
                orders.push(FetchOrder::under(order.resource, PathBuf::from(name)));
            }
            None if directories.is_empty() => {}
            _ => return self.fail("`as` is for one file"),
        }
        let downloads = Downloads::at(&self.downloads);
        let mut told = Told { out: self.out, err: self.err, failures, said: Ok(()) };
        fetch::run_over(&mut self.session.borrow_mut(), &orders, &downloads, &options, &mut told)?;
        let Told { failures, said, .. } = told;
        said?;
        failures.iter().try_for_each(|(name, error)| self.fail_at(name, error))
    }

    /// Downloads several files at once, over separate connections, except unchanged files.
    fn get_selected(&mut self, selection: &SelectCommand) -> io::Result<()> {
        let mut targets = Targets::new(selection.hidden);
        let (options, downloads) = (FetchOptions::default(), Downloads::at(&self.downloads));
        for word in &selection.words {
            selection::add(
                &self.without_dots(word),
                self.shown.as_ref(),
                &self.address.borrow(),
                &options,
                &mut targets,
            );
        }
        let mut told = Told { out: self.out, err: self.err, failures: targets.failures, said: Ok(()) };
        if selection.serial {
            let mut session = self.session.borrow_mut();
            fetch::run_over(&mut session, &targets.orders, &downloads, &options, &mut told)?;
        } else {
            let progress = TransferProgress::new(fetch::WORKERS);
            fetch::run(&targets.orders, &downloads, &options, &progress, &mut told)?;
        }
        let Told { mut failures, said, .. } = told;
        said?;
        for (target, made) in fetch::make_directories(targets.directories, &downloads, options.sync) {
            match made {
                Ok(made) => writeln!(self.out, "{made}")?,
                Err(error) => failures.push((ShownTarget(&target).path(), error)),
            }
        }
        write!(self.err, "{}", targets.skipped)?;
        failures.iter().try_for_each(|(name, error)| self.fail_at(name, error))
    }

    fn send(&mut self, upload: &UploadCommand) -> io::Result<()> {
        let UploadCommand { method, file, path, server } = upload;
        let result = self.with(server.clone(), |session, address| {
            let target = upload::target(address, file, path.as_deref());
            upload::send(session, *method, Path::new(file), target)
        });
        match result {
            Ok(sent) => writeln!(self.out, "{sent}"),
            Err(error) => self.fail_at(file, &error),
        }
    }

    fn list(&mut self, path: &str) -> io::Result<()> {
        let target = self.address.borrow().target(&self.without_dots(path));
        match self.with(None, |session, _| targets::list(session, &target)) {
            Ok(listing) => {
                self.shown = Some(Shown::show(listed_directory(&target, &listing), listing, self.out)?);
                Ok(())
            }
            Err(error) => self.fail_at(if path.is_empty() { "/" } else { path }, &error),
        }
    }

    /// Changes the directory that paths are relative to, if the new one exists.
    fn change_directory(&mut self, path: &str) -> io::Result<()> {
        let address = if path.is_empty() {
            self.home.clone()
        } else {
            let address = self.address.borrow();
            // As in a shell, the directory above the root is the root.
            address.in_directory(&without_dots(&address.target(path)).unwrap_or_else(|| "/".to_owned()))
        };
        match self.with(None, |session, _| listing::fetch(session, &address.target(""))) {
            Ok(_) => {
                *self.address.borrow_mut() = address;
                self.print_directory()
            }
            Err(ClientError::Refused(Status::NOT_FOUND, _)) if self.is_file(&address) => {
                self.fail(format_args!("{} is not a directory", Printable::text(path)))
            }
            Err(error) => self.fail_at(path, &error),
        }
    }

    /// Whether a file has the name of this directory.
    fn is_file(&mut self, directory: &ServerAddress) -> bool {
        self.with(None, |session, _| targets::list(session, &directory.target(""))).is_ok()
    }

    fn print_directory(&mut self) -> io::Result<()> {
        let target = self.address.borrow().target("");
        let path: Vec<u8> = percent_decode_str(&target).collect();
        writeln!(self.out, "{}", Printable(&path))
    }

    fn shut_down(&mut self) -> io::Result<PromptFlow> {
        match self.with(None, shutdown::request) {
            Ok(()) => writeln!(self.out, "{LEAVING}").map(|()| PromptFlow::Stop),
            Err(error) => self.fail_at("shutdown", &error).map(|()| PromptFlow::Continue),
        }
    }

    /// A path as typed. A path with `..` is resolved, and becomes a path from the root. If it leads out of the root, it
    /// is returned unchanged, and is refused later.
    fn without_dots(&self, path: &str) -> String {
        let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
        let seen = has_dots.then(|| without_dots(&self.address.borrow().target(path))).flatten();
        seen.unwrap_or_else(|| path.to_owned())
    }

    /// Calls `act` with the session, or with a new one if the line names another server.
    fn with<T>(
        &mut self,
        server: Option<Endpoint>,
        act: impl FnOnce(&mut Session, &ServerAddress) -> T,
    ) -> T {
        match server {
            Some(server) if server != self.home.server => {
                let mut session = Session::new(server.clone()).undoable(&self.undo);
                act(&mut session, &ServerAddress::root(server))
            }
            Some(server) => act(&mut self.session.borrow_mut(), &ServerAddress::root(server)),
            None => act(&mut self.session.borrow_mut(), &self.address.borrow()),
        }
    }

    /// Prints an error, after the name if the error does not contain it.
    fn fail_at(&mut self, name: &str, error: &ClientError) -> io::Result<()> {
        if error.is_named() {
            self.fail(error)
        } else {
            self.fail(format_args!("{}: {error}", Printable::text(name)))
        }
    }

    fn fail(&mut self, error: impl std::fmt::Display) -> io::Result<()> {
        self.all_well = false;
        writeln!(self.err, "{error}")
    }
}

impl LineHandler for Shell<'_> {
    fn handle(&mut self, line: &str) -> io::Result<PromptFlow> {
        match command::split(line).and_then(|words| Command::parse(&words)) {
            Ok(None) => {}
            Ok(Some(Command::Shutdown)) => return self.shut_down(),
            Ok(Some(Command::Quit)) => return Ok(PromptFlow::Stop),
            Ok(Some(Command::Help)) => writeln!(self.out, "{HELP}")?,
            Ok(Some(Command::Get(path, None))) => self.get(&self.without_dots(&path), None)?,
            Ok(Some(Command::Get(path, server))) => self.get(&path, server)?,
            Ok(Some(Command::GetAs(path, name))) => self.get_as(&self.without_dots(&path), &name)?,
            Ok(Some(Command::Select(selection))) => self.get_selected(&selection)?,
            Ok(Some(Command::Send(upload))) => self.send(&upload)?,
            Ok(Some(Command::List(path))) => self.list(&path)?,
            Ok(Some(Command::ChangeDirectory(path))) => self.change_directory(&path)?,
            Ok(Some(Command::PrintDirectory)) => self.print_directory()?,
            Ok(Some(Command::Change(command))) => return self.change(command),
            Err(error) => self.fail(error)?,
        }
        Ok(PromptFlow::Continue)
    }

    fn answer(&mut self, line: &str) -> io::Result<PromptFlow> {
        self.answer_question(line)
    }

    fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    fn commands(&self) -> &'static str {
        KNOWN
    }
}

/// An encoded path without its `.` and `..` (RFC 3986 §5.2.4); `None` if they lead out of the root.
fn without_dots(target: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in target.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()?),
            segment => segments.push(segment),
        }
    }
    let slash = if target.ends_with("/.") || target.ends_with("/..") { "/" } else { "" };
    let path = segments.join("/");
    Some(if path.is_empty() { "/".to_owned() } else { format!("/{path}{slash}") })
}

/// The directory of a list; for a file, its parent directory.
fn listed_directory(target: &str, listing: &RemoteListing) -> String {
    let is_itself = |entry: &RemoteEntry| target_of(parent(target), entry).is_ok_and(|it| it == target);
    match listing.entries.as_slice() {
        [entry] if listing.id.is_none() && !target.ends_with('/') && is_itself(entry) => {
            parent(target).to_owned()
        }
        _ => target.to_owned(),
    }
}

/// The directory in which a path is, with its slash.
fn parent(target: &str) -> &str {
    target.split_at(target.rfind('/').map_or(0, |slash| slash + 1)).0
}

/// Prints a line for each file that has been downloaded, and keeps the errors.
struct Told<'t> {
    out: &'t mut dyn Write,
    err: &'t mut dyn Write,
    failures: Vec<(String, ClientError)>,
    said: io::Result<()>,
}

impl TransferObserver<FetchOrder, Fetched> for Told<'_> {
    fn finished(&mut self, order: &FetchOrder, result: FetchResult) -> io::Result<()> {
        match result {
            Ok(fetched) if self.said.is_ok() => self.said = self.say(order, &fetched),
            Ok(_) => {}
            Err(error) => self.failures.push((ShownTarget(&order.resource.target).path(), error)),
        }
        // The other files are still fetched.
        Ok(())
    }
}

impl Told<'_> {
    fn say(&mut self, order: &FetchOrder, fetched: &Fetched) -> io::Result<()> {
        if let Some(warning) = fetched.warning() {
            writeln!(self.err, "{}: {warning}", ShownTarget(&order.resource.target))?;
        }
        writeln!(self.out, "{fetched}")
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
