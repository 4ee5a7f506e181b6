//! The login page, sessions, and what an attacker tries with them.

mod attacks;
mod ended;
mod form;
pub mod office;
mod oversized;
mod password;
mod redirects;
mod sessions;
