//! Checks passwords, as far as attempts are not delayed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::password_check::{PasswordCheck, PasswordOwner, STRANGERS};
use super::{Accounts, lock};
use crate::blocking::Blocking;
use crate::printable::Printable;
use crate::server::moment::Moment;
use crate::server::password_verdict::{CheckedPassword, PasswordVerdict};
use crate::server::timing::Deadline;

impl Accounts {
    /// Admits a check to the password thread; returns the verdict if it is known without a check.
    pub(in crate::server) fn admit(
        &self,
        check: PasswordCheck,
    ) -> Result<Box<PasswordCheck>, PasswordVerdict> {
        if let Some(verdict) = self.known(&check) {
            return Err(verdict);
        }
        let (client, users) = (check.client.key(), self.users());
        if lock(&self.0.attempts).is_known(&client, check.of.guess(&users), Instant::now()) {
            return Ok(Box::new(check));
        }
        let place = self.0.strangers.take(client);
        let place = place.ok_or(PasswordVerdict::TooMany(users.slowest * STRANGERS as u32))?;
        Ok(Box::new(check.with_place(place)))
    }

    /// The verdict on a name and a password, if it is known without a check: they were right within the last minute, or
    /// there were too many failures.
    fn known(&self, check: &PasswordCheck) -> Option<PasswordVerdict> {
        let (client, now, users) = (check.client.key(), Instant::now(), self.users());
        // Checked first: otherwise a remembered success would reveal whether a guess is right.
        if let Some(wait) = lock(&self.0.attempts).delay(&client, check.of.guess(&users), now) {
            return Some(PasswordVerdict::TooMany(wait));
        }
        let PasswordOwner::User(name) = &check.of else { return None };
        let account = users.find(name).filter(|account| !account.line.is_disabled)?;
        let is_right = lock(&self.0.remembered).knows(&client, &account.line, &check.password, now);
        is_right.then(|| PasswordVerdict::Right(Arc::clone(&account.user)))
    }

    /// Checks a password. It takes just as long for an unknown name.
    pub(in crate::server) fn check(&self, check: &PasswordCheck, disk: Blocking<'_>) -> CheckedPassword {
        let began = Moment::now();
        let at_once = Deadline::after(began, Duration::ZERO);
        // Another connection may have sent the same credentials meanwhile.
        if let Some(verdict) = self.known(check) {
            return CheckedPassword { verdict, due: at_once };
        }
        let users = self.users();
        let link = self.protected_link(&check.of);
        let account = match (&check.of, &link) {
            (PasswordOwner::User(name), _) => users.find(name).filter(|account| !account.line.is_disabled),
            (PasswordOwner::Link(_), Some((giver, _))) => users.find(giver.as_str()),
            (PasswordOwner::Link(_), None) => None,
        };
        let hash = link.as_ref().map(|(_, hash)| hash).or(account.map(|account| &account.line.hash));
        let is_right = hash.unwrap_or(&users.decoy).is_of(&check.password, disk);
        let (client, guess, now) = (check.client.key(), check.of.guess(&users), Instant::now());
        if let Some(account) = account.filter(|_| is_right) {
            let user = matches!(check.of, PasswordOwner::User(_)).then_some(&account.line);
            let is_new = self.has_succeeded(&client, guess, user, now);
            if let PasswordOwner::User(_) = check.of {
                if is_new {
                    self.0.known_file.note();
                }
                lock(&self.0.remembered).remember(&client, &account.line, &check.password, now);
                log::info!("{} logged in as {}", check.client, account.line.name);
            }
            return CheckedPassword {
                verdict: PasswordVerdict::Right(Arc::clone(&account.user)),
                due: at_once,
            };
        }
        self.has_failed(&client, guess, now);
        match &check.of {
            PasswordOwner::Link(id) => log::warn!("{} gave a wrong password for the link {id}", check.client),
            PasswordOwner::User(_) => {
                // An unknown name may be a password in the wrong field.
                let name = account.map_or("an unknown or disabled user", |account| &*account.user.name);
                log::warn!("{} failed to authenticate as {}", check.client, Printable::text(name));
            }
        }
        // Delays the next check as if this one had been the slowest; otherwise the time of this check could be measured
        // by a request that waits for the next one.
        thread::sleep(users.slowest.saturating_sub(began.elapsed()));
        CheckedPassword { verdict: PasswordVerdict::Wrong, due: Deadline::after(began, users.answer_after()) }
    }
}
