//! What the system knows of the processes of a server: their CPU time and memory, from `/proc`.
//!
//! A server is a process group of its own, so that what it starts counts too, and ends with it.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};

use super::Result;

/// A program that was started, with all that it starts. Killed when dropped.
#[derive(Debug)]
pub struct Group {
    leader: Child,
}

/// What the processes of a group have used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time. The system counts it in ticks of 10 ms.
    pub cpu: Duration,
    /// Resident memory, in bytes. What several processes share is counted for each.
    pub memory: u64,
}

impl Group {
    /// Starts a program as the leader of a group.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        Ok(Self { leader: command.process_group(0).spawn()? })
    }

    /// Whether its first process has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.leader.try_wait(), Ok(None))
    }

    /// What its processes have used so far, those included that have ended and were waited for.
    pub fn usage(&self) -> Result<Usage> {
        let mut total = Usage::default();
        for entry in fs::read_dir("/proc")? {
            // A process may end at any moment; then it has no file any more.
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
            let Some((group, usage)) = parse_stat(&stat) else { continue };
            if group == self.leader.id() {
                total.cpu += usage.cpu;
                total.memory += usage.memory;
            }
        }
        Ok(total)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The leader has not been waited for, or is waited for here first: no other group can have its number.
        let _ = kill_process_group(Pid::from_child(&self.leader), Signal::KILL);
        let _ = self.leader.wait();
    }
}

/// The group of a process, and what it has used: fields 5, 14 to 17 and 24 of `/proc/PID/stat` (proc(5)), counted from
/// behind the name, which may hold anything.
fn parse_stat(stat: &str) -> Option<(u32, Usage)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let ticks = (14..=17).map(number).sum::<Option<u64>>()?;
    let cpu = Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64);
    let memory = number(24)? * page_size() as u64;
    Some((number(5)? as u32, Usage { cpu, memory }))
}

/// Allows this program and those that it starts as many descriptors as the system will let it.
pub fn raise_descriptor_limit() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// How many descriptors this program may have open; none for no limit.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
