//! The kernel's figures of a process.

use std::{collections::BTreeMap, fs, time::Duration};

use crate::BoxError;

/// Returns the CPU time of all threads of a process. Threads that have ended are not counted; the contenders' threads
/// live as long as the process.
pub fn cpu_time(pid: u32) -> Result<Duration, BoxError> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the CPU time of the processes of a group, including ended threads, by program name. It is exact to a
/// hundredth of a second for each process.
pub fn cpu_time_of_group(group: u32) -> Result<BTreeMap<String, Duration>, BoxError> {
    let mut times: BTreeMap<String, Duration> = BTreeMap::new();
    for process in fs::read_dir("/proc")? {
        // Not a process, or one that has just ended.
        let Ok(stat) = fs::read_to_string(process?.path().join("stat")) else {
            continue;
        };
        let parts = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") "));
        let (program, fields) = parts.ok_or("the kernel does not say what a process is")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let field = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok());
        // proc_pid_stat(5): pgrp, utime and stime, counted from the state.
        let (of, user, system) = (field(2), field(11), field(12));
        if of == Some(group) {
            let ticks = user
                .zip(system)
                .ok_or("the kernel does not say what a process has used")?;
            *times.entry(program.to_owned()).or_default() += TICK * (ticks.0 + ticks.1);
        }
    }
    Ok(times)
}

/// The unit of the kernel's figures, whatever its own clock.
const TICK: Duration = Duration::from_millis(10);

/// Returns how many bytes of a process are in memory.
pub fn resident(pid: u32) -> Result<u64, BoxError> {
    kilobytes(pid, "VmRSS:")
}

/// Returns the most bytes of a process that were in memory.
pub fn peak(pid: u32) -> Result<u64, BoxError> {
    kilobytes(pid, "VmHWM:")
}

fn kilobytes(pid: u32, name: &str) -> Result<u64, BoxError> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number
        .ok_or("the kernel does not say how much memory a process uses")?
        .parse::<u64>()?
        * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt, process::Command, time::Instant};

    #[test]
    fn the_processes_of_a_group_are_distinguished_by_program() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat /dev/zero >/dev/null & sleep 1000; wait"]);
        let mut shell = shell.process_group(0).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut times = BTreeMap::new();
        while times.get("cat").is_none_or(|time| *time < TICK) && Instant::now() < deadline {
            times = cpu_time_of_group(shell.id()).unwrap();
        }
        let kill = format!("kill -s KILL -- -{}", shell.id());
        Command::new("sh").args(["-c", &kill]).status().unwrap();
        shell.wait().unwrap();
        assert!(times["cat"] >= TICK, "{times:?}");
        assert!(times["sleep"] < TICK, "{times:?}");
        assert!(!times.contains_key("bench"), "{times:?}");
    }
}
