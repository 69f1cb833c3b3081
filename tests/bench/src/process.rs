//! The kernel's figures of a process.

use std::{fs, time::Duration};

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
