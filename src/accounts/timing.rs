//! How long the check of a password takes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::password::{Password, PasswordError, PasswordHash};
use crate::blocking::Blocking;

/// The hash whose check takes longest.
#[derive(Clone, Debug)]
pub struct Slowest {
    /// It.
    pub hash: PasswordHash,
    /// How long its check took.
    pub time: Duration,
}

/// The slowest of these hashes and of one that is written today. One of each kind and cost is measured.
pub fn slowest(hashes: &[&PasswordHash], disk: Blocking<'_>) -> Result<Slowest, PasswordError> {
    let password = Password::new(b"-".to_vec());
    let own = PasswordHash::of(&password, disk)?;
    let kinds: HashMap<&str, &PasswordHash> = hashes.iter().map(|hash| (hash.cost(), *hash)).collect();
    let measure = |hash: &PasswordHash| {
        let began = Instant::now();
        hash.is_of(&password, disk);
        Slowest { hash: hash.clone(), time: began.elapsed() }
    };
    let slower = |one: Slowest, other: Slowest| if one.time >= other.time { one } else { other };
    Ok(kinds.into_values().map(measure).fold(measure(&own), slower))
}
