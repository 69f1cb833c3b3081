//! Wires reader to SQS, Secrets Manager and Microsoft Graph.

use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use graph_core::subscription::config::Config;
use graph_edge::{
    BoxError,
    clock::SystemClock,
    deadline::Deadline,
    documents::{CachedDocument, client_state_keys},
    graph::GraphClient,
    http::Http,
    login::{self, NoRefreshTokens, Sts, TokenProvider},
    metrics::{Metrics, MetricsWriter},
    secrets::{SecretStore, StoredSecret},
    settings::Settings,
    sqs::{Sqs, SqsQueue},
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use reader::{Deps, Memory, handle, ports::Ports};

/// The real services.
struct Live;

impl login::Ports for Live {
    type Clock = SystemClock;
    type RefreshTokens = NoRefreshTokens;
    type WebIdentity = Sts;
}

impl Ports for Live {
    type Secret = StoredSecret;
    type Graph = GraphClient<Self>;
    type Clock = SystemClock;
    type Queue = SqsQueue;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    graph_edge::telemetry::init();
    let deps = deps().await?;
    let (deps, metrics_writer) = (&deps, &MetricsWriter::from_env());
    let process = async |event: LambdaEvent<SqsEvent>| {
        let deadline = Deadline::before(event.context.deadline(), ANSWER_BEFORE);
        let mut metrics = Metrics::default();
        let response = Box::pin(handle(event.payload, deps, deadline, &mut metrics)).await;
        metrics_writer.write(&metrics, &event.context.request_id, Timestamp::now());
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(process)).await
}

async fn deps() -> Result<Deps<Live>, Error> {
    let mut settings = Settings::from_env();
    let config_arn = settings.required("CONFIG_SECRET_ARN");
    let client_state_arn = settings.required("CLIENT_STATE_SECRET_ARN");
    let delivery_queue = settings.required("DELIVERY_QUEUE_URL");
    let failed_queue = settings.required("FAILED_QUEUE_URL");
    let read_queue = settings.required("READ_QUEUE_URL");
    let tries = settings.required("MAX_RECEIVES");
    let graph_endpoint = settings.optional("GRAPH_ENDPOINT");
    let login_endpoint = settings.optional("LOGIN_ENDPOINT");
    settings.check()?;
    let config = graph_edge::aws::config().await;
    let (http, store, sqs) = (Http::default(), SecretStore::new(&config), Sqs::new(&config));
    let login = TokenProvider::new(
        http.clone(),
        login_endpoint.as_deref(),
        NoRefreshTokens,
        Sts::new(&config),
        SystemClock,
    )?;
    Ok(Deps {
        config: CachedDocument::new(store.secret(config_arn), parse_config),
        client_states: CachedDocument::new(store.secret(client_state_arn), client_state_keys),
        graph: GraphClient::new(http, login, graph_endpoint.as_deref())?,
        clock: SystemClock,
        // What is not stored of a page has the whole turn of its window read again.
        delivery_queue: sqs.queue(delivery_queue).patient(),
        failed_queue: sqs.queue(failed_queue),
        read_queue: sqs.queue(read_queue).patient(),
        memory: Memory::default(),
        tries: tries.parse().map_err(|_| "MAX_RECEIVES is not a number")?,
    })
}

/// Reads the configuration; what is wrong with parts of it is renewal's to say.
fn parse_config(text: &str) -> Result<Config, BoxError> {
    let (config, _) = Config::parse(text).map_err(|problem| problem.to_string())?;
    Ok(config)
}

/// How long before the end of the invocation the answer is due.
const ANSWER_BEFORE: Duration = Duration::from_secs(10);
