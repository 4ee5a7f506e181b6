//! Counts the system calls of a job that strace has recorded. `benches/changes.rs` uses this file too.
//!
//! The calls of the thread that does the work count, from its start to its end. Calls for the connection, for other threads, for
//! memory, for random numbers and for the log do not count.

/// A removal or a move within a file system takes at most this many.
pub const MOST: usize = 20;

/// A replaced file takes at most this many more if it is kept.
pub const MOST_MORE: usize = 8;

/// Calls that do not concern the folder.
const OTHERS: [&str; 11] = [
    "futex",
    "epoll_",
    "sendto",
    "recvfrom",
    "getrandom",
    "madvise",
    "mprotect",
    "mmap",
    "munmap",
    "brk",
    // In debug builds, the standard library checks that a descriptor which it closes is open.
    "fcntl",
];

/// Descriptors that do not belong to the folder.
const ELSEWHERE: [&str; 4] = ["<socket:", "<TCP", "anon_inode:", "/log>"];

/// The calls of the last job that renamed something, in a line with this text; `None` if there is no such line.
pub fn calls_of(notes: &str, text: &str) -> Option<Vec<String>> {
    let lines: Vec<_> = notes.lines().collect();
    let at = lines.iter().rposition(|line| line.contains(" renameat") && line.contains(text))?;
    let thread = |line: &str| line.split_once(' ').map(|(thread, _)| thread.to_owned());
    let worker = thread(lines[at]);
    let is_wait = |line: &&str| line.contains("FUTEX_WAIT");
    let of_worker = |line: &&&str| thread(line) == worker;
    let mut before: Vec<_> =
        lines[..at].iter().rev().filter(of_worker).take_while(|line| !is_wait(line)).collect();
    before.reverse();
    let after = lines[at..].iter().filter(of_worker).take_while(|line| !is_wait(line));
    let call =
        |line: &str| line.split_once(' ').map_or(String::new(), |(_, call)| call.trim_start().to_owned());
    let calls = before.into_iter().chain(after).map(|line| call(line));
    let counts = |call: &String| {
        !call.starts_with('<')
            && !OTHERS.iter().any(|other| call.starts_with(other))
            && !ELSEWHERE.iter().any(|elsewhere| call.contains(elsewhere))
    };
    Some(calls.filter(counts).collect())
}
