//! Wires renewal to Secrets Manager, Microsoft Graph and SQS.

use graph_core::subscription::url::{BaseUrl, StackId};
use graph_edge::{
    clock::SystemClock,
    graph::GraphClient,
    http::Http,
    login::{Sts, TokenProvider},
    metrics::{Metrics, MetricsWriter},
    parameter::Parameter,
    secrets::SecretStore,
    settings::Settings,
    sqs::Sqs,
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use renewal::{
    CatchUp, Deps, Memory, handle,
    ports::{Live, StoredDocuments},
    schedule,
};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    graph_edge::telemetry::init();
    let deps = deps().await?;
    let (deps, metrics_writer) = (&deps, &MetricsWriter::from_env());
    let process = async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::try_from(event.context.deadline()).unwrap_or(Timestamp::MAX);
        let mut metrics = Metrics::default();
        let answer = Box::pin(handle(event.payload, deadline, deps, &mut metrics)).await;
        metrics_writer.write(&metrics, &event.context.request_id, Timestamp::now());
        answer
    };
    lambda_runtime::run(service_fn(process)).await
}

async fn deps() -> Result<Deps<Live>, Error> {
    let mut settings = Settings::from_env();
    let config_arn = settings.required("CONFIG_SECRET_ARN");
    let client_state_arn = settings.required("CLIENT_STATE_SECRET_ARN");
    let decryption_arn = settings.required("DECRYPTION_SECRET_ARN");
    let refresh_token_arn = settings.required("REFRESH_TOKEN_SECRET_ARN");
    let stack_id = settings.required("STACK_ID");
    let webhook_url = settings.required("WEBHOOK_URL");
    let lifecycle_url = settings.required("LIFECYCLE_URL");
    let failed_queue = settings.required("FAILED_QUEUE_URL");
    let delivery_queue = settings.required("DELIVERY_QUEUE_URL");
    let tries = settings.required("MAX_RECEIVES");
    let state_parameter = settings.required("STATE_PARAMETER");
    let read_queue = settings.optional("READ_QUEUE_URL");
    let catch_up_hours = settings.optional("CATCH_UP_HOURS");
    let catch_up_delay = settings.optional("CATCH_UP_DELAY_SECONDS");
    let graph_endpoint = settings.optional("GRAPH_ENDPOINT");
    let login_endpoint = settings.optional("LOGIN_ENDPOINT");
    let minutes = settings.optional("RENEWAL_MINUTES");
    let rotation = schedule::rotation(
        settings.optional("KEY_ROTATION_DAYS").as_deref(),
        settings.optional("CERTIFICATE_ROTATION_DAYS").as_deref(),
    )?;
    // After all settings are read, so that one error names every missing one.
    settings.check()?;
    let back = schedule::hours_back(catch_up_hours.as_deref())?;
    let settle = schedule::catch_up_delay(catch_up_delay.as_deref())?;
    let policy = schedule::policy(minutes.as_deref())?;
    let config = graph_edge::aws::config().await;
    let http = Http::default();
    let (store, sqs) = (SecretStore::new(&config), Sqs::new(&config));
    let refresh_tokens = store.secret(refresh_token_arn);
    let login = TokenProvider::new(
        http.clone(),
        login_endpoint.as_deref(),
        refresh_tokens,
        Sts::new(&config),
        SystemClock,
    )?;
    Ok(Deps {
        documents: StoredDocuments {
            config: store.secret(config_arn),
            client_state: store.secret(client_state_arn),
            decryption: store.secret(decryption_arn),
            state: Parameter::new(http.clone(), config.clone(), state_parameter),
        },
        graph: GraphClient::new(http, login, graph_endpoint.as_deref())?,
        clock: SystemClock,
        failed_queue: sqs.queue(failed_queue),
        delivery_queue: sqs.queue(delivery_queue),
        catch_up: read_queue.map(|url| CatchUp {
            queue: sqs.queue(url),
            back,
            settle,
        }),
        stack: StackId::parse(&stack_id)?,
        notifications: BaseUrl::parse(&webhook_url)?,
        lifecycle: BaseUrl::parse(&lifecycle_url)?,
        policy,
        rotation,
        tries: tries.parse().map_err(|_| "MAX_RECEIVES is not a number")?,
        memory: Memory::default(),
    })
}
