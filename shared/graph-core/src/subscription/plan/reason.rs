//! The reasons for steps, with their text for a report.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// The reason for a step. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The entry has no subscription.
    Missing,
    /// The subscription existed and is gone, or may have existed, if it is unknown when.
    Lost(LostSubscription),
    /// The subscription was missing at the look before, and exists under another id. Consumers may not have heard of it.
    FoundAgain(LostSubscription),
    /// The remaining time is below the reserve.
    Due {
        /// The remaining time.
        left: SignedDuration,
        /// The reserve.
        reserve: SignedDuration,
    },
    /// The subscription's own moment has come, with so much time left: moments keep subscriptions from coming due together.
    ItsMoment(SignedDuration),
    /// Graph does not show an expiry.
    NoExpiry,
    /// The certificate is not the current one.
    OtherCertificate {
        /// The id of its certificate, if known.
        from: Option<String>,
        /// Whether the private key of that certificate still exists.
        readable: bool,
    },
    /// The subscription has expired.
    Expired,
    /// Graph reported that it removed the subscription.
    Removed,
    /// The subscription watches this resource, and its entry asks for another one.
    OtherResource(String),
    /// The subscription watches these change types, and its entry asks for others.
    OtherChangeType(String),
    /// The entry has changed otherwise, in these words.
    OtherEntry(&'static str),
    /// Notifications go to an old address, or without the entry's `fetchContent` flag.
    OtherUrl,
    /// Lifecycle notifications go elsewhere, and a PATCH cannot change their URL.
    OtherLifecycleUrl,
    /// The key of the client state, which has this id, no longer exists.
    KeyGone(String),
    /// A newer key has replaced the key of the client state, which has this id.
    OldKey(String),
    /// The entry has a new name. This is the old one.
    Renamed(String),
    /// No entry asks for the subscription.
    NoEntry,
    /// A person deletes all subscriptions of the stack.
    AllGo,
    /// Another stack left the subscription, and a person lets this stack take it over.
    TakenOver,
    /// The entry has another subscription already, with this id of Graph's.
    Duplicate(String),
    /// The subscription is not due: so much time is left.
    Fresh(SignedDuration),
    /// The subscription stays as it is, for this reason.
    Held(String),
}

/// A subscription that was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostSubscription {
    /// Graph's id, if this process has seen it.
    pub id: Option<String>,
    /// When it last existed, if known.
    pub seen_at: Option<Timestamp>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "this entry has no subscription yet"),
            Self::Lost(lost) => match lost.seen_at {
                Some(seen_at) => write!(
                    f,
                    "it existed at {seen_at:.0} and no longer does; changes since then were missed"
                ),
                None => write!(
                    f,
                    "this entry has no subscription, and it is unknown whether one was lost"
                ),
            },
            Self::FoundAgain(_) => {
                write!(
                    f,
                    "it was missing and exists again; changes in between were missed"
                )
            }
            Self::Due { left, reserve } => {
                write!(f, "{} left, renewed below {}", Time(*left), Time(*reserve))
            }
            Self::ItsMoment(left) => write!(f, "{} left, renewed at its own moment", Time(*left)),
            Self::NoExpiry => write!(f, "Graph does not say when it expires"),
            Self::OtherCertificate { from, readable } => {
                let from = from.as_deref().unwrap_or("unknown");
                let state = if *readable {
                    "no longer current"
                } else {
                    "no longer usable"
                };
                write!(f, "its certificate {from} is {state}")
            }
            Self::Expired => write!(f, "it has expired; changes since then were missed"),
            Self::Removed => write!(f, "Graph has removed it"),
            Self::OtherResource(from) => write!(f, "the entry's resource has changed from {from}"),
            Self::OtherChangeType(from) => write!(f, "the entry's changeType has changed from {from}"),
            Self::OtherEntry(text) => f.write_str(text),
            Self::OtherUrl => write!(f, "its notifications have to go to another URL"),
            Self::OtherLifecycleUrl => write!(f, "its lifecycle notifications go to another address"),
            Self::KeyGone(key_id) if key_id.is_empty() => {
                write!(f, "it was not created with a key of this stack")
            }
            Self::KeyGone(key_id) => write!(f, "its client-state key {key_id} is retired"),
            Self::OldKey(key_id) => write!(f, "its client-state key {key_id} is being replaced"),
            Self::Renamed(from) => write!(f, "the entry was called {from}"),
            Self::NoEntry => write!(f, "no entry asks for it"),
            Self::AllGo => write!(f, "all subscriptions of this stack are being deleted"),
            Self::TakenOver => write!(f, "another stack left it, and this stack takes it over"),
            Self::Duplicate(of) => write!(f, "its entry already has {of}"),
            Self::Fresh(left) => write!(f, "{} left", Time(*left)),
            Self::Held(why) => write!(f, "left unchanged: {why}"),
        }
    }
}

/// A duration in its two largest units.
struct Time(SignedDuration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_mins();
        let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
        match (days, hours, rest) {
            (0, 0, rest) => write!(f, "{rest} min"),
            (0, hours, 0) => write!(f, "{hours} h"),
            (0, hours, rest) => write!(f, "{hours} h {rest} min"),
            (days, 0, _) => write!(f, "{days} d"),
            (days, hours, _) => write!(f, "{days} d {hours} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_their_two_largest_units() {
        for (minutes, expected) in [
            (0, "0 min"),
            (59, "59 min"),
            (60, "1 h"),
            (125, "2 h 5 min"),
            (24 * 60 + 5, "1 d"),
            (75 * 60 + 1, "3 d 3 h"),
        ] {
            assert_eq!(Time(SignedDuration::from_mins(minutes)).to_string(), expected);
        }
    }

    #[test]
    fn a_reason_reads_as_the_end_of_a_report_line() {
        let due = Reason::Due {
            left: SignedDuration::from_hours(19),
            reserve: SignedDuration::from_hours(24),
        };
        assert_eq!(due.to_string(), "19 h left, renewed below 1 d");
        assert_eq!(
            Reason::KeyGone("k1".to_owned()).to_string(),
            "its client-state key k1 is retired"
        );
        assert_eq!(
            Reason::OtherCertificate {
                from: Some("c-1".to_owned()),
                readable: false
            }
            .to_string(),
            "its certificate c-1 is no longer usable"
        );
    }
}
