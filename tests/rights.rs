//! Who may do what by `--allow`: principals × paths × spellings × operations × listeners. What comes out is one function,
//! and every cell is judged.

mod caller;
mod client;
mod dav_model;
mod defaults;
pub mod drop_box;
#[cfg(feature = "accounts")]
mod explained;
mod flags;
mod link_table;
mod model;
mod proxy_user;
mod requests;
mod rotation;
mod shown;
mod spellings;
mod stage;
mod table;
mod tftp;
mod unix_user;
mod uploads;
pub mod users;
