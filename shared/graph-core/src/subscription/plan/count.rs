//! How many subscriptions exist, are missing and are overdue.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Policy;
use crate::subscription::config::Entry;

/// The state of subscriptions that entries ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionCount {
    /// How many exist.
    pub live: usize,
    /// How many do not exist.
    pub missing: usize,
    /// How many are overdue.
    pub in_danger: usize,
    /// The expiry of the one that expires first.
    pub soonest: Option<Timestamp>,
    /// What is left of the most overdue one, in percent of its reserve.
    pub least: Option<i64>,
}

/// The last look at a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastLook {
    /// When Graph listed its subscriptions.
    pub at: Timestamp,
    /// How many existed.
    pub live: usize,
    /// The names of entries that had none.
    pub missing: BTreeSet<String>,
}

impl SubscriptionCount {
    /// Adds an existing subscription.
    pub fn add(
        &mut self,
        lifetime: Option<SignedDuration>,
        expires_at: Option<Timestamp>,
        policy: &Policy,
        now: Timestamp,
    ) {
        self.live += 1;
        let Some(expires_at) = expires_at else {
            return;
        };
        self.soonest = earlier(self.soonest, Some(expires_at));
        if let Some(lifetime) = lifetime {
            self.watch(policy.percent_left(lifetime, expires_at, now));
        }
    }

    /// Adds the subscriptions of another tenant.
    pub fn merge(&mut self, other: &Self) {
        self.live += other.live;
        self.missing += other.missing;
        self.in_danger += other.in_danger;
        self.soonest = earlier(self.soonest, other.soonest);
        self.least = earlier(self.least, other.least);
    }

    /// Returns the state at `now` of subscriptions that nobody has listed since `look`, as if each had been about to be
    /// renewed then. An entry with `forEach` counts as one.
    #[must_use]
    pub fn since<'e>(
        look: &LastLook,
        entries: impl Iterator<Item = &'e Entry>,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let policy = policy.of_many(look.live, look.live);
        let since = now.duration_since(look.at);
        let (mut count, mut alive, mut lapsed) = (Self::default(), 0, 0);
        for entry in entries {
            if look.missing.contains(&entry.name) {
                count.missing += 1;
                continue;
            }
            if look.live == 0 {
                continue;
            }
            let lifetime = SignedDuration::from_mins(i64::from(entry.minutes));
            // Renewed at the moment of the look, it has lapsed as well.
            if since >= lifetime {
                lapsed += 1;
                continue;
            }
            alive += 1;
            let due = look
                .at
                .saturating_add(policy.reserve(lifetime))
                .unwrap_or(look.at);
            count.watch(policy.percent_left(lifetime, due, now));
        }
        count.missing += lapsed;
        if alive > 0 {
            count.live = look.live.saturating_sub(lapsed).max(alive);
        }
        count
    }

    fn watch(&mut self, percent: i64) {
        self.in_danger += usize::from(percent < Policy::DANGER_PERCENT);
        self.least = earlier(self.least, Some(percent));
    }
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::config::Config;

    #[test]
    fn what_nobody_can_list_is_overdue_and_then_missing() {
        // Chat messages live for three days less ten minutes, of which all but eight hours are the reserve.
        for (hours, live, missing, in_danger) in [
            (0, 2, 1, 0),
            (31, 2, 1, 0),
            (33, 2, 1, 1),
            (71, 2, 1, 1),
            (72, 1, 2, 0),
        ] {
            let count = count(hours, &look(2, &["lost"]));
            let found = (count.live, count.missing, count.in_danger);
            assert_eq!(found, (live, missing, in_danger), "after {hours} h");
        }
        assert_eq!(count(1_000, &look(2, &["lost"])).live, 0);
    }

    #[test]
    fn where_nothing_existed_nothing_becomes_overdue() {
        let count = count(1_000, &look(0, &["lost"]));
        assert_eq!((count.live, count.missing, count.in_danger), (0, 1, 0));
    }

    fn count(hours: i64, look: &LastLook) -> SubscriptionCount {
        let entry = |resource: &str| serde_json::json!({"resource": resource, "changeType": "updated"});
        let config = serde_json::json!({
            "tenants": {"contoso": {
                "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
                "credential": {"clientSecret": "s"},
            }},
            "subscriptions": {"chats": entry("/chats/getAllMessages"), "lost": entry("/groups"), "users": entry("/users")},
        });
        let (config, problems) = Config::parse(&config.to_string()).unwrap();
        assert!(config.whole, "{problems:?}");
        let now = look.at + SignedDuration::from_hours(hours);
        SubscriptionCount::since(look, config.subscriptions.values(), &Policy::default(), now)
    }

    fn look(live: usize, missing: &[&str]) -> LastLook {
        LastLook {
            at: "2026-11-27T18:00:00Z".parse().unwrap(),
            live,
            missing: missing.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}
