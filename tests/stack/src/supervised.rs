//! A program that never outlives this process.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program, and the programs that it has started.
///
/// They form a process group below a shell that reads from a pipe. The pipe ends when this value is dropped, or when
/// this process ends in any way, including a panic, Ctrl-C and `kill -9`. Then the shell ends the group.
#[derive(Debug)]
pub struct Supervised {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts a program whose output goes to a file.
    ///
    /// # Errors
    ///
    /// There is no shell, or no process can be started.
    pub fn start(program: &Command, output: File) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "sh"])
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear();
        shell.envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        shell
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        let mut shell = shell.spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Returns the process group.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.shell.id()
    }

    /// Returns whether the program has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT * 2;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Ends the group when the pipe or the program ends, first with the polite signal.
///
/// A shell connects a background command to /dev/null, so the pipe needs a number of its own. The shell must survive
/// the polite signal to send the other one. This form of `kill` for a group works in dash, bash and busybox.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
trap '' TERM
{ cat <&3 >/dev/null; kill -s TERM -- "-$$"; sleep 3; kill -s KILL -- "-$$"; } &
wait "$program"
kill -s KILL -- "-$$"
"#;

/// How long the program may take to end politely; see the script.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_program_and_its_children_end_with_the_value() {
        let started = Instant::now();
        let (supervised, mut output) = start("sleep 1000 & echo started; wait");
        let mut first = [0; 8];
        output.read_exact(&mut first).unwrap();
        drop(supervised);
        // The pipe ends when the last process that writes to it has ended.
        output.read_to_end(&mut Vec::new()).unwrap();
        assert!(started.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn a_program_that_ignores_the_polite_signal_ends_too() {
        let (supervised, mut output) = start("trap '' TERM; echo started; while :; do sleep 1; done");
        let mut first = [0; 8];
        output.read_exact(&mut first).unwrap();
        drop(supervised);
        output.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed() {
        let (mut supervised, mut output) = start("exit 3");
        output.read_to_end(&mut Vec::new()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !supervised.has_ended() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(supervised.has_ended());
    }

    /// Starts a script, and returns the reading end of its output.
    fn start(script: &str) -> (Supervised, io::PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .env("PATH", std::env::var_os("PATH").unwrap());
        let output = File::from(std::os::fd::OwnedFd::from(writer));
        (Supervised::start(&command, output).unwrap(), reader)
    }
}
