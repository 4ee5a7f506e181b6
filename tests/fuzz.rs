//! A short run of every fuzz target: its corpus, and random changes of it. `cargo fuzz` runs longer and is
//! guided by coverage; this needs only the stable toolchain.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::common::root;

/// How many inputs each target is given.
const CASES: u32 = 2_000;

/// Tokens of the protocols, inserted at random positions.
pub const TOKENS: [&[u8]; 37] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"-",
    b"=",
    b"\"",
    b"%",
    b"/",
    b"..",
    b"?",
    b"*",
    b"\0",
    b"\xff",
    b"0",
    b"0\r\n\r\n",
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: h\r\n",
    b"bytes=0-1",
    b"W/\"a\"",
    b"--b",
    b"%2e%2e",
    b"%2f",
    b"HTTP/1.1",
    b"data: x\n\n",
    b"->",
    b"<",
    b">",
    b"(",
    b")",
    b" xmlns=\"DAV:\"",
];

/// One change of an input.
#[derive(Debug, Clone)]
enum Change {
    /// Replaces the byte here by this one.
    Byte(usize, u8),
    /// Inserts this token here.
    Token(usize, usize),
    /// Removes this many bytes from here on.
    Cut(usize, usize),
    /// Repeats this many bytes from here on.
    Repeat(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<usize>;
    let change = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (at(), 0..TOKENS.len()).prop_map(|(at, token)| Change::Token(at, token)),
        (at(), 1..16_usize).prop_map(|(at, count)| Change::Cut(at, count)),
        (at(), 1..64_usize).prop_map(|(at, count)| Change::Repeat(at, count)),
    ];
    prop::collection::vec(change, 0..8)
}

fn changed(seed: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for change in changes {
        let place = |at: &usize, bytes: &[u8]| at % (bytes.len() + 1);
        match change {
            Change::Byte(at, byte) => {
                let at = place(at, &bytes);
                bytes.splice(at..bytes.len().min(at + 1), [*byte]);
            }
            Change::Token(at, token) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, TOKENS[*token].iter().copied());
            }
            Change::Cut(at, count) => {
                let at = place(at, &bytes);
                bytes.drain(at..bytes.len().min(at + count));
            }
            Change::Repeat(at, count) => {
                let at = place(at, &bytes);
                let again = bytes[at..bytes.len().min(at + count)].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// Runs the target on its corpus, then on changed inputs; a failing input is reported as short as it can be
/// made.
fn try_out(target: &str) {
    let (_, check) = bodies::TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let seeds = corpus(target);
    assert!(!seeds.is_empty(), "{target} has no corpus");
    for seed in &seeds {
        check(seed);
    }
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let input = (prop::sample::select(seeds), changes()).prop_map(|(seed, changes)| changed(&seed, &changes));
    // The same inputs in every run, so that failures are reproducible.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let found = TestRunner::new_with_rng(config, rng).run(&input, |input| {
        std::panic::catch_unwind(|| check(&input))
            .map_err(|_| TestCaseError::fail(input.escape_ascii().to_string()))
    });
    if let Err(error) = found {
        panic!("{target}: {error}");
    }
}

/// One test per target, so that they run in parallel.
macro_rules! targets {
    ($($(#[$feature:meta])? $target:ident)*) => {
        $($(#[$feature])?
        #[test]
        fn $target() {
            try_out(stringify!($target));
        })*

        #[test]
        fn every_target_has_a_test() {
            let tried: &[_] = &[$($(#[$feature])? stringify!($target)),*];
            let known: Vec<_> = bodies::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(tried, known);
            for target in known {
                let file = root().join("fuzz/fuzz_targets").join(format!("{target}.rs"));
                assert!(file.exists(), "cargo fuzz has no target {target}");
            }
        }
    };
}

targets! {
    #[cfg(feature = "accounts")]
    authorizations
    chunked_bodies
    #[cfg(feature = "dav")]
    dav_bodies
    #[cfg(feature = "dav")]
    dav_fields
    event_streams
    multipart
    name_patterns
    paths
    preconditions
    proxies
    ranges
    #[cfg(feature = "accounts")]
    records
    request_heads
    response_heads
    scripts
    structured_fields
    tftp_packets
    #[cfg(feature = "thumbs")]
    thumbnails
}
