//! The gaps that were reported, and what became of the changes in them.

use std::collections::BTreeMap;

use super::{Breach, ChangeOutcome};
use crate::evidence::{CaughtUp, Evidence, Gap, Sent};
use crate::subject::team;

/// The gaps by subscription, each with what was read of it.
pub struct Gaps<'a>(BTreeMap<&'a str, Vec<(&'a Gap, Vec<&'a CaughtUp>)>>);

impl<'a> Gaps<'a> {
    /// Sorts what was seen.
    pub fn of(evidence: &'a Evidence) -> Self {
        let mut read: BTreeMap<&str, Vec<&CaughtUp>> = BTreeMap::new();
        for done in &evidence.caught_up {
            read.entry(&done.gap).or_default().push(done);
        }
        let mut gaps: BTreeMap<&str, Vec<(&Gap, Vec<&CaughtUp>)>> = BTreeMap::new();
        for gap in &evidence.gaps {
            let read = read.get(gap.id.as_str()).cloned().unwrap_or_default();
            gaps.entry(&gap.name).or_default().push((gap, read));
        }
        Self(gaps)
    }

    /// Returns what the gaps make of a change that did not arrive; nothing if it lies in none.
    ///
    /// A gap alone excuses no loss. What can be read has to arrive, unless the end of the reading says that it was not read,
    /// with a reason that can be.
    pub fn outcome_of(&self, sent: &Sent) -> Option<Result<ChangeOutcome, Breach>> {
        let name = sent.subject.name();
        let of_subject = self.0.get(name.as_str()).into_iter().flatten();
        let covering: Vec<_> = of_subject.filter(|(gap, _)| covers(gap, sent)).collect();
        if covering.is_empty() {
            return None;
        }
        let unread = |why: String| Err(Breach::Unread(sent.number, name.clone(), why));
        let read = covering.into_iter().flat_map(|(_, read)| read);
        let of_change = read.filter(|done| done.part.as_deref().is_none_or(|part| part == team(sent.number)));
        let mut outcome = unread("nothing says whether its gap was read".to_owned());
        for done in of_change {
            match shortfall(done, sent) {
                Shortfall::None if sent.is_listed => {
                    return Some(unread(format!("gap {} was read without it", done.gap)));
                }
                Shortfall::None | Shortfall::Always => outcome = Ok(ChangeOutcome::Reported),
                Shortfall::Possible => outcome = Ok(ChangeOutcome::NotRead),
                Shortfall::Wrong(reason) => return Some(unread(reason)),
            }
        }
        Some(outcome)
    }
}

/// Tells whether a gap of its subscription says that a change may have been lost.
fn covers(gap: &Gap, sent: &Sent) -> bool {
    let since = gap.from.is_none_or(|from| from <= sent.at);
    since && sent.at <= gap.until
}

/// Why a reading may lack a change.
enum Shortfall {
    /// It may not.
    None,
    /// Nobody can read it.
    Always,
    /// For a reason that can be.
    Possible,
    /// For one that cannot be, or for none although the resource cannot be read.
    Wrong(String),
}

/// Returns why a reading may lack a change.
fn shortfall(done: &CaughtUp, sent: &Sent) -> Shortfall {
    let reason = done.reason.as_deref();
    let wrong = || {
        let (complete, reason) = (done.is_complete, reason.unwrap_or_default());
        Shortfall::Wrong(format!(
            "gap {} ends with complete: {complete} and the reason: {reason}",
            done.gap
        ))
    };
    if sent.subject.list().is_none() {
        return match reason {
            Some(reason) if !done.is_complete && CANNOT_BE_READ.contains(&reason) => Shortfall::Always,
            _ => wrong(),
        };
    }
    let is_within = done.from <= sent.at && sent.at <= done.until;
    match reason {
        None | Some(CLIPPED) if is_within => Shortfall::None,
        Some(CLIPPED) if sent.at < done.from => Shortfall::Possible,
        Some(NOT_READY) => Shortfall::Possible,
        Some(NOT_CONFIGURED) if !sent.subject.is_steady() => Shortfall::Possible,
        _ => wrong(),
    }
}

/// Why a resource cannot be read at all, in the words of the reader.
const CANNOT_BE_READ: [&str; 2] = [
    "Microsoft Graph has no list of this resource by time",
    "the reader does not read subscriptions of a signed-in user",
];

/// The loss may have begun earlier.
const CLIPPED: &str = "the loss may have begun before the time that was read";

/// Graph, or AWS, failed until the last try.
const NOT_READY: &str = "Microsoft Graph could not be read, even at the last try";

/// Nobody asks for the resource any more.
const NOT_CONFIGURED: &str = "the subscription, with this resource, is not in the configuration";
