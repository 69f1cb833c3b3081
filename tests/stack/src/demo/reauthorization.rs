//! A subscription whose reauthorization Graph requests, and its renewal.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::{Error, TIMEOUT};
use graph_simulator::{LifecycleEvent, Post, Simulator};

/// The result of a request for reauthorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reauthorization {
    name: &'static str,
    id: String,
    /// The expiry of the subscription before the request.
    before: Option<Timestamp>,
    /// The expiry now.
    after: Option<Timestamp>,
    /// How many PATCH requests arrived for it.
    patches: usize,
    milliseconds: u128,
}

/// Requests reauthorization of the subscription called `name`, and waits for its renewal.
///
/// The subscription is made an hour older first, because renewal does not renew a new one again.
pub(super) async fn reauthorize(
    simulator: &Simulator,
    name: &'static str,
    id: String,
) -> Result<Reauthorization, Error> {
    let is_there = simulator.age(&id, SignedDuration::from_hours(1));
    let path = format!("/v1.0/subscriptions/{id}");
    let (before, patched) = (end(simulator, &id), simulator.count("PATCH", &path));
    let started = Instant::now();
    let post = Post::new().lifecycle(&id, LifecycleEvent::ReauthorizationRequired);
    simulator.send(post).await?;
    while is_there && simulator.count("PATCH", &path) == patched && started.elapsed() < TIMEOUT {
        sleep(POLL_INTERVAL).await;
    }
    Ok(Reauthorization {
        milliseconds: started.elapsed().as_millis(),
        after: end(simulator, &id),
        patches: simulator.count("PATCH", &path) - patched,
        name,
        id,
        before,
    })
}

fn end(simulator: &Simulator, id: &str) -> Option<Timestamp> {
    let subscriptions = simulator.subscriptions();
    let one = subscriptions.iter().find(|one| one.id == id)?;
    Some(one.expires_at)
}

impl Reauthorization {
    /// Returns whether one PATCH has renewed the subscription.
    pub(super) fn is_right(&self) -> bool {
        self.patches == 1 && self.before.is_some() && self.after > self.before
    }

    /// Returns the result as text.
    pub(super) fn text(&self) -> String {
        let Self {
            name, id, patches, ..
        } = self;
        let verdict = if self.is_right() { "ok   " } else { "WRONG" };
        let shown = |end: Option<Timestamp>| {
            end.map_or("unknown".to_owned(), |end| {
                end.strftime("%m-%d %H:%M:%S").to_string()
            })
        };
        format!(
            "Graph asks for reauthorization and sends reauthorizationRequired:\n\
             {verdict}   {name}: {patches} PATCH of {id}\n        \
             after {} ms; its end was {} and is {}",
            self.milliseconds,
            shown(self.before),
            shown(self.after),
        )
    }
}

/// How often the simulator is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_renewal_is_right_and_anything_else_is_wrong() {
        let (ten, eleven) = ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z");
        assert!(reauthorization(Some(ten), Some(eleven), 1).is_right());
        for wrong in [
            reauthorization(Some(ten), Some(ten), 1),
            reauthorization(Some(eleven), Some(ten), 1),
            reauthorization(Some(ten), Some(eleven), 0),
            reauthorization(Some(ten), Some(eleven), 2),
            reauthorization(None, Some(eleven), 1),
            reauthorization(Some(ten), None, 1),
        ] {
            assert!(!wrong.is_right() && wrong.text().contains("WRONG"), "{wrong:?}");
        }
    }

    fn reauthorization(before: Option<&str>, after: Option<&str>, patches: usize) -> Reauthorization {
        let at = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Reauthorization {
            name: "mail",
            id: "id".to_owned(),
            before: at(before),
            after: at(after),
            patches,
            milliseconds: 1,
        }
    }
}
