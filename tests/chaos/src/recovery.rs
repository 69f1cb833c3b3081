//! The end of a run: nothing fails any more, renewal puts everything right, and the queues become empty.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stack::Function;
use tokio::time::sleep;

use crate::Error;
use crate::disturb::{self, age};
use crate::flaw::Flaw;
use crate::subject::Subject;
use crate::weather::Weather;
use crate::world::World;

/// Ends the faults, has renewal put everything right, and waits for what is still on its way. Every subscription is nearly over
/// then: otherwise a short run would not show whether renewal renews.
pub async fn recover(world: &World) -> Result<(), Error> {
    world.set_weather(Weather::Calm).await?;
    for subject in Subject::all() {
        age(world, subject);
    }
    cure(world).await;
    drain(world).await
}

/// Runs renewal until it has nothing to complain about, every subscription is as configured, and Graph has answered with each
/// fault: two of them wait for the second page of a list, and each listing meets only one.
async fn cure(world: &World) {
    let mut complaint = String::new();
    for _ in 0..RUNS {
        let event = json!({"confirmDeletions": true});
        let report = world.stack().invoke(Function::Renewal, &event).await;
        complaint = match report {
            Ok(report) if report.get("failed") != Some(&json!(0)) => {
                format!("renewal fails: {}", shortened(&report))
            }
            Err(error) => format!("renewal does not answer: {error}"),
            Ok(_) if is_cured(&world.flaws(), disturb::unmet_faults(world)) => return,
            // Each of them is a breach of its own.
            Ok(_) => String::new(),
        };
        sleep(Duration::from_secs(1)).await;
    }
    if !complaint.is_empty() {
        world.evidence.borrow_mut().uncured.push(complaint);
    }
}

/// Tells whether nothing is left for another run of renewal, given what is wrong and how many faults Graph has left.
fn is_cured(flaws: &[Flaw], unmet_faults: u64) -> bool {
    flaws.is_empty() && unmet_faults == 0
}

/// Waits until nothing is in a queue and nothing arrives any more.
async fn drain(world: &World) -> Result<(), Error> {
    let (mut last, mut since) = (usize::MAX, Instant::now());
    loop {
        let (full, arrived) = (full_queues(world).await?, arrived(world));
        if arrived != last {
            (last, since) = (arrived, Instant::now());
        } else if full.is_empty() && since.elapsed() > QUIET {
            return Ok(());
        } else if since.elapsed() > TIMEOUT {
            world.evidence.borrow_mut().uncured.extend(full);
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Returns which queues are not empty.
async fn full_queues(world: &World) -> Result<Vec<String>, Error> {
    let mut full = Vec::new();
    for queue in QUEUES {
        let held = world.stack().held(world.stack().resource(queue)?).await?;
        if held > 0 {
            full.push(format!("{held} messages are left in {queue}"));
        }
    }
    Ok(full)
}

fn arrived(world: &World) -> usize {
    let evidence = world.evidence.borrow();
    evidence.events.len() + evidence.gaps.len() + evidence.caught_up.len() + evidence.failures.len()
}

fn shortened(report: &Value) -> String {
    report.to_string().chars().take(300).collect()
}

/// The queues that functions and consumers empty.
const QUEUES: [&str; 5] = [
    "NotificationQueue",
    "LifecycleQueue",
    "ReadQueue",
    "DeliveryQueue",
    "FailedQueue",
];

/// Runs that renewal has for putting everything right when nothing fails any more.
const RUNS: usize = 10;

/// How long nothing arrives at the end.
const QUIET: Duration = Duration::from_secs(3);

/// How long nothing may arrive while a queue is not empty: longer than all tries of a notification, or some of a window.
const TIMEOUT: Duration = Duration::from_secs(150);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_runs_until_graph_has_no_fault_left() {
        let flaw = || vec![Flaw::Missing("mail/1".to_owned())];
        for (flaws, unmet_faults, expected) in [
            (vec![], 0, true),
            (vec![], 1, false),
            (flaw(), 0, false),
            (flaw(), 1, false),
        ] {
            assert_eq!(
                is_cured(&flaws, unmet_faults),
                expected,
                "{flaws:?}, {unmet_faults}"
            );
        }
    }
}
