//! Lines that tell a waiting person what is going on.

use std::io::Write;
use std::time::Instant;

/// Writes lines with the time since the start to standard error.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Says what is being done now.
    ///
    /// The line goes out even when the test harness captures output: a first set-up takes minutes.
    pub fn say(&self, what: &str) {
        let elapsed = self.started.elapsed().as_secs_f64();
        // A person who cannot be told is no reason to stop.
        let _ = writeln!(std::io::stderr(), "[{elapsed:6.1} s] {what}");
    }
}
