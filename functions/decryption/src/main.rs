//! Wires decryption to SQS, Secrets Manager and Microsoft's signing keys.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use decryption::{Deps, Ports, SigningKeysByCloud, Trust, handle};
use graph_core::notification::tokens::Authorities;
use graph_edge::{
    deadline::Deadline,
    documents::{CachedDocument, client_state_keys},
    metrics::{Metrics, MetricsWriter},
    secrets::{SecretStore, StoredSecret},
    settings::Settings,
    signing_keys::HttpDocuments,
    sqs::{Sqs, SqsQueue},
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    graph_edge::telemetry::init();
    let deps = deps().await?;
    let (deps, metrics_writer) = (&deps, &MetricsWriter::from_env());
    let process = async |event: LambdaEvent<SqsEvent>| {
        let deadline = Deadline::before(event.context.deadline(), ANSWER_BEFORE);
        let (now, mut metrics) = (Timestamp::now(), Metrics::default());
        let response = Box::pin(handle(event.payload, deps, now, deadline, &mut metrics)).await;
        metrics_writer.write(&metrics, &event.context.request_id, now);
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(process)).await
}

/// The real services.
struct Live;

impl Ports for Live {
    type Secret = StoredSecret;
    type Documents = HttpDocuments;
    type Queue = SqsQueue;
}

async fn deps() -> Result<Deps<Live>, Error> {
    let mut settings = Settings::from_env();
    let client_state_arn = settings.required("CLIENT_STATE_SECRET_ARN");
    let decryption_arn = settings.required("DECRYPTION_SECRET_ARN");
    let delivery_queue = settings.required("DELIVERY_QUEUE_URL");
    let failed_queue = settings.required("FAILED_QUEUE_URL");
    let lifecycle_queue = settings.required("LIFECYCLE_QUEUE_URL");
    let read_queue = settings.optional("READ_QUEUE_URL");
    let tries = settings.required("MAX_RECEIVES");
    let login_endpoint = settings.optional("LOGIN_ENDPOINT");
    let authorities = settings.optional("VALIDATION_AUTHORITIES");
    settings.check()?;
    let authorities =
        authorities.map_or_else(|| Ok(Authorities::default()), |json| Authorities::parse(&json));
    let authorities = authorities.map_err(|error| format!("VALIDATION_AUTHORITIES {error}"))?;
    let config = graph_edge::aws::config().await;
    let store = SecretStore::new(&config);
    let sqs = Sqs::new(&config);
    Ok(Deps {
        client_states: CachedDocument::new(store.secret(client_state_arn), client_state_keys),
        trust: CachedDocument::new(store.secret(decryption_arn), Trust::parse),
        signing_keys: SigningKeysByCloud::new(
            &HttpDocuments::new()?,
            &authorities,
            login_endpoint.as_deref(),
        ),
        delivery_queue: sqs.queue(delivery_queue),
        failed_queue: sqs.queue(failed_queue),
        lifecycle_queue: sqs.queue(lifecycle_queue),
        read_queue: read_queue.map(|url| sqs.queue(url)),
        tries: tries.parse().map_err(|_| "MAX_RECEIVES is not a number")?,
    })
}

/// What is left of an invocation when its answer is given: for writing metrics, and for a thread that is slow to wake.
const ANSWER_BEFORE: Duration = Duration::from_secs(2);
