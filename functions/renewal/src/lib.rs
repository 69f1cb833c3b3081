//! Renewal: brings the subscriptions that Microsoft Graph lists in line with the configuration.
//!
//! Renewal runs on a schedule, by hand, and on lifecycle notifications. Each run creates missing keys, lists the
//! subscriptions of every tenant, plans ([`graph_core::subscription::plan`]), applies the plan, and reports. Runs store
//! only keys and a summary of what is missing, and two runs at once do no harm.

mod advice;
mod apply;
mod catch_up;
mod invocation;
mod keys;
mod lifecycle;
mod memory;
pub mod ports;
mod processes;
pub mod report;
mod result;
mod run;
pub mod schedule;
mod tenant_run;
#[cfg(test)]
mod tests;

use graph_core::{
    certificate::CertificateError,
    subscription::{
        plan::Policy,
        rotation::Rotation,
        url::{BaseUrl, StackId},
    },
};
use graph_edge::{
    graph::GraphClient,
    metrics::{Metric, Metrics},
    secrets::SecretError,
    telemetry::causes,
};
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde_json::Value;

pub use self::{catch_up::CatchUp, memory::Memory};
use self::{
    invocation::Options,
    ports::{Clock, Document, Ports},
    processes::sharing,
    run::RunRequest,
};

/// The services and settings that renewal works with.
pub struct Deps<P: Ports> {
    /// The configuration and the keys.
    pub documents: P::Documents,
    /// The client of Microsoft Graph.
    pub graph: GraphClient<P>,
    /// The clock.
    pub clock: P::Clock,
    /// The queue for lifecycle messages that can never be processed.
    pub failed_queue: P::Queue,
    /// The queue for events about lost notifications.
    pub delivery_queue: P::Queue,
    /// Sends lost periods to the reader, where the stack has a reader.
    pub catch_up: Option<CatchUp<P::Queue>>,
    /// The stack that owns the subscriptions.
    pub stack: StackId,
    /// The URL for change notifications.
    pub notifications: BaseUrl,
    /// The URL for lifecycle notifications.
    pub lifecycle: BaseUrl,
    /// How early subscriptions are renewed.
    pub policy: Policy,
    /// How long keys are used.
    pub rotation: Rotation,
    /// How often LifecycleQueue hands over a message.
    pub tries: u32,
    /// What earlier runs of this process found out.
    pub memory: Memory,
}

/// Handles an invocation, which ends by `deadline`: a batch of LifecycleQueue, or any other event, which starts a run
/// over everything.
///
/// A run returns its [`report::Report`], also when a tenant or a subscription failed. An operator has options, which
/// docs/configuration.md describes: `dryRun` changes nothing, `confirmDeletions` allows the deletions that are held
/// back, `takeOver` replaces subscriptions that another stack left, `deleteAll` deletes all subscriptions of this
/// stack, and `rotate` publishes new keys, which replace the old ones in the first run after six minutes. A batch
/// returns the messages to retry. The counts are added to `metrics`.
///
/// # Errors
///
/// Returns an error if the event has an unknown member, or if the documents in Secrets Manager cannot be read or
/// written, so that no run is possible.
pub async fn handle<P: Ports>(
    event: Value,
    deadline: Timestamp,
    deps: &Deps<P>,
    metrics: &mut Metrics,
) -> Result<Value, Error> {
    if let Some(records) = lifecycle::records(&event) {
        let batch = Box::pin(lifecycle::handle(records, deadline, deps, metrics));
        let answer = sharing(deps, batch).await;
        metrics.count(Metric::ThrottledCalls, deps.graph.throttled());
        return Ok(answer);
    }
    let options = Options::parse(&event)?;
    let dry_run = options.dry_run;
    let request = RunRequest::everything(options, deps.clock.now(), deadline);
    let run = sharing(deps, Box::pin(run::run(deps, &request, metrics))).await;
    metrics.count(Metric::ThrottledCalls, deps.graph.throttled());
    // Metrics are set before the error is returned: a run that failed has to show in RunSucceeded.
    if !dry_run {
        metrics.set(Metric::RunSucceeded, i64::from(run.is_ok()));
    }
    run?.report.into_json().map_err(Error::Report)
}

/// Why no run was possible.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Secrets Manager does not answer, or too many runs write at once.
    #[error("documents in secrets manager cannot be read or written")]
    Documents(#[from] SecretError),
    /// A document of renewal has content that renewal did not write. It is not overwritten.
    #[error("{0:?} secret is malformed")]
    Malformed(Document),
    /// The event has an unknown form or member.
    #[error("the event is not {0}")]
    Request(String),
    /// A key pair or its certificate cannot be created.
    #[error("certificate cannot be made")]
    Certificate(#[source] Box<CertificateError>),
    /// The report cannot be written as JSON.
    #[error("report cannot be written")]
    Report(#[source] serde_json::Error),
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::Documents(_) => "DocumentsUnavailable",
            Error::Malformed(_) => "DocumentMalformed",
            Error::Request(_) => "RequestMalformed",
            Error::Certificate(_) => "CertificateFailed",
            Error::Report(_) => "ReportFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: causes(&error),
        }
    }
}
