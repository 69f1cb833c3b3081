//! Lapses, gaps and deletions, and what consumers miss by them.

use jiff::{SignedDuration, Timestamp};

use graph_core::subscription::plan::Policy;

use super::Figures;
use crate::{
    ledger::{EndCause, Lapse},
    missed::{Missed, Told},
    state::State,
};

impl Figures {
    /// Checks that subscriptions lapsed only unavoidably, and that lost ones came back soon.
    pub(super) fn gaps(&mut self, state: &State, now: Timestamp) {
        let pauses = state.faults.pauses(now);
        self.lapses(state, &pauses);
        let slowest = self.scale.policy.period * 3 + self.scale.policy.margin;
        for (why, what) in [
            (EndCause::Lapsed, "lapsed; back after (median, longest)"),
            (
                EndCause::Removed,
                "removed by Graph; back after (median, longest)",
            ),
            (EndCause::Deleted, "replaced for a new key; gap (median, longest)"),
        ] {
            let gaps = state.ledger.gaps.iter().filter(|(found, ..)| *found == why);
            let mut gaps: Vec<(SignedDuration, Timestamp)> =
                gaps.map(|(_, since, gap)| (*gap, *since)).collect();
            gaps.sort();
            for (gap, since) in &gaps {
                let most = longest(*since, *gap, &pauses) + slowest;
                self.check(*gap <= most, || {
                    format!(
                        "a subscription that was gone ({why:?}) at {since} was back after {} min",
                        gap.as_mins()
                    )
                });
            }
            let median = gaps.get(gaps.len() / 2).map_or(0.0, |(gap, _)| gap.as_secs_f64());
            let longest = gaps.last().map_or(0.0, |(gap, _)| gap.as_secs_f64());
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

    /// Checks that subscriptions lapsed only where no reserve could help, and that a report had said so before.
    fn lapses(&mut self, state: &State, pauses: &[(Timestamp, Timestamp)]) {
        let lapses = &state.ledger.lapses;
        let (mut avoidable, mut untold) = (0, 0);
        for lapse in lapses {
            let Lapse { resource, end, .. } = lapse;
            let is_avoidable = !is_unavoidable(lapse, &self.scale.policy, pauses);
            avoidable += usize::from(is_avoidable);
            self.check(!is_avoidable, || format!("{resource} lapsed at {end}"));
            untold += usize::from(!lapse.is_told);
            self.check(lapse.is_told, || {
                format!("{resource} lapsed at {end}, and the last report before said that nothing failed")
            });
        }
        let unavoidable = lapses.len() - avoidable;
        self.row("lapsed in a pause that outlasted their reserve", unavoidable);
        self.row("lapsed otherwise", avoidable);
        self.rule("lapses in a pause that outlasted the reserve", unavoidable, "");
        self.rule("other lapses", avoidable, "0");
        self.rule("lapses of which no report had told", untold, "0");
    }

    /// Checks that no wanted subscription was deleted but for a new client-state key.
    pub(super) fn deletions(&mut self, state: &State) {
        let deleted = state.ledger.ended.get(&EndCause::Deleted).copied();
        let text = format!("{}; {}", self.rotations, deleted.unwrap_or_default());
        self.row("keys replaced by hand; deleted for that", text);
        let wrong = state.ledger.wrong_deletions.len();
        self.rule("deletions of what should live", wrong, "0");
        for (resource, at) in &state.ledger.wrong_deletions {
            let message = format!("{resource} was deleted at {at}, though it had the current key");
            self.broken.push(message);
        }
        let (empty, half) = state.wrong_lists.counts;
        self.row(
            "lists that were wrong for days: empty, half",
            format!("{empty}, {half}"),
        );
        self.row("tenants that left and came back", self.departures);
    }

    /// Checks that the reader reads what no notification reports, or that an event says that it is missing.
    pub(super) fn missed(&mut self, state: &State, told: &Told) {
        let missed = Missed::of(&state.ledger.unwatched, told);
        self.row(
            "changes without notification, at one a minute and resource",
            missed.all,
        );
        self.row(
            "windows for the reader; changes in them",
            format!("{}; {}", told.windows.len(), missed.read),
        );
        let rest = format!("{}; {}", missed.unreadable, missed.reported);
        self.row("not readable by time; before an incomplete window", rest);
        // Only the run that creates a subscription again knows of the gap.
        self.row("missed because a run was killed before its report", missed.killed);
        self.row("missed without a report", missed.silent.len());
        self.rule(
            "changes missed because a run was killed before its report",
            missed.killed,
            "",
        );
        self.rule(
            "changes missed without a report otherwise",
            missed.silent.len(),
            "0",
        );
        self.check(missed.silent.is_empty(), || {
            let first = missed.silent.first();
            let silent = missed.silent.len();
            format!("{silent} changes are neither read nor reported, such as {first:?}")
        });
    }
}

/// Returns whether a subscription could not survive: because of a pause, no complete run came within its reserve. After the
/// pause, as many runs may fail as at other times.
fn is_unavoidable(lapse: &Lapse, policy: &Policy, pauses: &[(Timestamp, Timestamp)]) -> bool {
    let Lapse {
        end, last_complete, ..
    } = *lapse;
    let after = policy.period * 3 + policy.margin;
    let is_paused = |(from, until): &(Timestamp, Timestamp)| {
        *from < end && end <= *until + after && last_complete < *until
    };
    end.duration_since(last_complete) >= policy.reserve(lapse.lifetime) && pauses.iter().any(is_paused)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lapse_is_excused_if_a_pause_outlasted_its_reserve() {
        let pause = (at(100), at(300));
        // Reserves of 35 minutes, and of half a day and ten minutes.
        for (lifetime, last_complete, end, expected) in [
            (50, 95, 130, true),
            (50, 95, 129, false),
            (50, 110, 145, true),
            (50, 95, 335, true),
            (50, 95, 336, false),
            (50, 400, 440, false),
            (50, 60, 99, false),
            (1_430, 95, 290, false),
        ] {
            let lapse = Lapse {
                resource: String::new(),
                lifetime: SignedDuration::from_mins(lifetime),
                end: at(end),
                last_complete: at(last_complete),
                is_told: true,
            };
            let found = is_unavoidable(&lapse, &Policy::default(), &[pause]);
            assert_eq!(found, expected, "{lapse:?}");
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }
}
