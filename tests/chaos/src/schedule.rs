//! When each step of a plan is due.

use std::time::Duration;

use crate::plan::{Disturbance, Plan, Post, Step};

/// The steps by what carries them out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The POSTs, with how long after the first one each is due.
    pub posts: Vec<(Duration, Post)>,
    /// What goes wrong, with how many POSTs begin before it.
    pub disturbances: Vec<(usize, Disturbance)>,
    /// The upgrade, with the same. It waits for no disturbance: some take a minute, and it has to come amidst the changes.
    pub upgrades: Vec<(usize, Disturbance)>,
}

/// Sorts the steps, between which so much time is to pass.
pub fn schedule(plan: Plan, pace: Duration) -> Schedule {
    let mut schedule = Schedule::default();
    for (number, step) in (0..).zip(plan) {
        let begun = schedule.posts.len();
        match step {
            Step::Post(post) => schedule.posts.push((pace.saturating_mul(number), post)),
            Step::Disturb(Disturbance::Upgrade) => schedule.upgrades.push((begun, Disturbance::Upgrade)),
            Step::Disturb(one) => schedule.disturbances.push((begun, one)),
        }
    }
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::plan::plan;

    #[test]
    fn an_upgrade_does_not_wait_for_other_disturbances() {
        let options = Options {
            upgrade: Some("release".into()),
            ..Options::default()
        };
        let schedule = schedule(plan(&options), Duration::ZERO);
        let due = schedule.posts.len() / 3;
        assert_eq!(schedule.upgrades, [(due, Disturbance::Upgrade)]);
        let is_upgrade = |(_, one): &(usize, Disturbance)| *one == Disturbance::Upgrade;
        assert!(!schedule.disturbances.iter().any(is_upgrade));
    }
}
