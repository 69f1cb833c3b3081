//! The line of a report about one subscription.

use jiff::Timestamp;
use serde::Serialize;

use crate::result::{Lost, Status, StepResult};

/// The result for a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The subscription's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete` or `keep`.
    pub action: &'static str,
    /// Why the action was chosen.
    pub reason: String,
    /// The resource that the entry asks for, or for a kept or unwanted subscription the one that it watches; absent if
    /// unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The change types, from the same source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_type: Option<String>,
    /// Graph's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// When the subscription expires; in a dry run, when it would expire after the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// In a dry run, when the subscription expires without the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether the action is left for the next run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The period in which notifications may have been lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Why the action failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the subscription does not exist, where nobody here can change that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Line {
    /// Returns the line about a step in the tenant.
    pub(super) fn of(result: &StepResult, tenant: &str) -> Self {
        let step = &result.step;
        let (mut error, mut skipped) = (None, None);
        match &result.status {
            Status::Failed(why) => error = Some(why.clone()),
            Status::Skipped(why) => skipped = Some(why.clone()),
            Status::Done | Status::Planned | Status::Unfinished => {}
        }
        Self {
            name: step.name.clone(),
            tenant: tenant.to_owned(),
            action: result.action(),
            reason: result.reason(),
            resource: step.resource.clone(),
            change_type: step.change_type.clone(),
            subscription_id: result.subscription_id.clone(),
            expires_at: result.expires_at,
            ends_at: step.expires_at.filter(|_| result.status == Status::Planned),
            unfinished: result.status == Status::Unfinished,
            lost: result.lost,
            error,
            skipped,
        }
    }
}
