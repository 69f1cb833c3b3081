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

use std::time::Instant;

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
    figures::Run,
    lifecycle::Lifecycle,
    microsoft::Microsoft,
    organisation::Organisation,
    people::People,
    process::{Environment, RunResult},
    state::State,
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
mod wanted;
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

/// Simulates the time and returns the figures. `progress` is told of each day: its number, and a text.
///
/// # Panics
///
/// Panics if the time is more than a few thousand years.
pub fn run(scale: &Scale, progress: &mut dyn FnMut(i64, &str)) -> Figures {
    let begun = Instant::now();
    let mut chance = Chance::new(scale.seed);
    let organisation = Organisation::of(scale, &mut chance);
    let start: Timestamp = START.parse().expect("a time");
    let clock = VirtualClock::new(start);
    // A Wednesday, when credentials are accepted.
    let outage = start
        + SignedDuration::from_hours(24 * (scale.days * 2 / 5 / 7 * 7 + 2))
        + SignedDuration::from_mins(7);
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
    let mut people = People::new(organisation, scale, start, chance.clone());
    clock.run(pass(
        scale,
        &environment,
        &mut people,
        &mut chance,
        &mut figures,
        progress,
    ));
    let now = clock.now();
    people.compare(&microsoft.state(), now, &mut figures);
    figures.close(&environment, now, begun.elapsed());
    figures
}

/// Starts a scheduled run every ten minutes, and sends Graph's lifecycle notifications in between.
async fn pass(
    scale: &Scale,
    environment: &Environment,
    people: &mut People,
    chance: &mut Chance,
    figures: &mut Figures,
    progress: &mut dyn FnMut(i64, &str),
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
        let begun = clock.now();
        let (fault, weather) = {
            let mut state = microsoft.state();
            state.faults.calm = failed_in_a_row >= 2 || number == 0;
            (state.faults.run_fault(chance), Weather::of(&state, begun))
        };
        let renewed_before = microsoft.state().ledger.renewed;
        let kill_after = chance.between(1_000, 60_000);
        let scheduled = async {
            let result = process.scheduled(fault, kill_after).await;
            weather.note(begun, fault, &result, &mut microsoft.state());
            result
        };
        let events = lifecycle.period(moment + scale.policy.period, chance.clone());
        let (result, ()) = Box::pin(futures_util::future::join(scheduled, events)).await;
        if fault == RunFault::Killed {
            environment.note_killed(begun, result.took);
            process = environment.process();
        }
        let is_excused = fault == RunFault::None && (weather.is_pause || weather.has_wrong_list);
        let is_complete = result.is_complete() || is_excused;
        failed_in_a_row = if is_complete { 0 } else { failed_in_a_row + 1 };
        let state = microsoft.state();
        let disturbed_until = state.ledger.disturbed_until;
        figures.run(&Run {
            begun,
            fault,
            result: &result,
            renewed: state.ledger.renewed - renewed_before,
            failed_in_a_row,
            is_pause: weather.is_pause,
            is_calm: disturbed_until.is_none_or(|until| until <= begun),
        });
        if number % 144 == 143 {
            let day = (number + 1) / 144;
            progress(day, &figures.progress(day, scale.days));
        }
    }
}

/// What a run meets.
#[derive(Clone, Copy, Debug)]
struct Weather {
    is_pause: bool,
    has_wrong_list: bool,
}

impl Weather {
    fn of(state: &State, now: Timestamp) -> Self {
        Self {
            is_pause: state.faults.is_pause(now),
            has_wrong_list: state.wrong_lists.any(now),
        }
    }

    /// Notes a run that has ended.
    fn note(self, begun: Timestamp, fault: RunFault, result: &RunResult, state: &mut State) {
        if fault != RunFault::None || self.is_pause || self.has_wrong_list {
            state.ledger.disturb(begun);
        }
        if fault == RunFault::WithoutSecrets {
            // A refresh token that cannot be stored is stored with the next one, after an hour.
            state.ledger.disturb_for(begun, SignedDuration::from_mins(80));
        }
        if result.report.is_some() {
            // A wrong list is called a failure, though everything else is done.
            let is_complete =
                result.is_complete() || (fault == RunFault::None && self.has_wrong_list && !self.is_pause);
            state.ledger.reported(begun, is_complete, result.says_failed());
        }
    }
}

/// When the year begins: on a Monday, so that it does not end on a weekend.
const START: &str = "2027-01-04T00:00:00Z";
