//! Mistakes in the configuration.

use futures_util::FutureExt;

use super::{
    super::lifecycle::{batch, event},
    *,
};

#[tokio::test]
async fn a_challenge_of_an_entry_with_a_mistake_is_answered() {
    for mistake in [in_entry, in_tenant] {
        let world = mistaken(mistake).await;
        world.clock.advance(60);
        let challenge = event("m1", "reauthorizationRequired", "chat", "id-1");
        let answer = world.invoke(batch(&[challenge])).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(world.log(), ["get id-1", "update id-1"]);
    }
}

#[tokio::test]
async fn consumers_hear_what_an_entry_with_a_mistake_has_missed() {
    for mistake in [in_entry, in_tenant] {
        for is_new_process in [false, true] {
            let mut world = mistaken(mistake).await;
            if is_new_process {
                world = world.restarted();
            }
            let missed = event("m1", "missed", "chat", "id-1");
            world.invoke(batch(&[missed])).await.unwrap();
            let told = world.told();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0]["data"]["resource"], json!("/chats/getAllMessages"));
        }
    }
}

#[test]
fn two_bad_documents_in_a_row_let_nothing_lapse() {
    for is_new_process in [false, true] {
        let mut world = prepared(&[("presence", "a", true)]).now_or_never().unwrap();
        world.graph.end_in_time();
        for text in ["{\"tenants\": {,}}", "{\"tenants\": {}"] {
            world.documents.set(Document::Config, text);
        }
        if is_new_process {
            world = world.restarted();
        }
        runs_for(&world, 180);
        assert_eq!((live(&world), &*world.graph.all()[0].id), (1, "id-1"));
        let report = world.scheduled();
        assert!(
            report["problems"].to_string().contains("earlier version"),
            "{report:#}"
        );
    }
}

#[test]
fn a_document_without_its_tenants_lets_nothing_lapse() {
    let whole = config(&["a"], &[("presence", "a", true)]);
    let misspelt = json!({"tenant": whole["tenants"], "subscriptions": whole["subscriptions"]});
    let no_object = json!({"tenants": [], "subscriptions": whole["subscriptions"]});
    for document in [misspelt, no_object] {
        for is_new_process in [false, true] {
            let mut world = prepared(&[("presence", "a", true)]).now_or_never().unwrap();
            world.graph.end_in_time();
            world.documents.set(Document::Config, &document.to_string());
            if is_new_process {
                world = world.restarted();
            }
            runs_for(&world, 180);
            assert_eq!(live(&world), 1, "{document}");
            let report = world.scheduled();
            let problems = report["problems"].to_string();
            assert!(problems.contains("tenants.a"), "{report:#}");
        }
    }
}

#[test]
fn a_broken_document_after_an_emptied_one_lets_nothing_lapse() {
    let mut world = prepared(&[("presence", "a", true)]).now_or_never().unwrap();
    world.graph.end_in_time();
    for text in ["{}", "{\"tenants\":{,}}", "{\"tenants\":"] {
        world.documents.set(Document::Config, text);
        runs_for(&world, 180);
        assert_eq!(live(&world), 1, "{text}");
        world = world.restarted();
    }
    // An earlier version with entries is in use, so what is gone is created again.
    world.graph.remove("id-1");
    next_run(&world);
    assert_eq!(live(&world), 1);
}

#[test]
fn a_binary_document_lets_nothing_lapse() {
    let world = prepared(&[("presence", "a", true)]).now_or_never().unwrap();
    world.graph.end_in_time();
    world.documents.set_binary(Document::Config);
    runs_for(&world, 180);
    assert_eq!(live(&world), 1);
    let report = world.scheduled();
    assert!(report["problems"].to_string().contains("binary"), "{report:#}");
}

#[test]
fn two_users_of_one_application_outlive_an_emptied_document() {
    let world = world(&logins::two_users());
    world.graph.end_in_time();
    world.scheduled();
    assert_eq!(live(&world), 2);
    world.documents.set(Document::Config, "{}");
    for _ in 0..(10 * 4) {
        world.clock.advance(6 * 60);
        world.scheduled();
    }
    assert_eq!(live(&world), 2);
}

#[test]
fn a_mistake_that_stands_is_no_reason_to_use_an_old_document() {
    let world = prepared(&[("chat", "a", true)]).now_or_never().unwrap();
    let mut config = config(&["a"], &[("chat", "a", true), ("presence", "a", true)]);
    in_entry(&mut config);
    world.documents.set(Document::Config, &config.to_string());
    world.graph.end_in_time();
    next_run(&world);
    for text in ["{", "{"] {
        world.documents.set(Document::Config, text);
    }
    let world = world.restarted();
    world.log();
    runs_for(&world, 180);
    let created = count(&world.log(), "create");
    assert_eq!((live(&world), created), (2, 0));
}

#[test]
fn a_tenant_with_two_mistakes_in_a_row_lets_nothing_lapse() {
    let world = prepared(&[("presence", "a", true)]).now_or_never().unwrap();
    world.graph.end_in_time();
    for mistake in ["nonsense", "more nonsense"] {
        let mut config = config(&["a"], &[("presence", "a", true)]);
        config["tenants"]["a"]["clientId"] = json!(mistake);
        world.documents.set(Document::Config, &config.to_string());
    }
    runs_for(&world, 180);
    assert_eq!(live(&world), 1);
}

#[tokio::test]
async fn what_graph_removed_is_made_again_under_a_bad_document() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.documents.set(Document::Config, "{");
    let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    let answer = world.invoke(batch(&[removed])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(
        world.log(),
        [
            "list a",
            "create /chats/getAllMessages",
            "delete id-1",
            "create /chats/getAllMessages"
        ]
    );
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_not_overwritten() {
    let world = mistaken(in_entry).await;
    let before = state(&world);
    *world.documents.hides_state.lock().unwrap() = true;
    world.run().await;
    assert_eq!(state(&world), before);
}

#[tokio::test]
async fn a_lifecycle_run_leaves_the_stored_state_as_it_is() {
    let world = prepared(&[("chat", "a", true)]).await;
    // Graph no longer counts the first calls, so the batch announces no other use of its limits.
    world.clock.advance(1);
    let before = state(&world);
    world.graph.remove("id-1");
    let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    world.invoke(batch(&[removed])).await.unwrap();
    assert_eq!(world.log(), ["list a", "create /chats/getAllMessages"]);
    assert_eq!(state(&world), before);
}

fn state(world: &World) -> String {
    world.documents.state()
}

#[test]
fn a_mistake_beside_a_lifetime_that_graph_shortened_lets_nothing_lapse() {
    let world = prepared(&[("chat", "a", true)]).now_or_never().unwrap();
    let mut config = world.documents.json(Document::Config);
    in_entry(&mut config);
    world.documents.set(Document::Config, &config.to_string());
    world.graph.end_in_time();
    world.graph.limit(60);
    runs_for(&world, 4 * 24 * 60);
    assert_eq!(live(&world), 1);
}

#[test]
fn a_mistake_in_an_entry_of_an_unknown_resource_lets_nothing_lapse() {
    let mut entry = json!({"resource": "/future/things", "changeType": "created", "expirationMinutes": 600});
    entry["allowUnknownResource"] = json!(true);
    let mut config = organisations(1, &[(0, "things", entry)]);
    let world = world(&config);
    world.graph.end_in_time();
    world.scheduled();
    assert_eq!(live(&world), 1);
    config["subscriptions"]["things"]["changeTypo"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    runs_for(&world, 24 * 60);
    assert_eq!(live(&world), 1);
}

/// Returns a world after one run, with a mistake in its configuration since.
async fn mistaken(mistake: fn(&mut Value)) -> World {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut config = world.documents.json(Document::Config);
    mistake(&mut config);
    world.documents.set(Document::Config, &config.to_string());
    world
}

fn in_entry(config: &mut Value) {
    config["subscriptions"]["chat"]["changeTypo"] = json!("created");
}

fn in_tenant(config: &mut Value) {
    config["tenants"]["a"]["clientId"] = json!("nonsense");
}
