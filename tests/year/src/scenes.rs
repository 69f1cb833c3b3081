//! Scenes: how close renewal comes to the time that Graph's limits force. In virtual time, without faults.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future;
use graph_edge::{
    clock::Clock,
    testing::{FakeSecrets, VirtualClock},
};
use graph_simulator::Registered;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    START, Scale,
    chance::Chance,
    faults::{Faults, RunFault},
    lifecycle::record,
    limits::Allowance,
    microsoft::Microsoft,
    organisation::Organisation,
    process::{Environment, Process},
};

/// The result of a scene.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The scene's description.
    pub what: String,
    /// How much time passed.
    pub took: SignedDuration,
    /// How much time Graph's limits force.
    pub forced: SignedDuration,
    /// How many runs or batches it took.
    pub runs: usize,
    /// How many runs one tenant was behind another.
    pub behind: usize,
    /// How many requests arrived.
    pub requests: u64,
    /// How many of them were over Graph's limits.
    pub over: usize,
    /// How long the machine worked, for renewal and for Graph.
    pub work: Duration,
    /// How many subscriptions exist at the end.
    pub live: usize,
}

impl Scene {
    /// Returns the ratio of the time it took to the forced time.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.took.as_secs_f64() / self.forced.as_secs_f64().max(1.0)
    }
}

/// The first run over `count` users of one tenant. With `is_slow`, one call in a hundred takes 55 s.
#[must_use]
pub fn creation(count: usize, is_slow: bool) -> Scene {
    let stage = Stage::of_one_tenant(count, is_slow);
    let tail = if is_slow {
        ", one call in a hundred takes 55 s"
    } else {
        ""
    };
    stage.measure(
        format!("{count} subscriptions are created{tail}"),
        forced(count),
        Stage::runs,
    )
}

/// A run over `count` subscriptions that has nothing to do.
#[must_use]
pub fn idle(count: usize) -> Scene {
    let stage = Stage::of_one_tenant(count, false);
    // The second run lists what the first one created.
    for _ in 0..2 {
        stage.runs();
        stage.environment.clock.advance(10);
    }
    stage.measure(
        format!("a run over {count} subscriptions with nothing to do"),
        SignedDuration::ZERO,
        Stage::runs,
    )
}

/// One request for reauthorization for each of `count` subscriptions within a minute, in batches for two processes as
/// in the template.
#[must_use]
pub fn reauthorizations(count: usize) -> Scene {
    let stage = Stage::of_one_tenant(count, false);
    stage.runs();
    stage.environment.clock.advance(60);
    stage.measure(
        format!("{count} reauthorizations are answered"),
        forced(count),
        Stage::answers,
    )
}

/// Two runs over `count` tenants with three entries each under one application: the first, and one with nothing to do.
#[must_use]
pub fn tenants(count: usize) -> [Scene; 2] {
    let stage = Stage::of_many_tenants(count);
    let lists = count.saturating_sub(1) / 40;
    let lists = SignedDuration::from_secs(20) * i32::try_from(lists).unwrap_or(i32::MAX);
    let first = stage.measure(
        format!("{count} tenants with three entries each, first run"),
        lists,
        Stage::runs,
    );
    stage.environment.clock.advance(10);
    let idle = stage.measure(
        format!("{count} tenants with three entries each, nothing to do"),
        lists,
        Stage::runs,
    );
    [first, idle]
}

/// Renewal over subscriptions of one tenant, with nothing to do but its first run.
pub(super) struct IdleRenewal(Stage);

impl IdleRenewal {
    /// Returns renewal of one tenant, whose requests count for `allowance`.
    pub(super) fn new(count: usize, allowance: Allowance) -> Self {
        let organisation = one_tenant(count);
        Self(Stage::with(&organisation, false, Some(allowance)))
    }

    pub(super) fn clock(&self) -> VirtualClock {
        self.0.environment.clock.clone()
    }

    /// Returns how long a run takes.
    pub(super) async fn run(&self) -> SignedDuration {
        let [process, _] = &self.0.processes;
        process.scheduled(RunFault::None, Duration::ZERO).await.took
    }
}

/// Graph, and the function.
struct Stage {
    environment: Environment,
    processes: [Process; 2],
    wanted: usize,
}

impl Stage {
    fn new(organisation: &Organisation, has_slow_tail: bool) -> Self {
        Self::with(organisation, has_slow_tail, None)
    }

    fn with(organisation: &Organisation, has_slow_tail: bool, allowance: Option<Allowance>) -> Self {
        let start: Timestamp = START.parse().expect("a time");
        let clock = VirtualClock::new(start);
        let faults = Faults {
            outage: (Timestamp::MIN, Timestamp::MIN),
            times: 1,
            calm: true,
            // A weekend without credentials never comes.
            start: start + SignedDuration::from_hours(24 * 365),
            has_slow_tail,
        };
        let microsoft = Microsoft::new(clock.clone(), organisation, faults, Chance::new(1));
        let microsoft = match allowance {
            Some(allowance) => microsoft.sharing(allowance),
            None => microsoft,
        };
        let secrets = FakeSecrets::default();
        secrets.secret("Config").set(organisation.config.to_string());
        let environment = Environment::new(clock, microsoft, secrets, Scale::default().policy);
        Self {
            processes: [environment.process(), environment.process()],
            environment,
            wanted: organisation.subscriptions,
        }
    }

    fn of_one_tenant(count: usize, has_slow_tail: bool) -> Self {
        Self::new(&one_tenant(count), has_slow_tail)
    }

    fn of_many_tenants(count: usize) -> Self {
        let mut chance = Chance::new(3);
        let application = json!({"clientId": chance.guid(), "credential": {"clientSecret": "secret"}});
        let mut tenants = json!({});
        for index in 0..count {
            tenants[format!("tenant{index}")] = json!({"tenantId": chance.guid(), "application": "main"});
        }
        let entry = |resource: &str| json!({"tenant": "*", "resource": resource, "changeType": "updated"});
        let organisation = Organisation {
            config: json!({
                "applications": {"main": application},
                "tenants": tenants,
                "subscriptions": {
                    "users": entry("/users"), "groups": entry("/groups"), "calls": entry("/communications/callRecords"),
                },
            }),
            directory: BTreeMap::new(),
            subscriptions: 3 * count,
            tenants: Vec::new(),
        };
        Self::new(&organisation, false)
    }

    /// Returns the result of a scene.
    fn measure(
        &self,
        what: String,
        forced: SignedDuration,
        scene: impl FnOnce(&Self) -> (usize, usize),
    ) -> Scene {
        let requests = || {
            self.environment
                .microsoft
                .state()
                .ledger
                .requests
                .values()
                .sum::<u64>()
        };
        let (begun, work, before) = (self.environment.clock.now(), Instant::now(), requests());
        let (runs, behind) = scene(self);
        let state = self.environment.microsoft.state();
        Scene {
            what,
            took: self.environment.clock.now().duration_since(begun),
            forced,
            runs,
            behind,
            requests: state.ledger.requests.values().sum::<u64>() - before,
            over: state.limits.broken,
            work: work.elapsed(),
            live: state.live().count(),
        }
    }

    /// Runs until every subscription is kept. Returns how many runs, and how many of them one tenant was behind another.
    fn runs(&self) -> (usize, usize) {
        let [process, _] = &self.processes;
        let mut complete: BTreeMap<String, usize> = BTreeMap::new();
        for run in 1..MAX_RUNS {
            let result = self
                .environment
                .clock
                .run(process.scheduled(RunFault::None, Duration::ZERO));
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            let state = self.environment.microsoft.state();
            for one in state.live() {
                *counts.entry(&one.tenant_id).or_default() += 1;
            }
            let tenants = counts.len();
            for (tenant, count) in counts {
                if count * tenants >= self.wanted {
                    complete.entry(tenant.to_owned()).or_insert(run);
                }
            }
            if result.is_complete() {
                let behind = complete.values().max().zip(complete.values().min());
                return (run, behind.map_or(0, |(last, first)| last - first));
            }
        }
        (MAX_RUNS, MAX_RUNS)
    }

    /// Answers a request for reauthorization of each subscription with two processes, and returns the number of batches.
    fn answers(&self) -> (usize, usize) {
        let live: Vec<Registered> = self.environment.microsoft.state().live().cloned().collect();
        let now = self.environment.clock.now();
        let records = live
            .iter()
            .zip(0..)
            .map(|(one, number)| record(number, "reauthorizationRequired", one, now));
        let records: Vec<Value> = records.collect();
        let batches = Mutex::new(records.chunks(500).collect::<Vec<_>>());
        let taken = Mutex::new(0);
        let work = async |process: &Process| {
            loop {
                let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(batch) = batch else { return };
                *taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                process.handle(json!({"Records": batch})).await;
            }
        };
        let [one, other] = &self.processes;
        self.environment.clock.run(future::join(work(one), work(other)));
        (taken.into_inner().unwrap_or_else(PoisonError::into_inner), 0)
    }
}

/// Returns an organisation of one tenant with so many users.
fn one_tenant(count: usize) -> Organisation {
    let mut chance = Chance::new(2);
    let tenant_id = chance.guid();
    let users = (0..count).map(|_| chance.guid()).collect();
    let config = json!({
        "tenants": {"contoso": {
            "tenantId": tenant_id, "clientId": chance.guid(), "credential": {"clientSecret": "secret"}
        }},
        "subscriptions": {"mail": {
            "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"users": "all"}
        }},
    });
    Organisation {
        config,
        directory: BTreeMap::from([((tenant_id, "users".to_owned()), users)]),
        subscriptions: count,
        tenants: Vec::new(),
    }
}

/// Returns the time that Graph's limit of 500 changes in 20 seconds forces.
fn forced(changes: usize) -> SignedDuration {
    let windows = changes.saturating_sub(1) / 500;
    SignedDuration::from_secs(20) * i32::try_from(windows).unwrap_or(i32::MAX)
}

/// The number of runs after which a scene ends without success.
const MAX_RUNS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_runs_and_reauthorizations_stay_close_to_graphs_limits() {
        // The last window, which is not forced, weighs more than with 10,000, and so do the 30 seconds for which two processes
        // wait until each has seen the other.
        for (scene, most) in [(creation(1_920, false), 1.3), (reauthorizations(1_920), 1.7)] {
            assert_eq!(scene.live, 1_920, "{scene:?}");
            assert!(scene.ratio() <= most, "{:.2}: {scene:?}", scene.ratio());
            assert_eq!(scene.over, 0, "{scene:?}");
        }
    }

    #[test]
    fn an_idle_run_takes_as_long_as_its_lists_and_renewals() {
        let scene = idle(1_000);
        assert!(scene.took <= SignedDuration::from_secs(8), "{scene:?}");
        assert!(scene.requests < 100, "{scene:?}");
    }

    #[test]
    fn no_tenant_is_later_than_another_by_more_than_a_run() {
        for scene in tenants(50) {
            println!("{scene:?} {}", scene.ratio());
            assert!(
                scene.behind <= 1 && scene.live == 150 && scene.over == 0,
                "{scene:?}"
            );
        }
    }
}
