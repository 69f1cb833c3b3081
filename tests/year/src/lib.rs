//! A year of renewal in virtual time: thousands of subscriptions in several tenants, a run every ten minutes, and every
//! fault that can occur.
//!
//! The year runs renewal's own [`renewal::handle`] with the real client of Graph, including its pauses, retries and
//! limits; only the network, Secrets Manager, the queues and the clock are replaced. Graph follows the simulator's
//! rules, with its throttling limits and with faults: 429, 503, requests without an answer, failed handshakes,
//! subscriptions that Graph removes with or without a notification, requests for reauthorization, lost lifecycle notifications, and an
//! outage of two hours. Runs are skipped, killed in the middle, and left without secrets, but never more than two in a
//! row.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a simulation that cannot continue stops"
)]

use std::{io::Write, time::Instant};

use graph_core::subscription::plan::Policy;
use graph_edge::{
    clock::Clock,
    testing::{FakeSecrets, VirtualClock},
};

use jiff::{SignedDuration, Timestamp};

pub use self::figures::Figures;
use self::{
    chance::Chance,
    faults::{Faults, RunFault},
    lifecycle::Lifecycle,
    microsoft::Microsoft,
    organisation::Organisation,
    people::People,
    process::Environment,
};

mod chance;
mod faults;
mod figures;
mod ledger;
mod lifecycle;
mod limits;
mod microsoft;
mod minimum_renewals;
mod missed;
mod organisation;
mod people;
mod process;
pub mod scenes;
mod state;
pub mod storm;
#[cfg(test)]
mod tests;
mod wrong_lists;

/// The size of a simulation.
#[derive(Clone, Debug)]
pub struct Scale {
    /// How many subscriptions there are, approximately.
    pub subscriptions: usize,
    /// How many tenants have them.
    pub tenants: usize,
    /// How many days pass.
    pub days: i64,
    /// How many times as often as in a usual year requests and runs fail, from 1 to 10.
    pub fault_rate: u64,
    /// Whether the configuration is as long as a secret allows.
    pub fills_document: bool,
    /// The seed of the random numbers.
    pub seed: u64,
    /// The policy of renewal.
    pub policy: Policy,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            subscriptions: 1_000,
            tenants: 20,
            days: 365,
            fault_rate: 1,
            fills_document: true,
            seed: 1,
            policy: Policy::default(),
        }
    }
}

/// Simulates the time and returns the figures. Progress is written to `progress` from time to time.
///
/// # Panics
///
/// Panics if the time is more than a few thousand years.
pub fn run(scale: &Scale, progress: &mut dyn Write) -> Figures {
    let begun = Instant::now();
    let mut chance = Chance::new(scale.seed);
    let organisation = Organisation::of(scale, &mut chance);
    let start: Timestamp = START.parse().expect("a time");
    let clock = VirtualClock::new(start);
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let outage = start + days(scale.days * 2 / 5) + SignedDuration::from_mins(7);
    let faults = Faults {
        outage: (outage, outage + SignedDuration::from_hours(2)),
        times: scale.fault_rate,
        calm: true,
        start,
        has_slow_tail: true,
    };
    let microsoft = Microsoft::new(clock.clone(), &organisation, faults, chance.clone());
    let secrets = FakeSecrets::default();
    secrets.secret("Config").set(organisation.config.to_string());
    let environment = Environment::new(clock.clone(), microsoft.clone(), secrets, scale.policy);
    let mut figures = Figures::new(&organisation, scale);
    let people = People::new(organisation, scale, start, chance.clone());
    clock.run(pass(
        scale,
        &environment,
        people,
        &mut chance,
        &mut figures,
        progress,
    ));
    figures.close(
        &microsoft,
        &environment.delivered_by_type(),
        &environment.windows(),
        clock.now(),
        begun.elapsed(),
    );
    figures
}

/// Starts a scheduled run every ten minutes, and sends Graph's lifecycle notifications in between.
async fn pass(
    scale: &Scale,
    environment: &Environment,
    mut people: People,
    chance: &mut Chance,
    figures: &mut Figures,
    progress: &mut dyn Write,
) {
    let Environment { clock, microsoft, .. } = environment;
    let start = clock.now();
    let mut process = environment.process();
    let mut lifecycle = Lifecycle::new(environment);
    let mut failed_in_a_row = 0;
    for number in 0..scale.days * 24 * 3600 / scale.policy.period.as_secs() {
        let moment = start + scale.policy.period * i32::try_from(number).expect("a few years");
        clock
            .sleep_until(
                moment + SignedDuration::from_millis(i64::try_from(chance.below(3_000)).expect("small")),
            )
            .await;
        people.run_due_actions(environment, &process, figures).await;
        let (fault, is_excused) = {
            let mut state = microsoft.state();
            state.faults.calm = failed_in_a_row >= 2 || number == 0;
            let now = clock.now();
            let is_excused =
                state.faults.is_out(now) || state.faults.is_locked(now) || state.wrong_lists.any(now);
            (state.faults.run_fault(chance), is_excused)
        };
        let renewed_before = microsoft.state().ledger.renewed;
        let scheduled = process.scheduled(fault, chance.between(1_000, 60_000));
        let events = lifecycle.period(moment + scale.policy.period, chance.clone());
        let (result, ()) = Box::pin(futures_util::future::join(scheduled, events)).await;
        if fault == RunFault::Killed {
            process = environment.process();
        }
        let is_complete = result.is_complete() || (is_excused && fault == RunFault::None);
        failed_in_a_row = if is_complete { 0 } else { failed_in_a_row + 1 };
        figures.run(
            fault,
            &result,
            microsoft.state().ledger.renewed - renewed_before,
            failed_in_a_row,
        );
        if number % 144 == 143 {
            let line = figures.progress((number + 1) / 144, scale.days);
            // A closed progress stream is not a failure.
            let _ = write!(progress, "\r{line}");
            let _ = progress.flush();
        }
    }
    let _ = writeln!(progress);
}

/// When the year begins.
const START: &str = "2027-01-01T00:00:00Z";
