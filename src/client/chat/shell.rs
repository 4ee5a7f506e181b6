//! The prompt of `wharf chat`: sends lines to the room and prints what the room sends.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::display::Style;
use super::listener::{self, Present};
use super::member::ChatMember;
use crate::client::address::ServerAddress;
use crate::client::download;
use crate::client::error::ClientError;
use crate::client::listing;
use crate::client::prompt::{self, LineHandler, Prompt, PromptFlow};
use crate::client::session::Session;
use crate::printable::Printable;

/// Printed for `/help` and for an unknown command.
const KNOWN: &str = "commands: /broadcast text, /unicast user text, /who, /file, /download name, /quit; a line without a slash is a broadcast";

/// Printed while a message waits for a server that is away.
const WAITING: &str = "The message will be sent when the server is back.";

/// A prompt for the room of a server.
pub struct ChatShell<'c> {
    member: ChatMember,
    address: ServerAddress,
    session: Session,
    present: Present,
    downloads: PathBuf,
    /// The listener ends when this is dropped.
    listening: Option<Sender<()>>,
    out: &'c mut dyn Write,
    err: &'c mut dyn Write,
    all_well: bool,
}

impl<'c> ChatShell<'c> {
    /// A prompt that has not started. Downloads go below `downloads`.
    pub fn new(
        member: ChatMember,
        downloads: PathBuf,
        out: &'c mut dyn Write,
        err: &'c mut dyn Write,
    ) -> Self {
        let (session, address) = (Session::new(member.root.server.clone()), member.root.clone());
        let (present, listening) = (Present::default(), None);
        Self { member, address, session, present, downloads, listening, out, err, all_well: true }
    }

    /// Runs at a terminal, until the user leaves. `lost` is called on another thread when the server cannot be reached
    /// any more.
    pub fn run_interactive(
        mut self,
        style: Style,
        lost: impl FnOnce(&ClientError) + Send + 'static,
    ) -> io::Result<()> {
        let mut prompt = Prompt::new(format!("{}> ", self.member.name), None::<()>)?;
        let show = prompt.printer()?;
        self.listen(style, show, lost)?;
        prompt.run(&mut self)
    }

    /// Executes lines until they end; returns whether all succeeded. `lost` as above.
    pub fn run_piped(
        mut self,
        lines: impl BufRead,
        lost: impl FnOnce(&ClientError) + Send + 'static,
    ) -> io::Result<bool> {
        let show = |line: String| {
            let _ = io::stdout().lock().write_all(line.as_bytes());
        };
        self.listen(Style::Plain, show, lost)?;
        prompt::run_piped(&mut self, lines)?;
        Ok(self.all_well)
    }

    /// Starts the listener.
    fn listen(
        &mut self,
        style: Style,
        show: impl FnMut(String) + Send + 'static,
        lost: impl FnOnce(&ClientError) + Send + 'static,
    ) -> io::Result<()> {
        let (listening, left) = channel();
        self.listening = Some(listening);
        let (member, present) = (self.member.clone(), Present::clone(&self.present));
        let listen = move || {
            if let Err(error) = listener::listen(&member, present, &left, style, show) {
                lost(&error);
            }
        };
        thread::Builder::new().name("listener".into()).spawn(listen).map(drop)
    }

    /// Sends a message. If it has to wait, the wait is announced once.
    fn say(&mut self, to: Option<&str>, text: &str) -> io::Result<Result<(), ClientError>> {
        let Self { member, session, err, .. } = self;
        let mut printed: Option<io::Result<()>> = None;
        let said = member.say(session, to, text, |reason| {
            let is_away = !matches!(reason, ClientError::Refused(status, _) if status.code() < 500);
            // A pause after too many messages needs no announcement: the user knows the reason.
            if is_away && printed.is_none() {
                printed = Some(writeln!(err, "{WAITING}"));
            }
        });
        printed.unwrap_or(Ok(())).map(|()| said)
    }

    fn help(&mut self) -> io::Result<PromptFlow> {
        self.all_well = false;
        writeln!(self.err, "{KNOWN}").map(|()| PromptFlow::Continue)
    }

    fn who(&mut self) -> io::Result<()> {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<_> = present.iter().map(|name| Printable::text(name).to_string()).collect();
        drop(present);
        writeln!(self.out, "Here: {}", names.join(", "))
    }

    fn files(&mut self) -> io::Result<Result<(), ClientError>> {
        match listing::fetch(&mut self.session, &self.address.target("")) {
            Ok(listing) => {
                listing.show(self.out)?;
                if !listing.entries.is_empty() {
                    writeln!(self.out, "{} in all", listing.entries.len())?;
                }
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn download(&mut self, name: &str) -> io::Result<Result<(), ClientError>> {
        match download::fetch(&mut self.session, &self.address.target(name), &self.downloads) {
            Ok(saved) => writeln!(self.out, "{saved}").map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl LineHandler for ChatShell<'_> {
    fn handle(&mut self, line: &str) -> io::Result<PromptFlow> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let done = match word {
            "" => Ok(()),
            "/quit" => return Ok(PromptFlow::Stop),
            "/who" => return self.who().map(|()| PromptFlow::Continue),
            "/file" => self.files()?,
            "/download" if !rest.is_empty() => self.download(rest)?,
            "/broadcast" if !rest.is_empty() => self.say(None, rest)?,
            "/unicast" => match rest.split_once(char::is_whitespace) {
                Some((to, text)) => self.say(Some(to), text.trim())?,
                None => return self.help(),
            },
            "/help" => return writeln!(self.out, "{KNOWN}").map(|()| PromptFlow::Continue),
            _ if word.starts_with('/') => return self.help(),
            _ => self.say(None, line)?,
        };
        if let Err(error) = done {
            self.all_well = false;
            match error {
                // The room's own text needs no status before it.
                ClientError::Refused(_, Some(said)) => writeln!(self.err, "{said}")?,
                error => writeln!(self.err, "{error}")?,
            }
        }
        Ok(PromptFlow::Continue)
    }

    fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// Leaves the room. If the server is gone, there is nothing to leave.
    fn end(&mut self) {
        self.listening = None;
        let _ = self.member.leave(&mut self.session);
    }
}
