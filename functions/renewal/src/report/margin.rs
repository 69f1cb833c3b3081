//! The time for which renewals may fail without a lapse.

use graph_core::subscription::plan::Policy;
use jiff::SignedDuration;
use serde::Serialize;

/// The time for which every renewal of a group of subscriptions may fail before the first one lapses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Margin {
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How long each lives after a renewal.
    pub lifetime_minutes: i64,
    /// How many subscriptions the group has.
    pub subscriptions: usize,
    /// For how long renewals may fail. Negative if a subscription can lapse even if every renewal succeeds: that long
    /// before a run renews it.
    pub survives_minutes: i64,
    /// For how long they could fail if the application had few subscriptions. Absent if Graph's limit does not matter:
    /// renewing that often would take more than a tenth of it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlimited_minutes: Option<i64>,
    /// The same in words.
    pub summary: String,
}

impl Margin {
    /// Returns the margin of `count` subscriptions under `policy`, compared with `of_few`, the policy for few
    /// subscriptions.
    pub(crate) fn of(
        tenant: &str,
        lifetime: SignedDuration,
        count: usize,
        policy: &Policy,
        of_few: &Policy,
    ) -> Self {
        let (survives, unlimited) = (policy.survives(lifetime), of_few.survives(lifetime));
        let is_limited = unlimited > survives;
        let mut summary = in_words(survives);
        if is_limited {
            summary = format!("{summary}; {} without Graph's limits", time(unlimited));
        }
        Self {
            tenant: tenant.to_owned(),
            lifetime_minutes: lifetime.as_mins(),
            subscriptions: count,
            survives_minutes: survives.as_mins(),
            unlimited_minutes: is_limited.then(|| unlimited.as_mins()),
            summary,
        }
    }
}

fn in_words(survives: SignedDuration) -> String {
    match survives.as_mins() {
        ..0 => format!(
            "overdue by {} at every renewal, so it lapses",
            time(survives.abs())
        ),
        0 => "survives no failed renewal".to_owned(),
        _ => format!("survives {} of failed renewals", time(survives)),
    }
}

fn time(time: SignedDuration) -> String {
    match time.as_mins() {
        minutes @ ..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_that_graphs_limits_shrink_is_reported() {
        let policy = Policy::default();
        let week = SignedDuration::from_mins(10_060);
        let margin = Margin::of("a", week, 100_000, &policy.of_many(100_000, 100_000), &policy);
        assert_eq!(
            margin.summary,
            "survives 156 h of failed renewals; 159 h without Graph's limits"
        );
        let margin = Margin::of("a", week, 10, &policy.of_many(10, 10), &policy);
        assert_eq!((margin.survives_minutes, margin.unlimited_minutes), (9_570, None));
    }

    #[test]
    fn a_small_margin_reads_as_a_person_would_say_it() {
        let hours = |period| Policy {
            period: SignedDuration::from_hours(period),
            ..Policy::default()
        };
        for (policy, minutes, expected) in [
            (hours(4), 70, "overdue by 3 h at every renewal, so it lapses"),
            (
                Policy::default(),
                5,
                "overdue by 10 min at every renewal, so it lapses",
            ),
            (Policy::default(), 20, "survives no failed renewal"),
            (Policy::default(), 50, "survives 25 min of failed renewals"),
        ] {
            let lifetime = SignedDuration::from_mins(minutes);
            let margin = Margin::of("a", lifetime, 1, &policy, &policy);
            assert_eq!(margin.summary, expected, "{minutes}");
        }
    }
}
