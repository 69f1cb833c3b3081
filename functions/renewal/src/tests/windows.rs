//! The windows for the reader.

use std::time::Duration;

use graph_core::{application::test_util::application, notification::client_state::Proven, read::Window};
use graph_edge::deadline::Deadline;
use jiff::{SignedDuration, Timestamp};

use crate::catch_up::LostWindow;

use super::{
    lifecycle::{batch, event},
    *,
};

#[tokio::test]
async fn a_gap_is_read_from_five_minutes_before_its_beginning() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(10);
    world.run().await;
    world.graph.remove("id-1");
    world.clock.advance(10);
    world.run().await;
    let windows = world.windows();
    assert_eq!(windows.len(), 1, "{windows:?}");
    let window = &windows[0];
    assert_eq!(window["subscription"], json!("chat"));
    assert_eq!(window["resource"], json!("/chats/getAllMessages"));
    let times = (&window["from"], &window["until"]);
    assert_eq!(
        times,
        (&json!("2026-11-22T09:54:00Z"), &json!("2026-11-22T10:20:00Z"))
    );
    assert_eq!(window["gap"], world.told()[0]["id"]);
    let group = format!("{TENANT_A}.windows");
    assert_eq!(world.read_queue.stored()[0].group(), Some(group.as_str()));
}

#[tokio::test]
async fn missed_notifications_are_read_nine_hours_back_within_the_subscriptions_life() {
    for (minutes, from) in [(24 * 60, "2026-11-23T01:00:00Z"), (60, fakes::NOW)] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.clock.advance(minutes);
        let missed = received(event("m1", "missed", "chat", "id-1"), world.clock.now());
        world.invoke(batch(&[missed])).await.unwrap();
        let windows = world.windows();
        assert_eq!(windows.len(), 1);
        assert_eq!(windows[0]["from"], json!(from));
        assert_eq!(windows[0].get("clipped"), None, "Graph retries for four hours");
    }
}

#[tokio::test]
async fn a_window_shorter_than_graphs_retries_is_marked_as_clipped() {
    for (minutes, clipped) in [(24 * 60, Some(true)), (60, None)] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        let back = SignedDuration::from_hours(3);
        world.deps.catch_up.as_mut().unwrap().back = back;
        world.clock.advance(minutes);
        let missed = received(event("m1", "missed", "chat", "id-1"), world.clock.now());
        world.invoke(batch(&[missed])).await.unwrap();
        let windows = world.windows();
        let found = windows[0].get("clipped").and_then(Value::as_bool);
        assert_eq!((windows.len(), found), (1, clipped), "{minutes} minutes old");
    }
}

/// Graph's lists show a change some seconds after it happened.
#[tokio::test]
async fn a_window_is_kept_back_until_a_minute_after_its_end() {
    for (settle, late, expected) in [(60, 0, 60), (60, 20, 40), (60, 90, 0), (0, 0, 0)] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.deps.catch_up.as_mut().unwrap().settle = SignedDuration::from_secs(settle);
        let at = world.clock.now() - SignedDuration::from_secs(late);
        let missed = received(event("m1", "missed", "chat", "id-1"), at);
        world.invoke(batch(&[missed])).await.unwrap();
        let windows = world.read_queue.stored();
        let delays: Vec<i32> = windows
            .iter()
            .map(graph_edge::sqs::Message::delay_seconds)
            .collect();
        assert_eq!(delays, [expected], "{settle} {late}");
    }
}

#[tokio::test]
async fn several_gaps_of_one_subscription_are_one_window() {
    let world = prepared(&[("chat", "a", true)]).await;
    let [one, other] = ["m1", "m2"].map(|id| event(id, "missed", "chat", "id-1"));
    let other = received(other, world.clock.now() - SignedDuration::from_secs(10));
    world.invoke(batch(&[one, other])).await.unwrap();
    let (told, windows) = (world.told(), world.windows());
    assert_eq!((told.len(), windows.len()), (2, 1));
    let mut gaps = vec![windows[0]["gap"].clone()];
    gaps.extend(windows[0]["also"].as_array().unwrap().clone());
    assert!(told.iter().all(|event| gaps.contains(&event["id"])), "{gaps:?}");
}

#[tokio::test]
async fn an_invented_old_or_oversized_event_has_nothing_read() {
    let long = "x".repeat(500_000);
    let now: Timestamp = fakes::NOW.parse().unwrap();
    let old = now - SignedDuration::from_hours(5 * 24);
    for (kind, id, received_at) in [
        ("missed", "invented", now),
        ("missed", &*long, now),
        ("missed", "id-1", old),
        ("subscriptionRemoved", "invented", now),
        ("subscriptionRemoved", &*long, now),
    ] {
        for is_new_process in [false, true] {
            let mut world = prepared(&[("chat", "a", true)]).await;
            if is_new_process {
                // It assumes that the subscription was replaced, but what another process has had read is not read again.
                let before = now - SignedDuration::from_mins(1);
                let genuine = received(event("m0", "missed", "chat", "id-1"), before);
                world.invoke(batch(&[genuine])).await.unwrap();
                world = world.restarted();
            }
            let before = world.windows().len();
            let event = received(event("m1", kind, "chat", id), received_at);
            world.invoke(batch(&[event])).await.unwrap();
            let id = &id[..id.len().min(10)];
            let windows = world.windows();
            if is_new_process {
                assert!(
                    windows.len() <= before + 1,
                    "{kind} {id} {received_at}: {windows:?}"
                );
                let read = read(&world);
                assert!(read <= READ_AGAIN, "{kind} {id} {received_at}: {read:#}");
            } else {
                assert_eq!(windows, Vec::<Value>::new(), "{kind} {id} {received_at}");
            }
        }
    }
}

/// Whoever has a client state can send `missed` at will, with the true id or an invented one.
#[tokio::test]
async fn missed_events_in_all_processes_read_everything_at_most_once_an_hour() {
    for id in ["id-1", "invented"] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.clock.advance(24 * 60);
        let (mut all, mut full) = (SignedDuration::ZERO, 0);
        for _ in 0..6 {
            world = world.restarted();
            for _ in 0..3 {
                world.clock.advance(10);
                let missed = received(event("m1", "missed", "chat", id), world.clock.now());
                world.invoke(batch(&[missed])).await.unwrap();
            }
            all += read(&world);
            let windows = world.windows();
            full += windows
                .iter()
                .filter(|window| window.get("clipped").is_none())
                .count();
        }
        // Three hours, in which one moment is read by a full window each hour and by one other.
        let once = SignedDuration::from_hours(3 * 9 + 3);
        assert!(all <= once + READ_AGAIN * 18, "{id}: {all:#}");
        assert_eq!(full, 3, "{id}");
    }
}

/// The reader may have given up the window of an earlier one.
#[tokio::test]
async fn missed_notifications_are_read_in_full_an_hour_after_others() {
    let mut world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(24 * 60);
    let mut found = Vec::new();
    for minutes in [0, 30, 30] {
        world = world.restarted();
        world.clock.advance(minutes);
        let missed = received(event("m1", "missed", "chat", "id-1"), world.clock.now());
        world.invoke(batch(&[missed])).await.unwrap();
        let clipped = world.windows()[0].get("clipped").cloned();
        found.push((read(&world).as_mins(), clipped));
    }
    assert_eq!(found, [(540, None), (35, Some(json!(true))), (540, None)]);
}

#[tokio::test]
async fn what_another_process_stores_at_the_same_time_stays() {
    for others in 1..=2 {
        let world = prepared(&[("chat", "a", true)]).await;
        let mut other: Value = serde_json::from_str(&world.documents.state()).unwrap();
        // The later ones are popped first.
        for version in (0..others).rev() {
            other["version"] = json!(format!("other-{version}"));
            let mut states = world.documents.other_states.lock().unwrap();
            states.push(other.to_string());
        }
        let missed = event("m1", "missed", "chat", "id-1");
        world.invoke(batch(&[missed])).await.unwrap();
        assert_eq!(
            *world.documents.other_states.lock().unwrap(),
            Vec::<String>::new()
        );
        let state: Value = serde_json::from_str(&world.documents.state()).unwrap();
        assert_eq!(state["version"], json!(format!("other-{}", others - 1)));
        assert_eq!(state["caughtUp"].as_object().unwrap().len(), 1);
    }
}

/// A batch keeps a fixed time for its end, and the calls of the end share it.
#[tokio::test]
async fn the_end_of_a_batch_has_one_deadline() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.documents.deadlines.lock().unwrap().clear();
    let missed = event("m1", "missed", "chat", "id-1");
    world.invoke(batch(&[missed])).await.unwrap();
    let mut deadlines = world.documents.deadlines.lock().unwrap().clone();
    assert_eq!(deadlines.len(), 3, "two reads and a write");
    deadlines.dedup();
    assert_eq!(deadlines.len(), 1);
}

/// What it missed was not asked for, so no event may say that it is complete.
#[tokio::test]
async fn a_missed_that_is_delivered_after_a_later_one_is_clipped() {
    let mut world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(24 * 60);
    let earlier = world.clock.now() - SignedDuration::from_mins(20);
    for (at, clipped) in [(world.clock.now(), None), (earlier, Some(json!(true)))] {
        world = world.restarted();
        let missed = received(event("m1", "missed", "chat", "id-1"), at);
        world.invoke(batch(&[missed])).await.unwrap();
        assert_eq!(world.windows()[0].get("clipped").cloned(), clipped);
    }
}

/// An end that is stored for one resource says nothing of another, and nothing of an entry of the same name in another tenant.
#[tokio::test]
async fn a_subscription_is_read_whatever_was_read_of_others() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(24 * 60);
    for (name, id) in [("chat", "id-1"), ("users", "id-2")] {
        let missed = received(event("m1", "missed", name, id), world.clock.now());
        world.invoke(batch(&[missed])).await.unwrap();
    }
    assert_eq!(read(&world), SignedDuration::from_hours(18));
}

#[tokio::test]
async fn a_window_that_was_not_stored_is_not_taken_for_read() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(24 * 60);
    let missed = received(event("m1", "missed", "chat", "id-1"), world.clock.now());
    world.read_queue.refuse(Some(""));
    world.invoke(batch(std::slice::from_ref(&missed))).await.unwrap();
    world.read_queue.refuse(None);
    let world = world.restarted();
    world.invoke(batch(&[missed])).await.unwrap();
    assert_eq!(read(&world), SignedDuration::from_hours(9));
}

/// Returns for how long the reader is asked to read.
fn read(world: &World) -> SignedDuration {
    let time =
        |window: &Value, member: &str| -> Timestamp { window[member].as_str().unwrap().parse().unwrap() };
    let windows = world.windows();
    let lengths = windows
        .iter()
        .map(|window| time(window, "until").duration_since(time(window, "from")));
    lengths.fold(SignedDuration::ZERO, |all, one| all + one)
}

/// What is read twice: lists show some changes late. Ends are stored in minutes.
const READ_AGAIN: SignedDuration = SignedDuration::from_mins(6);

#[tokio::test]
async fn the_gap_of_a_removed_subscription_is_read_once() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    for _ in 0..2 {
        let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
        world.invoke(batch(&[removed])).await.unwrap();
    }
    assert_eq!(world.windows().len(), 1);
}

#[tokio::test]
async fn a_window_that_could_not_be_ordered_is_ordered_later() {
    for kind in ["missed", "subscriptionRemoved"] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.read_queue.refuse(Some(""));
        let records = batch(&[event("m1", kind, "chat", "id-1")]);
        let answer = world.invoke(records.clone()).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1, "{kind}");
        world.read_queue.refuse(None);
        world.invoke(records).await.unwrap();
        assert_eq!(world.windows().len(), 1, "{kind}");
        world.run().await;
        assert_eq!(world.windows().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_gap_is_reported_before_it_is_read() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    world.delivery_queue.refuse(Some(""));
    let records = batch(&[event("m1", "subscriptionRemoved", "chat", "id-1")]);
    world.invoke(records.clone()).await.unwrap();
    assert_eq!(world.windows(), Vec::<Value>::new());
    world.delivery_queue.refuse(None);
    world.invoke(records).await.unwrap();
    assert_eq!((world.told().len(), world.windows().len()), (1, 1));
}

#[tokio::test]
async fn without_a_reader_consumers_get_an_event_and_nothing_is_read() {
    let mut world = prepared(&[("chat", "a", true)]).await;
    world.deps.catch_up = None;
    let missed = event("m1", "missed", "chat", "id-1");
    let answer = world.invoke(batch(&[missed])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!((world.told().len(), world.windows().len()), (1, 0));
}

/// Returns an event that was received at another time.
pub(super) fn received(mut event: Value, at: Timestamp) -> Value {
    let mut body: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    body["receivedAt"] = json!(at);
    event["body"] = json!(body.to_string());
    event
}

#[tokio::test]
async fn after_a_restart_losses_have_a_beginning_and_additions_are_not_losses() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(10);
    world.run().await;
    let both = config(
        &["a"],
        &[("chat", "a", true), ("users", "a", false), ("groups", "a", false)],
    );
    world.documents.set(Document::Config, &both.to_string());
    world.graph.remove("id-1");
    let world = world.restarted();
    // So late that an earlier look no longer proves anything.
    world.clock.advance(90);
    world.run().await;
    let windows = world.windows();
    assert_eq!(windows.len(), 1, "{windows:?}");
    assert_eq!(windows[0]["subscription"], json!("chat"));
    let times = (&windows[0]["from"], &windows[0]["until"]);
    assert_eq!(
        times,
        (&json!("2026-11-22T06:05:00Z"), &json!("2026-11-22T11:40:00Z"))
    );
    assert_eq!(windows[0].get("clipped"), None);
}

#[tokio::test]
async fn after_a_restart_a_failed_first_creation_is_not_a_loss() {
    let world = prepared(&[("chat", "a", true)]).await;
    let both = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    world.documents.set(Document::Config, &both.to_string());
    world.graph.fail("create", unavailable());
    world.clock.advance(10);
    world.run().await;
    world.graph.heal();
    let world = world.restarted();
    world.clock.advance(60);
    world.run().await;
    assert_eq!((world.told(), world.windows()), (Vec::new(), Vec::new()));
}

/// The deadline of a run is also that of what comes after its windows.
#[tokio::test]
async fn a_secret_that_hangs_keeps_windows_until_their_deadline() {
    let world = prepared(&[("chat", "a", true)]).await;
    *world.documents.hangs.lock().unwrap() = true;
    let catch_up = world.deps.catch_up.as_ref().unwrap();
    let owner = Proven {
        application: application((TENANT_A, APP)),
        subscription: "chat".to_owned(),
    };
    let now = world.clock.now();
    let window = Window::without_gap(&owner, "/chats/getAllMessages".to_owned(), now, now);
    let lost = LostWindow {
        window,
        is_undated: false,
    };
    let soon = Deadline::after(Duration::from_millis(20));
    let ordered = catch_up.order(vec![lost.clone()], &world.documents, now, soon);
    let ordered = tokio::time::timeout(Duration::from_secs(20), ordered)
        .await
        .unwrap();
    assert!(!ordered.0 && ordered.1.is_empty());
    *world.documents.hangs.lock().unwrap() = false;
    let soon = Deadline::after(Duration::from_secs(20));
    let ordered = catch_up.order(vec![lost], &world.documents, now, soon).await;
    assert!(ordered.0);
    assert_eq!(world.windows().len(), 1);
}

/// The message of a missed event comes again at each try, and its window would come with it.
#[tokio::test]
async fn an_event_that_waits_has_one_window_in_the_end() {
    for refusing in ["delivery", "read"] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.clock.advance(24 * 60);
        let queue = match refusing {
            "delivery" => &world.delivery_queue,
            _ => &world.read_queue,
        };
        queue.refuse(Some(""));
        let missed = received(event("m1", "missed", "chat", "id-1"), world.clock.now());
        for _ in 0..3 {
            world.invoke(batch(std::slice::from_ref(&missed))).await.unwrap();
            world.clock.advance(10);
            world.run().await;
        }
        queue.refuse(None);
        world.run().await;
        assert_eq!(world.windows().len(), 0, "{refusing}");
        world.invoke(batch(std::slice::from_ref(&missed))).await.unwrap();
        assert_eq!(read(&world), SignedDuration::from_hours(9), "{refusing}");
    }
}
