//! Thousands of lifecycle notifications.

use super::*;

#[test]
fn two_thousand_reauthorizations_are_answered_at_graphs_limit() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(2_000)))]));
    world.graph.delay("update", 1);
    world.scheduled();
    assert_eq!(live(&world), 2_000);
    world.clock.advance(24 * 60);
    world.log();
    let begun = world.clock.now();
    let events: Vec<Value> = challenges(&world);
    for batch in events.chunks(500) {
        let answer = world.clock.run(world.invoke(json!({"Records": batch}))).unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    let took = world.clock.now().duration_since(begun).as_secs();
    let log = world.log();
    assert_eq!(count(&log, "update"), 2_000);
    assert_eq!(count(&log, "list"), 0);
    // Graph's limit is 500 changes in 20 s.
    assert!(took <= 2_000 / 500 * 20 * 11 / 10 + 6, "{took}");
}

#[test]
fn a_new_process_answers_a_reauthorization() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.scheduled();
    world.clock.advance(24 * 60);
    let world = world.restarted();
    world.log();
    let events = challenges(&world);
    let answer = world.clock.run(world.invoke(json!({"Records": events}))).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let log = world.log();
    assert_eq!((count(&log, "update"), count(&log, "list")), (3, 0), "{log:?}");
}

#[test]
fn a_reauthorization_is_answered_though_graph_shows_no_query() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
    world.scheduled();
    world.clock.advance(24 * 60);
    let events = challenges(&world);
    world.graph.quirk(Quirk::DropsQueriesById);
    world.log();
    let answer = world.clock.run(world.invoke(json!({"Records": events}))).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(count(&world.log(), "update"), 1);
}

#[test]
fn a_reauthorization_of_a_missing_subscription_creates_it_again() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.scheduled();
    world.clock.advance(24 * 60);
    let events = challenges(&world);
    world.graph.remove("id-2");
    let answer = world.clock.run(world.invoke(json!({"Records": events}))).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(live(&world), 3);
    assert_eq!(world.told().len(), 1);
}

#[test]
fn invented_ids_cost_a_tenant_one_list_however_many_they_are() {
    let world = world(&organisations(
        2,
        &[(0, "chats", chats()), (1, "mail", mail(users(2)))],
    ));
    world.scheduled();
    world.log();
    // Nothing is due so soon.
    world.clock.advance(5);
    let events: Vec<Value> = (0..500)
        .map(|number| {
            event(
                &world,
                number,
                "reauthorizationRequired",
                "chats",
                &format!("invented-{number}"),
                0,
            )
        })
        .collect();
    let answer = world.clock.run(world.invoke(json!({"Records": events}))).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let log = world.log();
    assert!(count(&log, "list") <= 1, "{}", log.len());
    assert_eq!(count(&log, "update") + count(&log, "create"), 0);
}

#[test]
fn missed_notifications_of_an_invented_subscription_are_ignored() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.log();
    let long = "x".repeat(500_000);
    for id in [
        "invented",
        long.as_str(),
        "../users/me",
        "id-1\nforged",
        "",
        "id-1",
    ] {
        let event = event(&world, 1, "missed", "chats", id, 0);
        let answer = world
            .clock
            .run(world.invoke(json!({"Records": [event]})))
            .unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    assert_eq!(world.log(), ["get invented"], "no other text can be an id");
    let told = world.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["data"]["resource"], json!("/chats/getAllMessages"));
}

#[test]
fn times_out_of_all_reason_are_absent_from_events() {
    for end in ["0000-01-01T00:00:00Z", "9999-12-31T00:00:00Z"] {
        let world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        world.graph.remove("id-1");
        let mut event = event(&world, 1, "subscriptionRemoved", "chats", "id-1", 0);
        let body = event["body"].as_str().unwrap().replace(
            "\"lifecycleEvent\"",
            &format!("\"subscriptionExpirationDateTime\":\"{end}\",\"lifecycleEvent\""),
        );
        event["body"] = json!(body);
        world
            .clock
            .run(world.invoke(json!({"Records": [event]})))
            .unwrap();
        let told = world.told();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["data"].get("lostFrom"), None, "{end}");
    }
}

pub(super) fn challenges(world: &World) -> Vec<Value> {
    let all = world.graph.all();
    let of = |(number, one): (usize, &Subscription)| {
        let user = one.resource.as_deref().unwrap().split('/').nth(2).unwrap();
        event(
            world,
            number,
            "reauthorizationRequired",
            &format!("mail/{user}"),
            &one.id,
            0,
        )
    };
    all.iter().enumerate().map(of).collect()
}

pub(super) fn event(world: &World, number: usize, event: &str, name: &str, id: &str, tenant: usize) -> Value {
    let tenant = tenant_id(tenant);
    let body = json!({
        "subscription": name, "tenantId": tenant, "clientId": APP, "receivedAt": world.clock.now().to_string(),
        "item": {"lifecycleEvent": event, "subscriptionId": id, "tenantId": tenant},
    });
    json!({"messageId": format!("m{number}"), "eventSource": "aws:sqs", "body": body.to_string()})
}
