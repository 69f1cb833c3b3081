//! For how long renewals may fail.

use graph_core::subscription::plan::Policy;
use jiff::SignedDuration;
use serde::Serialize;

/// For how long every renewal of some subscriptions may fail before one of them lapses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Margin {
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How long they live from one renewal to the next.
    pub lifetime_minutes: i64,
    /// How many they are.
    pub subscriptions: usize,
    /// How long renewals may fail.
    pub survives_minutes: i64,
    /// How long they could fail if the application had few subscriptions: renewing so many as often would take more than
    /// a tenth of Graph's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlimited_minutes: Option<i64>,
    /// The same in words.
    pub summary: String,
}

impl Margin {
    /// Returns the margin of `count` subscriptions under `policy`, which is the policy `of_few` for as many as there are.
    pub(crate) fn of(
        tenant: &str,
        lifetime: SignedDuration,
        count: usize,
        policy: &Policy,
        of_few: &Policy,
    ) -> Self {
        let (survives, unlimited) = (policy.survives(lifetime), of_few.survives(lifetime));
        let is_limited = unlimited > survives;
        let mut summary = format!("survives {} of failed renewals", words(survives));
        if is_limited {
            summary = format!("{summary}; {} without Graph's limits", words(unlimited));
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

fn words(time: SignedDuration) -> String {
    match time.as_mins() {
        minutes @ ..120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_that_graphs_limits_shrink_is_told() {
        let policy = Policy::default();
        let week = SignedDuration::from_mins(10_060);
        let margin = Margin::of("a", week, 100_000, &policy.of_many(100_000), &policy);
        assert_eq!(
            margin.summary,
            "survives 156 h of failed renewals; 159 h without Graph's limits"
        );
        let margin = Margin::of("a", week, 10, &policy.of_many(10), &policy);
        assert_eq!((margin.survives_minutes, margin.unlimited_minutes), (9_570, None));
    }
}
