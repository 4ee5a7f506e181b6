//! `wharf client`: takes lines from a person or a pipe, and does what they say.
//!
//! What went well is said on stdout, what did not on stderr, a line each, and the session goes on. How lines are taken
//! is the `prompt`'s matter; what they mean, that of `command`.

use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::address::{Endpoint, ServerAddress};
use super::command::{self, Command, HELP, SelectCommand, UploadCommand};
use super::completion::Completion;
use super::download;
use super::error::ClientError;
use super::fetch::{self, Downloads, FetchOptions, FetchOrder, FetchResult, Fetched};
use super::listing;
use super::prompt::{self, LEAVING, LineHandler, PromptFlow};
use super::script::upload_target;
use super::selection::{self, Shown};
use super::session::Session;
use super::shutdown;
use super::targets::Targets;
use super::transfer::{TransferObserver, TransferProgress};
use super::upload;
use crate::printable::Printable;

/// A prompt for a server.
pub struct Shell<'c> {
    address: ServerAddress,
    /// Shared with completion, which asks the server for names over the same connection.
    session: Rc<RefCell<Session>>,
    downloads: PathBuf,
    /// The last list, whose numbers may be spoken of.
    shown: Option<Shown>,
    out: &'c mut dyn Write,
    err: &'c mut dyn Write,
    all_well: bool,
}

impl<'c> Shell<'c> {
    /// A prompt that has not started. Downloads go below `downloads`.
    pub fn new(
        address: ServerAddress,
        downloads: PathBuf,
        out: &'c mut dyn Write,
        err: &'c mut dyn Write,
    ) -> Self {
        let session = Rc::new(RefCell::new(Session::new(address.server.clone())));
        Self { address, session, downloads, shown: None, out, err, all_well: true }
    }

    /// Asks a person for lines until they leave. An error is one of the terminal's.
    pub fn run_interactive(mut self) -> io::Result<()> {
        let completion = Completion::new(self.address.clone(), Rc::clone(&self.session));
        let server = self.address.server.clone();
        prompt::run_interactive(&mut self, &server, Some(completion))
    }

    /// Does what the lines say until they end; whether all went well.
    pub fn run_piped(mut self, lines: impl BufRead) -> io::Result<bool> {
        prompt::run_piped(&mut self, lines)?;
        Ok(self.all_well)
    }

    /// One path is fetched over this connection, whether or not it is here: a person has asked for it by name.
    fn get(&mut self, path: &str, server: Option<Endpoint>) -> io::Result<()> {
        if server.is_none() && selection::selects(path, self.shown.as_ref()) {
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

    /// Several are fetched at once, over connections of their own, and those that are here and unchanged are not.
    fn get_selected(&mut self, selection: &SelectCommand) -> io::Result<()> {
        let mut targets = Targets::new(selection.hidden);
        let (options, downloads) = (FetchOptions::default(), Downloads::at(&self.downloads));
        for word in &selection.words {
            selection::add(word, self.shown.as_ref(), &self.address, &options, &mut targets);
        }
        let mut told = Told { out: self.out, err: self.err, failures: targets.failures, said: Ok(()) };
        if selection.serial {
            let mut session = self.session.borrow_mut();
            fetch::run_over(&mut session, &targets.orders, &downloads, &options, &mut told)?;
        } else {
            let progress = TransferProgress::new(fetch::WORKERS);
            fetch::run(&targets.orders, &downloads, &options, &progress, &mut told)?;
        }
        let Told { failures, said, .. } = told;
        said?;
        write!(self.err, "{}", targets.skipped)?;
        failures.iter().try_for_each(|(name, error)| self.fail_at(name, error))
    }

    fn send(&mut self, upload: &UploadCommand) -> io::Result<()> {
        let UploadCommand { method, file, path, server } = upload;
        let result = self.with(server.clone(), |session, address| {
            let target = upload_target(address, file, path.as_deref());
            upload::send(session, *method, Path::new(file), target)
        });
        match result {
            Ok(sent) => writeln!(self.out, "{sent}"),
            Err(error) => self.fail_at(file, &error),
        }
    }

    fn list(&mut self, dir: &str) -> io::Result<()> {
        match self.with(None, |session, address| listing::fetch(session, &address.target(dir))) {
            Ok(listing) => {
                self.shown = Some(Shown::show(self.address.target(dir), listing, self.out)?);
                Ok(())
            }
            Err(error) => self.fail_at(if dir.is_empty() { "/" } else { dir }, &error),
        }
    }

    fn exit(&mut self) -> io::Result<PromptFlow> {
        match self.with(None, |session, _| shutdown::request(session)) {
            Ok(()) => writeln!(self.out, "{LEAVING}").map(|()| PromptFlow::Stop),
            Err(error) => self.fail_at("exit", &error).map(|()| PromptFlow::Continue),
        }
    }

    /// Lets `act` use the session, or one of its own with the server that the line names.
    fn with<T>(
        &mut self,
        server: Option<Endpoint>,
        act: impl FnOnce(&mut Session, &ServerAddress) -> T,
    ) -> T {
        match server {
            Some(server) if server != self.address.server => {
                act(&mut Session::new(server.clone()), &ServerAddress::root(server))
            }
            Some(server) => act(&mut self.session.borrow_mut(), &ServerAddress::root(server)),
            None => act(&mut self.session.borrow_mut(), &self.address),
        }
    }

    /// Says what went wrong, with its name where the error does not say it.
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
            Ok(Some(Command::Exit)) => return self.exit(),
            Ok(Some(Command::Quit)) => return Ok(PromptFlow::Stop),
            Ok(Some(Command::Help)) => writeln!(self.out, "{HELP}")?,
            Ok(Some(Command::Get(path, server))) => self.get(&path, server)?,
            Ok(Some(Command::Select(selection))) => self.get_selected(&selection)?,
            Ok(Some(Command::Send(upload))) => self.send(&upload)?,
            Ok(Some(Command::List(dir))) => self.list(&dir)?,
            Err(error) => self.fail(error)?,
        }
        Ok(PromptFlow::Continue)
    }

    fn out(&mut self) -> &mut dyn Write {
        self.out
    }
}

/// Says a line of each file that is here, as it comes, and keeps what went wrong.
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
            Err(error) => self.failures.push((order.resource.target.clone(), error)),
        }
        // The other files are still fetched.
        Ok(())
    }
}

impl Told<'_> {
    fn say(&mut self, order: &FetchOrder, fetched: &Fetched) -> io::Result<()> {
        if let Some(warning) = fetched.warning() {
            writeln!(self.err, "{}: {warning}", Printable::text(&order.resource.target))?;
        }
        writeln!(self.out, "{fetched}")
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
