//! Which windows were ordered because Graph missed notifications.
//!
//! Graph's event `missed` says no time, so hours are read for it. Whoever has a client state can send it at will. What all
//! processes remember here gives each subscription one full window an hour; the others begin where the last one ended.
//! What was ordered need not have been read, so a window that was shortened never counts as complete.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest;
use crate::{
    application::Application,
    read::{OVERLAP, Window},
};

/// The last windows of each subscription, by a digest of what the window is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaughtUp(BTreeMap<String, Ordered>);

/// What was ordered for a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, i64)", into = "(i64, i64, i64)")]
struct Ordered {
    /// The end of the last window, in minutes since 1970.
    until: i64,
    /// When the last full window was ordered, in minutes since 1970.
    full_at: i64,
    /// The end of the last full window, in seconds since 1970.
    full_until: i64,
}

impl CaughtUp {
    /// Returns the window that is ordered at `now`: all of it, or within an hour after a full one only what follows the last
    /// end, and a little before, because lists show some changes late. A message that SQS hands over again, as the function
    /// was killed, has the same window as before: two answers to one event must not differ.
    #[must_use]
    pub fn rest(&self, mut window: Window, now: Timestamp) -> Window {
        if let Some(until) = self.until(&window, now) {
            let after = until.saturating_sub(OVERLAP).unwrap_or(until);
            let from = window.from.max(after).min(window.until);
            // The reader may have given up what was ordered before.
            window.clipped |= from != window.from;
            window.from = from;
        }
        window
    }

    /// Returns the end of the last window, if a full one, and not this one, was ordered within the hour before `now`.
    fn until(&self, window: &Window, now: Timestamp) -> Option<Timestamp> {
        let last = self.0.get(&digest(window))?;
        if last.full_until == window.until.as_second() {
            return None;
        }
        let until = last.until.checked_mul(60)?;
        last.is_recent(now).then(|| Timestamp::from_second(until).ok())?
    }

    /// Adds a window that [`rest`](Self::rest) returned and that was ordered at `now`.
    pub fn add(&mut self, window: &Window, now: Timestamp) {
        self.0.retain(|_, last| last.is_recent(now));
        let ordered = Ordered::at(window.until, now);
        let last = self.0.entry(digest(window)).or_insert(ordered);
        last.until = ordered.until.max(last.until);
        self.limit();
    }

    /// Adds what another process stored.
    pub fn join(&mut self, other: &Self) {
        for (digest, ordered) in &other.0 {
            let last = self.0.entry(digest.clone()).or_insert(*ordered);
            last.until = ordered.until.max(last.until);
            if last.full_at < ordered.full_at {
                (last.full_at, last.full_until) = (ordered.full_at, ordered.full_until);
            }
        }
        self.limit();
    }

    /// Keeps only the latest: what is forgotten gets a full window again.
    fn limit(&mut self) {
        while self.0.len() > MAX_SUBSCRIPTIONS {
            let oldest = self.0.iter().min_by_key(|(_, last)| last.full_at);
            let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) else {
                return;
            };
            self.0.remove(&oldest);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ordered {
    fn at(until: Timestamp, now: Timestamp) -> Self {
        Self {
            // Rounded down: what is read twice does no harm.
            until: until.as_second().div_euclid(60),
            // Rounded up: the next full window is never earlier than an hour later.
            full_at: now.as_second().saturating_add(59).div_euclid(60),
            full_until: until.as_second(),
        }
    }

    fn is_recent(self, now: Timestamp) -> bool {
        now.as_second().div_euclid(60).saturating_sub(self.full_at) < FULL_EVERY
    }
}

/// The stored form: the end of the full window, and how many minutes later the others are.
impl From<(i64, i64, i64)> for Ordered {
    fn from((full_until, full_at, until): (i64, i64, i64)) -> Self {
        let base = full_until.div_euclid(60);
        Self {
            until: base.saturating_add(until),
            full_at: base.saturating_add(full_at),
            full_until,
        }
    }
}

impl From<Ordered> for (i64, i64, i64) {
    fn from(ordered: Ordered) -> Self {
        let base = ordered.full_until.div_euclid(60);
        let after = |minutes: i64| minutes.saturating_sub(base);
        (ordered.full_until, after(ordered.full_at), after(ordered.until))
    }
}

fn digest(window: &Window) -> String {
    let Application { tenant_id, client_id } = window.application;
    let text = format!(
        "{tenant_id} {client_id} {} {}",
        window.subscription, window.resource
    );
    digest::digest(&text, DIGEST)
}

/// After how many minutes a subscription gets a full window again.
const FULL_EVERY: i64 = 60;

/// How many characters of a digest are stored: two subscriptions must not be taken for one.
const DIGEST: usize = 8;

/// How many subscriptions are remembered: a kilobyte and a half of the four that the parameter holds.
const MAX_SUBSCRIPTIONS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{application::test_util::application, notification::client_state::Proven};
    use jiff::SignedDuration;

    #[test]
    fn an_hour_after_a_full_window_comes_another() {
        let mut caught_up = CaughtUp::default();
        let mut ordered = Vec::new();
        for minutes in [0, 30, 59, 60, 61, 119, 120] {
            let window = caught_up.rest(window("mail", "/users", minutes), at(minutes));
            caught_up.add(&window, at(minutes));
            ordered.push((minutes_of(window.from), minutes_of(window.until), window.clipped));
        }
        let expected = [
            (-360, 0, false),
            (-5, 30, true),
            (25, 59, true),
            (-300, 60, false),
            (55, 61, true),
            (56, 119, true),
            (-240, 120, false),
        ];
        assert_eq!(ordered, expected);
    }

    #[test]
    fn a_missed_that_arrives_late_is_not_complete() {
        let mut caught_up = CaughtUp::default();
        caught_up.add(&window("mail", "/users", 20), at(20));
        let rest = caught_up.rest(window("mail", "/users", 10), at(25));
        assert_eq!((rest.from, rest.until, rest.clipped), (at(10), at(10), true));
        caught_up.add(&rest, at(25));
        let rest = caught_up.rest(window("mail", "/users", 30), at(30));
        assert_eq!((rest.from, rest.clipped), (at(15), true), "the latest end counts");
    }

    #[test]
    fn a_message_that_comes_again_has_the_window_it_had() {
        let mut caught_up = CaughtUp::default();
        let full = window("mail", "/users", 0);
        caught_up.add(&full, at(1));
        let stored = serde_json::to_string(&caught_up).unwrap();
        let mut caught_up: CaughtUp = serde_json::from_str(&stored).unwrap();
        assert_eq!(caught_up.rest(full.clone(), at(31)), full);
        caught_up.add(&full, at(31));
        let rest = caught_up.rest(window("mail", "/users", 40), at(40));
        assert_eq!((rest.from, rest.clipped), (at(-5), true), "it is no other window");
    }

    #[test]
    fn a_window_that_begins_after_the_last_end_stays_complete() {
        let mut caught_up = CaughtUp::default();
        caught_up.add(&window("mail", "/users", 0), at(0));
        let mut young = window("mail", "/users", 30);
        young.from = at(10);
        assert_eq!(caught_up.rest(young.clone(), at(30)), young);
    }

    #[test]
    fn a_subscription_has_windows_of_its_own() {
        let mut caught_up = CaughtUp::default();
        caught_up.add(&window("mail", "/users", 0), at(0));
        for (name, resource) in [("mail", "/groups"), ("chat", "/users")] {
            let full = window(name, resource, 10);
            assert_eq!(caught_up.rest(full.clone(), at(10)), full);
        }
    }

    #[test]
    fn of_two_documents_the_later_times_are_kept() {
        let [mut one, mut other] = [CaughtUp::default(), CaughtUp::default()];
        one.add(&window("mail", "/users", 0), at(0));
        other.add(&window("mail", "/users", 30), at(30));
        other.add(&window("chat", "/users", 30), at(30));
        let mut joined = one.clone();
        joined.join(&other);
        assert_eq!(joined, other);
        other.join(&one);
        assert_eq!(joined, other);
    }

    #[test]
    fn of_many_subscriptions_the_latest_are_remembered() {
        let mut caught_up = CaughtUp::default();
        for number in 0..100 {
            let now = at(0) + SignedDuration::from_secs(number * 60 / 2);
            caught_up.add(&window(&format!("mail/{number}"), "/users", 0), now);
        }
        assert_eq!(caught_up.until(&window("mail/0", "/users", 1), at(50)), None);
        assert_eq!(
            caught_up.until(&window("mail/99", "/users", 1), at(50)),
            Some(at(0))
        );
        let text = serde_json::to_string(&caught_up).unwrap();
        assert!(text.len() < 1_536, "{}", text.len());
        caught_up.add(&window("mail", "/users", 0), at(1_000));
        assert_eq!(caught_up.0.len(), 1, "what is over is forgotten");
    }

    fn window(name: &str, resource: &str, minutes: i64) -> Window {
        let owner = Proven {
            application: application((
                "11111111-2222-3333-4444-555555555555",
                "66666666-7777-8888-9999-000000000000",
            )),
            subscription: name.to_owned(),
        };
        Window::without_gap(&owner, resource.to_owned(), at(minutes - 360), at(minutes))
    }

    fn at(minutes: i64) -> Timestamp {
        start() + SignedDuration::from_mins(minutes)
    }

    fn minutes_of(moment: Timestamp) -> i64 {
        moment.duration_since(start()).as_mins()
    }

    fn start() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }
}
