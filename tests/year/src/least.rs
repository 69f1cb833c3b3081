//! The fewest renewals that keep subscriptions alive.

use graph_core::subscription::{catalogue, plan::Policy};
use jiff::SignedDuration;

use graph_simulator::Registered;

/// The fewest renewals in a time, without and with a margin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Least {
    /// If each were renewed at the very moment at which it would end, after the longest life that Graph grants.
    pub(super) without_margin: f64,
    /// If each were renewed at the last run that leaves its reserve ([`Policy::reserve`]), after the lifetime that renewal
    /// asks for: that is ten minutes shorter, for clocks that differ.
    pub(super) with_margin: f64,
}

impl Least {
    /// Adds one subscription that is to be alive for `span`.
    pub(super) fn add(&mut self, subscription: &Registered, span: SignedDuration, policy: &Policy) {
        let row = catalogue::find(&subscription.resource);
        let longest = row.map_or(0, |row| row.max_minutes(subscription.include_resource_data));
        let longest = SignedDuration::from_mins(longest.into());
        let asked = longest - SignedDuration::from_mins(10);
        let period = policy.period.as_secs();
        let apart = (asked - policy.reserve(asked)).as_secs();
        let apart = (apart + period - 1) / period * period;
        self.without_margin += span.as_secs_f64() / longest.as_secs_f64();
        self.with_margin += span.as_secs_f64() / SignedDuration::from_secs(apart).as_secs_f64();
    }
}
