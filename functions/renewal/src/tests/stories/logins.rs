//! Several signed-in users of one application.

use super::{storms::event, *};

#[test]
fn two_users_of_one_application_keep_their_own_subscriptions() {
    for is_new_process in [false, true] {
        let mut world = world(&two_users());
        world.scheduled();
        assert_eq!(ids(&world), ["id-1", "id-2"]);
        for _ in 0..3 {
            let report = next_run(&world);
            assert_eq!(report["counts"], json!({"keep": 2}), "{report:#}");
        }
        if is_new_process {
            world = world.restarted();
        }
        // A user whose login is not asked first has missed notifications all the same.
        assert_eq!(told_of(&world, "missed"), ["id-1", "id-2"], "{is_new_process}");

        world.clock.advance(24 * 60);
        world.log();
        told_of(&world, "reauthorizationRequired");
        assert_eq!(count(&world.log(), "update"), 2);

        world.graph.remove("id-1");
        world.graph.remove("id-2");
        let told = told_of(&world, "subscriptionRemoved");
        // Nothing proves to a new process which ids they had, so the successors stand for them.
        let before = ["id-1", "id-2"].map(str::to_owned).to_vec();
        assert_eq!(told, if is_new_process { ids(&world) } else { before });
        assert_eq!(live(&world), 2);
    }
}

#[test]
fn the_successor_of_one_users_subscription_is_that_users_own() {
    for is_new_process in [false, true] {
        let mut world = world(&two_users());
        world.scheduled();
        world.clock.advance(10);
        world.graph.remove("id-1");
        if is_new_process {
            world = world.restarted();
        }
        let removed = event(&world, 1, "subscriptionRemoved", "mail", "id-1", 0);
        let answer = world.invoke(json!({"Records": [removed]}));
        world.clock.run(answer).unwrap();
        let data = &world.told()[0]["data"];
        assert_eq!(data["newSubscriptionId"], json!("id-3"), "{is_new_process}");
        // Nothing proves to a new process which id it had.
        let id = (!is_new_process).then(|| json!("id-1"));
        assert_eq!(data.get("subscriptionId").cloned(), id);
    }
}

#[test]
fn a_user_who_is_logged_out_silences_no_other_user() {
    for is_new_process in [false, true] {
        let mut world = world(&two_users());
        world.scheduled();
        // Until Ada needs another access token.
        world.clock.advance(2 * 60);
        let ended = json!({"error": "invalid_grant", "error_description": "AADSTS50173: The grant has been revoked."});
        world
            .graph
            .fail(&login_of_ada(), Reply::new(400, ended.to_string()));
        if is_new_process {
            world = world.restarted();
        }
        let tell = |kind| {
            let event = event(&world, 1, kind, "mail", "id-2", 0);
            let answer = world.invoke(json!({"Records": [event]}));
            let answer = world.clock.run(answer).unwrap();
            assert_eq!(
                answer,
                json!({"batchItemFailures": []}),
                "{kind} {is_new_process}"
            );
        };
        tell("missed");
        assert_eq!(world.told().len(), 1, "{:?}", world.told());
        world.clock.advance(24 * 60);
        tell("reauthorizationRequired");
        assert_eq!(count(&world.log(), "update id-2"), 1);
        world.graph.remove("id-2");
        tell("subscriptionRemoved");
        let told = world.told();
        assert_eq!((told.len(), live(&world)), (2, 2), "{told:?}");
        assert_eq!(told[1]["type"], json!("Microsoft.Graph.SubscriptionRemoved"));
    }
}

#[test]
fn refresh_tokens_that_cannot_be_stored_let_nothing_lapse_and_are_reported() {
    let world = world(&two_users());
    world.graph.end_in_time();
    world.documents.refresh_tokens().take_down();
    for _ in 0..24 {
        let report = next_run(&world);
        world.clock.advance(7 * 60);
        assert_eq!(live(&world), 2, "{report:#}");
        let problems = report["problems"].to_string();
        assert!(
            problems.contains("tenants.bob.credential.refreshToken"),
            "{problems}"
        );
        assert_eq!(report["failed"], json!(2));
    }
}

/// Returns the line of Ada's logins in the log.
fn login_of_ada() -> String {
    format!("login {}+ada", tenant_id(0))
}

/// Sends the event for both subscriptions, and returns the ids in the events for consumers: those of the successors where the
/// others are unknown.
fn told_of(world: &World, kind: &str) -> Vec<String> {
    let before = world.told().len();
    let events = [
        event(world, 1, kind, "mail", "id-1", 0),
        event(world, 2, kind, "mail", "id-2", 0),
    ];
    let answer = world.clock.run(world.invoke(json!({"Records": events}))).unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let told = world.told();
    let mut ids: Vec<String> = told[before..]
        .iter()
        .map(|event| &event["data"])
        .map(|data| {
            data.get("subscriptionId")
                .or(data.get("newSubscriptionId"))
                .unwrap()
        })
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn ids(world: &World) -> Vec<String> {
    world.graph.all().into_iter().map(|one| one.id).collect()
}

pub(super) fn two_users() -> Value {
    let user = |token: &str| {
        let credential = json!({"refreshToken": token});
        json!({"tenantId": tenant_id(0), "clientId": APP, "credential": credential})
    };
    json!({
        "tenants": {"ada": user("ada"), "bob": user("bob")},
        "subscriptions": {"mail": {"tenant": "*", "resource": "/me/messages", "changeType": "created"}},
    })
}
