//! Who may do what by `--allow`: principals × paths × spellings × operations × listeners. What comes out is one function,
//! and every cell is judged.

mod caller;
mod defaults;
mod flags;
mod model;
#[cfg(feature = "accounts")]
mod proxy_user;
mod shown;
mod stage;
mod table;
mod tftp;
#[cfg(feature = "accounts")]
mod unix_user;
mod uploads;
#[cfg(feature = "accounts")]
pub mod users;
