//! The figures of a year, and the rules that they have to meet.

use std::{collections::BTreeMap, fmt, time::Duration};

use graph_core::read::Window;
use jiff::{SignedDuration, Timestamp};

use super::{
    Scale,
    faults::RunFault,
    ledger::{EndCause, Ledger},
    limits::Kind,
    microsoft::Microsoft,
    minimum_renewals::MinimumRenewals,
    missed::Missed,
    organisation::Organisation,
    process::RunResult,
    state::State,
};

/// The figures of a year.
#[derive(Debug)]
pub struct Figures {
    scale: Scale,
    wanted: usize,
    /// How many subscriptions are wanted while all tenants exist.
    most_wanted: usize,
    /// How often keys were replaced by hand, and how often tenants left.
    rotations: u64,
    departures: u64,
    runs: BTreeMap<RunFault, u64>,
    imperfect: u64,
    most_failed_in_a_row: u64,
    first_run: SignedDuration,
    longest_run: SignedDuration,
    busiest_run: u64,
    /// The rows of the table: name and figure.
    rows: Vec<(&'static str, String)>,
    broken: Vec<String>,
}

impl Figures {
    pub(super) fn new(organisation: &Organisation, scale: &Scale) -> Self {
        Self {
            scale: scale.clone(),
            wanted: organisation.subscriptions,
            most_wanted: organisation.subscriptions,
            rotations: 0,
            departures: 0,
            runs: BTreeMap::new(),
            imperfect: 0,
            most_failed_in_a_row: 0,
            first_run: SignedDuration::ZERO,
            longest_run: SignedDuration::ZERO,
            busiest_run: 0,
            rows: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Returns the rules that are broken.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// Notes how many subscriptions are wanted from now on.
    pub(super) fn set_wanted(&mut self, count: usize) {
        self.wanted = count;
    }

    /// Notes that a person replaced keys.
    pub(super) fn count_rotation(&mut self) {
        self.rotations += 1;
    }

    /// Notes that a tenant left.
    pub(super) fn count_departure(&mut self) {
        self.departures += 1;
    }

    /// Notes how many subscriptions a tenant has some time after its return.
    pub(super) fn check_returned_tenant(&mut self, tenant: usize, found: usize, wanted: usize) {
        self.check(found >= wanted, || {
            format!("tenant {tenant} has {found} of {wanted} subscriptions after it came back")
        });
    }

    /// Notes a scheduled run.
    pub(super) fn run(&mut self, fault: RunFault, result: &RunResult, renewed: u64, failed_in_a_row: u64) {
        if self.runs.is_empty() {
            self.first_run = result.took;
        } else {
            self.longest_run = self.longest_run.max(result.took);
        }
        *self.runs.entry(fault).or_default() += 1;
        self.imperfect += u64::from(fault == RunFault::None && !result.is_complete());
        self.most_failed_in_a_row = self.most_failed_in_a_row.max(failed_in_a_row);
        self.busiest_run = self.busiest_run.max(renewed);
    }

    /// Returns the progress as text.
    pub(super) fn progress(&self, day: i64, days: i64) -> String {
        let runs: u64 = self.runs.values().sum();
        format!("day {day} of {days}, {runs} runs")
    }

    /// Computes the final figures.
    pub(super) fn close(
        &mut self,
        microsoft: &Microsoft,
        delivered: &BTreeMap<String, u64>,
        windows: &[Window],
        now: Timestamp,
        took: Duration,
    ) {
        let state = microsoft.state();
        self.subscriptions(&state, now);
        self.gaps(&state, now);
        self.deletions(&state);
        self.limits(&state);
        self.calls(&state, now);
        self.row("events that reported gaps to consumers", sum(delivered));
        self.missed(&Missed::of(&state.ledger.unwatched, windows), windows.len());
        self.row("time that it took to simulate", format!("{} s", took.as_secs()));
    }

    fn subscriptions(&mut self, state: &State, now: Timestamp) {
        let live = state.live().count();
        let is_coming_back = self.wanted.saturating_sub(live + state.ledger.open.len());
        self.check(is_coming_back == 0 || state.faults.is_locked(now), || {
            format!("{live} subscriptions are alive at the end")
        });
        self.row("subscriptions", format!("{live} of {}", self.wanted));
        let days = self.scale.days;
        let runs: u64 = self.runs.values().sum();
        self.row("days, and runs of the schedule", format!("{days}, {runs}"));
        let of = |fault| self.runs.get(&fault).copied().unwrap_or_default();
        let lost = format!(
            "{}, {}, {}",
            of(RunFault::Skipped),
            of(RunFault::Killed),
            of(RunFault::WithoutSecrets)
        );
        self.row("runs that were skipped, killed, without secrets", lost);
        self.row("runs in which something failed", self.imperfect);
        self.row("longest sequence of such runs", self.most_failed_in_a_row);
        self.row("faults of Graph", sum(&state.ledger.faults));
        let minutes = |time: SignedDuration| format!("{:.1} min", time.as_secs_f64() / 60.0);
        self.row("first run, which creates everything", minutes(self.first_run));
        self.row("longest of the later runs", minutes(self.longest_run));
        self.row("most renewals in one run", self.busiest_run);
    }

    /// Checks that subscriptions lapsed only unavoidably, and that lost ones came back soon.
    fn gaps(&mut self, state: &State, now: Timestamp) {
        let pauses = state.faults.pauses(now);
        let mut excused = 0;
        for (resource, lifetime, end) in &state.ledger.lapses {
            if state.faults.excuses(*lifetime, *end) {
                excused += 1;
            } else {
                self.broken.push(format!("{resource} lapsed at {end}"));
            }
        }
        self.row(
            "lapsed in the outage (living a day) or a weekend (three days)",
            excused,
        );
        self.row("lapsed otherwise", state.ledger.lapses.len() - excused);
        let slowest = self.scale.policy.period * 3 + self.scale.policy.margin;
        for why in [EndCause::Removed, EndCause::Deleted] {
            let gaps = state.ledger.gaps.iter().filter(|(found, ..)| *found == why);
            let mut gaps: Vec<(SignedDuration, Timestamp)> =
                gaps.map(|(_, since, gap)| (*gap, *since)).collect();
            gaps.sort();
            for (gap, since) in &gaps {
                let most = longest(*since, *gap, &pauses) + slowest;
                self.check(*gap <= most, || {
                    format!(
                        "a subscription that was gone at {since} was back after {} min",
                        gap.as_mins()
                    )
                });
            }
            let median = gaps.get(gaps.len() / 2).map_or(0.0, |(gap, _)| gap.as_secs_f64());
            let longest = gaps.last().map_or(0.0, |(gap, _)| gap.as_secs_f64());
            let what = match why {
                EndCause::Removed => "removed by Graph; back after (median, longest)",
                EndCause::Deleted | EndCause::Lapsed => "replaced for a new key; gap (median, longest)",
            };
            let text = format!(
                "{}; {:.1} min, {:.1} min",
                gaps.len(),
                median / 60.0,
                longest / 60.0
            );
            self.row(what, text);
        }
        for (why, since) in state.ledger.open.values() {
            let gap = now.duration_since(*since);
            self.check(gap <= longest(*since, gap, &pauses) + slowest, || {
                format!("a subscription that is gone ({why:?}) since {since} is not back")
            });
        }
    }

    /// Checks that no wanted subscription was deleted, except once for each new client-state key.
    fn deletions(&mut self, state: &State) {
        let deleted = state
            .ledger
            .ended
            .get(&EndCause::Deleted)
            .copied()
            .unwrap_or_default();
        self.row(
            "keys replaced by hand; deleted for that",
            format!("{}; {deleted}", self.rotations),
        );
        let most = self.rotations * u64::try_from(self.most_wanted).unwrap_or(u64::MAX);
        self.check(deleted <= most, || {
            format!("{deleted} subscriptions were deleted, and a new key asks for {most} at most")
        });
        let (empty, half) = state.wrong_lists.counts;
        self.row(
            "lists that were wrong for days: empty, half",
            format!("{empty}, {half}"),
        );
        self.row("tenants that left and came back", self.departures);
    }

    fn limits(&mut self, state: &State) {
        for (kind, what) in [
            (Kind::List, "most list requests in 20 s (tenant of 25, all of 40)"),
            (Kind::Write, "most changes in 20 s (tenant of 500, all of 2000)"),
            (
                Kind::One,
                "most reads of one in 20 s (tenant of 500, all of 2000)",
            ),
        ] {
            let (in_tenant, in_all) = state.limits.most.get(&kind).copied().unwrap_or_default();
            self.row(what, format!("{in_tenant}, {in_all}"));
        }
        let broken = state.limits.broken;
        self.check(broken == 0, || {
            format!("{broken} requests came over Graph's limits")
        });
        self.reauthorizations(&state.ledger);
    }

    /// Checks that requests for reauthorization were answered soon, but not too soon.
    fn reauthorizations(&mut self, ledger: &Ledger) {
        let mut answers = ledger.answers.clone();
        answers.sort();
        let median = answers.get(answers.len() / 2).copied().unwrap_or_default();
        self.check(median <= self.scale.policy.period, || {
            format!(
                "half of the reauthorizations waited for {} min or longer",
                median.as_mins()
            )
        });
        let answered = u64::try_from(answers.len()).unwrap_or(u64::MAX);
        self.check(answered * 2 >= ledger.reauthorizations_sent, || {
            format!(
                "{answered} of {} reauthorizations were answered",
                ledger.reauthorizations_sent
            )
        });
        let text = format!(
            "{}; {}, {:.1} min",
            ledger.reauthorizations_sent,
            answers.len(),
            median.as_secs_f64() / 60.0
        );
        self.row("reauthorizations; answered by a renewal, after (median)", text);
        self.row(
            "renewals within 10 min of another, for a reauthorization",
            ledger.too_soon.len(),
        );
        for (resource, apart) in &ledger.too_soon {
            self.broken.push(format!(
                "{resource} was renewed for a reauthorization {} s after a renewal",
                apart.as_secs()
            ));
        }
    }

    fn calls(&mut self, state: &State, now: Timestamp) {
        let ledger = &state.ledger;
        let mut minimum = MinimumRenewals::default();
        for (subscription, age) in state.all(now) {
            minimum.add(subscription, age, &self.scale.policy);
        }
        for (what, count) in &ledger.requests {
            self.row(what, count);
        }
        let deleted = ledger.ended.get(&EndCause::Deleted).copied().unwrap_or_default();
        let changes = ledger.created + ledger.renewed + deleted;
        // A replacement for a new key is a deletion and a creation in place of one renewal.
        let demanded = ledger.created + u64::try_from(ledger.answers.len()).unwrap_or(u64::MAX);
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "shares of some millions"
        )]
        let ratio = |found: u64, least: f64| found as f64 / least;
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "some thousands"
        )]
        let minimum_changes = minimum.with_margin + demanded as f64;
        let share = ratio(changes, minimum_changes);
        self.row("renewals", ledger.renewed);
        self.row(
            "minimum of renewals without a margin",
            format!("{:.0}", minimum.without_margin),
        );
        self.row(
            "minimum of renewals with their margin",
            format!("{:.0}", minimum.with_margin),
        );
        self.row(
            "renewals over that",
            percent(ratio(ledger.renewed, minimum.with_margin)),
        );
        self.row("changes in all, carried out", changes);
        self.row(
            "minimum for those lifetimes, keys and lifecycle notifications",
            format!("{minimum_changes:.0}"),
        );
        self.row("changes over that", percent(share));
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "some millions")]
        let beyond = changes as f64 - minimum_changes;
        self.row("changes beyond the minimum", format!("{beyond:.0}"));
        self.check(share <= 1.10, || {
            format!("{} more changes than the minimum", percent(share))
        });
    }

    /// Checks that the reader reads what no notification reports, or that an event says that it is missing.
    fn missed(&mut self, missed: &Missed, windows: usize) {
        self.row(
            "changes without notification, at one a minute and resource",
            missed.all,
        );
        self.row(
            "windows for the reader; changes in them",
            format!("{windows}; {}", missed.read),
        );
        let rest = format!("{}; {}", missed.unreadable, missed.reported);
        self.row("not readable by time; before an incomplete window", rest);
        self.row("missed without a report", missed.silent.len());
        // Only the run that creates a subscription again knows of the gap: one that is killed before its report takes that along.
        let killed = self.runs.get(&RunFault::Killed).copied().unwrap_or_default();
        let most = killed * u64::try_from(self.scale.policy.period.as_mins()).unwrap_or_default();
        let silent = u64::try_from(missed.silent.len()).unwrap_or(u64::MAX);
        self.check(silent <= most, || {
            let first = missed.silent.first();
            format!(
                "{silent} changes are neither read nor reported, such as {first:?}; {killed} runs were killed"
            )
        });
    }

    fn check(&mut self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(message());
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "texts and numbers alike")]
    fn row(&mut self, what: &'static str, how_much: impl ToString) {
        self.rows.push((what, how_much.to_string()));
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, how_much) in &self.rows {
            writeln!(f, "{what:<64} {how_much}")?;
        }
        for broken in self.broken.iter().take(MAX_SHOWN) {
            writeln!(f, "BROKEN: {broken}")?;
        }
        if let Some(more) = self.broken.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
            writeln!(f, "and {more} more")?;
        }
        Ok(())
    }
}

/// Returns the time from the beginning of a gap until the end of the last pause in it. No run could close the gap in
/// this time.
fn longest(since: Timestamp, gap: SignedDuration, pauses: &[(Timestamp, Timestamp)]) -> SignedDuration {
    let within = pauses
        .iter()
        .filter(|(from, until)| since < *until && since + gap >= *from);
    let ends = within.map(|(_, until)| until.duration_since(since));
    ends.max().unwrap_or_default()
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", (share - 1.0) * 100.0)
}

fn sum<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    parts.join(", ")
}

/// How many broken rules are shown.
const MAX_SHOWN: usize = 20;
