//! Why a step is taken, in words for a report.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// Why a step is taken. Its text is made for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no subscription.
    Missing,
    /// There was one, and it is gone.
    Lost {
        /// Graph's id of it, where this process has seen it.
        id: Option<String>,
        /// When it was last there.
        seen_at: Timestamp,
    },
    /// There is no subscription, and whether there was one is not known.
    PerhapsLost,
    /// Little is left of it.
    Due {
        /// What is left.
        left: SignedDuration,
        /// How much is to be left of it.
        reserve: SignedDuration,
    },
    /// Its own moment has come, so that not all come due together.
    ItsMoment {
        /// What is left.
        left: SignedDuration,
    },
    /// Graph does not say when it ends.
    NoExpiry,
    /// Graph asked for reauthorization.
    ReauthorizationRequired,
    /// Its certificate is not the current one.
    OtherCertificate {
        /// The certificate it uses, where that is known.
        from: Option<String>,
        /// Whether the private key for it is still at hand.
        readable: bool,
    },
    /// It is over.
    Expired,
    /// Graph says that it has removed it.
    Removed,
    /// It watches something else than its entry asks for.
    OtherResource {
        /// What it watches.
        from: String,
    },
    /// It watches other changes than its entry asks for.
    OtherChangeType {
        /// What it watches.
        from: String,
    },
    /// It has other query options than its entry asks for.
    OtherQueryOptions,
    /// It was made with, and its entry is without resource data, or the other way round.
    OtherResourceData {
        /// Whether the entry asks for resource data.
        wanted: bool,
    },
    /// Its entry has changed, in a way that Graph's list does not show.
    OtherEntry,
    /// Its notifications go to an address that is not ours any more, or not the way that its entry asks for.
    OtherUrl,
    /// Its lifecycle notifications go elsewhere, and that cannot be changed.
    OtherLifecycleUrl,
    /// The key of its client state is no longer known.
    KeyGone {
        /// The key's id.
        key_id: String,
    },
    /// A newer key has taken the place of its client state's key.
    OldKey {
        /// The older key's id.
        key_id: String,
    },
    /// Its entry has another name now.
    Renamed {
        /// The name it was made under.
        from: String,
    },
    /// No entry asks for it.
    NoEntry,
    /// A person wants all subscriptions of the stack gone.
    AllGo,
    /// Another stack has left it, and a person wants this one to go on.
    TakenOver,
    /// Its entry has another subscription already.
    Duplicate {
        /// Graph's id of the other one.
        of: String,
    },
    /// There is time.
    Fresh {
        /// What is left.
        left: SignedDuration,
    },
    /// It was renewed a moment ago, and Graph wants ten minutes between two such calls.
    JustRenewed,
    /// Its entry is not acted upon.
    Held(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "this entry has no subscription yet"),
            Self::Lost { seen_at, .. } => {
                write!(
                    f,
                    "it existed at {seen_at:.0} and no longer does; changes since then were missed"
                )
            }
            Self::PerhapsLost => write!(
                f,
                "this entry has no subscription, and it is unknown whether one was lost"
            ),
            Self::Due { left, reserve } => {
                write!(f, "{} left, renewed below {}", Time(*left), Time(*reserve))
            }
            Self::ItsMoment { left } => write!(f, "{} left, renewed at its own moment", Time(*left)),
            Self::NoExpiry => write!(f, "Graph does not say when it expires"),
            Self::ReauthorizationRequired => write!(f, "Graph asked for reauthorization"),
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
            Self::OtherResource { from } => write!(f, "the entry's resource has changed from {from}"),
            Self::OtherChangeType { from } => write!(f, "the entry's changeType has changed from {from}"),
            Self::OtherQueryOptions => write!(f, "the entry's notificationQueryOptions have changed"),
            Self::OtherResourceData { wanted: true } => write!(f, "the entry now includes resource data"),
            Self::OtherResourceData { wanted: false } => {
                write!(f, "the entry no longer includes resource data")
            }
            Self::OtherEntry => write!(f, "its entry has changed"),
            Self::OtherUrl => write!(f, "its notifications have to go to another URL"),
            Self::OtherLifecycleUrl => write!(f, "its lifecycle notifications go to another address"),
            Self::KeyGone { key_id } if key_id.is_empty() => {
                write!(f, "it was not created with a key of this stack")
            }
            Self::KeyGone { key_id } => write!(f, "its client-state key {key_id} is retired"),
            Self::OldKey { key_id } => write!(f, "its client-state key {key_id} is being replaced"),
            Self::Renamed { from } => write!(f, "the entry was called {from}"),
            Self::NoEntry => write!(f, "no entry asks for it"),
            Self::AllGo => write!(f, "all subscriptions of this stack are being deleted"),
            Self::TakenOver => write!(f, "another stack left it, and this stack takes it over"),
            Self::Duplicate { of } => write!(f, "its entry already has {of}"),
            Self::Fresh { left } => write!(f, "{} left", Time(*left)),
            Self::JustRenewed => write!(f, "renewed within about the last 10 minutes"),
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
            Reason::KeyGone {
                key_id: "k1".to_owned()
            }
            .to_string(),
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
