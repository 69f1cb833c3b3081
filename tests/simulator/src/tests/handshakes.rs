use std::time::Duration;

use super::receiver::Echo;
use super::*;

#[tokio::test]
async fn both_urls_are_validated_with_their_own_query_kept() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users");
    body["lifecycleNotificationUrl"] = json!("https://notify.test/l?x=1");

    bench.subscribe(body).await;

    let arrived = bench.receiver.validations();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].path, "/base/$default/n");
    let begin = "s=a%2Bb&validationToken=Validation%3A+Testing+client+application+reachability+for+";
    assert!(arrived[0].query.starts_with(begin), "{}", arrived[0].query);
    assert!(arrived[1].query.starts_with("x=1&validationToken="));
    assert_eq!(arrived[0].headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(arrived[0].headers["content-length"], "0");
    assert!(arrived[0].body.is_empty());
}

#[tokio::test]
async fn a_status_other_than_200_is_refused() {
    check(
        Echo::Status(202),
        "must respond with 200 OK to validation request.",
    )
    .await;
    check(
        Echo::Status(204),
        "must respond with 200 OK to validation request.",
    )
    .await;
    check(Echo::Status(403), "HTTP status code is 'Forbidden'.").await;
    check(Echo::Status(302), "HTTP status code is 'Found'.").await;
}

#[tokio::test]
async fn a_text_that_differs_in_the_least_is_refused() {
    check(Echo::Changed(|token| token + "\n"), MUST_MATCH).await;
    check(Echo::Changed(|token| format!("\"{token}\"")), MUST_MATCH).await;
    check(Echo::Changed(|_| String::new()), MUST_MATCH).await;
    check(Echo::PlusKept, MUST_MATCH).await;
}

#[tokio::test]
async fn a_media_type_other_than_plain_text_is_refused() {
    check(Echo::MediaType("application/json"), MUST_MATCH).await;
    check(Echo::MediaType("text/html"), MUST_MATCH).await;
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_refused() {
    let bench = Bench::with(|options| options.handshake_timeout = Duration::from_millis(50)).await;
    bench.receiver.echo(Echo::Late);

    let answer = bench.create(bench.basic("/users")).await;

    refused(
        &answer,
        400,
        "ValidationError",
        "Subscription validation request timed out.",
    );
}

#[tokio::test]
async fn a_url_that_cannot_be_reached_is_refused() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users");
    body["notificationUrl"] = json!("https://127.0.0.1:9/nobody");

    refused(
        &bench.create(body).await,
        400,
        "ValidationError",
        "must respond with 200 OK",
    );
}

#[tokio::test]
async fn a_lifecycle_url_that_fails_keeps_the_subscription_from_existing() {
    let bench = Bench::new().await;
    let mut body = bench.basic("/users");
    body["lifecycleNotificationUrl"] = json!("https://127.0.0.1:9/nobody");

    refused(
        &bench.create(body).await,
        400,
        "ValidationError",
        "must respond with 200 OK",
    );
    assert!(bench.simulator.subscriptions().is_empty());
}

#[tokio::test]
async fn a_changed_notification_url_is_validated_and_an_unchanged_one_is_not() {
    let bench = Bench::new().await;
    let id = bench.subscribe(bench.basic("/users")).await;
    let path = format!("/v1.0/subscriptions/{id}");
    bench.receiver.echo(Echo::Status(500));

    let same = json!({ "notificationUrl": "https://notify.test/n?s=a%2Bb" });
    let (status, body) = bench.call(Method::PATCH, &path, Some(same)).await;
    assert_eq!(status, 200, "{body}");
    let other = json!({ "notificationUrl": "https://notify.test/other" });
    let answer = bench.call(Method::PATCH, &path, Some(other)).await;

    refused(&answer, 400, "ValidationError", "'InternalServerError'");
    assert_eq!(
        bench.simulator.subscriptions()[0].notification_url,
        "https://notify.test/n?s=a%2Bb"
    );
}

async fn check(echo: Echo, message: &str) {
    let bench = Bench::new().await;
    bench.receiver.echo(echo);

    let answer = bench.create(bench.basic("/users")).await;

    refused(&answer, 400, "ValidationError", message);
    assert!(bench.simulator.subscriptions().is_empty());
}

const MUST_MATCH: &str = "Response must exactly match validationToken query parameter.";
