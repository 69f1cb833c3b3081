//! The figures of a year, and the rules that they have to meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Scale,
    faults::RunFault,
    ledger::FAULTS,
    organisation::Organisation,
    process::{Environment, RunResult},
    state::State,
};

mod gaps;
mod graph;

/// The figures of a year.
#[derive(Debug)]
pub struct Figures {
    scale: Scale,
    wanted: usize,
    /// How many subscriptions are wanted while all tenants are here.
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
    /// How many runs nothing had disturbed for a while, and how many of them reported a failure.
    calm_runs: u64,
    false_alarms: u64,
    comparisons: u64,
    differences: usize,
    /// What happened while calls could succeed: the kinds of faults and actions.
    occurred: BTreeSet<&'static str>,
    /// The rows of the table: name and figure.
    rows: Vec<(&'static str, String)>,
    /// The rules: name, figure and goal.
    rules: Vec<(&'static str, String, &'static str)>,
    broken: Vec<String>,
}

/// A scheduled run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) begun: Timestamp,
    pub(super) fault: RunFault,
    pub(super) result: &'a RunResult,
    pub(super) renewed: u64,
    pub(super) failed_in_a_row: u64,
    /// Whether no call could succeed when it began.
    pub(super) is_pause: bool,
    /// Whether nothing had happened for a while that renewal may call a failure.
    pub(super) is_calm: bool,
}

impl Figures {
    pub(super) fn new(organisation: &Organisation, scale: &Scale) -> Self {
        let is_full = organisation.is_full();
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
            calm_runs: 0,
            false_alarms: 0,
            comparisons: 0,
            differences: 0,
            occurred: is_full.then_some(FULL_DOCUMENT).into_iter().collect(),
            rows: Vec::new(),
            rules: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// Returns the rules that are broken.
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// Returns the kinds of faults and actions that did not occur while calls could succeed.
    #[must_use]
    pub fn absent(&self) -> Vec<&'static str> {
        let kinds = FAULTS.iter().chain(&ACTIONS).copied();
        kinds.filter(|kind| !self.occurred.contains(kind)).collect()
    }

    /// Notes how many subscriptions the tenants that are here want.
    pub(super) fn set_wanted(&mut self, count: usize) {
        self.wanted = count;
    }

    /// Notes that a person replaced keys.
    pub(super) fn count_rotation(&mut self, is_pause: bool) {
        self.rotations += 1;
        if !is_pause {
            self.occurred.insert("a rotation by hand");
        }
    }

    /// Notes that a tenant left.
    pub(super) fn count_departure(&mut self) {
        self.departures += 1;
    }

    /// Notes that a tenant came back, and had time for its subscriptions.
    pub(super) fn count_return(&mut self) {
        self.occurred.insert("a tenant that left and came back");
    }

    /// Notes how the subscriptions differ from the wanted ones.
    pub(super) fn compared(&mut self, differences: Vec<String>, now: Timestamp) {
        self.comparisons += 1;
        self.differences += differences.len();
        let all = differences.into_iter();
        self.broken
            .extend(all.map(|difference| format!("{difference}, at {now}")));
    }

    /// Notes a scheduled run.
    pub(super) fn run(&mut self, run: &Run<'_>) {
        let Run { fault, result, .. } = *run;
        if self.runs.is_empty() {
            self.first_run = result.took;
        } else {
            self.longest_run = self.longest_run.max(result.took);
        }
        *self.runs.entry(fault).or_default() += 1;
        self.imperfect += u64::from(fault == RunFault::None && !result.is_complete());
        self.most_failed_in_a_row = self.most_failed_in_a_row.max(run.failed_in_a_row);
        self.busiest_run = self.busiest_run.max(run.renewed);
        if !run.is_pause {
            self.occurred.insert(match fault {
                RunFault::None => "a run without a fault",
                RunFault::Skipped => "a skipped run",
                RunFault::Killed => "a killed run",
                RunFault::WithoutSecrets => "a run without secrets",
            });
        } else if fault == RunFault::None && result.says_failed() {
            self.occurred.insert("a run that fails in a pause");
        }
        if run.is_calm {
            self.occurred.insert("a run that nothing disturbed");
            self.calm_runs += 1;
            let is_false = result.report.is_none() || result.says_failed();
            self.false_alarms += u64::from(is_false);
            self.check(!is_false, || {
                format!(
                    "nothing disturbed the run of {}, which says: {}",
                    run.begun,
                    result.failures()
                )
            });
        }
    }

    /// Returns the progress as text.
    pub(super) fn progress(&self, day: i64, days: i64) -> String {
        let runs: u64 = self.runs.values().sum();
        format!("day {day} of {days}, {runs} runs")
    }

    /// Computes the final figures.
    pub(super) fn close(&mut self, environment: &Environment, now: Timestamp, took: Duration) {
        let state = environment.microsoft.state();
        self.subscriptions(&state);
        self.gaps(&state, now);
        self.deletions(&state);
        self.limits(&state);
        self.calls(&state, now);
        self.row(
            "events that reported gaps to consumers",
            sum(&environment.delivered_by_type()),
        );
        self.missed(&state, &environment.told());
        self.occurrences(&state);
        self.row("time that it took to simulate", format!("{} s", took.as_secs()));
    }

    fn subscriptions(&mut self, state: &State) {
        let live = state.live().count();
        self.row("subscriptions", format!("{live} of {}", self.wanted));
        self.row(
            "comparisons with the wanted ones; differences",
            format!("{}; {}", self.comparisons, self.differences),
        );
        self.rule(
            "subscriptions missing, superfluous or twice",
            self.differences,
            "0",
        );
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
        self.row(
            "runs that nothing disturbed; with a failure",
            format!("{}; {}", self.calm_runs, self.false_alarms),
        );
        self.rule(
            "runs that nothing disturbed and that report a failure",
            self.false_alarms,
            "0",
        );
        self.row("faults of Graph", sum(&state.ledger.faults));
        let minutes = |time: SignedDuration| format!("{:.1} min", time.as_secs_f64() / 60.0);
        self.row("first run, which creates everything", minutes(self.first_run));
        self.row("longest of the later runs", minutes(self.longest_run));
        self.row("most renewals in one run", self.busiest_run);
    }

    /// Checks that a whole year had every kind of fault.
    fn occurrences(&mut self, state: &State) {
        self.occurred.extend(state.ledger.faults.keys());
        let (empty, half) = state.wrong_lists.counts;
        let (told, silent) = state.ledger.removed;
        for (what, has_occurred) in [
            ("an empty list", empty > 0),
            ("half a list", half > 0),
            ("a reauthorization", state.ledger.reauthorizations_sent > 0),
            ("a removal that Graph reports", told > 0),
            ("a removal that Graph does not report", silent > 0),
        ] {
            if has_occurred {
                self.occurred.insert(what);
            }
        }
        let absent = self.absent().join(", ");
        self.check(self.scale.days < WHOLE_YEAR || absent.is_empty(), || {
            format!("these did not occur: {absent}")
        });
        self.row("faults and actions that did not occur", absent);
    }

    fn check(&mut self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(message());
        }
    }

    /// Adds a row that has a goal.
    #[expect(clippy::needless_pass_by_value, reason = "texts and numbers alike")]
    fn rule(&mut self, what: &'static str, found: impl ToString, goal: &'static str) {
        self.rules.push((what, found.to_string(), goal));
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
        let Scale { days, seed, .. } = self.scale;
        let runs: u64 = self.runs.values().sum();
        let (wanted, tenants) = (self.most_wanted, self.scale.tenants);
        writeln!(
            f,
            "\n| {wanted} subscriptions in {tenants} tenants, {days} days, {runs} runs, seed {seed} | Found | Goal |"
        )?;
        writeln!(f, "|---|---|---|")?;
        for (what, found, goal) in &self.rules {
            writeln!(f, "| {what} | {found} | {goal} |")?;
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

/// How many days have every kind of fault, whatever the seed.
const WHOLE_YEAR: i64 = 300;

const FULL_DOCUMENT: &str = "a full document";

/// What has to occur beside the faults of Graph.
const ACTIONS: [&str; 14] = [
    FULL_DOCUMENT,
    "a rotation by hand",
    "a tenant that left and came back",
    "a run without a fault",
    "a skipped run",
    "a killed run",
    "a run without secrets",
    "a run that fails in a pause",
    "a run that nothing disturbed",
    "an empty list",
    "half a list",
    "a reauthorization",
    "a removal that Graph reports",
    "a removal that Graph does not report",
];
