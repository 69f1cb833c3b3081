//! How an existing subscription is renewed while its entry cannot be used.

use jiff::SignedDuration;

use crate::subscription::{
    catalogue::{self, Version},
    config::requested,
    model::Subscription,
};

/// How an existing subscription is renewed while its entry cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The API version that manages the subscription.
    pub version: Version,
    /// How long the subscription lives after a renewal.
    pub lifetime: SignedDuration,
}

impl Terms {
    /// Returns what Graph grants to a subscription of `resource`, with or without resource data. Of an unknown resource it
    /// is at least what outlasts two failed runs that are a `period` apart: if that is too long, Graph says so.
    #[must_use]
    pub fn of(resource: Option<&str>, is_rich: bool, period: SignedDuration) -> Self {
        let Some(row) = resource.and_then(catalogue::find) else {
            return Self {
                version: Version::default(),
                lifetime: OF_UNKNOWN.max(period.saturating_mul(3)),
            };
        };
        let minutes = requested(row.max_minutes(is_rich));
        Self {
            version: row.version(),
            lifetime: SignedDuration::from_mins(i64::from(minutes)),
        }
    }
}

impl Subscription {
    /// Returns the API version that manages the subscription, by its resource: v1.0 does not find what was created on beta.
    #[must_use]
    pub fn version(&self) -> Version {
        self.versions().first().copied().unwrap_or_default()
    }

    /// Returns the API versions that may manage the subscription, the likeliest first: an entry may have chosen another one. It
    /// is gone only if none of them finds it.
    #[must_use]
    pub fn versions(&self) -> &'static [Version] {
        let row = self.resource.as_deref().and_then(catalogue::find);
        row.map_or(&[Version::V1, Version::Beta], |row| row.versions)
    }
}

/// The lifetime for a resource that the catalogue does not have: Graph grants every resource at least an hour.
const OF_UNKNOWN: SignedDuration = SignedDuration::from_mins(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_of_an_unknown_resource_outlasts_two_failed_runs() {
        for (minutes, expected) in [(10, 50), (60, 180)] {
            let period = SignedDuration::from_mins(minutes);
            let terms = Terms::of(Some("/unheardOf"), false, period);
            assert_eq!(terms.lifetime.as_mins(), expected);
        }
    }

    #[test]
    fn graph_grants_every_resource_what_an_unknown_one_gets() {
        for row in catalogue::rows() {
            let least = row.max_minutes(false).min(row.max_minutes(true));
            let least = SignedDuration::from_mins(i64::from(requested(least)));
            assert!(least >= OF_UNKNOWN, "{}", row.key);
        }
    }
}
