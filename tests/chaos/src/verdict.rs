//! Whether the events equal the changes.

mod gaps;
mod reasons;
mod shares;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::done::Done;
use crate::evidence::{Event, Evidence, Outcome, Sent};
use crate::flaw::Flaw;
use crate::growth::Growth;
use crate::plan::Kind;
use crate::subject::List;

use gaps::Gaps;

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
    /// At a consumer, under one id, but only because the reader read it after a gap.
    Read,
    /// In FailedQueue, because its content cannot be decrypted.
    Unreadable,
    /// In FailedQueue, because Microsoft's signing keys were replaced or could not be read.
    Failed,
    /// In a gap that was reported to consumers and that nobody can read.
    Reported,
    /// In a gap that was reported to consumers, with the reason why it was not read this time.
    NotRead,
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
    /// Graph gave up so many POSTs of so many to one subscription.
    Refused(String, usize, usize),
    /// A change is nowhere.
    Lost(u32, String, Outcome),
    /// A change is in a gap that was not read, or read without it; and what was said of that.
    Unread(u32, String, String),
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
    /// So many of so many changes ended in this way: too many.
    TooMany(ChangeOutcome, usize, usize),
    /// A change is in FailedQueue, or something else, for a reason that it cannot have.
    WrongReason(Option<u32>, String),
    /// A message is in FailedQueue without a reason: a change, or something else.
    NoReason(Option<u32>),
    /// A subscription ended although renewal had time to save it.
    Lapsed(String),
    /// Renewal deleted a subscription that had time left and that nothing was to replace.
    Deleted(String),
    /// Something is wrong with a subscription at the end.
    Flawed(Flaw),
    /// Something did not become right although nothing failed any more.
    NotCured(String),
    /// No secret of this kind was there to be looked for.
    NotSearched(&'static str),
    /// A secret is in the log of a function.
    Leaked(&'static str, &'static str),
    /// A function panicked.
    Panicked(&'static str, String),
    /// The program of a function ended by itself, with this status or by this signal.
    Died(&'static str, i32),
    /// So many programs of a function were ended because it took longer than its timeout.
    TimedOut(&'static str, usize),
    /// The program of a function has grown.
    Grew(Growth),
    /// Changes took longer at the end than at first.
    Slowed(Duration, Duration),
}

/// Judges everything that was sent and seen.
pub fn judge(evidence: &Evidence) -> Verdict {
    let (arrived, of_events) = sorted(evidence);
    let (mut outcomes, mut of_changes) = (BTreeMap::new(), Vec::new());
    let gaps = Gaps::of(evidence);
    let none = Arrived::default();
    for sent in &evidence.sent {
        let of_change = arrived.get(&sent.number).unwrap_or(&none);
        let outcome = match outcome_of(sent, of_change, &gaps, &evidence.key_troubles) {
            Ok(outcome) => outcome,
            Err(breach) => {
                of_changes.push(breach);
                ChangeOutcome::Broken
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    // Those of the run come first: a report shows no more than some.
    let mut breaches = of_run(evidence);
    breaches.extend(shares::wrong_shares(evidence, &outcomes));
    breaches.extend(of_events);
    breaches.extend(of_changes);
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

/// Returns the broken promises that are about no change.
fn of_run(evidence: &Evidence) -> Vec<Breach> {
    let too_little = evidence.done.iter().filter(|done| !done.is_enough());
    let mut breaches: Vec<Breach> = too_little.cloned().map(Breach::NotDone).collect();
    breaches.extend(evidence.lapsed.iter().cloned().map(Breach::Lapsed));
    breaches.extend(evidence.deleted.iter().cloned().map(Breach::Deleted));
    breaches.extend(evidence.flaws.iter().cloned().map(Breach::Flawed));
    breaches.extend(evidence.uncured.iter().cloned().map(Breach::NotCured));
    breaches.extend(evidence.unsearched.iter().copied().map(Breach::NotSearched));
    breaches.extend(evidence.leaks.iter().map(|(of, what)| Breach::Leaked(of, what)));
    let panics = evidence.panics.iter();
    breaches.extend(panics.map(|(of, line)| Breach::Panicked(of, line.clone())));
    breaches.extend(evidence.deaths.iter().map(|(of, end)| Breach::Died(of, *end)));
    let timeouts = evidence.timeouts.iter().filter(|(_, times)| *times > 0);
    breaches.extend(timeouts.map(|(of, times)| Breach::TimedOut(of, *times)));
    breaches.extend(evidence.grown.iter().copied().map(Breach::Grew));
    breaches.extend(evidence.slowed.map(|[early, late]| Breach::Slowed(early, late)));
    breaches
}

/// The events and messages about one change.
#[derive(Debug, Default)]
struct Arrived<'a> {
    events: Vec<&'a Event>,
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
        arrived.entry(number).or_default().events.push(event);
    }
    for failure in &evidence.failures {
        match failure.number.filter(|number| known.contains(number)) {
            Some(number) => arrived
                .entry(number)
                .or_default()
                .reasons
                .push(failure.reason.as_deref()),
            None => breaches.extend(reasons::check_other(failure).err()),
        }
    }
    (arrived, breaches)
}

/// Returns how a change ended, or the promise that was broken.
fn outcome_of(
    sent: &Sent,
    arrived: &Arrived<'_>,
    gaps: &Gaps<'_>,
    key_troubles: &[Timestamp],
) -> Result<ChangeOutcome, Breach> {
    let name = || sent.subject.name();
    reasons::check_change(sent, &arrived.reasons, key_troubles)?;
    match (sent.kind, &*arrived.events) {
        (Kind::Genuine, events @ [_, ..]) => return delivered(sent, events),
        (Kind::Forged | Kind::Unreadable, [_, ..]) => return Err(Breach::Believed(sent.number, name())),
        (Kind::Forged, []) => return Ok(ChangeOutcome::Rejected),
        (Kind::Genuine | Kind::Unreadable, []) => {}
    }
    if !arrived.reasons.is_empty() {
        return Ok(match sent.kind {
            Kind::Unreadable => ChangeOutcome::Unreadable,
            Kind::Genuine | Kind::Forged => ChangeOutcome::Failed,
        });
    }
    // What the webhook has accepted is ours to deliver, whatever happens to the subscription afterwards.
    if sent.outcome == Outcome::Accepted {
        return Err(Breach::Lost(sent.number, name(), sent.outcome));
    }
    if let Some(outcome) = gaps.outcome_of(sent) {
        return outcome;
    }
    // Graph gave up on nobody but a subscriber.
    let is_without = matches!(sent.outcome, Outcome::Unsubscribed | Outcome::Ended);
    if sent.is_wanted || !is_without {
        return Err(Breach::Lost(sent.number, name(), sent.outcome));
    }
    Ok(ChangeOutcome::NotSubscribed)
}

/// Checks the events about a change: each of them, because a consumer keeps the first of an id.
fn delivered(sent: &Sent, events: &[&Event]) -> Result<ChangeOutcome, Breach> {
    let name = sent.subject.name();
    let ids = |which: &dyn Fn(&&&Event) -> bool| {
        let ids: BTreeSet<&str> = events
            .iter()
            .filter(which)
            .map(|event| event.id.as_str())
            .collect();
        ids.len()
    };
    let (all, read) = (ids(&|_| true), ids(&|event| event.was_read));
    // Only a notification of Outlook has the version by which a change that is read has the same id.
    let has_own_id = sent.subject.list() == Some(List::Teams);
    let is_once = if has_own_id {
        read <= 1 && all - read <= 1
    } else {
        all == 1
    };
    let owner = [sent.subject.app().tenant_id, name.clone()];
    if !is_once {
        return Err(Breach::Twice(sent.number, name, all));
    }
    if events.iter().any(|event| event.owner != owner) {
        return Err(Breach::Misattributed(sent.number, name));
    }
    // Content that was read later is that of then.
    let mut live = events.iter().filter(|event| !event.was_read);
    if live.any(|event| event.content != sent.content) {
        return Err(Breach::Altered(sent.number, name));
    }
    Ok(if events.iter().all(|event| event.was_read) {
        ChangeOutcome::Read
    } else {
        ChangeOutcome::Delivered
    })
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
            Self::Refused(name, given_up, of) => {
                write!(f, "refused: Graph gave up {given_up} of {of} POSTs of {name}")
            }
            Self::Lost(number, name, outcome) => write!(f, "lost: change {number} of {name}, {outcome:?}"),
            Self::Unread(number, name, why) => write!(f, "unread: change {number} of {name}: {why}"),
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
            Self::TooMany(outcome, count, of) => {
                write!(f, "too many: {count} of {of} changes are {outcome:?}")
            }
            Self::WrongReason(Some(number), reason) => {
                write!(f, "wrong reason: change {number} in FailedQueue, {reason}")
            }
            Self::WrongReason(None, reason) => write!(f, "wrong reason: a message in FailedQueue, {reason}"),
            Self::NoReason(Some(number)) => write!(f, "no reason: change {number} in FailedQueue"),
            Self::NoReason(None) => write!(f, "no reason: a message in FailedQueue"),
            Self::Lapsed(name) => write!(f, "lapsed: subscription {name}"),
            Self::Deleted(name) => write!(f, "deleted: subscription {name}, which should live"),
            Self::Flawed(flaw) => write!(f, "subscriptions: {flaw} at the end"),
            Self::NotCured(what) => write!(f, "not cured: {what}"),
            Self::NotSearched(what) => write!(f, "not searched: {what}"),
            Self::Leaked(function, what) => write!(f, "secret: {what} in the log of {function}"),
            Self::Panicked(function, line) => write!(f, "panic: {function}: {line}"),
            Self::Died(function, end) => write!(f, "died: {function} ended by itself, {end}"),
            Self::TimedOut(function, times) => write!(f, "timed out: {function}, {times} times"),
            Self::Grew(growth) => write!(f, "grew: {growth}"),
            Self::Slowed(early, late) => write!(f, "slowed: {early:.1?} at first, {late:.1?} at the end"),
        }
    }
}

/// The fewest changes of which shares say something.
pub const MIN_ITEMS: usize = 100;

#[cfg(test)]
mod tests;
