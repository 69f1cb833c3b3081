//! When a key gives way to a newer one: client-state keys and encryption certificates alike.
//!
//! A new key is published first and used later, when everyone who has to know it does. From then on it is in use for
//! what is new, and subscriptions leave the older ones bit by bit. An older key stays readable until no subscription
//! names it, and then for as long as something can be under way that does.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::spread::hash;
use crate::secrets::{ClientStateKeyEntry, DecryptionKeyEntry, KeyLife};

/// How long keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a client-state key is used.
    pub client_state: SignedDuration,
    /// How long a certificate is used.
    pub certificate: SignedDuration,
}

impl Default for Rotation {
    /// 90 days for a key, which costs each subscription a replacement; a year for a certificate, which costs nothing.
    fn default() -> Self {
        Self {
            client_state: days(90),
            certificate: days(365),
        }
    }
}

/// What counts in the life of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life<'a> {
    /// The key's id.
    pub id: &'a str,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is used.
    pub use_from: Timestamp,
    /// What is noted about its end.
    pub noted: KeyLife,
}

impl<'a> From<&'a ClientStateKeyEntry> for Life<'a> {
    fn from(key: &'a ClientStateKeyEntry) -> Self {
        Self {
            id: &key.id,
            created_at: key.created_at,
            use_from: key.mint_from,
            noted: key.life,
        }
    }
}

impl<'a> From<&'a DecryptionKeyEntry> for Life<'a> {
    fn from(key: &'a DecryptionKeyEntry) -> Self {
        Self {
            id: &key.id,
            created_at: key.created_at,
            use_from: key.life.use_from.unwrap_or(key.created_at),
            noted: key.life,
        }
    }
}

/// Returns the key to use: the newest that may be used, or else the one that may be used first. Of two that are equally
/// new it is the later one in the document.
#[must_use]
pub fn current<'a>(keys: &[Life<'a>], now: Timestamp) -> Option<Life<'a>> {
    let usable = keys.iter().filter(|key| key.use_from <= now);
    usable
        .max_by_key(|key| key.use_from)
        .or_else(|| keys.iter().min_by_key(|key| key.use_from))
        .copied()
}

/// Returns whether a new key is to be made: because the newest is as old as `period`, or at once when `forced`. While a
/// new one waits for its time there is no need for another.
#[must_use]
pub fn is_due(keys: &[Life<'_>], period: SignedDuration, forced: bool, now: Timestamp) -> bool {
    let Some(newest) = keys.iter().max_by_key(|key| key.use_from) else {
        return false;
    };
    newest.use_from <= now && (forced || now.duration_since(newest.created_at) >= period)
}

/// The time in which subscriptions leave a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retiring {
    /// When the first may leave.
    pub from: Timestamp,
    /// When the last has to.
    pub by: Timestamp,
}

impl Retiring {
    /// Returns whether it is time for the subscription called `id`: each has a moment of its own, so that thousands do
    /// not leave together.
    #[must_use]
    pub fn is_up(&self, id: &str, now: Timestamp) -> bool {
        let seconds = self.by.duration_since(self.from).as_secs().max(0).unsigned_abs();
        let own = hash(id) % seconds.saturating_add(1);
        let own = i64::try_from(own).unwrap_or_default();
        now >= self
            .from
            .saturating_add(SignedDuration::from_secs(own))
            .unwrap_or(self.by)
    }
}

/// Returns the keys that subscriptions leave, by id: those older than the one in use.
#[must_use]
pub fn retiring(keys: &[Life<'_>], now: Timestamp) -> BTreeMap<String, Retiring> {
    let Some(current) = current(keys, now) else {
        return BTreeMap::new();
    };
    let older = keys
        .iter()
        .filter(|key| key.id != current.id && key.use_from <= current.use_from);
    older
        .map(|key| {
            let by = current.use_from.saturating_add(SPREAD).unwrap_or(now);
            let retiring = Retiring {
                from: current.use_from,
                by: key.noted.retire_by.map_or(by, |asked| asked.min(by)),
            };
            (key.id.to_owned(), retiring)
        })
        .collect()
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Stay,
    /// It stays, and is noted as named by no subscription from now on.
    Unnamed,
    /// It stays, and is named by a subscription after all.
    Named,
    /// It goes: nothing can name it any more.
    Remove,
}

/// Returns what becomes of a key that is older than the one in use, by whether a listed subscription names it.
#[must_use]
pub fn fate(noted: &KeyLife, is_named: bool, now: Timestamp) -> Fate {
    match (noted.unnamed_since, is_named) {
        (None, false) => Fate::Unnamed,
        (Some(_), true) => Fate::Named,
        (Some(since), false) if now.duration_since(since) >= RETENTION => Fate::Remove,
        (None, true) | (Some(_), false) => Fate::Stay,
    }
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

/// How long subscriptions take to leave a key that nobody is in a hurry about.
const SPREAD: SignedDuration = days(7);

/// How long something can be under way that names a key which no subscription has: Graph tries for four hours
/// (Microsoft Graph, *change notifications delivery*), and a queue keeps what it was sent for four days. The rest is for
/// clocks and for lists that lag behind.
const RETENTION: SignedDuration = SignedDuration::from_hours(4 * 24 + 4 + 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_key_that_may_be_used_is_in_use() {
        let keys = [key("a", 0), key("b", 10), key("c", 20)];
        for (now, expected) in [(0, "a"), (9, "a"), (10, "b"), (19, "b"), (20, "c"), (-5, "a")] {
            assert_eq!(current(&keys, at(now)).unwrap().id, expected, "{now}");
        }
        assert_eq!(current(&[], at(0)), None);
        assert_eq!(current(&[key("a", 0), key("b", 0)], at(0)).unwrap().id, "b");
    }

    #[test]
    fn a_new_key_is_due_when_the_newest_is_old_or_at_once_when_forced() {
        let old = |hours: i64| Life {
            created_at: at(-hours),
            use_from: at(-hours),
            ..key("a", 0)
        };
        let pending = Life {
            created_at: at(-1000),
            ..key("b", 1)
        };
        for (keys, forced, expected) in [
            (vec![], true, false),
            (vec![old(99)], false, false),
            (vec![old(100)], false, true),
            (vec![old(300), old(99)], false, false),
            (vec![old(1)], true, true),
            (vec![old(300), pending], false, false),
            (vec![old(300), pending], true, false),
        ] {
            let period = SignedDuration::from_hours(100);
            assert_eq!(
                is_due(&keys, period, forced, at(0)),
                expected,
                "{keys:?} {forced}"
            );
        }
    }

    #[test]
    fn subscriptions_leave_older_keys_within_a_week() {
        let keys = [key("a", 0), key("b", 10), key("c", 20)];
        assert_eq!(retiring(&keys, at(5)), BTreeMap::new());
        let leaving = retiring(&keys, at(12));
        assert_eq!(
            leaving.keys().collect::<Vec<_>>(),
            ["a"],
            "not those that are yet to come"
        );
        let a = leaving["a"];
        assert_eq!((a.from, a.by), (at(10), at(10 + 7 * 24)));
        let up = |hours: i64| (0..1000).filter(|id| a.is_up(&id.to_string(), at(hours))).count();
        assert_eq!((up(9), up(10 + 7 * 24)), (0, 1000));
        assert!((400..600).contains(&up(10 + 84)), "{}", up(10 + 84));
    }

    #[test]
    fn subscriptions_leave_at_once_where_a_person_asked_for_it() {
        let leaked = Life {
            noted: KeyLife {
                retire_by: Some(at(10)),
                ..KeyLife::default()
            },
            ..key("a", 0)
        };
        let leaving = retiring(&[leaked, key("b", 10)], at(10));
        assert!((0..100).all(|id| leaving["a"].is_up(&id.to_string(), at(10))));
        assert!(
            retiring(&[leaked, key("b", 10)], at(9)).is_empty(),
            "the new one is not in use yet"
        );
    }

    #[test]
    fn a_key_goes_four_days_and_a_retry_window_after_nothing_names_it() {
        let since = KeyLife {
            unnamed_since: Some(at(0)),
            ..KeyLife::default()
        };
        for (noted, is_named, now, expected) in [
            (KeyLife::default(), true, 0, Fate::Stay),
            (KeyLife::default(), false, 0, Fate::Unnamed),
            (since, true, 1000, Fate::Named),
            (since, false, 100, Fate::Stay),
            (since, false, 103, Fate::Stay),
            (since, false, 104, Fate::Remove),
        ] {
            assert_eq!(
                fate(&noted, is_named, at(now)),
                expected,
                "{noted:?} {is_named} {now}"
            );
        }
    }

    fn key(id: &str, use_from: i64) -> Life<'_> {
        Life {
            id,
            created_at: at(use_from),
            use_from: at(use_from),
            noted: KeyLife::default(),
        }
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }
}
