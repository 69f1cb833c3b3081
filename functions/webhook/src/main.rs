//! Wires the webhook to the HTTP API, Secrets Manager and SQS.

use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::{Metric, Metrics, MetricsWriter},
    secrets::{SecretStore, StoredSecret},
    settings::Settings,
    sqs::{Sqs, SqsQueue},
};
use jiff::Timestamp;
use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::value::RawValue;
use webhook::{ANSWER_WITHIN, Deps, Queues, gateway, handle, parse_keys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    graph_edge::telemetry::init();
    let deps = deps().await?;
    let (deps, metrics_writer) = (&deps, &MetricsWriter::from_env());
    let answer = async |event: LambdaEvent<Box<RawValue>>| {
        let deadline = Deadline::after(ANSWER_WITHIN);
        let (now, mut metrics) = (Timestamp::now(), Metrics::default());
        let response = if let Some(request) = gateway::request(&event.payload) {
            Box::pin(handle(request, deps, now, deadline, &mut metrics)).await
        } else {
            metrics.count(Metric::RejectedPosts, 1);
            gateway::bad_request()
        };
        metrics_writer.write(&metrics, &event.context.request_id, now);
        Ok::<_, Error>(gateway::response(response))
    };
    lambda_runtime::run(service_fn(answer)).await
}

async fn deps() -> Result<Deps<StoredSecret, SqsQueue>, Error> {
    let mut settings = Settings::from_env();
    let secret_arn = settings.required("CLIENT_STATE_SECRET_ARN");
    let notification_queue = settings.required("NOTIFICATION_QUEUE_URL");
    let lifecycle_queue = settings.required("LIFECYCLE_QUEUE_URL");
    let delivery_queue = settings.required("DELIVERY_QUEUE_URL");
    let read_queue = settings.optional("READ_QUEUE_URL");
    settings.check()?;
    let config = graph_edge::aws::config().await;
    let secret = SecretStore::new(&config).secret(secret_arn);
    let sqs = Sqs::new(&config);
    Ok(Deps {
        keys: CachedDocument::new(secret, parse_keys),
        queues: Queues {
            notification: sqs.queue(notification_queue),
            lifecycle: sqs.queue(lifecycle_queue),
            delivery: sqs.queue(delivery_queue),
            read: read_queue.map(|url| sqs.queue(url)),
        },
    })
}
