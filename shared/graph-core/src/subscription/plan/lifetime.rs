//! For how long an existing subscription is renewed while its entry cannot be used.

use jiff::SignedDuration;

use crate::subscription::{catalogue, config::requested};

/// Returns for how long Graph grants a subscription of `resource`, with or without resource data. Of an unknown resource it
/// is at least what outlasts two failed runs that are a `period` apart: if that is too long, Graph says so.
#[must_use]
pub fn of(resource: Option<&str>, is_rich: bool, period: SignedDuration) -> SignedDuration {
    let Some(row) = resource.and_then(catalogue::find) else {
        return OF_UNKNOWN.max(period.saturating_mul(3));
    };
    SignedDuration::from_mins(i64::from(requested(row.max_minutes(is_rich))))
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
            let lifetime = of(Some("/unheardOf"), false, period);
            assert_eq!(lifetime.as_mins(), expected);
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
