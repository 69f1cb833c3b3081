//! Which shares of the changes are too small or too large. Single changes can have any of the outcomes; all of them cannot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Breach, ChangeOutcome, MIN_ITEMS};
use crate::evidence::{Evidence, Outcome, Sent};
use crate::plan::{Kind, MAX_ITEMS_PER_POST};
use crate::subject::Subject;

/// Returns which shares are wrong.
pub fn wrong_shares(evidence: &Evidence, outcomes: &BTreeMap<ChangeOutcome, usize>) -> Vec<Breach> {
    let count = |outcome| outcomes.get(&outcome).copied().unwrap_or_default();
    let all = evidence.sent.len();
    if all < MIN_ITEMS {
        return Vec::new();
    }
    let is_rich = |sent: &&Sent| sent.kind == Kind::Genuine && sent.subject.is_rich();
    let rich = evidence.sent.iter().filter(is_rich).count();
    let too_many = |outcome, of: usize, most: usize| {
        (count(outcome) > most).then(|| Breach::TooMany(outcome, count(outcome), of))
    };
    let delivered = count(ChangeOutcome::Delivered);
    let few = (2 * delivered < all).then_some(Breach::FewDelivered(all, delivered));
    few.into_iter()
        .chain(too_many(ChangeOutcome::Failed, rich, rich / 2))
        .chain(too_many(
            ChangeOutcome::NotRead,
            all,
            (all / 50).max(MAX_ITEMS_PER_POST),
        ))
        .chain(too_many(
            ChangeOutcome::Reported,
            all,
            (all / 10).max(MAX_ITEMS_PER_POST),
        ))
        .chain(refused(evidence))
        .collect()
}

/// Returns the subscriptions of which Graph gave up too many POSTs. The reader reads what was in them, but the webhook is to accept
/// them.
fn refused(evidence: &Evidence) -> impl Iterator<Item = Breach> {
    let mut posts: BTreeMap<Subject, [BTreeSet<Timestamp>; 2]> = BTreeMap::new();
    for sent in evidence.sent.iter().filter(|sent| sent.kind == Kind::Genuine) {
        let [all, given_up] = posts.entry(sent.subject).or_default();
        all.insert(sent.at);
        if sent.outcome == Outcome::GivenUp {
            given_up.insert(sent.at);
        }
    }
    let count = |(subject, [all, given_up]): (Subject, [BTreeSet<Timestamp>; 2])| {
        let is_refused = given_up.len() > (all.len() / 10).max(1);
        is_refused.then(|| Breach::Refused(subject.name(), given_up.len(), all.len()))
    };
    posts.into_iter().filter_map(count)
}
