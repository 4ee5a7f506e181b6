//! Which process has a beat, so that one on the same machine is known to have ended, whatever is mounted meanwhile.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::domain::BOOT;

/// The namespace of process ids.
const NAMESPACE: &str = "/proc/self/ns/pid";

/// A process, among all that have ever run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// The start of the machine, and the namespace of the process id there.
    machine: String,
    id: u32,
    /// When it began, in ticks since the start of the machine.
    began: u64,
}

impl Process {
    /// This process; `None` if the system does not tell what it needs.
    pub(super) fn this() -> Option<Self> {
        let id = std::process::id();
        Some(Self { machine: machine()?, id, began: began(id)? })
    }

    /// Reads what [`Process::text`] has written.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (rest, began) = text.rsplit_once(' ')?;
        let (machine, id) = rest.rsplit_once(' ')?;
        Some(Self { machine: machine.to_owned(), id: id.parse().ok()?, began: began.parse().ok()? })
    }

    pub(super) fn text(&self) -> String {
        let Self { machine, id, began } = self;
        format!("{machine} {id} {began}")
    }

    /// Whether it has ended. Nothing is known about processes of other machines and containers.
    pub(super) fn has_ended(&self) -> bool {
        machine().is_some_and(|here| here == self.machine) && began(self.id) != Some(self.began)
    }
}

fn machine() -> Option<String> {
    let boot = fs::read_to_string(BOOT).ok()?;
    let namespace = fs::metadata(NAMESPACE).ok()?.ino();
    Some(format!("{} {namespace}", boot.trim()))
}

/// When this process began (proc(5), field 22 of `stat`); `None` if there is none. A zombie has ended.
fn began(id: u32) -> Option<u64> {
    let text = fs::read_to_string(PathBuf::from(format!("/proc/{id}/stat"))).ok()?;
    // The name of the program, in parentheses, may have spaces and parentheses itself.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_or_has_ended() {
        let this = Process::this().expect("/proc tells it");
        assert!(!this.has_ended());
        assert_eq!(Process::parse(&this.text()), Some(this.clone()));
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        let other = Process { id: child.id(), began: began(child.id()).unwrap_or(1), ..this.clone() };
        child.wait().expect("it ends");
        assert!(other.has_ended());
        assert!(Process { began: this.began + 1, ..this.clone() }.has_ended(), "its id was used again");
        assert!(!Process { machine: "another".to_owned(), ..other }.has_ended());
        for text in ["", "a", "a b", "a 1 x", "a x 1"] {
            assert_eq!(Process::parse(text), None, "{text}");
        }
    }
}
