//! Which messages may be in FailedQueue, and for which reasons.

use jiff::{SignedDuration, Timestamp};

use super::Breach;
use crate::evidence::{Failure, Sent};
use crate::plan::Kind;

/// Checks the reasons for which a change is in FailedQueue.
///
/// Content with a flipped bit has its own reason. What is genuine can only fail for want of a signing key, because Microsoft's keys
/// were replaced or could not be read then: decryption asks for them each five minutes at most. Its token is never rejected.
pub fn check_change(sent: &Sent, reasons: &[Option<&str>], key_troubles: &[Timestamp]) -> Result<(), Breach> {
    for reason in reasons {
        let Some(reason) = reason else {
            return Err(Breach::NoReason(Some(sent.number)));
        };
        let waits_for_key = sent.subject.is_rich()
            && *reason == OF_SIGNING_KEYS
            && key_troubles.iter().any(|at| is_near(*at, sent.at));
        let is_right = match sent.kind {
            Kind::Unreadable => waits_for_key || *reason == OF_CONTENT,
            Kind::Genuine => waits_for_key,
            Kind::Forged => false,
        };
        if !is_right {
            return Err(Breach::WrongReason(Some(sent.number), (*reason).to_owned()));
        }
    }
    Ok(())
}

/// Checks the reason of a message that is about no change: a window to read, or a lifecycle notification.
pub fn check_other(failure: &Failure) -> Result<(), Breach> {
    match failure.reason.as_deref() {
        None => Err(Breach::NoReason(None)),
        Some(reason) if OF_OTHERS.contains(&reason) => Ok(()),
        Some(reason) => Err(Breach::WrongReason(None, reason.to_owned())),
    }
}

/// Tells whether trouble with the signing keys can be why a change of that time is in FailedQueue.
fn is_near(trouble: Timestamp, sent: Timestamp) -> bool {
    let after = sent.duration_since(trouble);
    -RECEIVES <= after && after <= FLOOR + RECEIVES
}

/// The reason of content that cannot be decrypted.
const OF_CONTENT: &str = "ContentRejected";

/// The reason of what waited for a signing key.
const OF_SIGNING_KEYS: &str = "NoSigningKeys";

/// The reasons of windows: Graph or AWS failed until the last try, or the entry is no longer in the configuration.
const OF_OTHERS: [&str; 2] = ["NotReady", "NotConfigured"];

/// How long the ten receives of a message take, and a little more.
const RECEIVES: SignedDuration = SignedDuration::from_secs(120);

/// How long decryption keeps the signing keys before it asks again.
const FLOOR: SignedDuration = SignedDuration::from_mins(5);
