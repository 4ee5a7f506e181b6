//! How the `peers` benchmark starts its servers. The benchmark `dav` uses this file too.

// These modules contain more than this benchmark uses.
#![allow(dead_code)]

#[path = "../peers/case.rs"]
mod case;
#[path = "../peers/exchange.rs"]
pub mod exchange;
#[path = "../peers/folder.rs"]
pub mod folder;
#[path = "../peers/process.rs"]
pub mod process;
#[path = "../peers/server.rs"]
pub mod server;

/// The result type of these modules.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
