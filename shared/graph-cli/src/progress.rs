//! Progress on standard error: one line that changes on a terminal, separate lines elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// A progress line. Dropping it clears the line on a terminal.
#[derive(Debug)]
pub struct Progress {
    what: String,
    begun: Instant,
    is_terminal: bool,
    said_at: Option<Instant>,
}

impl Progress {
    /// Starts the progress line.
    #[must_use]
    pub fn start(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            begun: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
            said_at: None,
        }
    }

    /// Shows the progress; the text is empty for work that is not counted.
    pub fn show(&mut self, state: &str) {
        let since = self.said_at.map(|at| at.elapsed());
        let pause = if self.is_terminal { EACH } else { EACH_IN_A_FILE };
        if since.is_some_and(|since| since < pause) || self.begun.elapsed() < MIN_SHOWN_TIME {
            return;
        }
        self.said_at = Some(Instant::now());
        let line = line(&self.what, state, self.begun.elapsed());
        let mut err = io::stderr().lock();
        let _ = if self.is_terminal {
            write!(err, "\r{CLEAR}{line}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{line}")
        };
    }

    /// Waits for `work`, and shows its state every second.
    pub async fn during<T>(&mut self, state: &dyn Fn() -> String, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(EACH, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.show(&state()),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal && self.said_at.is_some() {
            let _ = write!(io::stderr(), "\r{CLEAR}");
        }
    }
}

fn line(what: &str, state: &str, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if state.is_empty() {
        format!("{what}: {seconds} s")
    } else {
        format!("{what}: {state}, {seconds} s")
    }
}

/// Erases to the end of the line (ECMA-48, EL).
const CLEAR: &str = "\u{1b}[K";

/// Shorter work shows no progress.
const MIN_SHOWN_TIME: Duration = Duration::from_secs(2);
const EACH: Duration = Duration::from_secs(1);
const EACH_IN_A_FILE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_the_task_its_progress_and_its_duration() {
        let elapsed = Duration::from_millis(12_600);
        assert_eq!(
            line("Renewal is running", "", elapsed),
            "Renewal is running: 12 s"
        );
        assert_eq!(
            line("Moving messages", "20 of 90", elapsed),
            "Moving messages: 20 of 90, 12 s"
        );
    }
}
