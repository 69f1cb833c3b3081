//! What a run found and did: the function's return value.

use std::collections::BTreeMap;

use graph_core::config::Problem;
use graph_edge::{graph::GraphError, telemetry::causes};
use jiff::Timestamp;
use serde::Serialize;

/// The report of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing was changed: what follows is what a run would do.
    pub dry_run: bool,
    /// How many tenants and subscriptions something failed for.
    pub failed: usize,
    /// How many subscriptions each action was taken for, failures left out.
    pub counts: BTreeMap<&'static str, usize>,
    /// What is wrong in the configuration.
    pub problems: Vec<Problem>,
    /// The keys that the run made.
    pub keys: Vec<String>,
    /// What was found in each tenant.
    pub tenants: Vec<TenantLine>,
    /// What was done about each subscription, tenant by tenant, soonest expiry first.
    pub subscriptions: Vec<Line>,
}

impl Report {
    /// Adds what happened in a tenant.
    pub(crate) fn add(&mut self, tenant: TenantLine, lines: Vec<Line>) {
        self.failed += usize::from(tenant.error.is_some());
        self.tenants.push(tenant);
        for line in lines {
            match line.error {
                Some(_) => self.failed += 1,
                None => *self.counts.entry(line.action).or_default() += 1,
            }
            self.subscriptions.push(line);
        }
    }
}

/// What was found in a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantLine {
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How many subscriptions Graph lists for the application.
    pub listed: usize,
    /// How many of them are not ours, and are left alone.
    pub others: usize,
    /// Why nothing could be done in the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was done about a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The subscription's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete`, `keep`, or `unsupported`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
    /// Graph's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// When the subscription ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why the action failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Returns what an operator needs to know about a failed call: what it means, Graph's own words, code and request id.
pub(crate) fn told(error: &GraphError) -> String {
    let mut text = causes(error);
    if let Some(message) = error.kind.message() {
        text = format!("{text}: {message}");
    }
    let code = error.code.as_ref().map(|code| format!("code {code}"));
    let request_id = error.request_id.as_ref().map(|id| format!("request id {id}"));
    let details: Vec<String> = [code, request_id].into_iter().flatten().collect();
    if details.is_empty() {
        text
    } else {
        format!("{text} ({})", details.join(", "))
    }
}
