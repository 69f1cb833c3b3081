//! SQS refuses, and nothing is lost.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use axum::{
    Router,
    extract::{Request, State},
    http,
    response::{IntoResponse, Response},
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::Metrics,
    secrets::{SecretStore, StoredSecret},
    sqs::{Sqs, SqsQueue},
};
use graph_simulator::{Post, TokenVersion};
use jiff::Timestamp;
use lambda_http::Body;
use webhook::{ANSWER_WITHIN, Deps, Queues, handle, parse_keys};

use crate::{
    delivery::team_messages,
    world::{Tenant, send, stack},
};

#[tokio::test]
async fn an_sqs_outage_makes_the_webhook_answer_5xx_and_loses_nothing() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("outage")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let post = (0..25).fold(Post::new(), |post, _| post.change(&subscription, "created"));
    let report = send(post).await;
    let first = tenant.events(25).await.len();

    // The same POST again, to the webhook's own code behind an SQS that can be switched off.
    let outage = Arc::new(Outage {
        refuses: AtomicBool::new(true),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    });
    let deps = deps(serve(Arc::clone(&outage)).await).await;
    let again = || {
        let request = http::Request::builder()
            .method("POST")
            .uri("https://host/notifications");
        request.body(Body::Binary(report.posts[0].body.clone())).unwrap()
    };
    assert_eq!(
        handle(
            again(),
            &deps,
            Timestamp::now(),
            Deadline::after(ANSWER_WITHIN),
            &mut Metrics::default(),
        )
        .await
        .status(),
        503
    );
    outage.refuses.store(false, Ordering::SeqCst);
    assert_eq!(
        handle(
            again(),
            &deps,
            Timestamp::now(),
            Deadline::after(ANSWER_WITHIN),
            &mut Metrics::default(),
        )
        .await
        .status(),
        202
    );
    assert_eq!(tenant.events(first + 25).await.len(), first + 25);
}

/// A proxy in front of the local AWS.
struct Outage {
    refuses: AtomicBool,
    http: reqwest::Client,
}

async fn serve(outage: Arc<Outage>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(forward).with_state(outage);
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// Answers 503 to batches while SQS refuses, and passes on everything else.
async fn forward(State(outage): State<Arc<Outage>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let target = parts
        .headers
        .get("x-amz-target")
        .is_some_and(|target| target.as_bytes().ends_with(b"SendMessageBatch"));
    if target && outage.refuses.load(Ordering::SeqCst) {
        return http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let url = format!("{}{}", stack().endpoint_url(), parts.uri);
    let answer = outage
        .http
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .unwrap();
    (
        answer.status(),
        answer.headers().clone(),
        answer.bytes().await.unwrap(),
    )
        .into_response()
}

async fn deps(endpoint: SocketAddr) -> Deps<StoredSecret, SqsQueue> {
    let endpoint = format!("http://{endpoint}");
    let config: SdkConfig = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_sdk_sqs::config::Credentials::new(
            "test", "test", None, None, "local",
        ))
        .endpoint_url(&endpoint)
        .http_client(stack::http_client())
        .load()
        .await;
    let sqs = Sqs::new(&config);
    let queue = |name: &str| {
        let url: reqwest::Url = stack().resource(name).unwrap().parse().unwrap();
        sqs.queue(format!("{endpoint}{}", url.path()))
    };
    let secret_arn = stack().resource("ClientStateSecret").unwrap().to_owned();
    Deps {
        keys: CachedDocument::new(SecretStore::new(&config).secret(secret_arn), parse_keys),
        queues: Queues {
            read: None,
            notification: queue("NotificationQueue"),
            lifecycle: queue("LifecycleQueue"),
            delivery: queue("DeliveryQueue"),
        },
    }
}
