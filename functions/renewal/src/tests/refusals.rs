//! Pauses after refusals by Graph.

use super::*;

#[tokio::test]
async fn an_exhausted_quota_is_retried_once_then_after_half_an_hour() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
    world.graph.fail(
        "create",
        Reply::refusal(
            403,
            "Forbidden",
            "App '1' has reached its limit of '1' 'CHATS' subscription on tenant 2.",
        ),
    );
    let report = scheduled(&world).await;
    assert_eq!(creations(&world), 2);
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("may count a subscription for up to 3 hours after its deletion"),
        "{error}"
    );
    assert!(
        error.ends_with(
            "renewal retries after 2026-11-22T10:30:00Z, and `graph-notifications apply` retries at once"
        ),
        "{error}"
    );

    world.clock.advance(10);
    let report = scheduled(&world).await;
    assert_eq!(creations(&world), 0);
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("renewal retries after 2026-11-22T10:30:00Z"),
        "{error}"
    );
    assert_eq!(report["failed"], json!(1), "an alarm goes on");

    world.clock.advance(20);
    scheduled(&world).await;
    assert_eq!(creations(&world), 2);
}

#[tokio::test]
async fn a_run_by_hand_asks_at_once_and_success_ends_the_pause() {
    let world = refused().await;
    world.graph.heal();
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"create": 1}));
    world.graph.remove("id-1");
    world.log();
    world.clock.advance(10);
    scheduled(&world).await;
    assert_eq!(creations(&world), 1);
}

#[tokio::test]
async fn an_entry_that_is_mended_is_not_kept_waiting() {
    let world = refused().await;
    world.graph.heal();
    let mut mended = config(&["a"], &[("chat", "a", false)]);
    mended["subscriptions"]["chat"]["resource"] = json!("/teams/getAllMessages");
    world.documents.set(Document::Config, &mended.to_string());
    scheduled(&world).await;
    assert_eq!(creations(&world), 1);
}

#[tokio::test]
async fn a_temporary_refusal_is_retried_by_the_next_run() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
    world.graph.fail("create", unavailable());
    for _ in 0..2 {
        scheduled(&world).await;
        assert_eq!(creations(&world), 4, "as often as a call is made again");
    }
}

#[tokio::test]
async fn a_subscription_is_not_deleted_if_its_successor_was_just_refused() {
    let world = refused().await;
    world.graph.heal();
    let key = world.documents.json(Document::ClientState)["keys"][0]["id"].clone();
    let ours = Subscription {
        id: "old".to_owned(),
        resource: Some("/chats/getAllMessages".to_owned()),
        change_type: Some("deleted".to_owned()),
        notification_url: Some(format!(
            "https://our.example/notifications?i=stack&s=chat&k={}",
            key.as_str().unwrap()
        )),
        ..Subscription::default()
    };
    world.graph.add(TENANT_A, ours);
    world.clock.advance(10);
    scheduled(&world).await;
    assert_eq!(world.log(), ["list a", "update old"]);
}

#[tokio::test]
async fn a_list_that_graph_refuses_names_what_to_grant() {
    let world = world(&config(&["a"], &[("chat", "a", false)]));
    world.graph.fail(
        "list",
        Reply::refusal(403, "Forbidden", "Insufficient privileges"),
    );
    let report = world.run().await;
    let error = report["tenants"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("grant the application permissions of the resources in the configuration"),
        "{error}"
    );
}

/// Returns a world in which Graph has refused the subscription of the entry `chat`.
async fn refused() -> World {
    let world = world(&config(&["a"], &[("chat", "a", false)]));
    world.graph.fail("create", Reply::refusal(403, "Forbidden", "no"));
    scheduled(&world).await;
    world.log();
    world
}

async fn scheduled(world: &World) -> Value {
    world.invoke(json!({"source": "aws.scheduler"})).await.unwrap()
}

fn creations(world: &World) -> usize {
    let log = world.log();
    log.iter().filter(|line| line.starts_with("create")).count()
}
