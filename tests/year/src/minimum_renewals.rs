//! The smallest number of renewals that keeps subscriptions alive.

use graph_core::subscription::{catalogue, plan::Policy};
use jiff::SignedDuration;

use graph_simulator::Registered;

/// The smallest number of renewals, without and with a margin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct MinimumRenewals {
    /// If each subscription were renewed at the moment of its expiry, for the longest lifetime that Graph grants.
    pub(super) without_margin: f64,
    /// If each were renewed at the last run that leaves its reserve ([`Policy::reserve`]), for the lifetime that
    /// renewal requests, which is ten minutes shorter because clocks differ.
    pub(super) with_margin: f64,
}

impl MinimumRenewals {
    /// Adds a subscription that lived for `span`.
    pub(super) fn add(&mut self, subscription: &Registered, span: SignedDuration, policy: &Policy) {
        let asked = lifetime(subscription);
        let longest = asked + KEPT_BACK;
        let period = policy.period.as_secs();
        let apart = (asked - policy.reserve(asked)).as_secs();
        let apart = (apart + period - 1) / period * period;
        self.without_margin += span.as_secs_f64() / longest.as_secs_f64();
        self.with_margin += span.as_secs_f64() / SignedDuration::from_secs(apart).as_secs_f64();
    }
}

/// Returns the lifetime that renewal asks for: the longest that Graph grants, less what clocks may differ.
pub(super) fn lifetime(subscription: &Registered) -> SignedDuration {
    let row = catalogue::find(&subscription.resource);
    let longest = row.map_or(0, |row| row.max_minutes(subscription.include_resource_data));
    SignedDuration::from_mins(longest.into()) - KEPT_BACK
}

const KEPT_BACK: SignedDuration = SignedDuration::from_mins(10);
