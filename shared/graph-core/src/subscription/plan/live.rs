//! How many subscriptions of each tenant exist, compared with the day before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::{digest, digests};
use crate::subscription::catalogue;

/// How many subscriptions of each tenant existed at the last count, and at most on this day and the day before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct LiveCounts {
    /// The day of the last count, in days since 1970.
    day: i64,
    /// By the digest of the tenant's name: the counts, or the day since which nothing is known.
    of: BTreeMap<String, Result<Days, i64>>,
}

/// The stored counts. Tenants with the same counts share one key, so that hundreds fit into a parameter, which holds 4 kB.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    day: i64,
    /// The digests of the tenants by their counts, such as `12` or `12 14 14`, or by the day since which these are not known, such
    /// as `?20780`.
    of: BTreeMap<String, String>,
}

/// The counts of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Days {
    last: usize,
    most_today: usize,
    most_before: usize,
}

impl LiveCounts {
    /// Returns how many subscriptions of the tenant existed at the last count; nothing if that is not known.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Option<usize> {
        Some(self.of.get(&key(tenant))?.ok()?.last)
    }

    /// Returns whether the count of the tenant has not been known for so long that no subscription from before can live any more.
    #[must_use]
    pub fn is_outlived(&self, tenant: &str) -> bool {
        let Some(Err(since)) = self.of.get(&key(tenant)) else {
            return false;
        };
        // The first day may have begun earlier.
        let lifetime = i64::from(catalogue::longest_minutes().div_ceil(MINUTES_PER_DAY));
        self.day.saturating_sub(*since) > lifetime
    }

    /// Returns whether the tenant was never counted.
    #[must_use]
    pub fn is_new(&self, tenant: &str) -> bool {
        !self.of.contains_key(&key(tenant))
    }

    /// Forgets all tenants but these.
    pub fn forget_others<'t>(&mut self, tenants: impl Iterator<Item = &'t str>) {
        let tenants: BTreeSet<String> = tenants.map(key).collect();
        self.of.retain(|tenant, _| tenants.contains(tenant));
    }

    /// Begins a count at `now`.
    pub fn begin(&mut self, now: Timestamp) {
        let today = now.as_second().div_euclid(SECONDS_PER_DAY);
        let days = today.saturating_sub(self.day);
        self.day = today;
        for _ in 0..days.min(2) {
            for days in self.of.values_mut().flatten() {
                days.most_before = days.most_today;
                days.most_today = days.last;
            }
        }
    }

    /// Records that `live` subscriptions of the tenant exist.
    pub fn record(&mut self, tenant: &str, live: usize) {
        let before = self.of.get(&key(tenant)).copied();
        let mut days = before.and_then(Result::ok).unwrap_or_default();
        days.last = live;
        days.most_today = days.most_today.max(live);
        self.of.insert(key(tenant), Ok(days));
    }

    /// Records that nobody knows how many subscriptions of the tenant exist, unless an earlier count is known. Otherwise the
    /// next process would take it for a new tenant, of which nothing can be missing.
    pub fn record_unknown(&mut self, tenant: &str) {
        self.of.entry(key(tenant)).or_insert(Err(self.day));
    }

    /// Returns by how many percent `live` is below the most that the same tenants had on this day or the day before; 0 for
    /// a few.
    #[must_use]
    pub fn drop_percent(&self, live: &BTreeMap<String, usize>) -> i64 {
        let of = |tenant: &String| self.of.get(&key(tenant))?.ok();
        let most: usize = live.keys().filter_map(of).map(Days::most).sum();
        let lost = most.saturating_sub(live.values().sum());
        // A member who leaves a group of four, say. Of most subscriptions, few are many.
        if lost < A_FEW && lost * 2 <= most {
            return 0;
        }
        let percent = lost.saturating_mul(100).checked_div(most).unwrap_or_default();
        i64::try_from(percent).unwrap_or(100)
    }

    /// Forgets how many the tenant had before: a person has confirmed what was deleted.
    pub fn confirm(&mut self, tenant: &str) {
        if let Some(Ok(days)) = self.of.get_mut(&key(tenant)) {
            (days.most_today, days.most_before) = (days.last, days.last);
        }
    }
}

impl Days {
    fn most(self) -> usize {
        self.most_today.max(self.most_before)
    }
}

fn to_text(count: Result<Days, i64>) -> String {
    match count {
        // The rest says nothing then.
        Ok(days) if days.most() == days.last => days.last.to_string(),
        Ok(Days {
            last,
            most_today,
            most_before,
        }) => format!("{last} {most_today} {most_before}"),
        Err(day) => format!("{UNKNOWN}{day}"),
    }
}

fn from_text(text: &str) -> Result<Days, i64> {
    if let Some(day) = text.strip_prefix(UNKNOWN) {
        return Err(day.parse().unwrap_or(i64::MAX));
    }
    let mut numbers = text.split(' ').map_while(|text| text.parse().ok());
    let last = numbers.next().unwrap_or_default();
    Ok(Days {
        last,
        most_today: numbers.next().unwrap_or(last),
        most_before: numbers.next().unwrap_or(last),
    })
}

impl From<LiveCounts> for Written {
    fn from(counts: LiveCounts) -> Self {
        let mut of: BTreeMap<String, String> = BTreeMap::new();
        for (tenant, count) in counts.of {
            of.entry(to_text(count)).or_default().push_str(&tenant);
        }
        Self { day: counts.day, of }
    }
}

impl From<Written> for LiveCounts {
    fn from(written: Written) -> Self {
        let of_same = |(key, tenants): (&String, &String)| {
            let count = from_text(key);
            digests(tenants, DIGEST)
                .map(move |tenant| (tenant, count))
                .collect::<Vec<_>>()
        };
        Self {
            day: written.day,
            of: written.of.iter().flat_map(of_same).collect(),
        }
    }
}

fn key(tenant: &str) -> String {
    digest(tenant, DIGEST)
}

/// How many characters of a digest stand for a tenant. Hundreds of tenants have different ones.
const DIGEST: usize = 6;

/// How many lost subscriptions are not worth an alarm, as for the brake.
const A_FEW: usize = 5;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

const MINUTES_PER_DAY: u32 = 24 * 60;

/// Stands before the day since which a count is not known.
const UNKNOWN: char = '?';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_loss_adds_up_over_a_day() {
        let mut counts = LiveCounts::default();
        for (hour, live, percent) in [
            (0, 100, 0),
            (5, 90, 10),
            (20, 80, 20),
            (30, 70, 30),
            (49, 70, 12),
            (73, 70, 0),
        ] {
            assert_eq!(observe(&mut counts, hour, &[("a", live)]), percent, "hour {hour}");
        }
    }

    #[test]
    fn a_new_process_continues_the_count() {
        let mut counts = LiveCounts::default();
        observe(&mut counts, 0, &[("a", 100), ("b", 10)]);
        observe(&mut counts, 1, &[("a", 90), ("b", 10)]);
        let text = serde_json::to_string(&counts).unwrap();
        assert!(text.len() < 70, "{text}");
        let mut counts: LiveCounts = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (counts.of("a"), counts.of("b"), counts.of("c")),
            (Some(90), Some(10), None)
        );
        assert_eq!(observe(&mut counts, 2, &[("a", 56), ("b", 10)]), 40);
    }

    #[test]
    fn an_unknown_tenant_is_not_new_to_the_next_process() {
        let mut counts = LiveCounts::default();
        observe(&mut counts, 0, &[("a", 100)]);
        for tenant in ["a", "b"] {
            counts.record_unknown(tenant);
        }
        let text = serde_json::to_string(&counts).unwrap();
        let counts: LiveCounts = serde_json::from_str(&text).unwrap();
        for (tenant, live, is_new) in [("a", Some(100), false), ("b", None, false), ("c", None, true)] {
            assert_eq!(
                (counts.of(tenant), counts.is_new(tenant)),
                (live, is_new),
                "{tenant}"
            );
        }
    }

    #[test]
    fn an_unknown_tenant_is_outlived_after_the_longest_lifetime() {
        let mut counts = LiveCounts::default();
        observe(&mut counts, 0, &[("b", 100)]);
        for tenant in ["a", "b"] {
            counts.record_unknown(tenant);
        }
        for (day, is_outlived) in [(1, false), (30, false), (31, true), (40, true)] {
            let text = serde_json::to_string(&counts).unwrap();
            counts = serde_json::from_str(&text).unwrap();
            observe(&mut counts, day * 24, &[]);
            counts.record_unknown("a");
            assert_eq!(counts.is_outlived("a"), is_outlived, "day {day}");
            assert!(!counts.is_outlived("b") && !counts.is_outlived("new"));
        }
        counts.record("a", 1);
        assert!(!counts.is_outlived("a"));
    }

    /// Otherwise a tenant that cannot be listed looks as if it had lost everything.
    #[test]
    fn a_drop_is_one_of_the_tenants_at_hand() {
        let mut counts = LiveCounts::default();
        observe(&mut counts, 0, &[("a", 100), ("b", 100)]);
        assert_eq!(observe(&mut counts, 1, &[("a", 100)]), 0);
        assert_eq!(observe(&mut counts, 2, &[("a", 50)]), 50);
        assert_eq!(observe(&mut counts, 3, &[("a", 100), ("b", 100), ("new", 7)]), 0);
    }

    #[test]
    fn a_few_are_a_drop_only_if_they_are_most() {
        for (before, live, percent) in [
            (10, 6, 0),
            (10, 5, 50),
            (4, 3, 0),
            (4, 2, 0),
            (4, 1, 75),
            (1, 0, 100),
            (0, 0, 0),
        ] {
            let mut counts = LiveCounts::default();
            observe(&mut counts, 0, &[("a", before)]);
            assert_eq!(
                observe(&mut counts, 1, &[("a", live)]),
                percent,
                "{before} to {live}"
            );
        }
    }

    #[test]
    fn a_confirmed_deletion_is_a_drop_once() {
        let mut counts = LiveCounts::default();
        observe(&mut counts, 0, &[("a", 100)]);
        assert_eq!(observe(&mut counts, 1, &[("a", 10)]), 90);
        counts.confirm("a");
        assert_eq!(observe(&mut counts, 2, &[("a", 10)]), 0);
    }

    fn observe(counts: &mut LiveCounts, hour: i64, live: &[(&str, usize)]) -> i64 {
        let now = Timestamp::from_second(1_800_000_000 / SECONDS_PER_DAY * SECONDS_PER_DAY + hour * 3600);
        counts.begin(now.unwrap());
        counts.forget_others(["a", "b", "new"].into_iter());
        for (tenant, live) in live {
            counts.record(tenant, *live);
        }
        let live = live.iter().map(|(tenant, live)| ((*tenant).to_owned(), *live));
        counts.drop_percent(&live.collect())
    }
}
