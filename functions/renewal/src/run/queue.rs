//! The work list over all tenants: the most urgent step first, and tenants take turns.

use std::collections::VecDeque;

use graph_core::subscription::plan::{Step, Urgency};

/// The waiting steps, and how many steps are under way.
#[derive(Debug, Default)]
pub(super) struct WorkQueue {
    tenants: Vec<Waiting>,
    /// The tenant that is first among equally urgent ones.
    turn: usize,
}

/// The waiting steps of a tenant. Creations have a queue of their own: a failing handshake makes them slow, so they get
/// at most half of the seats while renewals wait.
#[derive(Debug, Default)]
struct Waiting {
    creations: VecDeque<Job>,
    others: VecDeque<Job>,
    under_way: usize,
    creations_under_way: usize,
}

/// A step that waits.
#[derive(Debug)]
pub(super) struct Job {
    /// How urgent the step is.
    pub(super) urgency: Urgency,
    /// The step to apply.
    pub(super) step: Step,
}

impl Job {
    /// Returns whether the step creates a subscription.
    pub(super) fn creates(&self) -> bool {
        self.step.action.creates()
    }
}

impl WorkQueue {
    /// Adds a tenant, whose number is how many were added before. Steps of equal urgency keep their order.
    pub(super) fn add(&mut self, mut jobs: Vec<Job>) {
        jobs.sort_by_key(|job| job.urgency);
        let (creations, others) = jobs.into_iter().partition(Job::creates);
        self.tenants.push(Waiting {
            creations,
            others,
            ..Waiting::default()
        });
    }

    /// Returns the next step to begin and the number of its tenant, if a seat is free.
    pub(super) fn next(&mut self) -> Option<(usize, Job)> {
        let sum = |of: fn(&Waiting) -> usize| self.tenants.iter().map(of).sum::<usize>();
        if sum(|waiting| waiting.under_way) >= SEATS {
            return None;
        }
        let renewals_wait = self.tenants.iter().any(Waiting::has_renewals);
        let may_create = !renewals_wait || sum(|waiting| waiting.creations_under_way) < SEATS / 2;
        let count = self.tenants.len();
        let turn = self.turn;
        // The tenant with the fewest steps under way wins among equals, so that a large tenant does not crowd out a
        // small one.
        let candidates = self.tenants.iter().enumerate().filter_map(|(number, waiting)| {
            let urgency = waiting.next_urgency(may_create)?;
            let distance = (number + count - turn % count.max(1)) % count.max(1);
            Some((urgency, waiting.under_way, distance, number))
        });
        let (.., number) = candidates.min()?;
        let job = self.tenants.get_mut(number)?.pop(may_create)?;
        self.turn = number + 1;
        Some((number, job))
    }

    /// Frees the seat of a finished step.
    pub(super) fn done(&mut self, number: usize, is_creation: bool) {
        if let Some(waiting) = self.tenants.get_mut(number) {
            waiting.under_way -= 1;
            waiting.creations_under_way -= usize::from(is_creation);
        }
    }
}

impl Waiting {
    fn has_renewals(&self) -> bool {
        self.others
            .front()
            .is_some_and(|job| job.urgency < Urgency::Unwanted)
    }

    /// Returns whether a creation may begin in this tenant.
    fn may_create(&self, may_create: bool) -> bool {
        let seats = if self.has_renewals() {
            SEATS_IN_TENANT / 2
        } else {
            SEATS_IN_TENANT
        };
        may_create && self.creations_under_way < seats
    }

    fn next_urgency(&self, may_create: bool) -> Option<Urgency> {
        if self.under_way >= SEATS_IN_TENANT {
            return None;
        }
        let creation = self.creations.front().filter(|_| self.may_create(may_create));
        let urgencies = creation.into_iter().chain(self.others.front());
        urgencies.map(|job| job.urgency).min()
    }

    fn pop(&mut self, may_create: bool) -> Option<Job> {
        let urgency = self.next_urgency(may_create)?;
        self.under_way += 1;
        // A renewal wins against an equally urgent creation: it is one call without a handshake.
        let is_other = self.others.front().is_some_and(|job| job.urgency == urgency);
        if is_other {
            return self.others.pop_front();
        }
        self.creations_under_way += 1;
        self.creations.pop_front()
    }
}

/// How many steps are under way at once.
const SEATS: usize = 96;

/// How many of them in one tenant: enough for Graph's limit of 25 changes a second (500 in 20 s). Creations of one second
/// on average, with their two handshakes, take 30 seats. A call that takes a minute keeps its seat: where that is one in a
/// hundred, they take 15 more, at times 25.
///
/// JSON batching (`$batch`, 20 requests in a call) is not used: it saves calls, and Graph limits changes.
const SEATS_IN_TENANT: usize = 64;

#[cfg(test)]
mod tests {
    use graph_core::subscription::plan::{Action, Reason};

    use super::*;

    #[test]
    fn renewals_get_half_of_the_slots_and_the_most_urgent_starts_first() {
        let mut queue = WorkQueue::default();
        let creations = (0..600).map(|_| job(Urgency::Missing, true));
        let renewals = (0..50).map(|_| job(Urgency::Due, false));
        queue.add(
            creations
                .chain(renewals)
                .chain([job(Urgency::Ending, false)])
                .collect(),
        );
        let begun: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(begun.len(), SEATS_IN_TENANT);
        assert_eq!(begun[0].1.urgency, Urgency::Ending);
        let creations = begun.iter().filter(|(_, job)| job.creates()).count();
        assert_eq!(creations, SEATS_IN_TENANT / 2);
    }

    #[test]
    fn tenants_take_turns_and_never_wait_for_each_other() {
        let mut queue = WorkQueue::default();
        for _ in 0..10 {
            queue.add((0..100).map(|_| job(Urgency::Missing, true)).collect());
        }
        let mut begun = [0; 10];
        while let Some((number, _)) = queue.next() {
            begun[number] += 1;
        }
        assert!(begun.iter().all(|count| (9..=10).contains(count)), "{begun:?}");
        queue.done(3, true);
        assert!(queue.next().is_some());
        assert!(queue.next().is_none(), "one seat was free");
    }

    #[test]
    fn tenants_without_a_seat_come_before_those_that_had_one() {
        let mut queue = WorkQueue::default();
        for _ in 0..2 * SEATS {
            queue.add((0..10).map(|_| job(Urgency::Missing, true)).collect());
        }
        let mut begun: Vec<usize> = std::iter::from_fn(|| queue.next())
            .map(|(number, _)| number)
            .collect();
        for index in 0..SEATS {
            queue.done(begun[index], true);
            begun.extend(queue.next().map(|(number, _)| number));
        }
        begun.sort_unstable();
        assert_eq!(begun, (0..2 * SEATS).collect::<Vec<_>>(), "each once");
    }

    #[test]
    fn tenants_with_slow_steps_do_not_crowd_out_one_with_quick_steps() {
        let mut queue = WorkQueue::default();
        for _ in 0..3 {
            queue.add((0..500).map(|_| job(Urgency::Due, false)).collect());
        }
        let mut quick = 0;
        while let Some((number, _)) = queue.next() {
            // Of the others, no step ends.
            if number == 2 {
                quick += 1;
                queue.done(number, false);
            }
        }
        assert_eq!(quick, 500);
    }

    #[test]
    fn creations_of_all_tenants_leave_half_of_the_seats_to_renewals() {
        let mut queue = WorkQueue::default();
        for _ in 0..2 {
            queue.add((0..100).map(|_| job(Urgency::Missing, true)).collect());
        }
        queue.add((0..100).map(|_| job(Urgency::Due, false)).collect());
        let begun: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        let creations = begun.iter().filter(|(_, job)| job.creates()).count();
        assert_eq!((begun.len(), creations), (SEATS, SEATS / 2));
    }

    #[test]
    fn deletions_come_last_over_all_tenants() {
        let mut queue = WorkQueue::default();
        queue.add(vec![job(Urgency::Unwanted, false)]);
        queue.add(vec![job(Urgency::Due, false), job(Urgency::Missing, true)]);
        let order: Vec<_> = std::iter::from_fn(|| queue.next())
            .map(|(_, job)| job.urgency)
            .collect();
        assert_eq!(order, [Urgency::Missing, Urgency::Due, Urgency::Unwanted]);
    }

    fn job(urgency: Urgency, creates: bool) -> Job {
        let id = "1".to_owned();
        let action = if creates {
            Action::Replace {
                id,
                creation: creation(),
            }
        } else {
            Action::Delete(id)
        };
        let step = Step {
            name: String::new(),
            action,
            reason: Reason::NoEntry,
            resource: None,
            change_type: None,
            expires_at: None,
            lifetime: None,
        };
        Job { urgency, step }
    }

    fn creation() -> graph_core::subscription::plan::Creation {
        use graph_core::subscription::{
            catalogue::Version,
            plan::{Creation, Desired},
        };
        Creation {
            desired: Desired {
                name: String::new(),
                resource: String::new(),
                change_type: String::new(),
                include_resource_data: false,
                query_options: None,
                lifetime: jiff::SignedDuration::ZERO,
                version: Version::V1,
                options: graph_core::subscription::config::EntryOptions::default(),
            },
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            notification_url: String::new(),
            lifecycle_url: String::new(),
            key_id: String::new(),
            certificate_id: None,
        }
    }
}
