//! Handlers: one file for each kind of response. [`routes`](crate::server::routes) says which requests each gets.

#[cfg(feature = "archive")]
pub mod archive;
#[cfg(not(feature = "archive"))]
#[path = "no_archive.rs"]
pub mod archive;
pub mod asset;
pub mod chat;
pub mod checksum;
pub mod exit;
pub mod form;
pub mod get;
pub mod health;
pub mod listing;
mod member;
pub mod put;
#[cfg(feature = "qr")]
pub mod qr_code;
pub mod resumable;
mod upload_response;
