//! See `bodies/tftp_packets.rs`.

#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::tftp_packets::check(data));
