//! Wires decryption to SQS, Secrets Manager and Microsoft's signing keys.

use aws_lambda_events::sqs::SqsEvent;
use decryption::{Deps, SigningKeysByCloud, Trust, handle};
use graph_core::notification::tokens::Authorities;
use graph_edge::{
    documents::{CachedDocument, SecretSource},
    metrics::{Metrics, MetricsWriter},
    secrets::SecretStore,
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
        let (now, mut metrics) = (Timestamp::now(), Metrics::default());
        let response = Box::pin(handle(event.payload, deps, now, &mut metrics)).await;
        metrics_writer.write(&metrics, &event.context.request_id, now);
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(process)).await
}

async fn deps() -> Result<Deps<SecretSource, HttpDocuments, SqsQueue>, Error> {
    let mut settings = Settings::from_env();
    let secret_arn = settings.required("DECRYPTION_SECRET_ARN");
    let delivery_queue = settings.required("DELIVERY_QUEUE_URL");
    let failed_queue = settings.required("FAILED_QUEUE_URL");
    let lifecycle_queue = settings.required("LIFECYCLE_QUEUE_URL");
    let login_endpoint = settings.optional("LOGIN_ENDPOINT");
    let authorities = settings.optional("VALIDATION_AUTHORITIES");
    settings.check()?;
    let authorities =
        authorities.map_or_else(|| Ok(Authorities::default()), |json| Authorities::parse(&json));
    let authorities = authorities.map_err(|error| format!("VALIDATION_AUTHORITIES {error}"))?;
    let config = graph_edge::aws::config().await;
    let source = SecretSource {
        store: SecretStore::new(&config),
        secret_arn,
    };
    let sqs = Sqs::new(&config);
    Ok(Deps {
        trust: CachedDocument::new(source, Trust::parse),
        signing_keys: SigningKeysByCloud::new(
            &HttpDocuments::new()?,
            &authorities,
            login_endpoint.as_deref(),
        ),
        delivery_queue: sqs.queue(delivery_queue),
        failed_queue: sqs.queue(failed_queue),
        lifecycle_queue: sqs.queue(lifecycle_queue),
    })
}
