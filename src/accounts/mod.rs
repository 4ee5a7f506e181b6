//! Users: their names, their passwords, and the file that lists them.
//!
//! ```text
//! # name:hash[:group,group]
//! anna:$argon2id$v=19$m=19456,t=2,p=1$…$…:staff,admins
//! bert:!$2y$10$…
//! ```
//!
//! `file` has its format, `store` reads and changes it on the disk, `password` has the two kinds of hashes, `name` says what a
//! name is. A check of a password takes tens of milliseconds of a processor on purpose, so it takes a
//! [`Blocking`](crate::blocking::Blocking). `attempts` delays guesses, `remembered` saves most checks.
//!
//! `records` has what acts for a user without a password: sessions, tokens and links. It says which part of the user's rights they
//! have, not which rights the user has.
//!
//! Knows no protocol, and decides about no request.

pub mod attempts;
pub mod file;
pub mod name;
pub mod password;
mod recent;
pub mod records;
pub mod remembered;
pub mod store;
pub mod timing;
