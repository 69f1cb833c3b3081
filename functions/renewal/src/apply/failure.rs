//! Why a step failed, in words for a person.

use graph_core::{
    notification::client_state::MintError,
    subscription::{
        config::Tenant,
        model::Subscription,
        plan::{Action, Reason, Step},
    },
};
use graph_edge::graph::{GraphError, GraphErrorKind, Refused};
use jiff::Timestamp;

use crate::{advice, report::describe};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("call to microsoft graph failed")]
    Graph(#[from] GraphError),
    #[error("client state cannot be minted: {0}")]
    Mint(MintError),
    #[error("not every webhook knows its client-state key and its tenant yet; the next run creates it")]
    KeyNotYet,
    #[error(
        "its tenant does not fit into ClientStateSecret or DecryptionSecret, so its notifications would be rejected"
    )]
    NotPublished,
    #[error("no encryption certificate exists yet; the next run creates one")]
    NoCertificate,
    #[error(
        "subscription {id} of the same application already watches this, for {address}; delete it or change the entry{advice}"
    )]
    Theirs {
        id: String,
        address: String,
        advice: &'static str,
    },
    #[error("entry {0} already watches this")]
    Entry(String),
    #[error(
        "Graph says that subscription {0} already watches this, but does not list it; this can last for hours"
    )]
    Vanished(String),
    #[error(
        "Graph refused it recently; renewal retries after {until}, and `graph-notifications apply` retries at once"
    )]
    Waiting { until: Timestamp, is_skipped: bool },
    #[error("Graph asked to wait until {0} before the next call for this subscription")]
    Throttled(Timestamp),
    #[error(
        "not attempted: Graph refused every subscription of this entry that was tried; the next run continues"
    )]
    GivenUp,
    #[error(
        "not replaced: Graph could not validate the notification URL of this tenant's last new subscriptions, so the old one \
         stays; renewal tries again within an hour, and `graph-notifications apply` at once"
    )]
    Unreachable,
    #[error(
        "not replaced: subscriptions of this tenant were deleted first, because Graph accepts no second one, and Graph refused \
         their successors; the old one stays until they exist again, or for a day"
    )]
    NoSuccessor,
    #[error("Graph no longer knows the subscription")]
    Gone,
    #[error("subscription {id} already watches this, for {address}; Graph says: {text}")]
    Rival {
        id: String,
        address: String,
        text: String,
    },
    #[error("subscription {id}, for which no entry asks, already watches this; it is not deleted: {why}")]
    Held { id: String, why: String },
    /// Not a failure: the next run replaces a subscription that the list left out, or that an older run has just created.
    #[error("subscription {}, for which no entry asks, already watches this; the next run replaces it", .0.0.id)]
    InTheWay(Box<(Subscription, Reason)>),
    /// Not a failure: the next run takes the step.
    #[error("no time was left")]
    NoTime,
    /// Not a failure either.
    #[error("the configuration changed during the run")]
    Outdated,
}

impl Failure {
    /// Returns the meaning of Graph's refusal, if it is one.
    pub(super) fn kind(&self) -> Option<&GraphErrorKind> {
        match self {
            Self::Graph(error) => Some(&error.kind),
            _ => None,
        }
    }

    /// Returns whether Graph is asked again only after a pause, because its answer will not change soon.
    pub(super) fn calls_for_patience(&self) -> bool {
        match self {
            Self::Graph(error) => matches!(
                error.kind,
                GraphErrorKind::Forbidden { .. }
                    // For a creation: the resource to watch does not exist, and may come late or never.
                    | GraphErrorKind::NotFound { .. }
                    | GraphErrorKind::Conflict { .. }
            ),
            // Its successor cannot be created before others that take hours.
            other => matches!(other, Self::Vanished(_) | Self::Rival { .. } | Self::NoSuccessor),
        }
    }

    /// Returns whether nobody who operates this stack can cure the failure: its cause is the one object of a `forEach`
    /// entry, for which no subscription can be created.
    ///
    /// A subscription that lives, or may have lived before, was possible, so somebody has changed something.
    pub(super) fn is_skipped(&self, step: &Step) -> bool {
        // A single entry that cannot be watched is a mistake in the configuration.
        if !step.name.contains('/') || !matches!(step.action, Action::Create(_)) {
            return false;
        }
        match self {
            Self::Graph(error) => error.kind.refused().is_some_and(|refused| {
                let may_have_lived = step.reason != Reason::Missing && refused != Refused::NoMailbox;
                refused.is_of_object() && !may_have_lived
            }),
            Self::Waiting { is_skipped, .. } => *is_skipped,
            _ => false,
        }
    }

    /// Returns whether the step is only postponed to the next run.
    pub(super) fn is_postponed(&self) -> bool {
        self.is_for_time() || matches!(self, Self::Outdated | Self::InTheWay(_))
    }

    /// Returns whether the run had no time for the step, and has none for another call either.
    pub(super) fn is_for_time(&self) -> bool {
        matches!(self, Self::NoTime) || matches!(self.kind(), Some(GraphErrorKind::OutOfTime))
    }

    /// Returns the text for a person: the failure for `resource`, and what to do.
    pub(super) fn describe(
        &self,
        resource: Option<&str>,
        tenant: &Tenant,
        until: Option<Timestamp>,
    ) -> String {
        let text = match self {
            Self::Graph(error) => describe(error) + &advice::for_subscription(&error.kind, resource, tenant),
            other => other.to_string(),
        };
        let until = until.map_or_else(String::new, |until| {
            format!("; renewal retries after {until}, and `graph-notifications apply` retries at once")
        });
        format!("{text}{until}")
    }
}

/// The advice about a subscription that another stack created.
pub(super) const TAKE_OVER: &str =
    ", or if its stack no longer exists, invoke renewal with {\"takeOver\": true}";

/// Returns whether a creation failed because another subscription exists.
pub(super) fn is_in_the_way(error: &GraphError) -> bool {
    match &error.kind {
        GraphErrorKind::Conflict { .. } => true,
        // Some workloads answer a duplicate with 403 and "App '..' has reached its limit of '1' .." in place of 409. A larger
        // limit counts many subscriptions, and Graph may count a deleted one for hours: a deletion makes no room.
        GraphErrorKind::Forbidden { message } => message.contains("has reached its limit of '1'"),
        _ => false,
    }
}
