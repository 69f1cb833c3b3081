//! The result of a run as text.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use stack::Calls;

use crate::growth::{Growth, largest};
use crate::options::Options;
use crate::verdict::{ChangeOutcome, Verdict};

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// The verdict.
    pub verdict: Verdict,
    /// Changes that were sent.
    pub sent: usize,
    /// How long that took.
    pub sending: Duration,
    /// How long it took until the last of them had arrived.
    pub whole: Duration,
    /// Calls to AWS.
    pub calls: Calls,
    /// Functions that were killed.
    pub killed: u32,
    /// Functions that were not running when they were to be killed.
    pub escaped: u32,
    /// Secrets that were looked for in the logs.
    pub secrets: usize,
    /// Bytes of logs that were looked through.
    pub logged: usize,
    /// How long changes took from Graph to a consumer, in the middle: those of the first quarter, and those of the last.
    pub latencies: [Duration; 2],
    /// What each program that ran for long occupied.
    pub growth: Vec<Growth>,
    /// The folder with the record of the run.
    pub record: io::Result<PathBuf>,
}

impl Report {
    /// Tells whether every promise was kept.
    pub fn is_kept(&self) -> bool {
        self.verdict.is_kept()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            options,
            verdict,
            calls,
            ..
        } = self;
        let (asked, sent) = (options.items, self.sent);
        writeln!(
            f,
            "changes sent             {sent} of {asked} in {:.0} s",
            self.sending.as_secs_f64()
        )?;
        for (outcome, words) in OUTCOMES {
            writeln!(
                f,
                "  {:7} {words}",
                verdict.outcomes.get(&outcome).copied().unwrap_or_default()
            )?;
        }
        writeln!(f, "events with a known id   {}", verdict.repeats)?;
        writeln!(f, "messages in FailedQueue")?;
        for (reason, count) in &verdict.reasons {
            writeln!(f, "  {count:7} {reason}")?;
        }
        let share = 100 * calls.struck / calls.all.max(1);
        writeln!(
            f,
            "calls to AWS             {}, {} of them failed or hung ({share} %)",
            calls.all, calls.struck
        )?;
        writeln!(
            f,
            "functions killed         {} of {}, {} were not running",
            self.killed, options.kills, self.escaped
        )?;
        writeln!(
            f,
            "secrets searched in logs {} in {} kB",
            self.secrets,
            self.logged / 1_000
        )?;
        writeln!(f, "from first to last       {:.0} s", self.whole.as_secs_f64())?;
        let [early, late] = self.latencies.map(|latency| latency.as_secs_f64());
        writeln!(
            f,
            "from Graph to consumer   {early:.1} s at first, {late:.1} s at the end"
        )?;
        writeln!(
            f,
            "programs that ran long   {}, of each function the one that grew most:",
            self.growth.len()
        )?;
        for growth in largest(&self.growth) {
            writeln!(f, "  {growth}")?;
        }
        match &self.record {
            Ok(folder) => writeln!(f, "logs and what happened   {}", folder.display())?,
            Err(error) => writeln!(f, "logs and what happened   could not be written: {error}")?,
        }
        if verdict.is_kept() {
            return writeln!(f, "\nEvery promise was kept.");
        }
        writeln!(f, "\n{} promises were broken:", verdict.breaches.len())?;
        for breach in verdict.breaches.iter().take(SHOWN) {
            writeln!(f, "  {breach}")?;
        }
        if verdict.breaches.len() > SHOWN {
            writeln!(f, "  ...")?;
        }
        let Options {
            items,
            faults,
            kills,
            seed,
            minutes,
            steady,
            upgrade,
        } = options;
        write!(
            f,
            "Again: cargo chaos --items {items} --faults {faults} --kills {kills} --seed {seed} --minutes {minutes}"
        )?;
        if *steady {
            write!(f, " --steady")?;
        }
        if let Some(release) = upgrade {
            write!(f, " --upgrade {}", release.display())?;
        }
        writeln!(f)
    }
}

/// The outcomes, in words.
const OUTCOMES: [(ChangeOutcome, &str); 9] = [
    (ChangeOutcome::Delivered, "delivered once by id"),
    (ChangeOutcome::Read, "read after a gap, and delivered once by id"),
    (ChangeOutcome::Unreadable, "unreadable, and in FailedQueue"),
    (ChangeOutcome::Failed, "in FailedQueue, for want of a signing key"),
    (ChangeOutcome::Reported, "in a reported gap that nobody can read"),
    (
        ChangeOutcome::NotRead,
        "in a reported gap that was not read this time",
    ),
    (ChangeOutcome::Rejected, "forged, and rejected"),
    (
        ChangeOutcome::NotSubscribed,
        "without a subscription, and nobody asked for one",
    ),
    (ChangeOutcome::Broken, "broken promises"),
];

/// How many broken promises are shown.
const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::verdict::Breach;

    #[test]
    fn a_run_without_a_breach_reports_kept_promises() {
        let text = report(Vec::new()).to_string();
        assert!(
            text.contains("changes sent             9 of 5000 in 3 s"),
            "{text}"
        );
        assert!(text.contains("9 delivered once by id"), "{text}");
        assert!(text.contains("20, 3 of them failed or hung (15 %)"), "{text}");
        assert!(text.contains("2 DecryptionFailed"), "{text}");
        assert!(text.ends_with("\nEvery promise was kept.\n"), "{text}");
    }

    #[test]
    fn every_breach_is_named_with_the_command_that_repeats_the_run() {
        let text = report(vec![Breach::SameId(1, 2), Breach::Lapsed("mail".to_owned())]).to_string();
        assert!(
            text.contains(
                "2 promises were broken:\n  same id: changes 1 and 2\n  lapsed: subscription mail\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("cargo chaos --items 5000 --faults 15 --kills 20 --seed 1 --minutes 15\n"),
            "{text}"
        );
    }

    #[test]
    fn a_verdict_is_shown_although_its_record_cannot_be_written() {
        let text = Report {
            record: Err(io::Error::other("the disk is full")),
            ..report(Vec::new())
        }
        .to_string();
        assert!(text.contains("could not be written: the disk is full"), "{text}");
        assert!(text.ends_with("\nEvery promise was kept.\n"), "{text}");
    }

    fn report(breaches: Vec<Breach>) -> Report {
        Report {
            options: Options::default(),
            verdict: Verdict {
                outcomes: BTreeMap::from([(ChangeOutcome::Delivered, 9)]),
                repeats: 1,
                reasons: BTreeMap::from([("DecryptionFailed".to_owned(), 2)]),
                breaches,
            },
            sent: 9,
            sending: Duration::from_secs(3),
            whole: Duration::from_secs(4),
            calls: Calls { all: 20, struck: 3 },
            killed: 19,
            escaped: 1,
            secrets: 5,
            logged: 9_000,
            latencies: [Duration::from_millis(400), Duration::from_millis(500)],
            growth: Vec::new(),
            record: Ok(PathBuf::from("target/chaos")),
        }
    }
}
