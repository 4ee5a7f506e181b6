//! The commands of the prompt that change something on the server.

use std::io;

use super::Shell;
use crate::client::change::{
    self, ChangeLine, RelocateOptions, RelocateTo, RemoteChange, RemoveOptions, is_yes, make_directory,
    question, relocate, remove,
};
use crate::client::change_command::{AskedChange, ChangeCommand, EmptyTrash};
use crate::client::error::ClientError;
use crate::client::prompt::PromptFlow;
use crate::client::selection;
use crate::client::session::Session;
use crate::client::shown_target::ShownTarget;
use crate::client::trash::{self, RemoteTrash};
use crate::printable::Printable;

/// The targets that failed, and why.
type Failures = Vec<(String, ClientError)>;

impl Shell<'_> {
    pub(super) fn change(&mut self, command: ChangeCommand) -> io::Result<PromptFlow> {
        match command {
            ChangeCommand::Remove(words, options) => return self.remove(&words, options),
            ChangeCommand::Empty(order) => return self.empty_trash(order),
            ChangeCommand::Relocate { from, to, options } => self.relocate(&from, &to, options)?,
            ChangeCommand::MakeDirectories { paths, parents } => self.make_directories(&paths, parents)?,
            ChangeCommand::Undo => {
                let restored = self.with_trash(RemoteTrash::undo);
                self.restored("undo", restored)?;
            }
            ChangeCommand::ListTrash => {
                match self.with_trash(|trash, session| Ok((trash.entries(session)?, trash.nothing()))) {
                    Ok((entries, nothing)) if entries.is_empty() => writeln!(self.out, "{nothing}")?,
                    Ok((entries, _)) => trash::show(&entries, self.out)?,
                    Err(error) => self.fail_at("trash", &error)?,
                }
            }
            ChangeCommand::Restore(ids) => {
                for id in ids {
                    let restored = self.with_trash(|trash, session| trash.restore(session, &id));
                    self.restored(&id, restored)?;
                }
            }
        }
        Ok(PromptFlow::Continue)
    }

    /// Makes the change that the user was asked about, if the answer is yes.
    pub(super) fn answer_question(&mut self, answer: &str) -> io::Result<PromptFlow> {
        match self.asked.take().filter(|_| is_yes(answer)) {
            None => {}
            Some(AskedChange::Remove(targets, options)) => self.remove_targets(&targets, options)?,
            Some(AskedChange::Empty(order)) => self.discard(&order)?,
        }
        Ok(PromptFlow::Continue)
    }

    fn remove(&mut self, words: &[String], options: RemoveOptions) -> io::Result<PromptFlow> {
        let (targets, failures) = self.targets(words);
        let is_missing = |error: &ClientError| options.force && error.is_missing();
        let failures: Failures = failures.into_iter().filter(|(_, error)| !is_missing(error)).collect();
        self.fail_all(&failures)?;
        let RemoveOptions { recursive, force, dry_run } = options;
        if self.asks && recursive && !force && !dry_run {
            let directories = change::directories(&mut self.session.borrow_mut(), &targets);
            if let Some(question) = question(&directories) {
                self.asked = Some(AskedChange::Remove(targets, options));
                return Ok(PromptFlow::Ask(question));
            }
        }
        self.remove_targets(&targets, options)?;
        Ok(PromptFlow::Continue)
    }

    fn remove_targets(&mut self, targets: &[String], options: RemoveOptions) -> io::Result<()> {
        for target in targets {
            let removed = remove(&mut self.session.borrow_mut(), target, options);
            match removed {
                Ok(removed) => removed.map_or(Ok(()), |change| self.changed(&change, options.dry_run))?,
                Err(error) => self.fail_at(&ShownTarget(target).path(), &error)?,
            }
        }
        Ok(())
    }

    fn relocate(&mut self, words: &[String], to: &str, options: RelocateOptions) -> io::Result<()> {
        let (sources, failures) = self.targets(words);
        let count = sources.len() + failures.len();
        self.fail_all(&failures)?;
        let target = self.address.borrow().target(&self.without_dots(to));
        let to = RelocateTo::of(&mut self.session.borrow_mut(), target.clone(), count);
        let to = match to {
            Ok(to) => to,
            Err(error) => return self.fail_at(&ShownTarget(&target).path(), &error),
        };
        for from in sources {
            let relocated = relocate(&mut self.session.borrow_mut(), &from, &to, options);
            match relocated {
                Ok(change) => self.changed(&change, options.dry_run)?,
                Err(error) => self.fail_at(&ShownTarget(&from).path(), &error)?,
            }
        }
        Ok(())
    }

    fn make_directories(&mut self, paths: &[String], parents: bool) -> io::Result<()> {
        for path in paths {
            let target = self.address.borrow().target(&self.without_dots(path));
            let made = make_directory(&mut self.session.borrow_mut(), &target, parents);
            match made {
                Ok(change) => self.changed(&change, false)?,
                Err(error) => self.fail_at(&ShownTarget(&target).path(), &error)?,
            }
        }
        Ok(())
    }

    fn empty_trash(&mut self, order: EmptyTrash) -> io::Result<PromptFlow> {
        if self.asks && !order.force && !order.dry_run {
            let entries = match self.with_trash(RemoteTrash::entries) {
                Ok(entries) => entries,
                Err(error) => return self.fail_at("trash", &error).map(|()| PromptFlow::Continue),
            };
            let (chosen, _) = trash::chosen(entries, &order.ids);
            if let Some(question) = trash::question(chosen.len()) {
                self.asked = Some(AskedChange::Empty(order));
                return Ok(PromptFlow::Ask(question));
            }
        }
        self.discard(&order)?;
        Ok(PromptFlow::Continue)
    }

    fn discard(&mut self, order: &EmptyTrash) -> io::Result<()> {
        if order.dry_run {
            let entries = self.with_trash(RemoteTrash::entries);
            let chosen = entries.map(|entries| trash::chosen(entries, &order.ids));
            return match chosen {
                Ok((chosen, missing)) => {
                    for entry in &chosen {
                        writeln!(self.out, "would delete {entry}")?;
                    }
                    missing.iter().try_for_each(|id| self.fail_at(id, &trash::missing()))
                }
                Err(error) => self.fail_at("trash", &error),
            };
        }
        if order.ids.is_empty() {
            let emptied = self.with_trash(|trash, session| Ok((trash.empty(session)?, trash.nothing())));
            return match emptied {
                Ok((0, nothing)) => writeln!(self.out, "{nothing}"),
                Ok((count, _)) => writeln!(self.out, "{}", trash::deleted(count)),
                Err(error) => self.fail_at("trash", &error),
            };
        }
        for id in &order.ids {
            match self.with_trash(|trash, session| trash.discard(session, id)) {
                Ok(()) => writeln!(self.out, "deleted {}", Printable::text(id))?,
                Err(error) => self.fail_at(id, &error)?,
            }
        }
        Ok(())
    }

    fn restored(&mut self, name: &str, restored: Result<String, ClientError>) -> io::Result<()> {
        match restored {
            Ok(path) => writeln!(self.out, "restored {}", Printable::text(&path)),
            Err(error) => self.fail_at(name, &error),
        }
    }

    fn changed(&mut self, change: &RemoteChange, is_planned: bool) -> io::Result<()> {
        let line = ChangeLine { change, is_planned };
        if change.is_skipped() { writeln!(self.err, "{line}") } else { writeln!(self.out, "{line}") }
    }

    /// The targets that these words select.
    fn targets(&mut self, words: &[String]) -> (Vec<String>, Failures) {
        let (mut targets, mut failures) = (Vec::new(), Vec::new());
        for word in words {
            let numbered = selection::numbered(word, self.shown.as_ref());
            match numbered.unwrap_or_else(|| self.expand(word)) {
                Ok(found) => targets.extend(found),
                Err(error) => failures.push((word.clone(), error)),
            }
        }
        (targets, failures)
    }

    fn expand(&self, word: &str) -> Result<Vec<String>, ClientError> {
        let target = self.address.borrow().target(&self.without_dots(word));
        change::expand(&mut self.session.borrow_mut(), &target)
    }

    fn fail_all(&mut self, failures: &[(String, ClientError)]) -> io::Result<()> {
        failures.iter().try_for_each(|(name, error)| self.fail_at(name, error))
    }

    fn with_trash<T>(
        &self,
        act: impl FnOnce(&RemoteTrash, &mut Session) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut session = self.session.borrow_mut();
        let trash = RemoteTrash::at(&mut session, &self.address.borrow())?;
        act(&trash, &mut session)
    }
}
