//! Newer keys and certificates replace older ones.

use graph_core::{notification::client_state::ClientStateKeys, secrets::ClientStateDocument};
use jiff::SignedDuration;

use super::*;

#[tokio::test]
async fn an_old_key_gets_a_successor_used_once_every_webhook_knows_it() {
    let world = aging(prepared(&[("users", "a", false)]).await);
    world.clock.advance(90 * DAY - 1);
    world.run().await;
    assert_eq!(keys(&world).len(), 1);
    world.log();

    world.clock.advance(1);
    let report = world.run().await;
    assert_eq!(world.log(), ["write ClientState", "list a"]);
    let made = report["keys"][0].as_str().unwrap();
    assert!(made.ends_with(", in use from 2027-02-20T10:06:00Z"), "{made}");
    assert_eq!(keys(&world).len(), 2);

    // A subscription that is created before then uses the older key.
    world.graph.remove("id-1");
    world.clock.advance(5);
    world.run().await;
    assert_eq!(key_of(&world, 0), keys(&world)[0]);
    world.clock.advance(7 * DAY + 2);
    world.run().await;
    assert_eq!(key_of(&world, 0), keys(&world)[1]);
}

#[tokio::test]
async fn no_key_is_replaced_while_no_person_asks() {
    let world = prepared(&[("users", "a", false)]).await;
    for _ in 0..10 {
        world.clock.advance(400 * DAY);
        world.run().await;
    }
    assert_eq!(keys(&world).len(), 1);
}

#[tokio::test]
async fn subscriptions_leave_an_old_key_one_by_one_and_consumers_get_events() {
    let world = aging(world(&of_users(100)));
    world.run().await;
    world.clock.advance(90 * DAY);
    world.run().await;
    let (old, new) = (keys(&world)[0].clone(), keys(&world)[1].clone());
    let mut left = Vec::new();
    for _ in 0..7 {
        // In steps shorter than the reserve, so that no subscription expires for lack of a run.
        for _ in 0..4 {
            world.clock.advance(DAY / 4 + 1);
            world.run().await;
        }
        left.push(named(&world, &old));
    }
    assert!(left.windows(2).all(|pair| pair[1] <= pair[0]), "{left:?}");
    assert!(left[6] == 0, "{left:?}");
    assert_eq!(named(&world, &new), 100);
    let told = world.told();
    let told = told.iter().filter(|event| {
        event["data"]["reason"]
            .as_str()
            .unwrap()
            .contains("client-state key")
    });
    assert_eq!(told.count(), 100);
    assert!(all_admitted(&world));
}

#[tokio::test]
async fn an_old_key_is_removed_when_no_queued_item_can_name_it() {
    let world = aging(prepared(&[("users", "a", false)]).await);
    world.clock.advance(90 * DAY);
    world.run().await;
    world.clock.advance(8 * DAY);
    world.run().await;
    world.log();
    let old = keys(&world)[0].clone();
    world.run().await;
    assert_eq!(
        world.log(),
        ["list a", "write ClientState"],
        "it is noted that nothing names it"
    );
    world.run().await;
    assert_eq!(world.log(), ["list a"], "and noted once");
    world.clock.advance(UNDER_WAY - 1);
    world.run().await;
    assert!(keys(&world).contains(&old));
    world.clock.advance(1);
    let report = world.run().await;
    assert!(!keys(&world).contains(&old));
    assert_eq!(
        report["keys"],
        json!([format!("client-state key {old} is removed: nothing uses it")])
    );
}

#[tokio::test]
async fn an_old_key_is_removed_though_a_departed_tenant_stays_trusted() {
    let both = config(&["a", "b"], &[("users", "a", false), ("groups", "b", false)]);
    let world = aging(world(&both));
    world.run().await;
    world.clock.advance(90 * DAY);
    world.run().await;
    world.clock.advance(8 * DAY);
    world.run().await;
    world.run().await;
    let old = keys(&world)[0].clone();
    world.clock.advance(UNDER_WAY);
    let one = config(&["a"], &[("users", "a", false)]);
    world.documents.set(Document::Config, &one.to_string());
    world.documents.fake(Document::Decryption).take_down();
    let report = world.invoke(json!({"confirmDeletions": true})).await.unwrap();
    let problems = report["problems"].to_string();
    assert!(
        problems.contains("the next run tries again to remove"),
        "{problems}"
    );
    assert!(!keys(&world).contains(&old));
    assert_eq!(
        report["keys"],
        json!([format!("client-state key {old} is removed: nothing uses it")])
    );
}

#[tokio::test]
async fn a_key_that_is_named_after_all_stays() {
    let world = aging(prepared(&[("users", "a", false)]).await);
    world.clock.advance(90 * DAY);
    world.run().await;
    world.clock.advance(8 * DAY);
    world.run().await;
    world.run().await;
    let old = keys(&world)[0].clone();
    let late = Subscription {
        id: "late".to_owned(),
        resource: Some("/groups".to_owned()),
        notification_url: Some(format!(
            "https://earlier.example/notifications?i=stack&s=x&k={old}"
        )),
        ..Subscription::default()
    };
    world.graph.add(TENANT_A, late);
    world.clock.advance(20 * DAY);
    world.run().await;
    assert!(keys(&world).contains(&old));
    assert!(
        world.documents.json(Document::ClientState)["keys"][0]
            .get("life")
            .is_none()
    );
}

#[tokio::test]
async fn no_key_is_removed_by_a_dry_run_or_without_a_list() {
    let world = aging(prepared(&[("users", "a", false)]).await);
    world.clock.advance(90 * DAY);
    world.run().await;
    world.clock.advance(8 * DAY);
    world.run().await;
    world.run().await;
    world.clock.advance(20 * DAY);
    world.log();
    world.invoke(json!({"dryRun": true})).await.unwrap();
    world.graph.fail("list", unavailable());
    world.run().await;
    assert_eq!(world.log()[..2], ["list a", "list a"]);
    assert_eq!(keys(&world).len(), 2);
}

#[tokio::test]
async fn an_old_certificate_gets_a_successor_that_the_next_renewals_use() {
    let world = prepared(&[("chat", "a", true)]).await;
    let first = certificates(&world)[0].clone();
    let mut document = world.documents.json(Document::Decryption);
    document["keys"][0]["createdAt"] = json!("2025-11-21T10:00:00Z");
    world.documents.set(Document::Decryption, &document.to_string());
    let report = world.run().await;
    let both = certificates(&world);
    assert_eq!(both.len(), 2);
    assert_eq!(
        report["keys"],
        json!([format!(
            "certificate {}, in use from 2026-11-22T10:06:00Z",
            both[1]
        )])
    );
    assert_eq!(world.log(), ["write Decryption", "list a"], "nothing uses it yet");

    world.clock.advance(3 * DAY - 300);
    world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    assert_eq!(
        world.graph.bodies().pop().unwrap()["encryptionCertificateId"],
        json!(both[1])
    );
    assert_eq!(world.told(), Vec::<Value>::new(), "nothing is lost");

    world.run().await;
    assert_eq!(world.log(), ["list a", "write Decryption"]);
    world.clock.advance(UNDER_WAY - 1);
    world.run().await;
    assert_eq!(certificates(&world), both);
    world.clock.advance(1);
    world.run().await;
    assert!(!certificates(&world).contains(&first));
}

#[tokio::test]
async fn a_certificate_stays_while_any_tenant_is_unknown() {
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    let world = world(&both);
    world.run().await;
    world.invoke(json!({"rotate": "certificate"})).await.unwrap();
    world.clock.advance(DAY);
    world.run().await;
    world.log();
    world.graph.fail("list b", unavailable());
    world.run().await;
    assert_eq!(world.log()[..2], ["list a", "list b"]);
    world.graph.heal();
    world.run().await;
    assert_eq!(world.log(), ["list a", "list b", "write Decryption"]);
}

#[tokio::test]
async fn a_forced_rotation_replaces_everything_after_six_minutes() {
    let world = prepared(&[("chat", "a", true)]).await;
    let report = world.invoke(json!({"rotate": true})).await.unwrap();
    assert_eq!(world.log(), ["write ClientState", "write Decryption", "list a"]);
    assert_eq!(report["keys"].as_array().unwrap().len(), 2);
    let (key, certificate) = (keys(&world)[1].clone(), certificates(&world)[1].clone());

    world.clock.advance(5);
    world.run().await;
    assert_eq!(world.log(), ["list a"]);
    world.clock.advance(1);
    world.run().await;
    assert_eq!(
        world.log(),
        [
            "list a",
            "create /chats/getAllMessages",
            "delete id-1",
            "create /chats/getAllMessages"
        ]
    );
    let url = world.graph.all()[0].notification_url.clone().unwrap();
    assert!(url.contains(&format!("&k={key}&c={certificate}&d=")), "{url}");
    assert!(all_admitted(&world));
}

#[tokio::test]
async fn repeated_requests_to_rotate_create_one_successor_of_each_kind() {
    let world = prepared(&[("chat", "a", true)]).await;
    for _ in 0..3 {
        world.invoke(json!({"rotate": true})).await.unwrap();
    }
    assert_eq!((keys(&world).len(), certificates(&world).len()), (2, 2));
}

#[tokio::test]
async fn a_rotation_can_be_of_one_kind_or_a_dry_run() {
    for (event, expected) in [
        (json!({"rotate": "keys"}), (2, 1)),
        (json!({"rotate": "certificate"}), (1, 2)),
        (json!({"rotate": false}), (1, 1)),
        (json!({"rotate": true, "dryRun": true}), (1, 1)),
    ] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.invoke(event.clone()).await.unwrap();
        assert_eq!(
            (keys(&world).len(), certificates(&world).len()),
            expected,
            "{event}"
        );
    }
    let world = prepared(&[("chat", "a", true)]).await;
    let error = world.invoke(json!({"rotate": "certificates"})).await.unwrap_err();
    assert!(matches!(error, Error::Request(_)));
    assert_eq!(world.log(), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_document_gets_no_new_key_and_the_run_fails() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut document = world.documents.json(Document::Decryption);
    let key = document["keys"][0].clone();
    let size = key.to_string().len();
    while document.to_string().len() + size < 62_500 {
        document["keys"].as_array_mut().unwrap().push(key.clone());
    }
    world.documents.set(Document::Decryption, &document.to_string());
    let before = certificates(&world).len();
    let report = world.invoke(json!({"rotate": "certificate"})).await.unwrap();
    assert_eq!(certificates(&world).len(), before);
    assert_eq!(report["failed"], json!(1));
    let message = "a certificate is not created: DecryptionSecret is full";
    assert_eq!(report["problems"][0]["message"], json!(message));
}

#[tokio::test]
async fn certificates_are_valid_for_twice_as_long_as_they_are_used() {
    let mut world = empty_world(&config(&["a"], &[]));
    world.deps.rotation.certificate = SignedDuration::from_hours(24 * 500);
    world.run().await;
    let document = world.documents.json(Document::Decryption);
    let certificate = document["keys"][0]["certificate"].as_str().unwrap();
    let expires_at = graph_core::certificate::expires_at(certificate).unwrap();
    let now: jiff::Timestamp = fakes::NOW.parse().unwrap();
    assert_eq!(expires_at.duration_since(now).as_hours(), 24 * 1000);
}

/// Returns whether the webhook would admit the items of every subscription.
fn all_admitted(world: &World) -> bool {
    let document: ClientStateDocument =
        serde_json::from_value(world.documents.json(Document::ClientState)).unwrap();
    let (keys, _) = ClientStateKeys::parse(&document);
    let bodies = world.graph.bodies();
    let mut states = bodies.iter().filter_map(|body| body["clientState"].as_str());
    states.all(|state| keys.verify(Some(state)).is_ok())
}

fn keys(world: &World) -> Vec<String> {
    ids(&world.documents.json(Document::ClientState))
}

fn certificates(world: &World) -> Vec<String> {
    ids(&world.documents.json(Document::Decryption))
}

fn ids(document: &Value) -> Vec<String> {
    let keys = document["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Counts the subscriptions that name a key.
fn named(world: &World, key: &str) -> usize {
    let is_named = |one: &&Subscription| {
        one.notification_url
            .as_ref()
            .unwrap()
            .contains(&format!("&k={key}"))
    };
    world.graph.all().iter().filter(is_named).count()
}

fn key_of(world: &World, index: usize) -> String {
    let url = world.graph.all()[index].notification_url.clone().unwrap();
    url.split("&k=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned()
}

fn of_users(count: usize) -> Value {
    let ids: Vec<String> = (0..count).map(|number| format!("u{number}")).collect();
    let mut config = config(&["a"], &[]);
    config["subscriptions"]["people"] = json!({
        "resource": "/users/{id}/messages", "changeType": "created", "forEach": ids,
        "expirationMinutes": 10_000,
    });
    config
}

/// Makes client-state keys last for 90 days.
fn aging(mut world: World) -> World {
    world.deps.rotation.client_state = Some(SignedDuration::from_hours(24 * 90));
    world
}

/// Minutes.
const DAY: i64 = 24 * 60;

/// How long messages that name a key can be under way, in minutes.
const UNDER_WAY: i64 = 18 * DAY + 8 * 60;
