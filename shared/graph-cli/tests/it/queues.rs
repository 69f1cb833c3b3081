//! `failed`, `undelivered` and `events` against the local stack.

use graph_core::notification::seal::seal;
use graph_edge::documents::client_state_keys;
use graph_simulator::{Post, Wrong};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{MESSAGES, USERS, World, block_on, configuration, eventually, world};

#[test]
fn failed_items_are_listed_shown_retried_and_dropped() {
    let world = world();
    let subscription = world.subscription(MESSAGES);
    let post = Post::new()
        .change(&subscription, "created")
        .wrong(0, Wrong::FlippedBit);
    block_on(world.pair.simulator.send(post)).unwrap();
    let message = eventually("the failure", || messages(&world, "failed").into_iter().next());
    assert_eq!(message["reason"], "ContentRejected", "{message:#}");
    let listed = world.tool.on_terminal("failed list");
    assert!(
        listed.status == 1 && listed.out.contains("1 message: 1 ContentRejected"),
        "{listed:?}"
    );
    let shown = world
        .tool
        .run(&format!("failed show {}", &message["id"].as_str().unwrap()[..8]));
    assert!(
        shown.out.contains("\"receivedAt\"") && shown.out.contains("characters]"),
        "{shown:?}"
    );
    assert!(!shown.out.contains("\"data\":"), "{shown:?}");
    for nobody in [
        "failed show zzz",
        "failed retry zzz --yes",
        "failed drop zzz --yes",
    ] {
        let ended = world.tool.run(nobody);
        assert!(
            ended.status == 2 && ended.err.contains("with the id zzz"),
            "{ended:?}"
        );
    }
    let vague = world.tool.run("failed retry --yes");
    assert_eq!(vague.status, 2, "{vague:?}");
    let unasked = world.tool.run("failed retry --all");
    assert_eq!(unasked.status, 5, "{unasked:?}");
    let retried = world.tool.run("failed retry --reason ContentRejected --yes");
    assert_eq!(retried.status, 1, "{retried:?}");
    let expected = "1 message moved: 1 back in FailedQueue, 0 may still wait, 0 in neither queue\n\
        Back in FailedQueue: 1 message: 1 ContentRejected\n";
    assert_eq!(retried.out, expected, "{retried:?}");
    let dropped = world.tool.run("failed drop --all --yes");
    assert_eq!(
        (dropped.status, dropped.out.as_str()),
        (0, "1 message deleted\n"),
        "{dropped:?}"
    );
    assert!(messages(&world, "failed").is_empty());
}

#[test]
fn a_window_that_failed_goes_back_to_the_reader() {
    let world = world();
    let now = Timestamp::now();
    let contoso = &configuration()["tenants"]["contoso"];
    let window = json!({
        "read": "window", "tenantId": contoso["tenantId"], "clientId": contoso["clientId"],
        "subscription": "users", "resource": USERS, "from": now - SignedDuration::from_mins(2), "until": now,
        "gap": "a",
    });
    let keys = block_on(world.pair.stack.read_secret("ClientStateSecret")).unwrap();
    let keys = client_state_keys(&keys.to_string()).unwrap();
    let sealed = seal(&window.to_string(), &keys, now).unwrap();
    world.put("FailedQueueUrl", &sealed);
    assert_eq!(messages(&world, "failed")[0]["what"], "window");
    let retried = world.tool.run("failed retry --all --yes");
    let expected = "1 message moved: 0 back in FailedQueue, 0 may still wait, 1 in neither queue\n";
    assert_eq!(
        (retried.status, retried.out.as_str()),
        (0, expected),
        "{retried:?}"
    );
    assert!(messages(&world, "failed").is_empty());
    world.empty("DeliveryQueueUrl");
}

#[test]
fn undelivered_events_return_to_their_queue_and_stay_after_a_look() {
    let world = world();
    let event = json!({
        "specversion": "1.0", "id": "i", "source": "/tenants/t/applications/a", "type": "Microsoft.Graph.UserUpdated",
        "time": "2026-11-22T10:00:00Z", "subscription": "users",
        "data": {"tenantId": "11111111-2222-4333-8444-555555555555", "content": {"displayName": "Adele"}},
    });
    world.put("UndeliveredQueueUrl", &event.to_string());
    let listed = world.tool.json("undelivered list");
    assert_eq!(listed["messages"][0]["what"], "UserUpdated", "{listed:#}");
    let retried = world.tool.run("undelivered retry --all --yes");
    assert_eq!(
        (retried.status, retried.out.as_str()),
        (0, "1 message moved to DeliveryQueue\n"),
        "{retried:?}"
    );
    assert!(messages(&world, "undelivered").is_empty());
    for _ in 0..2 {
        let tail = world.tool.run("events tail");
        assert!(
            tail.out.contains("\tusers\tUserUpdated\t") && !tail.out.contains("Adele"),
            "{tail:?}"
        );
    }
    let content = world.tool.run("events tail --content");
    assert!(content.out.contains("Adele"), "{content:?}");
    world.empty("DeliveryQueueUrl");
}

fn messages(world: &World, queue: &str) -> Vec<Value> {
    let listed = world.tool.json(&format!("{queue} list"));
    listed["messages"].as_array().unwrap().clone()
}
