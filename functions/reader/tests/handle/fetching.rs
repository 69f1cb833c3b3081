//! Items to fetch: the right content, and nobody else's.

use std::time::Duration;

use graph_edge::{
    graph::{MAX_PAGE_BYTES, ReadAnswer},
    metrics::{Metric, Metrics},
};
use serde_json::{Value, json};

use super::{
    lines::Lines,
    world::{TENANT, World, ago, item, sealed, unsealed, window},
};

const ANNA: &str = "4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";

fn mailbox() -> World {
    World::new(&entries())
}

fn entries() -> Value {
    json!({"one": {
        "resource": format!("/users/{ANNA}/messages"), "changeType": "created,updated,deleted", "fetchContent": true,
    }})
}

fn change(kind: &str, path: &str) -> Value {
    json!({"changeType": kind, "resource": path, "subscriptionId": "s", "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "1"}})
}

fn answer(content: &Value) -> ReadAnswer {
    ReadAnswer::Body(content.to_string().into_bytes())
}

#[tokio::test]
async fn several_items_of_one_resource_are_one_get() {
    let content = json!({"id": "AAMk1", "subject": "Hello"});
    let world = mailbox().answers([answer(&content)]);
    let path = format!("Users/{ANNA}/Messages/AAMk1");
    let (created, updated) = (item(&change("created", &path)), item(&change("updated", &path)));
    assert!(world.read(&[&created, &updated]).await.is_empty());
    assert_eq!(world.asked(), [format!("/users/{ANNA}/messages/AAMk1?")]);
    let events = world.delivered();
    assert_eq!(events.len(), 2);
    for event in &events {
        assert_eq!(event["data"]["content"], content);
        assert_eq!(event["data"]["contentReadAt"], json!(ago(0)));
        assert_eq!(event["data"]["proof"], "clientState");
        assert_eq!(event["id"], "i".repeat(43), "the id is that of the admission");
    }
}

/// An item of a virtual event has the path of its collection, and some resources exist in beta only.
#[tokio::test]
async fn an_item_named_by_its_data_or_of_beta_is_fetched() {
    let webinar = "solutions/virtualEvents/webinars/w1";
    let sessions = json!({"one": {"resource": format!("{webinar}/sessions"), "changeType": "created", "fetchContent": true}});
    let alerts = json!({"one": {"resource": "reports/healthmonitoring/alerts", "changeType": "created", "fetchContent": true}});
    for (entries, path, named, asked, version) in [
        (
            sessions,
            format!("{webinar}/sessions"),
            format!("{webinar}/sessions/s1"),
            format!("/{webinar}/sessions/s1?"),
            "v1.0",
        ),
        (
            alerts,
            "reports/healthmonitoring/alerts/a1".to_owned(),
            String::new(),
            "/reports/healthMonitoring/alerts/a1?".to_owned(),
            "beta",
        ),
    ] {
        let world = World::new(&entries).answers([answer(&json!({"id": "1"}))]);
        let mut created = change("created", &path);
        created["resourceData"]["@odata.id"] = json!(named);
        assert!(world.read(&[&item(&created)]).await.is_empty());
        assert_eq!((world.asked(), world.versions()), (vec![asked], vec![version]));
        assert_eq!(world.delivered()[0]["data"]["content"], json!({"id": "1"}));
    }
}

#[tokio::test]
async fn an_item_of_an_entry_that_was_just_added_is_fetched() {
    let content = json!({"id": "AAMk1"});
    let world = World::new(&json!({})).answers([answer(&content)]);
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    world.read(&[&created]).await;
    assert!(world.asked().is_empty(), "there is no such entry");
    world.delivered();
    world.configure(&entries());
    world.pass(Duration::from_mins(1)).await;
    world.read(&[&created]).await;
    assert_eq!(world.delivered()[0]["data"]["content"], content);
}

#[tokio::test]
async fn a_deleted_resource_is_not_fetched() {
    let world = mailbox();
    let deleted = item(&change("deleted", &format!("Users/{ANNA}/Messages/AAMk1")));
    assert!(world.read(&[&deleted]).await.is_empty());
    assert!(world.asked().is_empty());
    assert_eq!(world.delivered()[0]["data"].get("contentMissing"), None);
}

#[tokio::test]
async fn a_missing_resource_is_delivered_without_content() {
    for answer in [
        ReadAnswer::Refused(404),
        ReadAnswer::Refused(403),
        ReadAnswer::Body(b"<html>".to_vec()),
    ] {
        let world = mailbox().answers([answer]);
        let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
        assert!(world.read(&[&created]).await.is_empty());
        let events = world.delivered();
        assert_eq!(events[0]["data"]["contentMissing"], true);
        assert_eq!(events[0]["data"].get("content"), None);
    }
}

#[tokio::test]
async fn content_that_is_larger_than_a_message_is_omitted() {
    let large = json!({"id": "AAMk1", "body": "x".repeat(1_100_000)});
    for answer in [answer(&large), ReadAnswer::TooLarge] {
        let world = mailbox().answers([answer]);
        let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
        assert!(world.read(&[&created]).await.is_empty());
        let data = &world.delivered()[0]["data"];
        assert_eq!(
            (data.get("content"), &data["contentOmitted"]),
            (None, &json!(true))
        );
        assert_eq!(data.get("contentMissing"), None);
    }
}

/// Eight items are fetched at once, beside two pages of lists.
#[tokio::test]
async fn eight_fetched_answers_are_together_no_larger_than_a_page() {
    let world = mailbox().answers([ReadAnswer::TooLarge]);
    world
        .read(&[&item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")))])
        .await;
    let [max_bytes] = world.max_bytes()[..] else {
        panic!("one GET")
    };
    assert!(8 * max_bytes <= MAX_PAGE_BYTES, "{max_bytes}");
}

#[tokio::test]
async fn an_item_outside_its_subscription_is_delivered_without_a_call() {
    for path in [
        "users/other/messages/AAMk1",
        "users/other",
        "groups",
        "",
        "https://evil.example/users",
    ] {
        let world = mailbox();
        assert!(world.read(&[&item(&change("created", path))]).await.is_empty());
        assert!(world.asked().is_empty(), "{path}");
        assert_eq!(world.delivered().len(), 1, "{path}");
    }
}

#[tokio::test]
async fn an_item_with_a_false_client_state_is_rejected() {
    let world = mailbox();
    let mut forged = change("created", &format!("Users/{ANNA}/Messages/AAMk1"));
    for client_state in ["", "one.k1.AAAA", "one.k9.AAAA"] {
        forged["clientState"] = json!(client_state);
        assert!(world.read(&[&item(&forged)]).await.is_empty());
        assert!(world.asked().is_empty() && world.delivered().is_empty());
        assert_eq!(world.failed(), ["ClientStateRejected"], "{client_state}");
    }
}

/// Whoever may send to `ReadQueue` can move a genuine message there from another queue.
#[tokio::test]
async fn only_a_change_that_asks_for_its_content_becomes_an_event() {
    let path = format!("Users/{ANNA}/Messages/AAMk1");
    let created = item(&change("created", &path));
    let mut lifecycle = change("created", &path);
    lifecycle["lifecycleEvent"] = json!("missed");
    let mut encrypted = change("created", &path);
    encrypted["encryptedContent"] = json!({"data": "AAAA"});
    let asks_nothing = unsealed(&created).replace("\"fetchesContent\":true,", "");
    for body in [item(&lifecycle), item(&encrypted), sealed(&asks_nothing)] {
        let world = mailbox().answers([answer(&json!({"id": "AAMk1"}))]);
        assert!(world.read(&[&body, &created]).await.is_empty());
        assert_eq!(world.delivered().len(), 1, "{body}");
        assert_eq!(world.failed(), ["Malformed"], "{body}");
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_fetched_now_is_fetched_again_soon() {
    let not_now = |seconds| ReadAnswer::NotNow(Duration::from_secs(seconds));
    for (answer, expected) in [
        (ReadAnswer::Unavailable, 60),
        (not_now(45), 45),
        (not_now(2_000), 900),
    ] {
        let world = mailbox().answers([answer]);
        let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
        assert!(world.read(&[&created]).await.is_empty());
        assert!(world.delivered().is_empty());
        assert_eq!(world.queued(), [(created, expected)]);
    }
}

#[tokio::test]
async fn a_resource_without_answer_delays_neither_other_items_nor_the_batch() {
    let world = mailbox().hangs_on("AAMk1");
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    let deleted = item(&change("deleted", &format!("Users/{ANNA}/Messages/AAMk2")));
    assert!(world.read_within(&[&created, &deleted], 1, 50).await.is_empty());
    assert_eq!(world.delivered().len(), 1);
    assert_eq!(world.queued(), [(created, 60)]);
}

#[tokio::test]
async fn an_item_without_answer_at_its_last_try_is_delivered() {
    let world = mailbox().hangs_on("AAMk1");
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    assert!(world.read_within(&[&created], 10, 50).await.is_empty());
    assert_eq!(world.delivered()[0]["data"]["contentMissing"], true);
}

/// Each try of a login that hangs takes as long, and other tenants wait in the same batch.
#[tokio::test]
async fn an_application_without_a_token_is_asked_once_in_a_batch() {
    for answer in [ReadAnswer::NoToken, ReadAnswer::NotSignedIn] {
        let world = mailbox().answers([answer]);
        let items = mails(["AAMk1", "AAMk2", "AAMk3"]);
        assert!(world.read(&[&items[0], &items[1], &items[2]]).await.is_empty());
        assert_eq!(world.asked().len(), 1);
        assert_eq!(world.queued().len(), 3);
        assert!(world.delivered().is_empty());
    }
}

#[tokio::test]
async fn an_outage_is_known_after_two_resources() {
    let world = mailbox();
    let items = mails(["AAMk1", "AAMk2", "AAMk3"]);
    assert!(world.read(&[&items[0], &items[1], &items[2]]).await.is_empty());
    assert_eq!((world.asked().len(), world.queued().len()), (2, 3));
}

/// Graph answers 500 for single items, and 503 for a mailbox that is moved.
#[tokio::test]
async fn a_resource_that_always_fails_takes_no_other_along() {
    let chats =
        json!({"one": {"resource": "/chats/getAllMessages", "changeType": "created", "fetchContent": true}});
    for (entries, paths) in [
        (
            entries(),
            ["AAMk1", "AAMk2", "AAMk3"].map(|id| format!("Users/{ANNA}/Messages/{id}")),
        ),
        (
            chats,
            ["19:1", "19:2", "19:3"].map(|chat| format!("chats('{chat}')/messages('1')")),
        ),
    ] {
        let world = World::new(&entries).answers((0..2).map(|_| answer(&json!({"id": "1"}))));
        let world = world.fails_on(if paths[0].contains("chats") {
            "19:1"
        } else {
            "AAMk1"
        });
        let items = paths.map(|path| item(&change("created", &path)));
        assert!(world.read(&[&items[0], &items[1], &items[2]]).await.is_empty());
        assert_eq!((world.delivered().len(), world.queued().len()), (2, 1));
    }
}

/// Each message has its own age.
#[tokio::test]
async fn an_old_item_is_delivered_and_a_new_one_waits() {
    let new = mails(["AAMk1"]).remove(0);
    let old = unsealed(&new).replace(&ago(1).to_string(), &ago(5 * 60 + 1).to_string());
    let old = sealed(&old);
    for messages in [[(&*new, 1), (&*old, 1)], [(&*new, 1), (&*new, 10)]] {
        let world = mailbox();
        assert!(world.read_at_tries(&messages).await.is_empty());
        let delivered = world.delivered();
        assert_eq!(delivered.len(), 1);
        assert_eq!(delivered[0]["data"]["contentMissing"], true);
        assert_eq!(world.queued(), [(new.clone(), 60)]);
    }
}

/// In an outage each of thousands of items is tried some fifteen times.
#[tokio::test]
async fn an_outage_is_one_line_and_not_one_for_each_item() {
    let (lines, _guard) = Lines::capture();
    let world = mailbox();
    let items = mails(["AAMk1", "AAMk2", "AAMk3"]);
    let bodies: Vec<&str> = items.iter().map(String::as_str).collect();
    for _ in 0..5 {
        assert!(world.read(&bodies).await.is_empty());
    }
    assert_eq!(lines.count(), 1);
    world.pass(Duration::from_mins(5)).await;
    world.read(&bodies).await;
    assert_eq!(lines.count(), 2);
}

#[tokio::test]
async fn a_refusal_is_one_line_and_not_one_for_each_item() {
    let [status, login] = [ReadAnswer::Refused, |_| ReadAnswer::NotSignedIn];
    for (refusal, number) in [(status, 400), (status, 401), (status, 403), (login, 0)] {
        let (lines, _guard) = Lines::capture();
        let world = mailbox().answers((0..20).map(|_| refusal(number)));
        let items = mails(["AAMk1", "AAMk2", "AAMk3"]);
        let bodies: Vec<&str> = items.iter().map(String::as_str).collect();
        for _ in 0..3 {
            assert!(world.read(&bodies).await.is_empty());
        }
        assert_eq!(lines.count(), 1, "{number}");
        world.pass(Duration::from_mins(5)).await;
        world.read(&bodies).await;
        assert_eq!(lines.count(), 2, "{number}");
    }
}

/// Microsoft Graph answers so for single resources, with a token that it takes for others.
#[tokio::test]
async fn a_resource_that_is_refused_with_401_takes_no_other_along() {
    let read = || answer(&json!({"id": "1"}));
    let world = mailbox().answers([ReadAnswer::Refused(401), read(), read()]);
    let items = mails(["AAMk1", "AAMk2", "AAMk3"]);
    assert!(world.read(&[&items[0], &items[1], &items[2]]).await.is_empty());
    assert_eq!(world.delivered().len(), 2);
    assert_eq!(world.queued(), [(items[0].clone(), 60)]);
}

/// Returns an item of each mail with these ids.
fn mails<const COUNT: usize>(ids: [&str; COUNT]) -> Vec<String> {
    let mail = |id| item(&change("created", &format!("Users/{ANNA}/Messages/{id}")));
    ids.map(mail).into()
}

#[tokio::test]
async fn messages_of_one_chat_are_fetched_one_in_two_seconds() {
    let chat =
        json!({"one": {"resource": "/chats/19:1/messages", "changeType": "created", "fetchContent": true}});
    let world = World::new(&chat).answers((0..5).map(|_| answer(&json!({"id": "1"}))));
    let items: Vec<String> = (0..5)
        .map(|number| item(&change("created", &format!("chats('19:1')/messages('{number}')"))))
        .collect();
    let bodies: Vec<&str> = items.iter().map(String::as_str).collect();
    assert!(world.read(&bodies).await.is_empty());
    assert_eq!((world.asked().len(), world.delivered().len()), (5, 5));
    assert!(world.slept() >= Duration::from_secs(8), "{:?}", world.slept());
}

#[tokio::test]
async fn items_of_one_mailbox_are_fetched_one_after_another() {
    let chats =
        json!({"one": {"resource": "/chats/getAllMessages", "changeType": "created", "fetchContent": true}});
    for (entries, paths, most) in [
        (
            entries(),
            ["AAMk1", "AAMk2"].map(|id| format!("Users/{ANNA}/Messages/{id}")),
            1,
        ),
        (
            chats,
            ["19:1", "19:2"].map(|chat| format!("chats('{chat}')/messages('1')")),
            2,
        ),
    ] {
        let world = World::new(&entries).answers((0..2).map(|_| answer(&json!({"id": "1"}))));
        let items = paths.map(|path| item(&change("created", &path)));
        world.read(&[&items[0], &items[1]]).await;
        assert_eq!((world.delivered().len(), world.most_at_once()), (2, most));
    }
}

#[tokio::test]
async fn a_read_that_graph_forbids_is_counted_for_the_alarm() {
    let refused = ReadAnswer::Refused;
    for (answer, name) in [
        (refused(401), "401"),
        (refused(403), "403"),
        (ReadAnswer::NotSignedIn, "login"),
    ] {
        let (world, mut metrics) = (mailbox().answers([answer]), Metrics::default());
        let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
        world.count_at_try(&[&created], 1, &mut metrics).await;
        assert_eq!(metrics.values(Metric::ReadForbidden), [1], "{name}");
    }
}

#[tokio::test]
async fn content_behind_a_byte_order_mark_is_content() {
    let world = mailbox().answers([ReadAnswer::Body(b"\xEF\xBB\xBF{\"id\":\"1\"}".to_vec())]);
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    world.read(&[&created]).await;
    assert_eq!(world.delivered()[0]["data"]["content"], json!({"id": "1"}));
}

#[tokio::test]
async fn a_short_wait_of_microsoft_graphs_is_waited_for() {
    let content = json!({"id": "AAMk1"});
    let world = mailbox().answers([ReadAnswer::NotNow(Duration::from_secs(5)), answer(&content)]);
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    assert!(world.read(&[&created]).await.is_empty());
    assert_eq!(world.slept(), Duration::from_secs(5));
    assert_eq!(world.delivered()[0]["data"]["content"], content);
}

#[tokio::test]
async fn an_item_is_delivered_even_if_its_content_never_arrives() {
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    let of_old = unsealed(&created).replace(&ago(1).to_string(), &ago(5 * 60 + 1).to_string());
    let of_old = sealed(&of_old);
    for (body, tried) in [(&created, 10), (&of_old, 1)] {
        let world = mailbox();
        assert!(world.read_at_try(&[body], tried).await.is_empty());
        assert_eq!(world.delivered()[0]["data"]["contentMissing"], true);
        assert!(world.queued().is_empty());
    }
}

#[tokio::test]
async fn what_is_unfinished_at_its_last_try_is_kept_with_its_reason() {
    let change = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    let window = window(&format!("/users/{ANNA}/messages"), "gap");
    let owner = [("Tenant", TENANT.to_owned()), ("Subscription", "one".to_owned())];
    let reason = |reason: &str| [vec![("Reason", reason.to_owned())], owner.to_vec()].concat();
    let content = || answer(&json!({"id": "AAMk1"}));
    let world = mailbox().answers([content(), content()]);
    world.deps.delivery_queue.refuse(Some(""));
    for body in [&*change, &*window] {
        assert_eq!(world.read_at_try(&[body], 9).await, ["m0"], "{body}");
        assert!(world.kept().is_empty());
        assert!(world.read_at_try(&[body], 10).await.is_empty(), "{body}");
        assert_eq!(world.kept(), [reason("NotStored")], "{body}");
    }
    world.deps.failed_queue.refuse(Some(""));
    assert_eq!(world.read_at_try(&[&window], 10).await, ["m0"]);
    let world = mailbox();
    world.configure_text("not a document");
    assert_eq!(world.read_at_try(&[&change, &window], 9).await.len(), 2);
    assert!(world.read_at_try(&[&change, &window], 10).await.is_empty());
    assert_eq!(
        world.kept(),
        [reason("NoConfiguration"), reason("NoConfiguration")]
    );
    let world = World::new(&drive());
    world.deps.read_queue.refuse(Some(""));
    let of_drive =
        item(&json!({"changeType": "updated", "resource": "me/drive/root", "subscriptionId": "s"}));
    assert!(world.read_at_try(&[&of_drive], 10).await.is_empty());
    assert_eq!(world.kept(), [reason("NotStored")]);
}

#[tokio::test]
async fn without_keys_a_message_at_its_last_try_is_kept() {
    let world = mailbox().without_keys();
    let change = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    assert_eq!(world.read_at_try(&[&change], 9).await, ["m0"]);
    assert!(world.read_at_try(&[&change], 10).await.is_empty());
    assert_eq!(world.kept(), [[("Reason", "NoClientStateKeys".to_owned())]]);
}

#[tokio::test]
async fn a_drive_is_read_a_little_later_once_for_a_batch() {
    let world = World::new(
        &json!({"one": {"resource": "/drives/d1/root", "changeType": "updated", "fetchContent": true}}),
    );
    let changed = item(&change("updated", "drives/d1/root"));
    assert!(world.read(&[&changed, &changed]).await.is_empty());
    assert_eq!(world.delivered().len(), 2);
    let queued = world.queued();
    let [(body, 30)] = queued.as_slice() else {
        panic!("{queued:?}");
    };
    let file = json!({"id": "f1", "eTag": "\"1\"", "createdDateTime": ago(9_000), "lastModifiedDateTime": ago(2), "parentReference": {"driveId": "d1"}, "file": {}});
    let world = world.answers([answer(&json!({"value": [{"id": "r", "root": {}}, file]}))]);
    assert!(world.read(&[body]).await.is_empty());
    let events = world.delivered();
    assert_eq!(events.len(), 1, "there is no gap that could be complete");
    assert_eq!(events[0]["type"], "Microsoft.Graph.DriveItemUpdated");
    assert_eq!(events[0]["subject"], "drives('d1')/items('f1')");
    assert!(
        world.asked()[0].starts_with("/drives/d1/root/delta?token=2026-11-22T11%3A44%3A00Z"),
        "{:?}",
        world.asked()
    );
}

#[tokio::test]
async fn notifications_of_a_drive_come_again_when_its_reading_cannot_be_ordered() {
    let world = World::new(&drive());
    world.deps.read_queue.refuse(Some(""));
    let changed = item(&change("updated", "drives/d1/root"));
    assert_eq!(world.read(&[&changed]).await, ["m0"]);
}

/// Graph may show a change minutes late: the window before does not shorten the next one.
#[tokio::test]
async fn each_notification_of_a_drive_looks_back_for_as_long() {
    let list = || answer(&json!({"value": []}));
    let world = World::new(&drive()).answers([list(), list()]);
    for _ in 0..2 {
        world.read(&[&item(&change("updated", "drives/d1/root"))]).await;
        let queued = world.queued();
        world.read(&[&queued[0].0]).await;
        world.pass(Duration::from_secs(30)).await;
    }
    let asked = world.asked();
    assert!(asked[0].contains("T11%3A44%3A00Z"), "{asked:?}");
    assert_eq!(asked[0], asked[1]);
}

/// One POST can carry thousands of notifications of a drive, and none of them names a file.
#[tokio::test]
async fn notifications_of_a_drive_within_half_a_minute_are_one_reading() {
    let world = World::new(&drive());
    let changed = item(&change("updated", "drives/d1/root"));
    for (pause, expected) in [
        (0, vec![30]),
        (1, vec![59]),
        (10, vec![]),
        (18, vec![]),
        (2, vec![59]),
    ] {
        world.pass(Duration::from_secs(pause)).await;
        assert!(world.read(&[&changed, &changed]).await.is_empty());
        assert_eq!(world.delivered().len(), 2);
        let delays: Vec<i32> = world.queued().into_iter().map(|(_, delay)| delay).collect();
        // At 12:00:00, 01, 11, 29 and 31.
        assert_eq!(delays, expected, "{pause}");
    }
}

#[tokio::test]
async fn a_changed_file_is_delivered_once_though_several_readings_show_it() {
    let file = |etag: &str| json!({"id": "f1", "eTag": etag, "createdDateTime": ago(9_000), "lastModifiedDateTime": ago(2)});
    let list = |etag: &str| answer(&json!({"value": [file(etag)]}));
    let world = World::new(&drive()).answers([list("1"), list("1"), list("1"), list("2")]);
    world.read(&[&item(&change("updated", "drives/d1/root"))]).await;
    let [(window, _)] = &*world.queued() else {
        panic!("one reading")
    };
    world.delivered();
    world.deps.delivery_queue.refuse(Some(""));
    assert_eq!(world.read(&[window]).await, ["m0"], "it is stored nowhere");
    world.deps.delivery_queue.refuse(None);
    for expected in [1, 0, 1] {
        assert!(world.read(&[window]).await.is_empty());
        assert_eq!(world.delivered().len(), expected);
    }
}

/// No event says that the window of a drive could not be read.
#[tokio::test]
async fn the_reading_of_a_drive_that_graph_refuses_is_kept() {
    for (answer, reason) in [
        (ReadAnswer::Refused(403), "ReadRefused"),
        (ReadAnswer::Refused(404), "ReadRefused"),
        (ReadAnswer::Refused(418), "ReadRefused"),
        (ReadAnswer::OtherList, "OddAnswer"),
    ] {
        let world = World::new(&drive()).answers([answer]);
        world.read(&[&item(&change("updated", "drives/d1/root"))]).await;
        let [(window, _)] = &*world.queued() else {
            panic!("one reading")
        };
        world.delivered();
        assert!(world.read(&[window]).await.is_empty());
        assert_eq!(world.failed(), [reason]);
        assert!(world.delivered().is_empty());
    }
}

/// Renewal subscribes with the flag as soon as a person has written it, and the copy at hand is up to five minutes old.
#[tokio::test]
async fn an_item_that_asks_for_content_makes_the_reader_look_again() {
    let content = json!({"id": "AAMk1"});
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    let mut without = entries();
    without["one"]["fetchContent"] = json!(false);
    let mut other = entries();
    other["one"]["resource"] = json!("/users/5f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90/messages");
    for old in [without, other] {
        let world = World::new(&old).answers([answer(&content)]);
        assert!(world.read(&[&created]).await.is_empty());
        assert_eq!(world.delivered()[0]["data"]["contentMissing"], true, "{old}");
        world.configure(&entries());
        world.pass(Duration::from_mins(1)).await;
        assert!(world.read(&[&created]).await.is_empty());
        assert_eq!(world.delivered()[0]["data"]["content"], content, "{old}");
    }
}

fn drive() -> Value {
    json!({"one": {"resource": "/drives/d1/root", "changeType": "updated", "fetchContent": true}})
}

/// A message more for each try would be dozens for one notification.
#[tokio::test]
async fn an_item_that_waits_for_hours_stays_in_the_queue() {
    let world = mailbox();
    let created = item(&change("created", &format!("Users/{ANNA}/Messages/AAMk1")));
    let mut put_back = 0;
    for _ in 0..20 {
        let again = world.read(&[&created]).await;
        let queued = world.queued();
        let [(_, delay)] = queued.as_slice() else {
            assert_eq!(again, ["m0"]);
            break;
        };
        assert!(again.is_empty());
        put_back += 1;
        world
            .pass(Duration::from_secs(u64::try_from(*delay).unwrap()))
            .await;
    }
    assert!((1..=5).contains(&put_back), "{put_back}");
    assert!(world.delivered().is_empty());
}

#[tokio::test]
async fn only_the_item_that_a_queue_refuses_comes_again() {
    let world = mailbox();
    let deleted = |id: &str| item(&change("deleted", &format!("Users/{ANNA}/Messages/{id}")));
    let [stored, refused] = ["AAMk1", "AAMk2"].map(deleted);
    world.deps.delivery_queue.refuse(Some("AAMk2"));
    let mut metrics = Metrics::default();
    assert_eq!(
        world.count_at_try(&[&stored, &refused], 1, &mut metrics).await,
        ["m1"]
    );
    assert_eq!(metrics.values(Metric::Delivered), [1]);
    world.deps.read_queue.refuse(Some("AAMk4"));
    let items = mails(["AAMk3", "AAMk4"]);
    assert_eq!(world.read(&[&items[0], &items[1]]).await, ["m1"]);
    assert_eq!(world.queued().len(), 1);
}
