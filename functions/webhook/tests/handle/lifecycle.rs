//! What Graph says of subscriptions, many times in one POST.

use super::*;

#[tokio::test]
async fn a_thousand_reauthorizations_are_one_message_for_each_subscription() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let items: Vec<Value> = (0..1_000)
        .map(|number| {
            let mut item = item(["mail", "contacts"][number % 2], "reauthorizationRequired");
            // Graph's own repeats differ in this, and renewal looks at what is.
            item["subscriptionExpirationDateTime"] = json!(format!("2026-11-23T10:00:00.{number:03}Z"));
            item["id"] = json!(number);
            item
        })
        .collect();
    let mut metrics = Metrics::default();
    let body = json!({"value": items}).to_string();
    let request = request("/lifecycle", &body);
    let response = handle(request, &deps, now(), soon(), &mut metrics).await;
    assert_eq!(response.status(), 202);
    assert_eq!(names(&deps.queues.lifecycle), ["mail", "contacts"]);
    assert_eq!(metrics.values(Metric::Admitted), [1_000]);
    // Or Graph's challenges would hide that no change comes.
    assert_eq!(metrics.values(Metric::AdmittedChanges), [0_i64; 0]);
    assert_eq!(metrics.values(Metric::Enqueued), [1_000]);
    assert_eq!(metrics.values(Metric::NotEnqueued), [0_i64; 0]);
}

#[tokio::test]
async fn a_different_lifecycle_item_has_its_own_message() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let with = |event: &str, name: &str, value: Value| {
        let mut item = item("mail", event);
        item[name] = value;
        item
    };
    let end = "subscriptionExpirationDateTime";
    let items = [
        item("mail", "missed"),
        item("mail", "subscriptionRemoved"),
        item("mail", "invented"),
        item("contacts", "missed"),
        with("missed", "subscriptionId", json!("other")),
        // Until when notifications are lost follows from the end.
        with("subscriptionRemoved", end, json!("2026-11-23T10:00:00Z")),
        with("subscriptionRemoved", end, json!("2026-11-24T10:00:00Z")),
        // Renewal keeps these, each with its reason.
        with(
            "missed",
            "tenantId",
            json!("99999999-0000-0000-0000-000000000000"),
        ),
        with("missed", "resource", json!(5)),
        with("missed", "subscriptionId", json!([])),
        with("missed", "subscriptionId", json!([])),
    ];
    let body = json!({"value": items}).to_string();
    assert_eq!(post(&deps, "/lifecycle", &body).await.status(), 202);
    assert_eq!(deps.queues.lifecycle.stored().len(), items.len());
}

#[tokio::test]
async fn repeats_of_an_item_are_lost_where_the_item_is() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    deps.queues.lifecycle.refuse(Some("contacts"));
    let items = ["mail", "contacts", "contacts", "mail", "contacts"].map(|name| item(name, "missed"));
    let mut metrics = Metrics::default();
    let request = request("/lifecycle", &json!({"value": items}).to_string());
    let response = handle(request, &deps, now(), soon(), &mut metrics).await;
    assert_eq!(response.status(), 503);
    assert_eq!(metrics.values(Metric::Enqueued), [2]);
    assert_eq!(metrics.values(Metric::NotEnqueued), [3]);
}

#[tokio::test]
async fn changes_of_one_post_are_never_taken_together() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail"), change("mail"), rich("mail"), rich("mail")]});
    post(&deps, "/notifications", &body.to_string()).await;
    assert_eq!(deps.queues.delivery.stored().len(), 2);
    assert_eq!(deps.queues.notification.stored().len(), 2);
}

fn item(name: &str, event: &str) -> Value {
    let mut item = lifecycle(name);
    item["subscriptionId"] = json!(format!("id-of-{name}"));
    item["lifecycleEvent"] = json!(event);
    item
}
