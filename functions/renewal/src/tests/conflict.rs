//! Creations that conflict with an existing subscription.

use super::{fakes::Quirk, *};

#[tokio::test]
async fn a_subscription_that_another_run_just_created_is_adopted() {
    let world = prepared(&[("users", "a", false)]).await;
    world.graph.hide("id-1");
    let world = world.restarted();
    let report = world.run().await;
    let line = &report["subscriptions"][0];
    assert_eq!(report["counts"], json!({"adopt": 1}), "{report}");
    assert_eq!(
        (&line["subscriptionId"], line.get("error")),
        (&json!("id-1"), None)
    );
    assert_eq!(world.graph.all().len(), 1);
}

#[tokio::test]
async fn ours_that_no_entry_asks_for_is_replaced() {
    for url in [
        "https://our.example/notifications?i=stack&s=gone&k=k1",
        "https://our.example/notifications?i=stack&s=users&k=unknown",
    ] {
        let world = prepared(&[("users", "a", false)]).await;
        world.graph.hide("id-1");
        world
            .graph
            .change("id-1", |one| one.notification_url = Some(url.to_owned()));
        let world = world.restarted();
        let report = world.run().await;
        assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
        assert_eq!(world.graph.all().len(), 1);
        assert_ne!(world.graph.all()[0].id, "id-1");
    }
}

/// After `ClientStateSecret` was lost, thousands of subscriptions name the same key.
#[test]
fn a_lost_key_is_looked_for_once_in_a_run() {
    let entries = [
        ("chat", "b", true),
        ("users", "a", false),
        ("groups", "a", false),
        ("presence", "a", false),
    ];
    let reads = |count: usize| {
        let world = world(&config(&["a", "b"], &entries[..count]));
        world.scheduled();
        for one in world.graph.all() {
            world.graph.change(&one.id, |one| {
                let url = one.notification_url.as_ref().unwrap();
                let (start, _) = url.split_once("&k=").unwrap();
                one.notification_url = Some(format!("{start}&k=lost"));
            });
            // Those of the other tenant are listed.
            if one.resource.as_deref() != Some("/chats/getAllMessages") {
                world.graph.hide(&one.id);
            }
        }
        let mut world = world.restarted();
        // It reads the secret for each window.
        world.deps.catch_up = None;
        let before = world.documents.fake(Document::ClientState).reads();
        let report = world.invoke(json!({})).into_inner().unwrap();
        assert_eq!(report["counts"], json!({"replace": count}), "{report:#}");
        world.documents.fake(Document::ClientState).reads() - before
    };
    assert_eq!(reads(4), reads(1));
}

#[tokio::test]
async fn a_secret_that_hangs_in_a_conflict_costs_no_report() {
    let world = prepared(&[("users", "a", false)]).await;
    world.graph.hide("id-1");
    let url = "https://our.example/notifications?i=stack&s=users&k=lost";
    world
        .graph
        .change("id-1", |one| one.notification_url = Some(url.to_owned()));
    let world = world.restarted();
    world.graph.delay("create", 40);
    let begun = world.clock.now();
    let hangs_from = begun + jiff::SignedDuration::from_secs(30);
    *world.documents.hangs_from.lock().unwrap() = Some((world.clock.clone(), hangs_from));
    world.scheduled();
    let left = jiff::SignedDuration::from_mins(15) - world.clock.now().duration_since(begun);
    assert!((5..60).contains(&left.as_secs()), "{left}");
    assert_eq!(
        world.graph.all()[0].id,
        "id-1",
        "nothing proves that its key is gone"
    );
}

#[tokio::test]
async fn that_of_others_is_left_and_named_without_its_query() {
    let world = prepared(&[("users", "a", false)]).await;
    let url = "https://other.example/hook?secret=1";
    world
        .graph
        .change("id-1", |one| one.notification_url = Some(url.to_owned()));
    let report = world.run().await;
    assert_eq!(report["failed"], json!(1));
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("id-1") && error.contains("https://other.example/hook;"),
        "{error}"
    );
    assert_eq!(world.graph.all().len(), 1);
}

#[tokio::test]
async fn that_of_others_with_the_same_end_is_not_taken_for_ours() {
    let world = prepared(&[("users", "a", false)]).await;
    let url = "https://other.example/hook";
    world
        .graph
        .change("id-1", |one| one.notification_url = Some(url.to_owned()));
    world.graph.quirk(Quirk::LosesAnswer);
    let report = world.run().await;
    assert_eq!(report["failed"], json!(1), "{report:#}");
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(error.contains("https://other.example/hook;"), "{error}");
}

#[tokio::test]
async fn that_of_another_entry_is_left_and_named() {
    let world = prepared(&[("users", "a", false), ("groups", "a", false)]).await;
    let groups = world
        .graph
        .all()
        .into_iter()
        .find(|one| one.resource.as_deref() == Some("/groups"))
        .unwrap();
    let users = world
        .graph
        .all()
        .into_iter()
        .find(|one| one.resource.as_deref() == Some("/users"))
        .unwrap();
    world.graph.hide(&users.id);
    world.graph.change(&users.id, |one| {
        one.notification_url.clone_from(&groups.notification_url);
    });
    let world = world.restarted();
    let report = world.run().await;
    let failed: Vec<_> = report["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line.get("error"))
        .collect();
    assert_eq!(failed, [&json!("entry groups already watches this")]);
    assert_eq!(world.graph.all().len(), 2);
}

#[tokio::test]
async fn one_that_graph_does_not_show_is_reported() {
    let world = prepared(&[("users", "a", false)]).await;
    world.graph.hide("id-1");
    world
        .graph
        .fail("get", Reply::refusal(404, "ResourceNotFound", ""));
    let report = world.run().await;
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("id-1 already watches this, but does not list it"),
        "{error}"
    );
}

#[tokio::test]
async fn entries_that_swap_their_resources_are_settled_in_one_run() {
    let world = prepared(&[("users", "a", false), ("groups", "a", false)]).await;
    let mut swapped = config(&["a"], &[("users", "a", false), ("groups", "a", false)]);
    swapped["subscriptions"]["users"]["resource"] = json!("/groups");
    swapped["subscriptions"]["groups"]["resource"] = json!("/users");
    world.documents.set(Document::Config, &swapped.to_string());
    let report = world.run().await;
    assert_eq!(
        (&report["failed"], &report["counts"]),
        (&json!(0), &json!({"replace": 2})),
        "{report}"
    );
    assert_eq!(world.run().await["counts"], json!({"keep": 2}));
}
