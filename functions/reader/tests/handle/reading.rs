//! Windows: what was lost comes out, and what is said of it is true.

use std::{collections::BTreeSet, time::Duration};

use graph_edge::{
    graph::ReadAnswer,
    metrics::{Metric, Metrics},
};
use serde_json::{Value, json};

use super::{
    lines::Lines,
    world::{TENANT, World, ago, item, mail, page, sealed, unsealed, window},
};

const MAIL: &str = "/users/u1/messages";
const CHAT: &str = "/chats/c1/messages";

fn mailbox() -> World {
    World::new(&json!({"one": {"resource": MAIL, "changeType": "created,updated", "immutableIds": true}}))
}

fn chat() -> World {
    World::new(&json!({"one": {"resource": CHAT, "changeType": "created,updated,deleted"}}))
}

#[tokio::test]
async fn a_window_is_read_and_its_changes_delivered() {
    let items = json!([mail("a", 90, 90), mail("b", 500, 60), mail("c", 300, 300)]);
    let world = mailbox().answers([page(&items, None)]);
    assert!(world.read(&[&window(MAIL, "gap-1")]).await.is_empty());
    let events = world.delivered();
    let [created, updated, completed] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(created["type"], "Microsoft.Graph.MessageCreated");
    assert_eq!(created["subject"], "users('u1')/messages('a')");
    assert_eq!(created["time"], json!(ago(90)));
    assert_eq!(created["data"]["caughtUp"], "gap-1");
    assert_eq!(created["data"]["proof"], "read");
    assert_eq!(created["data"].get("content"), None);
    assert_eq!(updated["type"], "Microsoft.Graph.MessageUpdated");
    assert_eq!(completed["type"], "Microsoft.Graph.CatchUpCompleted");
    assert_eq!(completed["subject"], "subscriptions/one");
    assert_eq!(completed["data"]["proof"], "read");
    let data = &completed["data"];
    assert_eq!(
        (&data["complete"], &data["created"], &data["updated"]),
        (&json!(true), &json!(1), &json!(1))
    );
    assert_eq!((&data["gap"], &data["pages"]), (&json!("gap-1"), &json!(1)));
}

/// SQS delivers a quiet group first.
#[tokio::test]
async fn caught_up_events_are_queued_apart_from_live_ones() {
    let items = json!([mail("a", 90, 90)]);
    let world = mailbox().answers([page(&items, None)]);
    world.read(&[&window(MAIL, "gap-1")]).await;
    let group = format!("{TENANT}.windows");
    let caught_up = world.deps.delivery_queue.take();
    let groups: Vec<_> = caught_up.iter().map(|event| event.group()).collect();
    assert_eq!(groups, [Some(&*group); 2]);
    let change = json!({"changeType": "created", "resource": "Users/u1/Messages/1", "subscriptionId": "s"});
    world.read(&[&item(&change)]).await;
    let live = world.deps.delivery_queue.take();
    assert_eq!(live[0].group(), Some(TENANT));
}

#[tokio::test]
async fn events_carry_the_item_where_the_entry_asks_for_content() {
    let world = World::new(&json!({"one": {
        "resource": "/users/u1/messages?$select=subject", "changeType": "created", "fetchContent": true, "immutableIds": true,
    }}));
    let mut one = mail("a", 90, 90);
    one["subject"] = json!("Hello");
    let world = world.answers([page(&json!([one]), None)]);
    world
        .read(&[&window("/users/u1/messages?$select=subject", "gap-1")])
        .await;
    assert_eq!(world.delivered()[0]["data"]["content"], one);
    assert!(
        world.asked()[0].contains("$top=50&$select=subject,id,createdDateTime,lastModifiedDateTime"),
        "{:?}",
        world.asked()
    );
    assert_eq!(world.immutable(), [true]);
}

#[tokio::test]
async fn several_gaps_of_one_subscription_are_read_once() {
    let world = mailbox().answers([page(&json!([]), None)]);
    assert!(
        world
            .read(&[&window(MAIL, "gap-1"), &window(MAIL, "gap-2")])
            .await
            .is_empty()
    );
    assert_eq!(world.asked().len(), 1);
    let gaps: Vec<Value> = world
        .delivered()
        .iter()
        .map(|event| event["data"]["gap"].clone())
        .collect();
    assert_eq!(gaps, ["gap-1", "gap-2"]);
}

#[tokio::test]
async fn a_window_that_is_not_configured_so_is_not_read() {
    let world = mailbox();
    assert!(
        world
            .read(&[&window("/users/u2/messages", "gap-1")])
            .await
            .is_empty()
    );
    assert!(world.asked().is_empty());
    assert_eq!(world.failed(), ["NotConfigured"]);
    let end = &world.delivered()[0]["data"];
    assert_eq!((&end["gap"], &end["complete"]), (&json!("gap-1"), &json!(false)));
}

/// Renewal acts on an entry as soon as a person has written it.
#[tokio::test]
async fn a_window_for_an_entry_newer_than_the_configuration_at_hand_waits() {
    let world = mailbox().answers([page(&json!([]), None), page(&json!([]), None)]);
    world.read(&[&window(MAIL, "gap-1")]).await;
    world.delivered();
    world.configure(&json!({"one": {"resource": CHAT, "changeType": "created"}}));
    let mut newer: Value = serde_json::from_str(&unsealed(&window(CHAT, "gap-2"))).unwrap();
    newer["until"] = json!(ago(-1));
    world.pass(Duration::from_mins(1)).await;
    // The configuration is read again, and it is the one that counts.
    assert!(world.read(&[&sealed(&newer.to_string())]).await.is_empty());
    assert_eq!(world.delivered()[0]["data"]["gap"], "gap-2");
    // One that was read before the window was ordered says nothing of it.
    newer["resource"] = json!(MAIL);
    newer["until"] = json!(ago(-2));
    assert!(world.read(&[&sealed(&newer.to_string())]).await.is_empty());
    let [(waiting, delay)] = &*world.queued() else {
        panic!("one window waits");
    };
    assert_eq!((*delay, world.failed().len()), (30, 0));
    world.pass(Duration::from_mins(1)).await;
    assert!(world.read(&[waiting]).await.is_empty());
    assert_eq!(world.failed(), ["NotConfigured"]);
}

#[tokio::test]
async fn a_window_waits_ten_minutes_for_a_configuration_that_cannot_be_read() {
    let world = mailbox().answers([page(&json!([]), None)]);
    world.read(&[&window(MAIL, "gap-1")]).await;
    world.delivered();
    // Ordered after the configuration was read, which stays as it is.
    let mut unknown: Value = serde_json::from_str(&unsealed(&window(CHAT, "gap-2"))).unwrap();
    unknown["until"] = json!(ago(-2));
    let mut waiting = sealed(&unknown.to_string());
    for _ in 1..20 {
        assert!(world.read(&[&waiting]).await.is_empty());
        let queued = world.queued();
        assert_eq!((queued.len(), queued[0].1), (1, 30));
        waiting = queued[0].0.clone();
    }
    assert!(world.read(&[&waiting]).await.is_empty());
    assert_eq!(world.failed(), ["NotReady"]);
    assert_eq!(world.delivered()[0]["data"]["complete"], false);
    assert!(world.queued().is_empty());
}

#[tokio::test]
async fn a_message_of_another_kind_goes_to_failed_queue() {
    let world = mailbox();
    assert!(
        world
            .read(&[&sealed(r#"{"a":1}"#), &sealed(r#"{"read":"window"}"#)])
            .await
            .is_empty()
    );
    assert_eq!(world.failed(), ["Malformed"; 2]);
}

/// Whoever may write into the queue would have anything read, and would tell consumers that a gap is closed.
#[tokio::test]
async fn a_message_with_a_false_seal_is_rejected() {
    let genuine = window(MAIL, "gap-1");
    let (unsealed, _) = genuine.rsplit_once(",\"seal\"").unwrap();
    let path = item(&json!({"changeType": "created", "resource": "Users/u1/Messages/1"}));
    for forged in [
        String::new(),
        "{}".to_owned(),
        format!("{unsealed}}}"),
        genuine.replace("gap-1", "gap-2"),
        genuine.replace("T10:", "T01:"),
        path.replace(&"i".repeat(43), &"j".repeat(43)),
    ] {
        let (world, mut metrics) = (mailbox(), Metrics::default());
        assert!(world.count_at_try(&[&forged], 1, &mut metrics).await.is_empty());
        assert!(world.asked().is_empty() && world.delivered().is_empty());
        assert_eq!(
            world.kept(),
            [[("Reason", "SealRejected".to_owned())]],
            "{forged}"
        );
        for metric in [Metric::Failed, Metric::FailedSealRejected] {
            assert_eq!(metrics.values(metric), [1]);
        }
    }
}

/// An operator sorts FailedQueue by tenant, subscription and reason, and an alarm counts what comes into it.
#[tokio::test]
async fn a_message_in_failed_queue_names_its_owner_and_is_counted() {
    let owner = |reason: &str| {
        let attributes = [("Reason", reason), ("Tenant", TENANT), ("Subscription", "one")];
        attributes.map(|(name, value)| (name, value.to_owned())).to_vec()
    };
    let other_tenant = item(&json!({"tenantId": "22222222-0000-0000-0000-000000000000"}));
    let malformed = item(&json!({"resource": 5}));
    let old = sealed(&unsealed(&item(&json!({}))).replace("2026-11-22T11:59", "2026-10-22T11:59"));
    let odd = || ReadAnswer::Body(b"<html>".to_vec());
    for (body, reason, metric) in [
        (
            window("/users/u2/messages", "g"),
            "NotConfigured",
            Metric::FailedNotConfigured,
        ),
        (window(MAIL, "g"), "OddAnswer", Metric::FailedNotRead),
        (other_tenant, "OtherTenant", Metric::FailedOtherTenant),
        (malformed, "Malformed", Metric::FailedMalformed),
        (old, "ReceiptRejected", Metric::FailedReceiptRejected),
    ] {
        let (world, mut metrics) = (mailbox().answers([odd()]), Metrics::default());
        assert!(world.count_at_try(&[&body], 1, &mut metrics).await.is_empty());
        assert_eq!(world.kept(), [owner(reason)], "{reason}");
        assert_eq!(
            (metrics.values(Metric::Failed), metrics.values(metric)),
            (&[1][..], &[1][..]),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_long_wait_continues_as_a_delayed_message() {
    let world = chat().answers([
        page(
            &json!([chat_message("a", 10)]),
            Some("https://graph.microsoft.com/v1.0/chats/c1/messages?$skiptoken=1"),
        ),
        ReadAnswer::NotNow(Duration::from_secs(40)),
    ]);
    assert!(world.read(&[&window(CHAT, "gap-1")]).await.is_empty());
    assert_eq!(
        world.delivered().len(),
        1,
        "what was read is delivered, and nothing is said to be complete"
    );
    let queued = world.queued();
    let [(rest, 40)] = queued.as_slice() else {
        panic!("{queued:?}");
    };
    world.pass(Duration::from_secs(40)).await;
    let world = world.answers([
        page(&json!([chat_message("b", 20)]), None),
        page(&json!([]), None),
    ]);
    assert!(world.read(&[rest]).await.is_empty());
    assert!(world.asked()[2].contains("$skiptoken=1"));
    let events = world.delivered();
    assert_eq!(events.len(), 2);
    assert_eq!(
        (&events[1]["data"]["created"], &events[1]["data"]["complete"]),
        (&json!(2), &json!(true))
    );
}

#[tokio::test]
async fn a_refusal_is_reported_with_the_permission() {
    for (status, permission) in [
        (403, json!("ChatMessage.Read.Chat")),
        (404, Value::Null),
        (410, Value::Null),
    ] {
        let (world, mut metrics) = (chat().answers([ReadAnswer::Refused(status)]), Metrics::default());
        let bodies = [&*window(CHAT, "gap-1")];
        assert!(world.count_at_try(&bodies, 1, &mut metrics).await.is_empty());
        assert_eq!(
            metrics.values(Metric::ReadForbidden).len(),
            usize::from(status == 403)
        );
        let events = world.delivered();
        assert_eq!(
            (&events[0]["data"]["complete"], &events[0]["data"]["permission"]),
            (&json!(false), &permission)
        );
        assert!(events[0]["data"]["reason"].is_string() && world.failed().is_empty());
    }
}

#[tokio::test]
async fn an_unreadable_answer_is_kept_and_never_complete() {
    for (answer, reason) in [
        (ReadAnswer::Body(b"<html>".to_vec()), "OddAnswer"),
        (ReadAnswer::Refused(418), "ReadRefused"),
        (ReadAnswer::OtherList, "OddAnswer"),
    ] {
        let world = chat().answers([answer]);
        assert!(world.read(&[&window(CHAT, "gap-1")]).await.is_empty());
        assert_eq!(world.failed(), [reason]);
        assert_eq!(world.delivered()[0]["data"]["complete"], false);
    }
}

#[tokio::test]
async fn an_unavailable_answer_is_retried_until_the_tries_are_exhausted() {
    let world = chat();
    assert_eq!(world.read(&[&window(CHAT, "gap-1")]).await, ["m0"]);
    assert!(world.delivered().is_empty());
    assert!(world.read_at_try(&[&window(CHAT, "gap-1")], 10).await.is_empty());
    assert_eq!(world.failed(), ["NotReady"]);
    assert_eq!(world.delivered()[0]["data"]["complete"], false);
}

/// Read again from the beginning, its pages would be counted twice, and the end of the window would leave them out.
#[tokio::test]
async fn an_obstacle_between_pages_loses_no_count_and_no_page() {
    let items = |ids: [&str; 2], minutes| json!(ids.map(|id| chat_message(id, minutes)));
    for (answers, status) in [(vec![], None), (vec![ReadAnswer::Refused(401)], Some(()))] {
        let (first, second) = (items(["a", "b"], 90), items(["c", "d"], 60));
        let pages = [page(
            &first,
            Some("https://graph.microsoft.com/v1.0/chats/c1/messages?$skiptoken=1"),
        )];
        let world = chat().answers(pages.into_iter().chain(answers));
        let (body, mut metrics) = (window(CHAT, "gap-1"), Metrics::default());
        assert!(world.count_at_try(&[&body], 10, &mut metrics).await.is_empty());
        assert_eq!(metrics.values(Metric::CaughtUp), [2]);
        assert_eq!(
            metrics.values(Metric::ReadForbidden).len(),
            usize::from(status.is_some())
        );
        assert_eq!(world.delivered().len(), 2);
        let queued = world.queued();
        let [(rest, 60)] = &*queued else {
            panic!("{queued:?}")
        };
        // A list of several pages is asked for once more, for what changed meanwhile.
        let world = world.answers([page(&second, None), page(&json!([]), None)]);
        assert!(world.read(&[&sealed(&unsealed(rest))]).await.is_empty());
        let events = world.delivered();
        let end = &events.last().unwrap()["data"];
        assert_eq!((&end["created"], &end["pages"]), (&json!(4), &json!(3)), "{end}");
    }
}

/// Each message has its own age.
#[tokio::test]
async fn a_window_at_its_last_try_takes_no_newer_one_along() {
    let world = chat();
    let (old, new) = (window(CHAT, "gap-1"), window(CHAT, "gap-2"));
    assert_eq!(world.read_at_tries(&[(&new, 1), (&old, 10)]).await, ["m0"]);
    assert_eq!(world.failed(), ["NotReady"]);
    let ends = world.delivered();
    assert_eq!((ends.len(), &ends[0]["data"]["gap"]), (1, &json!("gap-1")));
}

/// A person may replace an expired credential within hours.
#[tokio::test]
async fn a_window_without_a_valid_credential_is_retried_and_then_kept() {
    let teams = "/teams/getAllMessages";
    let all = World::new(&json!({"one": {"resource": teams, "changeType": "created"}}));
    for (world, resource) in [(chat(), CHAT), (all, teams)] {
        let world = world.answers((0..2).map(|_| ReadAnswer::Refused(401)));
        let (body, mut metrics) = (window(resource, "gap-1"), Metrics::default());
        assert_eq!(world.count_at_try(&[&body], 9, &mut metrics).await, ["m0"]);
        assert!(world.delivered().is_empty() && world.failed().is_empty());
        assert_eq!(metrics.values(Metric::ReadForbidden), [1]);
        assert!(world.count_at_try(&[&body], 10, &mut metrics).await.is_empty());
        assert_eq!(world.failed(), ["ReadRefused"]);
        let end = world.delivered().remove(0);
        assert_eq!(end["data"]["complete"], false);
        assert!(end["data"]["reason"].as_str().unwrap().contains("401"), "{end}");
    }
}

#[tokio::test]
async fn windows_that_cannot_be_read_are_one_line_in_five_minutes() {
    let ids = ["a", "b", "c"];
    let entry = json!({"one": {"resource": "/users/{id}/messages", "changeType": "created", "forEach": ids}});
    let windows = of_each(&ids);
    let bodies: Vec<&str> = windows.iter().map(String::as_str).collect();
    for refusals in [0, 20] {
        let (lines, _guard) = Lines::capture();
        let world = World::new(&entry).answers((0..refusals).map(|_| ReadAnswer::Refused(401)));
        for _ in 0..3 {
            assert_eq!(world.read(&bodies).await.len(), 3);
        }
        assert_eq!(lines.count(), 1, "{refusals}");
        world.pass(Duration::from_mins(5)).await;
        world.read(&bodies).await;
        assert_eq!(lines.count(), 2, "{refusals}");
    }
}

#[tokio::test]
async fn a_window_without_time_at_its_last_try_is_given_up() {
    let world = chat().hangs_on("chats");
    let window_of = window(CHAT, "gap-1");
    assert!(world.read_within(&[&window_of], 9, 100).await.is_empty());
    assert_eq!(world.queued().len(), 1, "it is read in another batch");
    assert!(
        world
            .read_within(&[&window(CHAT, "gap-1")], 10, 100)
            .await
            .is_empty()
    );
    assert_eq!(world.failed(), ["NotReady"]);
    assert_eq!(world.delivered()[0]["data"]["complete"], false);
}

/// Outlook counts each mailbox by itself.
#[tokio::test]
async fn a_throttled_mailbox_delays_no_other() {
    let entry =
        json!({"one": {"resource": "/users/{id}/messages", "changeType": "created", "forEach": ["a", "b"]}});
    let not_now = ReadAnswer::NotNow(Duration::from_secs(40));
    let world = World::new(&entry).answers([not_now, page(&json!([]), None)]);
    let windows = of_each(&["a", "b"]);
    assert!(world.read(&[&windows[0], &windows[1]]).await.is_empty());
    assert_eq!(world.slept(), Duration::ZERO);
    let ends = world.delivered();
    assert_eq!((ends.len(), &ends[0]["data"]["gap"]), (1, &json!("b")));
    let [(rest, 40)] = &*world.queued() else {
        panic!("one window waits")
    };
    assert!(rest.contains("/users/a/messages"), "{rest}");
}

/// A batch ends with its slowest window, and items of other tenants wait for the next batch.
#[tokio::test]
async fn a_window_without_time_to_begin_is_read_in_another_batch() {
    let bodies = [
        window(CHAT, "gap-1"),
        sealed(&unsealed(&window(CHAT, "gap-2")).replace("\"one\"", "\"two\"")),
    ];
    let world = World::new(&json!({
        "one": {"resource": CHAT, "changeType": "created"}, "two": {"resource": CHAT, "changeType": "created"},
    }));
    let bodies = [&*bodies[0], &*bodies[1]];
    assert!(world.read_within(&bodies, 9, 1_600).await.is_empty());
    let queued = world.queued();
    assert_eq!(queued.iter().map(|(_, delay)| *delay).collect::<Vec<_>>(), [0, 0]);
    assert!(queued[0].0.contains("gap-1") && queued[1].0.contains("gap-2"));
    assert!(world.read_within(&bodies, 10, 1_600).await.is_empty());
    assert!(world.queued().is_empty(), "at the last try nothing is put back");
    assert_eq!(world.failed(), ["NotReady"; 2]);
}

#[tokio::test]
async fn a_pause_of_no_time_is_one_of_a_second() {
    let resource = "/teams/getAllMessages";
    let teams = World::new(&json!({"one": {"resource": resource, "changeType": "created"}}));
    for (world, resource) in [(chat(), CHAT), (teams, resource)] {
        let world = world.answers(
            (0..5)
                .map(|_| ReadAnswer::NotNow(Duration::ZERO))
                .chain([page(&json!([]), None)]),
        );
        assert!(world.read(&[&window(resource, "gap-1")]).await.is_empty());
        assert!(world.slept() >= Duration::from_secs(5), "{:?}", world.slept());
        assert_eq!(world.delivered()[0]["data"]["complete"], true);
    }
}

/// A page with content has up to 8 MiB.
#[tokio::test]
async fn two_pages_with_content_are_in_memory_at_the_most() {
    let ids = ["a", "b", "c", "d"];
    for (content, most) in [(true, 2), (false, 4)] {
        let entry = json!({"one": {"resource": "/users/{id}/messages", "changeType": "created", "fetchContent": content, "forEach": ids}});
        let world = World::new(&entry).answers(ids.map(|_| page(&json!([]), None)));
        let windows = of_each(&ids);
        let bodies: Vec<&str> = windows.iter().map(String::as_str).collect();
        assert!(world.read(&bodies).await.is_empty());
        assert_eq!(
            (world.delivered().len(), world.most_at_once()),
            (4, most),
            "{content}"
        );
    }
}

#[tokio::test]
async fn a_message_that_no_queue_stores_is_retried() {
    for refused in ["MessageCreated", "CatchUpCompleted"] {
        let world = mailbox().answers([page(&json!([mail("a", 90, 90)]), None)]);
        world.deps.delivery_queue.refuse(Some(refused));
        assert_eq!(world.read(&[&window(MAIL, "gap-1")]).await, ["m0"], "{refused}");
    }
}

#[tokio::test]
async fn one_unit_does_not_hold_its_neighbours_back() {
    let world = World::new(&json!({
        "one": {"resource": MAIL, "changeType": "created"}, "two": {"resource": CHAT, "changeType": "created"},
    }));
    let world = world.answers([page(&json!([]), None)]);
    let other = sealed(&unsealed(&window(CHAT, "gap-2")).replace("\"one\"", "\"two\""));
    assert_eq!(
        world
            .read(&[&window(MAIL, "gap-1"), &other, &sealed(r#"{"item":5}"#)])
            .await,
        ["m1"]
    );
    assert_eq!(world.delivered().len(), 1);
    assert_eq!(world.failed(), ["Malformed"]);
}

#[tokio::test]
async fn the_teams_of_a_tenant_are_a_window_each() {
    let resource = "/teams/getAllMessages";
    let world = World::new(&json!({"one": {"resource": resource, "changeType": "created"}}));
    let world = world.answers([
        page(
            &json!([{"id": "t1"}]),
            Some("https://graph.microsoft.com/v1.0/teams?$skiptoken=1"),
        ),
        page(&json!([{"id": "t2"}]), None),
    ]);
    assert!(world.read(&[&window(resource, "gap-1")]).await.is_empty());
    let queued = world.queued();
    assert_eq!(queued.len(), 2);
    let world = world.answers([page(&json!([]), None), page(&json!([]), None)]);
    let bodies: Vec<&str> = queued.iter().map(|(body, _)| body.as_str()).collect();
    assert!(world.read(&bodies).await.is_empty());
    let events = world.delivered();
    let parts: BTreeSet<_> = events
        .iter()
        .map(|event| event["data"]["part"].as_str())
        .collect();
    assert_eq!(parts, BTreeSet::from([Some("t1"), Some("t2")]));
}

#[tokio::test]
async fn a_throttled_list_of_teams_is_read_when_graph_allows_it() {
    let resource = "/teams/getAllMessages";
    let world = World::new(&json!({"one": {"resource": resource, "changeType": "created"}}));
    let world = world.answers([ReadAnswer::NotNow(Duration::from_secs(40))]);
    assert!(world.read(&[&window(resource, "gap-1")]).await.is_empty());
    let queued = world.queued();
    let [(again, 40)] = queued.as_slice() else {
        panic!("{queued:?}");
    };
    world.pass(Duration::from_secs(40)).await;
    let world = world.answers([page(&json!([{"id": "t1"}]), None)]);
    assert!(world.read(&[again]).await.is_empty());
    let parts = world.queued();
    assert_eq!(parts.len(), 1);
    let world = world.answers([page(&json!([]), None)]);
    assert!(world.read(&[&parts[0].0]).await.is_empty());
    assert_eq!(world.delivered()[0]["data"]["complete"], true);
}

#[tokio::test]
async fn a_storm_keeps_below_the_limit_of_a_chat() {
    let next = |index: u32| format!("https://graph.microsoft.com/v1.0/chats/c1/messages?$skiptoken={index}");
    let pages = (0..9)
        .map(|index| page(&json!([]), Some(&next(index))))
        .chain([page(&json!([]), None)]);
    let world = chat().answers(pages);
    assert!(world.read(&[&window(CHAT, "gap-1")]).await.is_empty());
    assert_eq!(world.asked().len(), 10);
    assert_eq!(world.slept(), Duration::from_secs(18), "one in two seconds");
}

/// Returns a window of the mailbox of each user.
fn of_each(ids: &[&str]) -> Vec<String> {
    let of_one = |id: &&str| {
        let window = unsealed(&window(&format!("/users/{id}/messages"), id));
        sealed(&window.replace("\"one\"", &format!("\"one/{id}\"")))
    };
    ids.iter().map(of_one).collect()
}

fn chat_message(id: &str, created: i64) -> Value {
    json!({"id": id, "etag": id, "createdDateTime": ago(created), "lastModifiedDateTime": ago(created)})
}

#[tokio::test]
async fn a_finished_window_is_not_read_again() {
    let refused = |status| ReadAnswer::Refused(status);
    for (first, is_short) in [(page(&json!([]), None), true), (refused(403), false)] {
        let world = mailbox().answers([first, page(&json!([]), None)]);
        for gap in ["gap-1", "gap-2"] {
            assert!(world.read(&[&window(MAIL, gap)]).await.is_empty());
        }
        let asked = world.asked();
        assert!(asked[0].contains("T10%3A00%3A00Z"), "{asked:?}");
        assert_eq!(asked[1].contains("T11%3A55%3A00Z"), is_short, "{asked:?}");
        let last = world.delivered().pop().unwrap();
        assert_eq!(
            (&last["data"]["complete"], &last["data"]["from"]),
            (&json!(true), &json!(ago(120)))
        );
    }
}
