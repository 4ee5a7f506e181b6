//! The lines of somebody who talks.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::PoisonError;

use super::hearing::Present;
use super::member::ChatMember;
use crate::client::address::ServerAddress;
use crate::client::download;
use crate::client::error::ClientError;
use crate::client::listing;
use crate::client::session::Session;
use crate::printable::Printable;

/// The answer to a word that nobody knows, and to `/help`.
pub const KNOWN: &str = "I know: /broadcast text, /unicast user text, /who, /file, /download name, /quit; a line without a slash is a broadcast";

/// Somebody who talks: who they are, and the connection on which they speak.
pub struct Speaker {
    member: ChatMember,
    address: ServerAddress,
    session: Session,
    present: Present,
    downloads: PathBuf,
    /// Whether all went well so far.
    pub all_well: bool,
}

/// Whether the chat goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatFlow {
    /// It does.
    Continue,
    /// It was asked to end.
    Stop,
}

impl Speaker {
    /// A member of the room. Downloads go below `downloads`.
    pub fn new(member: ChatMember, present: Present, downloads: PathBuf) -> Self {
        let session = Session::new(member.server.clone());
        let address = ServerAddress::root(member.server.clone());
        Self { member, address, session, present, downloads, all_well: true }
    }

    /// Does what a line says.
    pub fn handle(&mut self, line: &str, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ChatFlow> {
        let line = line.trim();
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let done = match word {
            "" => Ok(()),
            "/quit" => return Ok(ChatFlow::Stop),
            "/who" => return self.who(out).map(|()| ChatFlow::Continue),
            "/file" => self.files(out)?,
            "/download" if !rest.is_empty() => self.download(rest, out)?,
            "/broadcast" if !rest.is_empty() => self.member.say(&mut self.session, None, rest),
            "/unicast" => match rest.split_once(char::is_whitespace) {
                Some((to, text)) => self.member.say(&mut self.session, Some(to), text.trim()),
                None => return self.help(err),
            },
            "/help" => return writeln!(out, "{KNOWN}").map(|()| ChatFlow::Continue),
            _ if word.starts_with('/') => return self.help(err),
            _ => self.member.say(&mut self.session, None, line),
        };
        if let Err(error) = done {
            self.all_well = false;
            match error {
                // The room's own words: they need no status before them.
                ClientError::Refused(_, Some(said)) => writeln!(err, "{said}")?,
                error => writeln!(err, "{error}")?,
            }
        }
        Ok(ChatFlow::Continue)
    }

    /// Leaves the room. A server that is gone has been left already.
    pub fn leave(&mut self) {
        let _ = self.member.leave(&mut self.session);
    }

    fn help(&mut self, err: &mut dyn Write) -> io::Result<ChatFlow> {
        self.all_well = false;
        writeln!(err, "{KNOWN}").map(|()| ChatFlow::Continue)
    }

    fn who(&self, out: &mut dyn Write) -> io::Result<()> {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<_> = present.iter().map(|name| Printable::text(name).to_string()).collect();
        writeln!(out, "Here: {}", names.join(", "))
    }

    fn files(&mut self, out: &mut dyn Write) -> io::Result<Result<(), ClientError>> {
        match listing::fetch(&mut self.session, &self.address.target("")) {
            Ok(listing) => {
                listing.show(out)?;
                if !listing.entries.is_empty() {
                    writeln!(out, "{} in all", listing.entries.len())?;
                }
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn download(&mut self, name: &str, out: &mut dyn Write) -> io::Result<Result<(), ClientError>> {
        match download::fetch(&mut self.session, &self.address.target(name), &self.downloads) {
            Ok(saved) => writeln!(out, "{saved}").map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}
