//! Wires the webhook to the HTTP API, Secrets Manager and SQS.

use graph_edge::{
    documents::{CachedDocument, SecretSource},
    secrets::SecretStore,
    settings::Settings,
    sqs::SqsQueue,
};
use jiff::Timestamp;
use lambda_http::{Error, LambdaEvent, lambda_runtime, service_fn};
use serde_json::value::RawValue;
use webhook::{Deps, gateway, handle, parse_keys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    graph_edge::telemetry::init();
    let deps = deps().await?;
    let deps = &deps;
    let answer = async |event: LambdaEvent<Box<RawValue>>| {
        let response = match gateway::request(&event.payload) {
            Some(request) => Box::pin(handle(request, deps, Timestamp::now())).await,
            None => gateway::bad_request(),
        };
        Ok::<_, Error>(gateway::response(response))
    };
    lambda_runtime::run(service_fn(answer)).await
}

async fn deps() -> Result<Deps<SecretSource, SqsQueue>, Error> {
    let mut settings = Settings::from_env();
    let secret_arn = settings.required("CLIENT_STATE_SECRET_ARN");
    let notification_queue = settings.required("NOTIFICATION_QUEUE_URL");
    let lifecycle_queue = settings.required("LIFECYCLE_QUEUE_URL");
    settings.check()?;
    let config = graph_edge::aws::config().await;
    let source = SecretSource {
        store: SecretStore::new(&config),
        secret_arn,
    };
    Ok(Deps {
        keys: CachedDocument::new(source, parse_keys),
        notification_queue: SqsQueue::new(&config, notification_queue),
        lifecycle_queue: SqsQueue::new(&config, lifecycle_queue),
    })
}
