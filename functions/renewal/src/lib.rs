//! Renewal: brings the subscriptions that Microsoft Graph lists in line with the configuration.
//!
//! It runs on a schedule, by hand, and on lifecycle notifications. Each run makes the keys that are missing, lists the
//! subscriptions of every tenant, plans ([`graph_core::subscription::plan`]), does what the plan says, and reports. Runs store nothing
//! between them but keys, and two at once do no harm.

mod advice;
mod apply;
mod catch_up;
mod invocation;
mod keys;
mod lifecycle;
mod memory;
pub mod ports;
pub mod report;
mod run;
pub mod schedule;
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
    ports::{Client, Clock, Document, Ports},
    run::RunRequest,
};

/// What renewal works with.
pub struct Deps<P: Ports> {
    /// The configuration and the keys.
    pub documents: P::Documents,
    /// The subscriptions.
    pub graph: Client<P>,
    /// The time.
    pub clock: P::Clock,
    /// Where lifecycle messages go that can never be processed.
    pub failed_queue: P::Queue,
    /// Where consumers are told of lost notifications.
    pub delivery_queue: P::Queue,
    /// Has the reader read what was lost, where there is one.
    pub catch_up: Option<CatchUp<P::Queue>>,
    /// Whose subscriptions these are.
    pub stack: StackId,
    /// Where our notifications go.
    pub notifications: BaseUrl,
    /// Where our lifecycle notifications go.
    pub lifecycle: BaseUrl,
    /// How early subscriptions are renewed.
    pub policy: Policy,
    /// How long keys are used.
    pub rotation: Rotation,
    /// What is known from earlier runs of this process.
    pub memory: Memory,
}

/// Handles an invocation that has to be over by `deadline`: a batch of LifecycleQueue, or anything else, which stands for
/// a run over everything.
///
/// A run returns its [`report::Report`], also when something failed for some tenants or subscriptions. An operator can ask
/// for more, as docs/configuration.md describes: `dryRun` changes nothing, `confirmDeletions` lets go what is held back,
/// `takeOver` replaces what another stack has left, `deleteAll` deletes all subscriptions of this one, and `rotate`
/// publishes new keys, which the runs after the next six minutes use in place of the old ones at once. A batch returns the
/// messages to try again. What there is to count is on `metrics`.
///
/// # Errors
///
/// Returns an error when the event asks for something unknown, or when the documents in Secrets Manager cannot be read
/// or written, so that nothing can be done.
pub async fn handle<P: Ports>(
    event: Value,
    deadline: Timestamp,
    deps: &Deps<P>,
    metrics: &mut Metrics,
) -> Result<Value, Error> {
    if let Some(records) = lifecycle::records(&event) {
        deps.graph.share_limits_with(lifecycle::OTHER_PROCESSES);
        let answer = lifecycle::handle(records, deadline, deps, metrics).await;
        metrics.count(Metric::ThrottledCalls, deps.graph.throttled());
        return Ok(answer);
    }
    deps.graph.share_limits_with(0);
    let options = Options::parse(&event)?;
    let dry_run = options.dry_run;
    let request = RunRequest::everything(options, deps.clock.now(), deadline);
    let run = run::run(deps, &request).await;
    metrics.count(Metric::ThrottledCalls, deps.graph.throttled());
    if !dry_run {
        run::count::state(
            run.as_ref().ok(),
            &deps.memory,
            &deps.policy,
            deps.clock.now(),
            metrics,
        );
        run::count::drop_since(&deps.memory.live, metrics);
    }
    let run = run?;
    if !dry_run {
        run::count::steps(&run.report, metrics);
    }
    serde_json::to_value(run.report).map_err(Error::Report)
}

/// Why nothing could be done at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Secrets Manager does not answer, or too many write at once.
    #[error("documents in secrets manager cannot be read or written")]
    Documents(#[from] SecretError),
    /// A document of renewal's own is not what it writes. It is left as it is.
    #[error("{0:?} secret is malformed")]
    Malformed(Document),
    /// The event is none that renewal knows.
    #[error("the event is not {0}")]
    Request(String),
    /// What is to be replaced is not said in a way that is understood.
    #[error("rotate is neither true nor \"keys\" nor \"certificate\"")]
    Rotate,
    /// A key pair cannot be made.
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
            Error::Rotate => "RotateMalformed",
            Error::Certificate(_) => "CertificateFailed",
            Error::Report(_) => "ReportFailed",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: causes(&error),
        }
    }
}
