//! Resources and objects whose form is odd.

use super::*;

#[test]
fn alerts_of_the_retired_api_are_subscribed_with_a_warning() {
    let alerts =
        json!({"resource": "/security/alerts?$filter=status eq 'newAlert'", "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "alerts", alerts)]));
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (1, &json!(0)), "{report:#}");
    let problem = &report["problems"][0];
    assert_eq!(problem["severity"], "warning");
    assert!(
        problem["message"].as_str().unwrap().contains("15 October 2026"),
        "{problem}"
    );
}

#[test]
fn resources_that_work_in_the_field_are_subscribed_without_an_exception() {
    let updated = |resource: &str| json!({"resource": resource, "changeType": "updated"});
    let mut config = organisations(
        1,
        &[
            (0, "events", updated("/groups/g/events")),
            (0, "calendar", updated("/groups/g/calendar/events")),
            (0, "sites", updated("/sites")),
            (0, "reports", updated("/drives/d/root/reports/2026")),
        ],
    );
    // A personal account: a drive for business takes its root only.
    config["tenants"]["ada"] = json!({
        "tenantId": "9188040d-6c67-4c5b-b112-36a304b66dad", "clientId": APP, "credential": {"refreshToken": "ada"},
    });
    config["subscriptions"]["reports"]["tenant"] = json!("ada");
    let world = world(&config);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (4, &json!(0)), "{report:#}");
    assert_eq!(next_run(&world)["counts"], json!({"keep": 4}));
}

#[test]
fn members_of_a_group_in_a_group_have_their_subscriptions() {
    let mut mail = mail([]);
    mail["forEach"] = json!({"membersOf": tenant_id(9)});
    let world = world(&organisations(1, &[(0, "mail", mail)]));
    world.graph.set_objects(&["direct"]);
    world.graph.set_nested(&["nested"]);
    let report = world.scheduled();
    assert_eq!(live(&world), 2, "{report:#}");
    let resources: Vec<_> = world
        .graph
        .all()
        .into_iter()
        .filter_map(|one| one.resource)
        .collect();
    assert!(
        resources.contains(&"/users/nested/messages".to_owned()),
        "{resources:?}"
    );
}

/// Blanks inside of quotes are part of a value, and those outside of them are not.
#[test]
fn filters_that_differ_inside_quotes_are_two_resources() {
    let of = |filter: &str| {
        let resource = format!("/users/u1/messages?$filter={filter}");
        json!({"resource": resource, "changeType": "created"})
    };
    let entries = [
        (0, "one", of("subject eq 'a b'")),
        (0, "other", of("subject eq 'ab'")),
    ];
    let world = world(&organisations(1, &entries));
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (2, &json!(0)), "{report:#}");
    // Graph shows a filter in its own spelling.
    world.graph.change("id-1", |one| {
        one.resource = Some("users/u1/messages?$filter=subject  eq  'a b'".to_owned());
    });
    assert_eq!(next_run(&world)["counts"], json!({"keep": 2}));
}

#[test]
fn an_id_with_a_percent_sign_is_one_segment_of_every_call() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.end_in_time();
    world.scheduled();
    world.graph.change("id-1", |one| one.id = "50%2Fx".to_owned());
    world.clock.advance(4_310 - 60);
    world.log();
    next_run(&world);
    let log = world.log();
    assert_eq!(count(&log, "update 50%252Fx"), 1, "{log:?}");
    assert_eq!(count(&log, "update"), 1, "{log:?}");
}

#[test]
fn an_unwanted_subscription_is_deleted_on_the_version_that_its_entry_had() {
    for is_hidden in [false, true] {
        let other = json!({"resource": "/users/u1/messages", "changeType": "created", "version": "beta"});
        let world = world(&organisations(1, &[(0, "chats", chats()), (0, "other", other)]));
        world.scheduled();
        let all = world.graph.all();
        let of_mail = |one: &&Subscription| one.resource.as_deref() == Some("/users/u1/messages");
        if is_hidden {
            world.graph.hide(&all.iter().find(of_mail).unwrap().id);
        }
        let fewer = organisations(1, &[(0, "chats", chats())]).to_string();
        world.documents.set(Document::Config, &fewer);
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!(live(&world), 1, "{report:#}");
    }
}

#[test]
fn a_subscription_lives_on_its_version_whatever_becomes_of_its_entry() {
    let mail = |version: &str| {
        let mut mail = json!({"resource": "/users/u1/messages", "changeType": "created"});
        mail["version"] = json!(version);
        organisations(1, &[(0, "mail", mail)])
    };
    for (before, after) in [
        ("beta", "v1.0"),
        ("v1.0", "beta"),
        // Its entry has a mistake.
        ("beta", "v9"),
        ("v1.0", "v9"),
    ] {
        for (restarts, is_hidden) in [(false, false), (false, true), (true, false), (true, true)] {
            // Without its entry nothing but the list leads to it.
            if restarts && is_hidden && after == "v9" {
                continue;
            }
            let mut world = world(&mail(before));
            world.scheduled();
            world.documents.set(Document::Config, &mail(after).to_string());
            if restarts {
                world = world.restarted();
            }
            world.graph.end_in_time();
            if is_hidden {
                world.graph.hide("id-1");
            }
            for _ in 0..(4 * 9) {
                world.clock.advance(6 * 60);
                world.scheduled();
            }
            let all = world.graph.all();
            assert_eq!(all.len(), 1, "{before} {after} {restarts} {is_hidden}");
            assert_eq!(all[0].id, "id-1", "{before} {after} {restarts} {is_hidden}");
        }
    }
}

#[tokio::test]
async fn a_challenge_is_answered_on_the_version_of_the_subscription() {
    for (before, after) in [("beta", "v9"), ("v1.0", "v9"), ("beta", "v1.0")] {
        let mut of = config(&["a"], &[("users", "a", false)]);
        of["subscriptions"]["users"]["version"] = json!(before);
        let world = world(&of);
        world.run().await;
        of["subscriptions"]["users"]["version"] = json!(after);
        world.documents.set(Document::Config, &of.to_string());
        world.clock.advance(60);
        world.log();
        let challenge = super::super::lifecycle::event("m1", "reauthorizationRequired", "users", "id-1");
        let challenge = super::super::windows::received(challenge, world.clock.now());
        world.invoke(json!({"Records": [challenge]})).await.unwrap();
        assert_eq!(world.log(), ["get id-1", "update id-1"], "{before} {after}");
    }
}

#[test]
fn an_unwanted_subscription_of_beta_is_deleted_on_beta() {
    for is_hidden in [false, true] {
        let shared = json!({"resource": "/teams/t/channels/c/sharedWithTeams", "changeType": "created"});
        let world = world(&organisations(1, &[(0, "chats", chats()), (0, "shared", shared)]));
        world.scheduled();
        assert_eq!(live(&world), 2);
        let one = world.graph.all().into_iter().find(|one| {
            let resource = one.resource.as_deref();
            resource.is_some_and(|resource| resource.ends_with("sharedWithTeams"))
        });
        if is_hidden {
            world.graph.hide(&one.unwrap().id);
        }
        let fewer = organisations(1, &[(0, "chats", chats())]).to_string();
        world.documents.set(Document::Config, &fewer);
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!(live(&world), 1, "{report:#}");
        assert_eq!(report["counts"], json!({"delete": 1, "keep": 1}), "{report:#}");
    }
}
