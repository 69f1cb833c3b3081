//! Until when the changes of subscriptions are read because Graph missed notifications.
//!
//! Graph's event `missed` says no time, so hours are read for it. Whoever has a client state can send it at will. What all
//! processes remember here lets the next window begin where the last one of its subscription ended: no moment is read twice.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    application::Application,
    read::{OVERLAP, Window},
};

/// The end of the last window of each subscription, in minutes since 1970, by a digest of what the window is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaughtUp(BTreeMap<String, i64>);

impl CaughtUp {
    /// Returns the window without what was read before, but for a little: lists show some changes late.
    #[must_use]
    pub fn rest(&self, mut window: Window) -> Window {
        if let Some(until) = self.until(&window) {
            let after = until.saturating_sub(OVERLAP).unwrap_or(until);
            window.from = window.from.max(after).min(window.until);
        }
        window
    }

    fn until(&self, window: &Window) -> Option<Timestamp> {
        let minutes = self.0.get(&digest(window))?;
        Timestamp::from_second(minutes.checked_mul(60)?).ok()
    }

    /// Adds the end of a window. Only the latest ends are kept: what is forgotten is read again.
    pub fn add(&mut self, window: &Window) {
        // Rounded down: what is read twice does no harm.
        let minutes = window.until.as_second().div_euclid(60);
        let last = self.0.entry(digest(window)).or_insert(minutes);
        *last = minutes.max(*last);
        while self.0.len() > MAX_SUBSCRIPTIONS {
            let Some(oldest) = self.0.iter().min_by_key(|(_, minutes)| **minutes) else {
                return;
            };
            let oldest = oldest.0.clone();
            self.0.remove(&oldest);
        }
    }

    /// Drops the ends from before `moment`, to which no window looks back.
    pub fn forget_before(&mut self, moment: Timestamp) {
        let minutes = moment.as_second().div_euclid(60);
        self.0.retain(|_, last| *last >= minutes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn digest(window: &Window) -> String {
    let Application { tenant_id, client_id } = window.application;
    let text = format!(
        "{tenant_id} {client_id} {} {}",
        window.subscription, window.resource
    );
    let mut digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    digest.truncate(DIGEST);
    digest
}

/// How many characters of a digest are stored: two subscriptions must not be taken for one.
const DIGEST: usize = 8;

/// How many subscriptions are remembered: a kilobyte of the four that the parameter holds.
const MAX_SUBSCRIPTIONS: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{application::test_util::application, notification::client_state::Proven};
    use jiff::SignedDuration;

    #[test]
    fn the_latest_end_of_each_subscription_is_remembered() {
        let mut caught_up = CaughtUp::default();
        caught_up.add(&window("mail", "/users", 20));
        caught_up.add(&window("mail", "/users", 10));
        for (name, resource, expected) in [
            ("mail", "/users", Some(at(20))),
            ("mail", "/groups", None),
            ("chat", "/users", None),
        ] {
            assert_eq!(caught_up.until(&window(name, resource, 90)), expected);
        }
        let rest = caught_up.rest(window("mail", "/users", 60));
        assert_eq!((rest.from, rest.until), (at(15), at(60)));
        let rest = caught_up.rest(window("mail", "/users", 10));
        assert_eq!((rest.from, rest.until), (at(10), at(10)), "it was read before");
        caught_up.forget_before(at(21));
        assert_eq!(caught_up, CaughtUp::default());
    }

    #[test]
    fn of_many_subscriptions_the_latest_are_remembered() {
        let mut caught_up = CaughtUp::default();
        for number in 0..1_000 {
            caught_up.add(&window(&format!("mail/{number}"), "/users", number));
        }
        assert_eq!(caught_up.until(&window("mail/0", "/users", 0)), None);
        assert_eq!(caught_up.until(&window("mail/999", "/users", 0)), Some(at(999)));
        let text = serde_json::to_string(&caught_up).unwrap();
        assert!(text.len() < 1_024, "{}", text.len());
    }

    fn window(name: &str, resource: &str, minutes: i64) -> Window {
        let owner = Proven {
            application: application((
                "11111111-2222-3333-4444-555555555555",
                "66666666-7777-8888-9999-000000000000",
            )),
            subscription: name.to_owned(),
        };
        Window::without_gap(&owner, resource.to_owned(), at(minutes - 60), at(minutes))
    }

    fn at(minutes: i64) -> Timestamp {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minutes)
    }
}
