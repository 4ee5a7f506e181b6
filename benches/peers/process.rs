//! CPU time and memory of a server's processes, from `/proc`.
//!
//! A server is the leader of a process group. The processes that it starts count too, and are killed with it,
//! even if they have left the group, as the children of tftpd-hpa do.

use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, kill_process_group,
    setrlimit, waitid,
};

use super::Result;

/// A started program with its descendants. Killed when dropped.
#[derive(Debug)]
pub struct Group {
    leader: Child,
}

/// The resources used by the processes of a group.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time. The kernel counts in ticks of 10 ms.
    pub cpu: Duration,
    /// Resident memory, in bytes. Memory that several processes share is counted for each.
    pub memory: u64,
}

/// The relevant fields of a process.
#[derive(Debug)]
struct Process {
    id: i32,
    parent: i32,
    group: i32,
    usage: Usage,
}

impl Group {
    /// Starts a program as the leader of a group.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        Ok(Self { leader: command.process_group(0).spawn()? })
    }

    /// Whether its first process has ended. It is not waited for, so its ID is not reused before the drop.
    pub fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.leader()), look), Ok(None))
    }

    /// The resources used so far by its processes, including those that have ended and were waited for.
    pub fn usage(&self) -> Result<Usage> {
        let sum = |total: Usage, one: Process| Usage {
            cpu: total.cpu + one.usage.cpu,
            memory: total.memory + one.usage.memory,
        };
        Ok(self.processes()?.into_iter().fold(Usage::default(), sum))
    }

    fn leader(&self) -> Pid {
        Pid::from_child(&self.leader)
    }

    /// The members of the group, and their descendants.
    fn processes(&self) -> Result<Vec<Process>> {
        let mut others = all()?;
        let leader = self.leader().as_raw_nonzero().get();
        let mut ours: Vec<_> = others.extract_if(.., |process| process.group == leader).collect();
        loop {
            let is_child = |process: &mut Process| ours.iter().any(|parent| parent.id == process.parent);
            let children: Vec<_> = others.extract_if(.., is_child).collect();
            if children.is_empty() {
                return Ok(ours);
            }
            ours.extend(children);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The processes are collected before the leader is waited for. Until then, no other process can have the
        // leader's ID, and its children can be found.
        let processes = self.processes().unwrap_or_default();
        let leader = self.leader();
        let _ = kill_process_group(leader, Signal::KILL);
        for process in processes.iter().filter(|process| process.group != leader.as_raw_nonzero().get()) {
            let _ = Pid::from_raw(process.id).map(|id| kill_process(id, Signal::KILL));
        }
        let _ = self.leader.wait();
    }
}

/// Every process on the machine.
fn all() -> Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        // Other entries have no such file, and a process may end at any moment.
        let stat = fs::read_to_string(entry?.path().join("stat"));
        processes.extend(stat.ok().as_deref().and_then(parse_stat));
    }
    Ok(processes)
}

/// The fields 1, 4, 5, 14 to 17 and 24 of `/proc/PID/stat` (proc(5)); those from 4 on are parsed after the
/// name, which may contain anything.
fn parse_stat(stat: &str) -> Option<Process> {
    let (id, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let id_at = |field: usize| fields.get(field - 3)?.parse().ok();
    let ticks = (14..=17).map(number).sum::<Option<u64>>()?;
    let cpu = Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64);
    let memory = number(24)? * page_size() as u64;
    Some(Process { id: id.parse().ok()?, parent: id_at(4)?, group: id_at(5)?, usage: Usage { cpu, memory } })
}

/// Raises the descriptor limit of this program and its children to the hard limit.
pub fn raise_descriptor_limit() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// How many descriptors this program may have open; `None` if unlimited.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
