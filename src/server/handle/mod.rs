//! Handlers: one file for each kind of response. [`routes`](crate::server::routes) says which requests each gets.

#[cfg(feature = "accounts")]
mod account;
#[cfg(feature = "archive")]
pub(super) mod archive;
#[cfg(not(feature = "archive"))]
#[path = "no_archive.rs"]
pub(super) mod archive;
pub(super) mod asset;
pub(super) mod chat;
pub(super) mod checksum;
mod conditions;
pub(super) mod copies;
mod destination;
pub(super) mod exit;
pub(super) mod form;
pub(super) mod get;
pub(super) mod health;
pub(super) mod join;
mod json;
#[cfg(feature = "accounts")]
pub(super) mod link_page;
#[cfg(feature = "accounts")]
pub(super) mod links;
pub(super) mod listing;
#[cfg(feature = "accounts")]
pub(super) mod login;
#[cfg(feature = "accounts")]
pub(super) mod logout;
pub(super) mod make_directory;
mod member;
mod modified;
pub(super) mod moves;
#[cfg(feature = "accounts")]
pub(super) mod password;
mod posted;
pub(super) mod put;
#[cfg(feature = "qr")]
pub(super) mod qr_code;
pub(super) mod ready;
#[cfg(feature = "accounts")]
mod record;
mod relocating;
pub(super) mod remove;
pub(super) mod resumable;
#[cfg(feature = "accounts")]
pub(super) mod sessions;
#[cfg(feature = "accounts")]
pub(super) mod tokens;
pub(super) mod trash;
mod upload_response;
