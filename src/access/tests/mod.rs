//! Tests of the rules.

mod decisions;
mod operations;
