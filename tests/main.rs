//! End-to-end tests with the real binary, real sockets and real files: one module per promise.

// The harness prints the state of a failed test.
#![allow(clippy::print_stderr)]
// Everything here is used by this binary only.
#![allow(unreachable_pub)]

mod abandoned;
#[cfg(feature = "accounts")]
mod accounts;
mod activation;
mod architecture;
#[cfg(feature = "archive")]
mod archives;
mod attributes;
mod bad_input;
mod base;
mod browser;
mod change_commands;
mod chat;
#[cfg(feature = "accounts")]
mod chat_accounts;
#[cfg(feature = "archive")]
mod chosen_zips;
mod client;
#[cfg(feature = "tls")]
mod client_certificates;
#[cfg(feature = "shared")]
mod cluster;
mod coarse_times;
mod common;
mod credentials;
mod curl;
#[cfg(feature = "dav")]
mod dav;
mod differential;
mod directories;
mod draining;
mod drop_box;
mod faults;
mod fetch;
mod fetch_bad_servers;
mod fetch_breaks;
mod fetch_durable;
mod fetch_listed;
mod fetch_many;
mod fetch_saved;
mod fetch_split;
mod file_systems;
mod find;
mod follow;
mod fuse;
mod fuzz;
mod hashes;
mod hostile_text;
mod idle_exit;
#[cfg(feature = "accounts")]
mod in_flight;
mod interrupted;
mod keep_alive;
mod limits;
mod link_followers;
#[cfg(feature = "accounts")]
mod links;
mod listing;
mod load;
mod logging;
#[cfg(feature = "accounts")]
mod login;
mod lost_folder;
mod many;
mod minimal;
mod move_copy;
mod mutations;
#[cfg(feature = "tls")]
mod over_tls;
mod prompt;
mod protocols;
mod proxy;
mod proxy_header;
mod put_stdin;
#[cfg(feature = "qr")]
mod qr;
mod races;
#[cfg(feature = "accounts")]
mod tokens;
mod upload_resume;
#[cfg(feature = "accounts")]
mod user;
// The examples of the documentation use all features.
mod disturbances;
#[cfg(all(feature = "archive", feature = "qr", feature = "terminal"))]
mod readme;
mod replay;
mod replicas;
mod requests;
mod resumable;
mod resumable_rules;
#[cfg(feature = "accounts")]
mod rights;
mod search;
mod sending;
#[cfg(feature = "shared")]
mod shared;
mod slowhttptest;
mod start;
mod stopping;
mod stuck_disk;
mod tftp;
mod tftp_client;
mod tftp_clients;
#[cfg(feature = "thumbs")]
mod thumbs;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_client;
#[cfg(feature = "tls")]
mod tls_clients;
#[cfg(feature = "tls")]
mod tls_ends;
#[cfg(feature = "tls")]
mod tls_records;
#[cfg(feature = "tls")]
mod tls_self_signed;
mod trash;
mod trash_model;
mod trusted_proxies;
mod unix;
mod upload_durable;
mod uploads;
#[cfg(feature = "archive")]
mod zips;
