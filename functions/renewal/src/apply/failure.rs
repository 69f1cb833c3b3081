//! Why a step failed, in words for a person.

use graph_core::{
    catalogue::{self, Access},
    client_state::MintError,
    config::Tenant,
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::Timestamp;

use crate::report::told;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("call to microsoft graph failed")]
    Graph(#[from] GraphError),
    #[error("client state cannot be minted: {0}")]
    Mint(MintError),
    #[error("the new client-state key may not be used yet; the next run does")]
    KeyNotYet,
    #[error("there is no certificate; the next run makes one")]
    NoCertificate,
    #[error(
        "subscription {id} of the same application already watches this, for {place}; delete it or change the entry"
    )]
    Theirs { id: String, place: String },
    #[error("entry {0} already watches this")]
    Entry(String),
    #[error("Graph says that subscription {0} is in the way but does not show it; this can last for hours")]
    Vanished(String),
    #[error("Graph refused it a short while ago; tried again after {0}, or at once in a run by hand")]
    Waiting(Timestamp),
    #[error("not tried, for Graph has refused the others of this entry that were")]
    GivenUp,
    /// Not a failure of anything: the next run does it.
    #[error("time did not suffice")]
    NoTime,
}

impl Failure {
    /// Returns whether Graph is not to be asked for the same at every run: what it lacks comes late or never.
    pub(super) fn calls_for_patience(&self) -> bool {
        match self {
            Self::Graph(error) => matches!(
                error.kind,
                GraphErrorKind::Forbidden { .. } | GraphErrorKind::NotFound { .. }
            ),
            Self::Vanished(_) => true,
            Self::Mint(_)
            | Self::KeyNotYet
            | Self::NoCertificate
            | Self::Theirs { .. }
            | Self::Entry(_)
            | Self::Waiting(_)
            | Self::GivenUp
            | Self::NoTime => false,
        }
    }

    /// Returns whether the same creation for another object would fail as well.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Graph(GraphError {
                kind: GraphErrorKind::Forbidden { .. } | GraphErrorKind::Validation { .. },
                ..
            })
        )
    }

    /// Returns what to tell a person about the failure for `resource`, and what to do.
    pub(super) fn told(&self, resource: Option<&str>, tenant: &Tenant, until: Option<Timestamp>) -> String {
        let what = match self {
            Self::Graph(error) => told(error),
            other => other.to_string(),
        };
        let advice = match self {
            Self::Graph(error) if error.kind.is_quota() => {
                "; Graph may count a subscription for up to 3 hours after it is gone".to_owned()
            }
            Self::Graph(GraphError {
                kind: GraphErrorKind::Forbidden { .. },
                ..
            }) => permissions(resource, tenant),
            _ => String::new(),
        };
        let until = until.map_or_else(String::new, |until| {
            format!("; tried again after {until}, or at once in a run by hand")
        });
        format!("{what}{advice}{until}")
    }
}

/// Names the permissions that a subscription to `resource` needs.
fn permissions(resource: Option<&str>, tenant: &Tenant) -> String {
    let (access, kind) = if tenant.credential.is_delegated() {
        (Access::Delegated, "delegated")
    } else {
        (Access::Application, "application")
    };
    let row = resource.and_then(catalogue::find);
    let names: Vec<&str> = row
        .into_iter()
        .flat_map(|row| row.permissions(access))
        .map(|permission| permission.name())
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!("; needs the {kind} permission {only}, with an administrator's consent"),
        several => format!(
            "; needs one of the {kind} permissions {}, with an administrator's consent",
            several.join(", ")
        ),
    }
}

/// Returns whether a creation failed because of a subscription that exists.
pub(super) fn is_in_the_way(error: &GraphError) -> bool {
    match &error.kind {
        GraphErrorKind::Conflict { .. } => true,
        GraphErrorKind::Forbidden { message } => message.contains("has reached its limit"),
        GraphErrorKind::Login(_)
        | GraphErrorKind::Throttled { .. }
        | GraphErrorKind::NotFound { .. }
        | GraphErrorKind::HandshakeFailed { .. }
        | GraphErrorKind::Validation { .. }
        | GraphErrorKind::Unauthorized { .. }
        | GraphErrorKind::Unavailable { .. }
        | GraphErrorKind::Malformed => false,
    }
}
