//! The command line.

use std::time::Duration;

use lexopt::prelude::*;
use stack::Progress;

/// What to measure, and for how long.
pub struct Options {
    /// The only measurement, or all if absent.
    pub only: Option<Measurement>,
    /// Whether only to check that everything works.
    pub quick: bool,
    /// Whether the table goes into docs/performance.md.
    pub page: bool,
    /// The progress for a waiting person.
    pub progress: Progress,
}

impl Options {
    /// Parses the command line; nothing means help.
    ///
    /// # Errors
    ///
    /// An option is unknown.
    pub fn parse() -> Result<Option<Self>, lexopt::Error> {
        let (mut only, mut quick, mut page) = (None, false, false);
        // `cargo bench-all -- --quick` works as well: the cargo alias ends with two dashes already.
        let mut arguments =
            lexopt::Parser::from_args(std::env::args_os().skip(1).filter(|text| text != "--"));
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("only") => only = Some(arguments.value()?.parse_with(Measurement::parse)?),
                Long("quick") => quick = true,
                Long("page") => page = true,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        let progress = Progress::start();
        Ok(Some(Self {
            only,
            quick,
            page,
            progress,
        }))
    }

    /// Returns whether a measurement is selected.
    pub fn wants(&self, measurement: Measurement) -> bool {
        self.only.is_none_or(|only| only == measurement)
    }

    /// Returns how many turns each contender takes.
    pub fn turns(&self, full: usize) -> usize {
        if self.quick { 1 } else { full }
    }

    /// Returns how often a step is repeated within a turn.
    pub fn repeats(&self, full: usize) -> usize {
        if self.quick { (full / 50).max(2) } else { full }
    }

    /// Returns the shortest CPU time of a turn.
    pub fn turn_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 20 } else { 400 })
    }

    /// Reports progress to a waiting person.
    pub fn say(&self, what: &str) {
        self.progress.say(what);
    }
}

/// A group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// The decryption of one item.
    Decrypt,
    /// The webhook: start, memory, size, work.
    Webhook,
    /// The decryption function.
    Decryption,
    /// The renewal function.
    Renewal,
    /// Renewal and the reader, compared with Graph's limits.
    Limits,
    /// From the POST to the event.
    EndToEnd,
    /// The price of a million notifications.
    Cost,
    /// The instructions of a POST.
    Instructions,
}

impl Measurement {
    fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "decrypt" => Ok(Self::Decrypt),
            "webhook" => Ok(Self::Webhook),
            "decryption" => Ok(Self::Decryption),
            "renewal" => Ok(Self::Renewal),
            "limits" => Ok(Self::Limits),
            "end-to-end" => Ok(Self::EndToEnd),
            "cost" => Ok(Self::Cost),
            "instructions" => Ok(Self::Instructions),
            _ => Err(
                "expected decrypt, webhook, decryption, end-to-end, renewal, limits, cost or instructions",
            ),
        }
    }
}

/// The output of `--help`.
pub const HELP: &str = "\
Measures the functions, built as they are deployed, side by side with what else one could deploy.

Usage: cargo bench-all [OPTIONS]

      --only NAME   one of: decrypt     one item, against OpenSSL, Python, Node.js and the rsa crate
                            webhook     start, memory, size and work, against Python and Node.js
                            decryption  batches of items through the function
                            end-to-end  from the POST to the event, with queues in memory
                            renewal     many subscriptions, against the simulator
                            limits      renewal in virtual time, against what Graph's limits force
                            cost        of a million notifications, at list prices
                            instructions  of a POST, by valgrind; not part of a whole run
      --quick       check that everything works and compares right; the figures mean nothing
      --page        put the table into docs/performance.md; only after a whole run
  -h, --help        this text

Prints a table and writes it to target/bench/table.md and target/bench/results.json. Needs OpenSSL and Python 3 with venv;
without Node.js its rows are left out. The first run builds the functions as they are deployed, which takes ten minutes;
--quick takes them as the tests build them.
";
