//! Graph's limits, and the calls that renewal made.

use jiff::Timestamp;

use super::{Figures, percent};
use crate::{
    ledger::{EndCause, Ledger},
    limits::Kind,
    minimum_renewals::MinimumRenewals,
    state::State,
};

impl Figures {
    pub(super) fn limits(&mut self, state: &State) {
        for (kind, what) in [
            (Kind::List, "most list requests in 20 s (tenant of 25, all of 40)"),
            (Kind::Write, "most changes in 20 s (tenant of 500, all of 2000)"),
            (
                Kind::One,
                "most reads of one in 20 s (tenant of 500, all of 2000)",
            ),
        ] {
            let (in_tenant, in_all) = state.limits.most.get(&kind).copied().unwrap_or_default();
            self.row(what, format!("{in_tenant}, {in_all}"));
        }
        self.rule("requests over Graph's limits", state.limits.broken, "0");
        self.check(state.limits.broken == 0, || {
            format!("{} requests came over Graph's limits", state.limits.broken)
        });
        self.reauthorizations(&state.ledger);
    }

    /// Checks that requests for reauthorization were answered soon, but not too soon.
    fn reauthorizations(&mut self, ledger: &Ledger) {
        let mut answers = ledger.answers.clone();
        answers.sort();
        let median = answers.get(answers.len() / 2).copied().unwrap_or_default();
        self.check(median <= self.scale.policy.period, || {
            format!(
                "half of the reauthorizations waited for {} min or longer",
                median.as_mins()
            )
        });
        let answered = u64::try_from(answers.len()).unwrap_or(u64::MAX);
        self.check(answered * 2 >= ledger.reauthorizations_sent, || {
            format!(
                "{answered} of {} reauthorizations were answered",
                ledger.reauthorizations_sent
            )
        });
        let text = format!(
            "{}; {}, {:.1} min",
            ledger.reauthorizations_sent,
            answers.len(),
            median.as_secs_f64() / 60.0
        );
        self.row("reauthorizations; answered by a renewal, after (median)", text);
        self.rule(
            "renewals within ten minutes of another, for a reauthorization",
            ledger.too_soon.len(),
            "0",
        );
        self.row(
            "renewals within 10 min of another, for a reauthorization",
            ledger.too_soon.len(),
        );
        for (resource, apart) in &ledger.too_soon {
            self.broken.push(format!(
                "{resource} was renewed for a reauthorization {} s after a renewal",
                apart.as_secs()
            ));
        }
    }

    pub(super) fn calls(&mut self, state: &State, now: Timestamp) {
        let ledger = &state.ledger;
        let mut minimum = MinimumRenewals::default();
        for (subscription, age) in state.all(now) {
            minimum.add(subscription, age, &self.scale.policy);
        }
        for (what, count) in &ledger.requests {
            self.row(what, count);
        }
        let deleted = ledger.ended.get(&EndCause::Deleted).copied().unwrap_or_default();
        let changes = ledger.created + ledger.renewed + deleted;
        // A replacement for a new key is a deletion and a creation in place of one renewal.
        let demanded = ledger.created + u64::try_from(ledger.answers.len()).unwrap_or(u64::MAX);
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "shares of some millions"
        )]
        let ratio = |found: u64, least: f64| found as f64 / least;
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "some thousands"
        )]
        let minimum_changes = minimum.with_margin + demanded as f64;
        let share = ratio(changes, minimum_changes);
        self.row("renewals", ledger.renewed);
        self.row(
            "minimum of renewals without a margin",
            format!("{:.0}", minimum.without_margin),
        );
        self.row(
            "minimum of renewals with their margin",
            format!("{:.0}", minimum.with_margin),
        );
        self.row(
            "renewals over that",
            percent(ratio(ledger.renewed, minimum.with_margin)),
        );
        self.row("changes in all, carried out", changes);
        self.row(
            "minimum for those lifetimes, keys and lifecycle notifications",
            format!("{minimum_changes:.0}"),
        );
        self.row("changes over that", percent(share));
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "some millions")]
        let beyond = changes as f64 - minimum_changes;
        self.row("changes beyond the minimum", format!("{beyond:.0}"));
        self.rule(
            "changes of subscriptions beyond the least",
            format!("{beyond:.0} of {minimum_changes:.0} ({})", percent(share)),
            "+10 %",
        );
        self.check(share <= 1.10, || {
            format!("{} more changes than the minimum", percent(share))
        });
    }
}
