//! What decryption counts, measures and logs of a batch.

use graph_edge::metrics::Metric;

use super::*;

#[tokio::test]
async fn items_are_counted_by_outcome_and_reason() {
    let world = World::new();
    let token = good_token();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = rich(Some(&token));
        change(&mut body);
        body
    };
    let bodies = [
        rich(Some(&token)),
        basic(),
        json!("no message"),
        rich(None),
        with(&|body| body["validationTokens"] = json!(["garbage"])),
        with(&|body| flip(body, "data")),
        with(&|body| body["item"]["tenantId"] = json!(OTHER_TENANT)),
        of_another_certificate(rich(Some(&token))),
        with(&|body| {
            *body = of(&in_other_tenant(), body.take());
        }),
    ];
    let metrics = world.counted(&bodies.each_ref(), 0).await;
    let single = |metric| metrics.values(metric).first().copied().unwrap_or_default();
    for (metric, expected) in [
        (Metric::Delivered, 2),
        (Metric::Failed, 5),
        (Metric::FailedMalformed, 1),
        (Metric::FailedTokenMissing, 1),
        (Metric::FailedTokenRejected, 1),
        (Metric::FailedContentRejected, 1),
        (Metric::FailedOtherTenant, 1),
        (Metric::FailedPanicked, 0),
        (Metric::Retried, 2),
        (Metric::RetriedUnknownCertificate, 1),
        (Metric::RetriedUnknownTenant, 1),
        (Metric::RetriedNotStored, 0),
    ] {
        assert_eq!(single(metric), expected, "{metric:?}");
    }
    assert_eq!(metrics.values(Metric::DecryptTime).len(), 1, "one had content");
}

#[tokio::test]
async fn an_item_that_no_queue_stored_is_neither_delivered_nor_failed() {
    let world = World::new();
    world.deps.delivery_queue.refuse(Some(""));
    world.deps.failed_queue.refuse(Some(""));
    let metrics = world.counted(&[&basic(), &json!("no message")], 0).await;
    assert_eq!(metrics.values(Metric::RetriedNotStored), [2]);
    for metric in [
        Metric::Delivered,
        Metric::Age,
        Metric::Failed,
        Metric::FailedMalformed,
    ] {
        assert!(metrics.values(metric).is_empty(), "{metric:?}");
    }
}

/// Messages of every kind are moved back from FailedQueue to the queue of decryption.
#[tokio::test]
async fn a_message_of_another_function_is_counted_where_it_is_stored() {
    let world = World::new();
    let mut lifecycle = basic();
    lifecycle["item"]["lifecycleEvent"] = json!("missed");
    let written = Written::start();
    let bodies = [&lifecycle, &to_fetch(), &window()];
    let metrics = world.counted(&bodies, 0).await;
    assert_eq!(metrics.values(Metric::Forwarded), [3]);
    assert!(
        written
            .text()
            .contains("Delivered 0 events; 3 messages were forwarded"),
        "{}",
        written.text()
    );
    world.deps.lifecycle_queue.refuse(Some(""));
    let metrics = world.counted(&bodies, 0).await;
    assert_eq!(metrics.values(Metric::Forwarded), [2]);
    assert_eq!(metrics.values(Metric::RetriedNotStored), [1]);
}

#[tokio::test]
async fn the_age_counts_from_the_change_or_else_from_the_receipt() {
    let world = World::new();
    let mut dated = basic();
    dated["item"]["resourceData"]["eventTime"] = json!("2026-11-22T09:59:00Z");
    // The clocks of Microsoft and AWS may differ a little.
    let mut ahead = basic();
    ahead["item"]["resourceData"]["eventTime"] = json!("2026-11-22T10:00:30Z");
    let metrics = world.counted(&[&dated, &basic(), &ahead], 7).await;
    assert_eq!(metrics.values(Metric::Age), [67_000, 7_000, 0]);
}

#[tokio::test]
async fn a_line_of_the_log_leads_to_the_message_and_the_subscription() {
    let written = Written::start();
    let world = World::new();
    let mut failing = rich(None);
    failing["item"]["subscriptionId"] = json!("5cb7-id-of-failing");
    let mut waiting = of_another_certificate(rich(Some(&good_token())));
    waiting["item"]["subscriptionId"] = json!("5cb7-id-of-waiting");
    let mut odd = rich(None);
    odd["item"]["subscriptionId"] = json!("not an id");
    odd["subscription"] = json!("a name\nwith a line");
    world.process(&[&failing, &waiting, &basic(), &odd]).await;
    let written = written.text();
    let line = |part: &str| written.lines().find(|line| line.contains(part)).unwrap();
    for (line, parts) in [
        (
            line("Message m0 for"),
            ["team-messages", "5cb7-id-of-failing", "TokenMissing"],
        ),
        (
            line("Message m1 for"),
            ["team-messages", "5cb7-id-of-waiting", "UnknownCertificate"],
        ),
        (line("Delivered 1"), ["mail", "2 failed", "1 will be retried"]),
    ] {
        for part in parts {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    }
    let of_tenant = format!(
        "for subscription team-messages of tenant {} cannot be",
        tenant_id(&tenant())
    );
    assert_eq!(written.matches(&of_tenant).count(), 3, "{written}");
    for part in ["not an id", "with a line"] {
        assert!(!written.contains(part), "{part} is in {written}");
    }
}

fn of_another_certificate(mut body: Value) -> Value {
    for member in ["encryptionCertificateId", "encryptionCertificateThumbprint"] {
        body["item"]["encryptedContent"][member] = json!("another");
    }
    body
}

impl World {
    async fn counted(&self, bodies: &[&Value], seconds: i64) -> Metrics {
        let record = |body: &&Value| json!({"messageId": "m", "body": sealed(&body.to_string())});
        let records: Vec<Value> = bodies.iter().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let mut metrics = Metrics::default();
        let now = now() + SignedDuration::from_secs(seconds);
        handle(event, &self.deps, now, soon(), &mut metrics).await;
        metrics
    }
}
