//! Why a reading is not complete.

use serde::{Deserialize, Serialize};

/// Why something may have been left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shortfall {
    /// Microsoft Graph, or a queue, was not ready until the last try.
    NotReady,
    /// The loss may have begun before the window.
    Clipped,
    /// The window begins before what Microsoft Graph still shows.
    TooOld,
    /// The list was read by links that count items while items changed.
    Shifted,
    /// An item could not be understood, or no event could be made of it.
    OddItem,
    /// There is more than one reading works off.
    TooMuch,
    /// An answer was not a page of the list.
    OddAnswer,
    /// The resource has no list by time.
    NotReadable,
    /// The subscription has a `$search`, a `$filter` or another option that a list by time does not take.
    Options,
    /// The configuration does not have the subscription.
    NotConfigured,
    /// The tenant has a delegated credential, which the reader does not use.
    Delegated,
    /// The application lacks a permission.
    Forbidden,
    /// The resource is not there.
    NotFound,
    /// Microsoft Graph refuses the application's token or credential.
    NotSignedIn,
    /// Microsoft Graph refused the request.
    Refused,
}

impl Shortfall {
    /// Returns what a refusal with this status comes to.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            401 => Self::NotSignedIn,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            410 => Self::TooOld,
            _ => Self::Refused,
        }
    }

    /// Returns the reason in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotReady => "Microsoft Graph could not be read, even at the last try",
            Self::Clipped => "the loss may have begun before the time that was read",
            Self::TooOld => {
                "tooOld: Microsoft Graph no longer shows changes from the beginning of the window"
            }
            Self::Shifted => {
                "the list cannot be read in order, and its pages may have shifted while it was read"
            }
            Self::OddItem => {
                "an item of the list has no id, no time or no path, or is too large for a message"
            }
            Self::TooMuch => "more items changed than the reader reads for one window",
            Self::OddAnswer => "Microsoft Graph's answer was not a page of the list",
            Self::NotReadable => "the resource has no list by time",
            Self::Options => {
                "the options of the subscription's resource cannot be joined with a window of time"
            }
            Self::NotConfigured => "the subscription, with this resource, is not in the configuration",
            Self::Delegated => "the reader does not read subscriptions of a signed-in user",
            Self::Forbidden => "Microsoft Graph refused the list (403); grant the application the permission",
            Self::NotFound => "Microsoft Graph does not know the resource (404)",
            Self::NotSignedIn => {
                "Microsoft Graph or Microsoft Entra refused the application's credential (401)"
            }
            Self::Refused => "Microsoft Graph refused the list",
        }
    }
}
