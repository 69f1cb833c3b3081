//! What the webhook counts of a POST.

use super::*;

#[tokio::test]
async fn items_are_counted_by_outcome_and_reason() {
    let source = FakeSecret::new(document(&["k1"]));
    let with =
        |client_state: Value| json!({"changeType": "created", "resource": "r", "clientState": client_state});
    let mut other_tenant = change("mail");
    other_tenant["tenantId"] = json!("99999999-0000-0000-0000-000000000000");
    let body = json!({"value": [
        change("mail"), lifecycle("mail"), change("contacts"),
        with(json!("forged.k1.AAAA")), with(json!(minted("mail").replace(".k1.", ".k9."))), with(json!("A".repeat(200))),
        with(Value::Null), other_tenant, "no object", 5,
    ]});
    let metrics = counted(&deps(&source), &body.to_string()).await;
    check(
        &metrics,
        &[
            (Metric::Admitted, 4),
            (Metric::AdmittedChanges, 3),
            (Metric::Enqueued, 4),
            (Metric::Delivered, 2),
            (Metric::Age, 0),
            (Metric::Age, 0),
            (Metric::Rejected, 6),
            (Metric::RejectedClientState, 2),
            (Metric::RejectedUnknownKey, 1),
            (Metric::RejectedNoClientState, 1),
            (Metric::RejectedMalformed, 2),
        ],
    );
}

#[tokio::test]
async fn an_item_that_no_queue_stored_is_not_counted_as_stored() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    deps.queues.delivery.refuse(Some("contacts"));
    let body = json!({"value": [change("mail"), change("contacts")]}).to_string();
    let metrics = counted(&deps, &body).await;
    check(
        &metrics,
        &[
            (Metric::Admitted, 2),
            (Metric::AdmittedChanges, 2),
            (Metric::Enqueued, 1),
            (Metric::NotEnqueued, 1),
            (Metric::Delivered, 1),
            (Metric::Age, 0),
        ],
    );
}

#[tokio::test]
async fn malformed_collections_and_handshakes_are_counted() {
    let source = FakeSecret::new(document(&["k1"]));
    for body in ["hello", r#"{"value":5}"#] {
        check(
            &counted(&deps(&source), body).await,
            &[(Metric::RejectedPosts, 1)],
        );
    }
    let mut metrics = Metrics::default();
    let handshake = request("/notifications?validationToken=abc", "");
    handle(handshake, &deps(&source), now(), soon(), &mut metrics).await;
    check(&metrics, &[(Metric::Handshakes, 1)]);
}

/// Checks that these metrics are counted, and no other.
#[track_caller]
fn check(metrics: &Metrics, expected: &[(Metric, i64)]) {
    for metric in Metric::ALL {
        let values: Vec<i64> = expected
            .iter()
            .filter_map(|(known, value)| (known == metric).then_some(*value))
            .collect();
        assert_eq!(metrics.values(*metric), values, "{metric:?}");
    }
}

async fn counted(deps: &Deps<&FakeSecret, FakeQueue>, body: &str) -> Metrics {
    let mut metrics = Metrics::default();
    handle(request("/notifications", body), deps, now(), soon(), &mut metrics).await;
    metrics
}

/// An item of a minute ago whose event goes out at once.
#[tokio::test]
async fn the_age_of_an_event_is_measured_where_it_is_delivered() {
    let source = FakeSecret::new(document(&["k1"]));
    let mut item = change("mail");
    item["resourceData"] = json!({"eventTime": "2026-11-22T09:59:00Z"});
    let metrics = counted(&deps(&source), &json!({"value": [item]}).to_string()).await;
    assert_eq!(metrics.values(Metric::Age), [60_000]);
}
