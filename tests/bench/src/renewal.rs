//! The renewal function with many subscriptions, against the simulator.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    BoxError,
    artefacts::Artefacts,
    lambda::Function,
    options::Options,
    table::{Table, Unit},
    world::{TENANT, World},
};

/// Measures the run that creates all subscriptions, and a run that has nothing to do.
pub async fn measure(options: &Options, artefacts: &Artefacts, table: &mut Table) -> Result<(), BoxError> {
    let numbers: &[usize] = if options.quick {
        &[100]
    } else {
        &[100, 1_000, 10_000]
    };
    for &subscriptions in numbers {
        let forced = forced(subscriptions);
        options.say(&format!(
            "Renewal: {subscriptions} subscriptions; Graph's limits alone take {} s of it",
            forced.as_secs()
        ));
        let world = World::with_page_size(100).await?;
        let users: Vec<String> = (0..subscriptions)
            .map(|index| format!("{index:08x}-0000-4000-8000-000000000000"))
            .collect();
        world
            .simulator()
            .set_users(TENANT, &users.iter().map(String::as_str).collect::<Vec<_>>());
        world.configure(&json!({"mail": {
            "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"users": "all"}
        }}));
        let renewal = world.start_renewal(artefacts).await?;
        let mut first = Run::make(&renewal, &world).await?;
        // Renewal ends a run before AWS Lambda would, and the next run continues.
        while first.unfinished > 0 {
            options.say(&format!("Renewal: {} are left to another run", first.unfinished));
            first = first.and(&Run::make(&renewal, &world).await?);
        }
        let made = world.simulator().subscriptions().len();
        if made != subscriptions || first.failed > 0 {
            let failed = first.failed;
            return Err(
                format!("renewal makes {made} of {subscriptions} subscriptions, {failed} failed").into(),
            );
        }
        let what =
            format!("Renewal: making {subscriptions} subscriptions, time beyond what Graph's limits force");
        table.tell(
            &what,
            Unit::Time,
            first.time.saturating_sub(forced).as_secs_f64() * 1e6,
            &first.remark(forced),
        );
        let second = Run::make(&renewal, &world).await?;
        let what = format!("Renewal: a run over {subscriptions} subscriptions with nothing to do");
        table.tell(
            &what,
            Unit::Time,
            second.time.as_secs_f64() * 1e6,
            &second.remark(Duration::ZERO),
        );
    }
    Ok(())
}

/// The figures of one run, or of several in a row.
struct Run {
    failed: u64,
    unfinished: u64,
    calls: usize,
    time: Duration,
    cpu: Duration,
    peak: u64,
}

impl Run {
    async fn make(renewal: &Function, world: &World) -> Result<Self, BoxError> {
        let (calls, cpu, begun) = (
            world.simulator().requests().len(),
            renewal.cpu_time()?,
            Instant::now(),
        );
        let report = renewal.invoke("{}").await?;
        let report: Value = serde_json::from_str(&report)?;
        let count = |name: &str| report[name].as_u64().ok_or("a report without its counts");
        Ok(Self {
            failed: count("failed")?,
            unfinished: count("unfinished")?,
            time: begun.elapsed(),
            calls: world.simulator().requests().len() - calls,
            cpu: renewal.cpu_time()?.saturating_sub(cpu),
            peak: renewal.peak()?,
        })
    }

    /// Returns the sum of both.
    fn and(self, next: &Self) -> Self {
        Self {
            failed: self.failed + next.failed,
            unfinished: next.unfinished,
            calls: self.calls + next.calls,
            time: self.time + next.time,
            cpu: self.cpu + next.cpu,
            peak: self.peak.max(next.peak),
        }
    }

    fn remark(&self, forced: Duration) -> String {
        let forced = if forced.is_zero() {
            String::new()
        } else {
            format!("{} s forced, ", forced.as_secs())
        };
        format!(
            "{forced}{} calls, {:.2} s CPU, at most {} MiB of memory",
            self.calls,
            self.cpu.as_secs_f64(),
            self.peak / 1_048_576
        )
    }
}

/// Returns the time that Graph's limit of 500 changes in 20 seconds forces.
fn forced(subscriptions: usize) -> Duration {
    let windows = subscriptions.saturating_sub(1) / 500;
    Duration::from_secs(20) * u32::try_from(windows).unwrap_or(u32::MAX)
}
