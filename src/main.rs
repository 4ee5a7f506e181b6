//! The program: runs one command.

fn main() {}
