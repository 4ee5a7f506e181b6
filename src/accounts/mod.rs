//! Users: their names, their passwords, and the file that lists them.
//!
//! ```text
//! # name:hash[:group,group]
//! anna:$argon2id$v=19$m=19456,t=2,p=1$…$…:staff,admins
//! bert:!$2y$10$…
//! ```
//!
//! `file` has the format of that file, `store` reads and changes it on the disk, `password` has the two kinds
//! of hashes, and `name` says which names are valid. A password check deliberately takes tens of milliseconds
//! of processor time, so it takes a [`Blocking`](crate::blocking::Blocking). `attempts` delays guesses, and
//! `remembered` saves most checks.
//!
//! `records` has the credentials that work without a password: sessions, tokens and links. For each of them, it has the
//! part of the user's rights that it may use. It does not know which rights the user has.
//!
//! This module knows no protocol, and does not decide about requests.

pub mod attempts;
pub mod file;
pub mod name;
pub mod password;
mod recent;
pub mod records;
pub mod remembered;
pub mod store;
pub mod timing;
