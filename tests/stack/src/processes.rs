//! The functions as programs of this machine.

use std::fs;
use std::process::Command;

/// A program that runs a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    id: u32,
}

impl Process {
    /// Ends the program at once, whatever it is doing. Tells whether it was there.
    pub fn kill(self) -> bool {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s KILL \"$0\" 2>/dev/null", &self.id.to_string()]);
        kill.status().is_ok_and(|status| status.success())
    }

    /// Returns the program's id on this machine.
    #[must_use]
    pub fn id(self) -> u32 {
        self.id
    }

    /// Returns the memory that it occupies, in kilobytes, and the files that it has open, unless it has ended.
    #[must_use]
    pub fn figures(self) -> Option<(u64, usize)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let files = fs::read_dir(format!("/proc/{}/fd", self.id)).ok()?;
        Some((memory_in(&status)?, files.count()))
    }
}

/// Returns the resident memory in the text of a process's `status`, in kilobytes.
fn memory_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Returns the programs of a process group that run a function, by the function's name in AWS, in the order of their ids.
pub(crate) fn of(group: u32, function: &str) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<Process> = ids
        .filter(|id| is_in(*id, group) && runs(*id, function))
        .map(|id| Process { id })
        .collect();
    found.sort_unstable();
    found
}

fn is_in(id: u32, group: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    group_in(&stat) == Some(group)
}

/// Returns the process group in the text of a process's `stat`: the third number behind its name, which can hold anything.
fn group_in(stat: &str) -> Option<u32> {
    let (_, numbers) = stat.rsplit_once(')')?;
    numbers.split_whitespace().nth(2)?.parse().ok()
}

fn runs(id: u32, function: &str) -> bool {
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    let wanted = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    environment
        .split(|byte| *byte == 0)
        .any(|one| one == wanted.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    #[test]
    fn the_process_group_is_read_for_any_process_name() {
        assert_eq!(group_in("12 (a b) c) S 1 34 34 0"), Some(34));
        assert_eq!(group_in("12 (cut"), None);
        assert_eq!(
            memory_in("Name:\ta\nVmRSS:\t    7340 kB\nThreads:\t1\n"),
            Some(7_340)
        );
    }

    #[test]
    fn a_program_is_found_by_the_name_of_its_function_and_killed() {
        let mut sleep = Command::new("sleep");
        sleep
            .arg("1000")
            .env("AWS_LAMBDA_FUNCTION_NAME", "stack-test")
            .process_group(0);
        let mut child = sleep.spawn().unwrap();
        assert_eq!(of(child.id(), "another"), []);
        let found = of(child.id(), "stack-test");
        assert_eq!(found, [Process { id: child.id() }]);
        assert!(
            found[0]
                .figures()
                .is_some_and(|(memory, files)| memory > 0 && files > 0)
        );
        assert!(found[0].kill());
        assert!(!child.wait().unwrap().success());
        assert!(!found[0].kill());
    }
}
