//! The effects and the report of a run.

use super::*;

#[tokio::test]
async fn the_first_run_publishes_keys_before_it_creates_subscriptions() {
    let world = empty_world(&config(&["a"], &[("chat", "a", true)]));
    let report = world.run().await;
    let log = world.log();
    assert_eq!(
        log,
        [
            "write ClientState",
            "write Decryption",
            "list a",
            "create /chats/getAllMessages"
        ]
    );
    assert_eq!(report["counts"], json!({"create": 1}));
    assert_eq!(report["failed"], json!(0));
    assert_eq!(report["keys"].as_array().unwrap().len(), 2);
    let line = &report["subscriptions"][0];
    assert_eq!(
        *line,
        json!({
            "name": "chat", "tenant": "a", "action": "create", "reason": "this entry has no subscription yet",
            "resource": "/chats/getAllMessages", "changeType": "created,updated",
            "subscriptionId": "id-1", "expiresAt": line["expiresAt"],
        })
    );
}

#[tokio::test]
async fn the_second_run_finds_nothing_to_do() {
    let world = world(&config(&["a"], &[("chat", "a", true), ("users", "a", false)]));
    world.run().await;
    world.log();
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(report["counts"], json!({"keep": 2}));
    assert_eq!(
        report["tenants"],
        json!([{"tenant": "a", "listed": 2, "others": 0}])
    );
    assert_eq!(report["keys"], json!([]));
}

#[tokio::test]
async fn kept_subscriptions_are_listed_with_their_resources() {
    let world = prepared(&[("chat", "a", true)]).await;
    let report = world.invoke(json!({"dryRun": true})).await.unwrap();
    let line = &report["subscriptions"][0];
    assert_eq!(
        (&line["action"], &line["resource"], &line["changeType"]),
        (
            &json!("keep"),
            &json!("/chats/getAllMessages"),
            &json!("created,updated")
        )
    );
}

#[tokio::test]
async fn a_dry_run_reports_and_changes_nothing() {
    for spelling in [json!(true), json!("true"), json!(1)] {
        let world = empty_world(&config(&["a"], &[("chat", "a", true)]));
        let report = world.invoke(json!({"dryRun": spelling})).await.unwrap();
        assert_eq!(world.log(), ["list a"]);
        assert_eq!(world.documents.text(Document::ClientState), None);
        assert_eq!(world.documents.text(Document::Decryption), None);
        assert_eq!(report["dryRun"], json!(true));
        assert_eq!(report["counts"], json!({"create": 1}));
        let line = &report["subscriptions"][0];
        assert_eq!(
            (&line["resource"], &line["changeType"], &line["expiresAt"]),
            (
                &json!("/chats/getAllMessages"),
                &json!("created,updated"),
                &json!("2026-11-25T09:50:00Z")
            )
        );
    }
}

#[tokio::test]
async fn a_renewal_takes_its_expiry_from_graphs_answer() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    assert_eq!(report["counts"], json!({"renew": 1}));
    let expires_at = world.graph.all()[0].expiration_date_time.unwrap();
    assert_eq!(
        report["subscriptions"][0]["expiresAt"],
        json!(expires_at.to_string())
    );
}

#[tokio::test]
async fn a_subscription_that_is_gone_at_its_renewal_is_created_again() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.graph.vanish_at_next_write("id-1");
    let report = world.run().await;
    assert_eq!(
        world.log(),
        [
            "list a",
            "update id-1",
            "get id-1",
            "create /chats/getAllMessages"
        ]
    );
    let line = &report["subscriptions"][0];
    assert_eq!((&line["action"], line.get("error")), (&json!("create"), None));
    assert_eq!(
        line["reason"],
        json!("it no longer existed when it was due for renewal; changes since then were missed")
    );
}

#[tokio::test]
async fn a_failure_in_one_tenant_does_not_stop_the_others() {
    let world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    world.graph.fail("list a", unavailable());
    let report = world.run().await;
    assert_eq!(report["failed"], json!(1));
    assert_eq!(report["counts"], json!({"create": 1}));
    assert_eq!(
        report["tenants"][0]["error"],
        json!("microsoft graph is unavailable (code ServiceUnavailable)")
    );
    assert_eq!(report["subscriptions"][0]["name"], json!("users"));
}

#[tokio::test]
async fn a_failure_for_one_subscription_does_not_stop_the_others() {
    let world = world(&config(&["a"], &[("chat", "a", true), ("users", "a", false)]));
    world.graph.fail(
        "create /chats",
        Reply::refusal(403, "Forbidden", "Missing Chat.Read.All"),
    );
    let report = world.run().await;
    assert_eq!(
        (&report["failed"], &report["counts"]),
        (&json!(1), &json!({"create": 1}))
    );
    let error = "microsoft graph forbids the request: Missing Chat.Read.All (code Forbidden); \
                 grant the application permission Chat.Read.All, in Entra: App registrations, API permissions, \
                 Microsoft Graph, Application permissions; then grant admin consent; \
                 renewal retries after 2026-11-22T10:30:00Z, and `graph-notifications apply` retries at once";
    assert_eq!(report["subscriptions"][0]["error"], json!(error));
}

#[tokio::test]
async fn a_run_without_documents_fails() {
    let world = prepared(&[("chat", "a", true)]).await.restarted();
    *world.documents.is_down.lock().unwrap() = true;
    assert!(matches!(world.invoke(json!({})).await, Err(Error::Documents(_))));
}
