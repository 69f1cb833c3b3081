//! Whether the events equal the changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::done::Done;
use crate::evidence::{Event, Evidence, Gap, Outcome, Sent};
use crate::growth::Growth;
use crate::plan::Kind;

/// The outcomes of all changes, and the broken promises.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many changes ended in which way.
    pub outcomes: BTreeMap<ChangeOutcome, usize>,
    /// How many events arrived that repeat another one's id.
    pub repeats: usize,
    /// How many messages are in FailedQueue for which reason.
    pub reasons: BTreeMap<String, usize>,
    /// The promises that were broken.
    pub breaches: Vec<Breach>,
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeOutcome {
    /// At a consumer, under one id.
    Delivered,
    /// In FailedQueue, with a reason.
    Failed,
    /// In a gap that was reported to consumers.
    Reported,
    /// Nowhere: it was forged.
    Rejected,
    /// Nowhere: the configuration of that moment did not ask for it.
    NotSubscribed,
    /// In one of the ways that break a promise.
    Broken,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// The run did not do what it was asked for, so it proves nothing.
    NotDone(Done),
    /// Of so many changes, only so many were delivered: less than half.
    FewDelivered(usize, usize),
    /// A change is nowhere.
    Lost(u32, String, Outcome),
    /// A change arrived under so many ids.
    Twice(u32, String, usize),
    /// Two changes have one id, so consumers drop the second.
    SameId(u32, u32),
    /// A change arrived with other content than was sent.
    Altered(u32, String),
    /// A change arrived as one of another tenant or subscription.
    Misattributed(u32, String),
    /// A forged or undecryptable change arrived as an event.
    Believed(u32, String),
    /// An event is about no change that was sent.
    Foreign(String),
    /// A message is in FailedQueue without a reason: a change, or something else.
    NoReason(Option<u32>),
    /// A subscription ended although renewal had time to save it.
    Lapsed(String),
    /// A subscription that the configuration asks for is not there at the end.
    Missing(String),
    /// A secret is in the log of a function.
    Leaked(&'static str, &'static str),
    /// A function panicked.
    Panicked(&'static str, String),
    /// The program of a function has grown.
    Grew(Growth),
    /// Changes took longer at the end than at first.
    Slowed(Duration, Duration),
}

/// Judges everything that was sent and seen.
pub fn judge(evidence: &Evidence) -> Verdict {
    let (arrived, mut breaches) = sorted(evidence);
    let mut outcomes = BTreeMap::new();
    let mut gaps: BTreeMap<&str, Vec<&Gap>> = BTreeMap::new();
    for gap in &evidence.gaps {
        gaps.entry(&gap.name).or_default().push(gap);
    }
    let none = Arrived::default();
    for sent in &evidence.sent {
        let outcome = match outcome_of(sent, arrived.get(&sent.number).unwrap_or(&none), &gaps) {
            Ok(outcome) => outcome,
            Err(breach) => {
                breaches.push(breach);
                ChangeOutcome::Broken
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let delivered = outcomes.get(&ChangeOutcome::Delivered).copied();
    let (delivered, all) = (delivered.unwrap_or_default(), evidence.sent.len());
    if all >= MIN_ITEMS && 2 * delivered < all {
        breaches.push(Breach::FewDelivered(all, delivered));
    }
    let too_little = evidence.done.iter().filter(|done| !done.is_enough());
    breaches.extend(too_little.cloned().map(Breach::NotDone));
    breaches.extend(evidence.lapsed.iter().cloned().map(Breach::Lapsed));
    breaches.extend(evidence.missing.iter().cloned().map(Breach::Missing));
    breaches.extend(evidence.leaks.iter().map(|(of, what)| Breach::Leaked(of, what)));
    breaches.extend(
        evidence
            .panics
            .iter()
            .map(|(of, line)| Breach::Panicked(of, line.clone())),
    );
    breaches.extend(evidence.grown.iter().copied().map(Breach::Grew));
    breaches.extend(evidence.slowed.map(|[early, late]| Breach::Slowed(early, late)));
    let ids: BTreeSet<&str> = evidence.events.iter().map(|event| event.id.as_str()).collect();
    let mut reasons = BTreeMap::new();
    for reason in evidence
        .failures
        .iter()
        .filter_map(|failure| failure.reason.clone())
    {
        *reasons.entry(reason).or_default() += 1;
    }
    Verdict {
        outcomes,
        repeats: evidence.events.len() - ids.len(),
        reasons,
        breaches,
    }
}

/// The events and messages about one change.
#[derive(Debug, Default)]
struct Arrived<'a> {
    events: BTreeMap<&'a str, &'a Event>,
    reasons: Vec<Option<&'a str>>,
}

/// Sorts what arrived by the change that it is about, and returns what is about none, or about two.
fn sorted(evidence: &Evidence) -> (BTreeMap<u32, Arrived<'_>>, Vec<Breach>) {
    let known: BTreeSet<u32> = evidence.sent.iter().map(|sent| sent.number).collect();
    let (mut arrived, mut breaches) = (BTreeMap::<u32, Arrived<'_>>::new(), Vec::new());
    let mut owners: BTreeMap<&str, u32> = BTreeMap::new();
    for event in &evidence.events {
        let Some(number) = event.number.filter(|number| known.contains(number)) else {
            breaches.push(Breach::Foreign(event.id.clone()));
            continue;
        };
        let owner = *owners.entry(&event.id).or_insert(number);
        if owner != number {
            breaches.push(Breach::SameId(owner, number));
        }
        arrived.entry(number).or_default().events.insert(&event.id, event);
    }
    for failure in &evidence.failures {
        match failure.number.filter(|number| known.contains(number)) {
            Some(number) => arrived
                .entry(number)
                .or_default()
                .reasons
                .push(failure.reason.as_deref()),
            None if failure.reason.is_none() => breaches.push(Breach::NoReason(None)),
            None => {}
        }
    }
    (arrived, breaches)
}

/// Returns how a change ended, or the promise that was broken.
fn outcome_of(
    sent: &Sent,
    arrived: &Arrived<'_>,
    gaps: &BTreeMap<&str, Vec<&Gap>>,
) -> Result<ChangeOutcome, Breach> {
    let name = || sent.subject.name();
    match (sent.kind, arrived.events.len()) {
        (Kind::Genuine, 1) => {
            let owner = [sent.subject.app().tenant_id, name()];
            if arrived.events.values().any(|event| event.owner != owner) {
                return Err(Breach::Misattributed(sent.number, name()));
            }
            // Content that was read later is that of then.
            let mut events = arrived.events.values().filter(|event| !event.was_read);
            return if events.any(|event| event.content != sent.content) {
                Err(Breach::Altered(sent.number, name()))
            } else {
                Ok(ChangeOutcome::Delivered)
            };
        }
        (Kind::Genuine, 2..) => return Err(Breach::Twice(sent.number, name(), arrived.events.len())),
        (Kind::Forged | Kind::Unreadable, 1..) => return Err(Breach::Believed(sent.number, name())),
        (Kind::Forged, 0) => return Ok(ChangeOutcome::Rejected),
        (Kind::Genuine | Kind::Unreadable, 0) => {}
    }
    if arrived.reasons.iter().any(Option::is_some) {
        return Ok(ChangeOutcome::Failed);
    }
    if !arrived.reasons.is_empty() {
        return Err(Breach::NoReason(Some(sent.number)));
    }
    // What the webhook has accepted is ours to deliver, whatever happens to the subscription afterwards.
    if sent.outcome == Outcome::Accepted {
        return Err(Breach::Lost(sent.number, name(), sent.outcome));
    }
    let of_subject = gaps.get(name().as_str()).into_iter().flatten();
    if of_subject.into_iter().any(|gap| covers(gap, sent)) {
        return Ok(ChangeOutcome::Reported);
    }
    if sent.subject.is_steady() {
        return Err(Breach::Lost(sent.number, name(), sent.outcome));
    }
    Ok(ChangeOutcome::NotSubscribed)
}

/// Tells whether a gap of its subscription says that a change may have been lost.
fn covers(gap: &Gap, sent: &Sent) -> bool {
    let since = gap.from.is_none_or(|from| from <= sent.at);
    since && sent.at <= gap.until
}

impl Verdict {
    /// Tells whether every promise was kept.
    pub fn is_kept(&self) -> bool {
        self.breaches.is_empty()
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDone(done) => write!(f, "not done: {done}"),
            Self::FewDelivered(all, delivered) => {
                write!(f, "few: {delivered} of {all} changes were delivered")
            }
            Self::Lost(number, name, outcome) => write!(f, "lost: change {number} of {name}, {outcome:?}"),
            Self::Twice(number, name, ids) => {
                write!(f, "twice: change {number} of {name} arrived under {ids} ids")
            }
            Self::SameId(one, other) => write!(f, "same id: changes {one} and {other}"),
            Self::Altered(number, name) => {
                write!(
                    f,
                    "altered: change {number} of {name} has other content than was sent"
                )
            }
            Self::Misattributed(number, name) => {
                write!(
                    f,
                    "misattributed: change {number} of {name} arrived as one of another tenant or subscription"
                )
            }
            Self::Believed(number, name) => {
                write!(
                    f,
                    "believed: change {number} of {name} is not genuine and arrived"
                )
            }
            Self::Foreign(id) => write!(f, "foreign: event {id} is about no change that was sent"),
            Self::NoReason(Some(number)) => write!(f, "no reason: change {number} in FailedQueue"),
            Self::NoReason(None) => write!(f, "no reason: a message in FailedQueue"),
            Self::Lapsed(name) => write!(f, "lapsed: subscription {name}"),
            Self::Missing(name) => write!(f, "missing: subscription {name} at the end"),
            Self::Leaked(function, what) => write!(f, "secret: {what} in the log of {function}"),
            Self::Panicked(function, line) => write!(f, "panic: {function}: {line}"),
            Self::Grew(growth) => write!(f, "grew: {growth}"),
            Self::Slowed(early, late) => write!(f, "slowed: {early:.1?} at first, {late:.1?} at the end"),
        }
    }
}

/// The fewest changes of which shares say something.
pub const MIN_ITEMS: usize = 100;

#[cfg(test)]
mod tests;
