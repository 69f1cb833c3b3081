use graph_core::subscription::{
    model::Subscription,
    url::{BaseUrl, StackId},
};
use graph_edge::{clock::Clock, testing::Reply};
use serde_json::{Value, json};

use self::fakes::{World, world};
use crate::{Error, ports::Document};

mod at_once;
mod conflict;
mod counts;
mod expiries;

mod fakes;
mod gaps;
mod keys;
mod lifecycle;
mod many;
mod previous;
mod refusals;
mod rotation;
mod stories;
mod windows;

const TENANT_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
const TENANT_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";
const APP: &str = "cccccccc-0000-0000-0000-000000000000";

#[tokio::test]
async fn the_first_run_publishes_keys_before_it_creates_subscriptions() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
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
            "name": "chat", "tenant": "a", "action": "create", "reason": "there is no subscription for this entry yet",
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
async fn a_dry_run_tells_and_changes_nothing() {
    for spelling in [json!(true), json!("true"), json!(1)] {
        let world = world(&config(&["a"], &[("chat", "a", true)]));
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
async fn what_is_due_is_renewed_and_graphs_answer_is_the_truth() {
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
async fn a_certificate_that_is_no_longer_current_is_replaced_by_the_next_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut document = world.documents.json(Document::Decryption);
    let mut newer = document["keys"][0].clone();
    newer["id"] = json!("c-new");
    newer["certificate"] = json!("MIInew");
    document["keys"].as_array_mut().unwrap().push(newer);
    world.documents.set(Document::Decryption, &document.to_string());
    world.clock.advance(4000);
    world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    let body = world.graph.bodies().pop().unwrap();
    assert_eq!(
        (&body["encryptionCertificate"], &body["encryptionCertificateId"]),
        (&json!("MIInew"), &json!("c-new"))
    );
    assert!(body["notificationUrl"].as_str().unwrap().contains("&c=c-new&d="));
    world.run().await;
    assert_eq!(
        world.log(),
        ["list a", "write Decryption"],
        "it is noted that nothing names the older one"
    );
    world.run().await;
    assert_eq!(world.log(), ["list a"]);
}

#[tokio::test]
async fn query_options_are_sent_and_a_change_of_them_replaces() {
    let with_options = |options: &str| {
        let mut config = config(&["a"], &[("jobs", "a", false)]);
        config["subscriptions"]["jobs"]["resource"] = json!("/print/printers/1/jobs");
        config["subscriptions"]["jobs"]["notificationQueryOptions"] = json!(options);
        config
    };
    let world = world(&with_options("$filter=isFetchable eq true"));
    world.run().await;
    assert_eq!(
        world.graph.bodies()[0]["notificationQueryOptions"],
        json!("$filter=isFetchable eq true")
    );
    assert_eq!(world.run().await["counts"], json!({"keep": 1}));
    let changed = with_options("$filter=isFetchable eq false");
    world.documents.set(Document::Config, &changed.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}));
    assert_eq!(
        report["subscriptions"][0]["reason"],
        json!("the entry's notificationQueryOptions have changed")
    );
}

#[tokio::test]
async fn a_subscription_that_is_gone_at_its_renewal_is_created_anew() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.graph.vanish_on_update("id-1");
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
        json!("it was gone when it was to be renewed; what happened since was missed")
    );
}

#[tokio::test]
async fn what_fails_in_one_tenant_does_not_stop_the_others() {
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
async fn what_fails_for_one_subscription_does_not_stop_the_others() {
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
                 tried again after 2026-11-22T10:30:00Z, or at once in a run by hand";
    assert_eq!(report["subscriptions"][0]["error"], json!(error));
}

#[tokio::test]
async fn others_subscriptions_are_left_and_counted() {
    let world = prepared(&[("users", "a", false)]).await;
    let theirs = Subscription {
        id: "theirs".to_owned(),
        resource: Some("/groups".to_owned()),
        change_type: Some("updated".to_owned()),
        notification_url: Some("https://other.example/notifications?s=users".to_owned()),
        ..Subscription::default()
    };
    world.graph.add(TENANT_A, theirs);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(
        report["tenants"],
        json!([{"tenant": "a", "listed": 2, "others": 1}])
    );
}

#[tokio::test]
async fn two_stacks_of_one_application_live_side_by_side() {
    let world = prepared(&[("chat", "a", true)]).await;
    let production = world.graph.all();
    // The other stack has the same names, and secrets and addresses of its own.
    let mut staging = world.beside(&config(&["a"], &[("groups", "a", false)]));
    let origin = |route: &str| BaseUrl::parse(&format!("https://staging.example/{route}")).unwrap();
    staging.deps.stack = StackId::parse("staging").unwrap();
    staging.deps.notifications = origin("notifications");
    staging.deps.lifecycle = origin("lifecycle");
    let report = staging.run().await;
    assert_eq!(report["counts"], json!({"create": 1}), "{report}");
    assert_eq!(report["tenants"][0]["others"], json!(1));
    assert_eq!(world.graph.all()[..1], production);

    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 1}), "{report}");
    assert_eq!(world.graph.all().len(), 2);
}

#[tokio::test]
async fn a_stack_that_has_moved_takes_its_subscriptions_along_without_a_gap() {
    let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let before = world.graph.all();
    let origin = |route: &str| BaseUrl::parse(&format!("https://moved.example/{route}/")).unwrap();
    world.deps.notifications = origin("notifications");
    world.deps.lifecycle = origin("lifecycle");
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 2}), "{report}");
    for (one, before) in world.graph.all().iter().zip(before) {
        let (url, old) = (
            one.notification_url.as_deref().unwrap(),
            before.notification_url.unwrap(),
        );
        assert_eq!(
            (&one.id, url),
            (&before.id, &*old.replace("our.example", "moved.example"))
        );
    }
    assert_eq!(world.told(), Vec::<Value>::new());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 2}), "{report}");
}

#[tokio::test]
async fn a_changed_entry_is_known_by_its_digest_whatever_graph_shows() {
    let world = prepared(&[("users", "a", false)]).await;
    world.graph.change("id-1", |one| {
        one.resource = Some("an odd spelling".to_owned());
        one.change_type = None;
        one.include_resource_data = Some(true);
    });
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 1}), "{report}");

    world.graph.change("id-1", |one| one.resource = None);
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["subscriptions"]["users"]["resource"] = json!("/groups");
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
}

#[tokio::test]
async fn an_entry_that_is_to_be_fetched_or_has_immutable_ids_says_so_to_graph() {
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["subscriptions"]["users"]["resource"] = json!("/users/1/messages");
    let world = world(&config);
    world.run().await;
    config["subscriptions"]["users"]["fetchContent"] = json!(true);
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report}");
    let url = || world.graph.all()[0].notification_url.clone().unwrap();
    assert!(url().ends_with("&f=1"), "{}", url());

    config["subscriptions"]["users"]["immutableIds"] = json!(true);
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
    assert!(url().ends_with("&f=1&p=i"), "{}", url());
}

#[tokio::test]
async fn an_entry_that_is_gone_takes_its_subscription_along() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.documents.set(
        Document::Config,
        &config(&["a"], &[("users", "a", false)]).to_string(),
    );
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "delete id-1"]);
    assert_eq!(report["counts"], json!({"delete": 1, "keep": 1}));
}

#[tokio::test]
async fn an_entry_with_an_error_is_reported_and_its_subscription_left() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[("chat", "a", true)]);
    broken["subscriptions"]["chat"]["changeType"] = json!("exploded");
    world.documents.set(Document::Config, &broken.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(
        report["subscriptions"][0]["reason"],
        json!("left as it is: its entry has an error")
    );
    assert_eq!(
        report["problems"][0]["path"],
        json!("subscriptions.chat.changeType")
    );
}

#[tokio::test]
async fn nothing_is_deleted_while_entries_cannot_be_read() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[]);
    broken["subscriptions"] = json!(5);
    world.documents.set(Document::Config, &broken.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(report["counts"], json!({"keep": 1}));
}

#[tokio::test]
async fn one_application_under_two_names_does_not_delete_for_itself() {
    let mut twice = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    twice["tenants"]["b"]["tenantId"] = json!(TENANT_A);
    let world = world(&twice);
    world.run().await;
    world.log();
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "list a"]);
    assert_eq!(report["counts"], json!({"keep": 4}));
}

#[tokio::test]
async fn a_lifetime_too_short_for_the_schedule_is_warned_of() {
    let mut world = world(&config(&["a"], &[("presence", "a", true)]));
    world.deps.policy.period = jiff::SignedDuration::from_hours(1);
    let report = world.run().await;
    let paths: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| &problem["path"])
        .collect();
    assert!(paths.contains(&&json!("subscriptions.presence")), "{report}");
}

#[tokio::test]
async fn a_configuration_that_is_not_there_or_cannot_be_read_is_a_problem_and_no_reason_to_act() {
    for text in ["", "[]", "{"] {
        let world = prepared(&[("chat", "a", true)]).await;
        // The version before it is no better.
        world.documents.set(Document::Config, text);
        world.documents.set(Document::Config, text);
        let report = world.run().await;
        assert_eq!(world.log(), Vec::<String>::new());
        assert_eq!(report["failed"], json!(1));
        assert_eq!(report["problems"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_replacement_that_cannot_succeed_deletes_nothing() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    let mut document = world.documents.json(Document::ClientState);
    document["keys"][0]["key"] = json!("c2hvcnQ=");
    world.documents.set(Document::ClientState, &document.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(report["failed"], json!(1));
}

#[tokio::test]
async fn a_run_without_documents_fails() {
    let world = prepared(&[("chat", "a", true)]).await;
    *world.documents.is_down.lock().unwrap() = true;
    assert!(matches!(world.invoke(json!({})).await, Err(Error::Documents(_))));
}

/// Returns what Graph answers when it has a failure of its own.
fn unavailable() -> Reply {
    Reply::refusal(503, "ServiceUnavailable", "")
}

/// Makes a subscription one that was asked for deletions.
fn asked_otherwise(one: &mut Subscription) {
    one.change_type = Some("deleted".to_owned());
    one.notification_url = one
        .notification_url
        .as_ref()
        .map(|url| url.replace("&d=", "&d=other"));
}

/// Returns a world in which one run has been made.
async fn prepared(entries: &[(&str, &str, bool)]) -> World {
    let world = world(&config(&["a"], entries));
    let report = world.run().await;
    assert_eq!(report["failed"], json!(0), "{report}");
    world.log();
    world
}

/// Returns a configuration of tenants and of subscriptions: name, tenant, resource data.
fn config(tenants: &[&str], entries: &[(&str, &str, bool)]) -> Value {
    let tenant = |name: &&str| {
        let tenant_id = if *name == "a" { TENANT_A } else { TENANT_B };
        let credential = json!({"clientSecret": "hunter2"});
        (
            (*name).to_owned(),
            json!({"tenantId": tenant_id, "clientId": APP, "credential": credential}),
        )
    };
    let entry = |(name, tenant, rich): &(&str, &str, bool)| {
        let (resource, change_type) = match *name {
            "chat" => ("/chats/getAllMessages", "created,updated"),
            "presence" => (
                "/communications/presences/dddddddd-0000-0000-0000-000000000000",
                "updated",
            ),
            "groups" => ("/groups", "updated"),
            _ => ("/users", "updated"),
        };
        let entry = json!({
            "tenant": tenant, "resource": resource, "changeType": change_type, "includeResourceData": rich,
        });
        ((*name).to_owned(), entry)
    };
    json!({
        "tenants": tenants.iter().map(tenant).collect::<serde_json::Map<_, _>>(),
        "subscriptions": entries.iter().map(entry).collect::<serde_json::Map<_, _>>(),
    })
}
