//! Several processes under Graph's limits, which count all calls of an application.

use std::{pin::pin, time::Duration};

use futures_util::future::{join3, select};
use graph_core::subscription::config::Config;
use graph_edge::{metrics::Metrics, testing::turn};
use jiff::SignedDuration;

use super::{storms::challenges, *};
use crate::processes::sharing;

#[test]
fn three_runs_at_once_stay_within_graphs_limits() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(600)))]));
    world.scheduled();
    // All renewals are due then.
    world.clock.advance(24 * 60);
    world.graph.delay("update", 1);
    let (by_hand, lifecycle) = (world.another_process(), world.another_process());
    let batch = json!({"Records": challenges(&world)[..100]});
    let (mut one, mut other, mut third) = <(Metrics, Metrics, Metrics)>::default();
    let begun = world.clock.now();
    let (scheduled, by_hand, answer) = world.clock.run(join3(
        world.handle(json!({"source": "aws.scheduler"}), &mut one),
        by_hand.handle(json!({}), &mut other),
        lifecycle.handle(batch, &mut third),
    ));
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    for report in [scheduled.unwrap(), by_hand.unwrap()] {
        assert_eq!(report["failed"], json!(0), "{report}");
        assert_eq!(report["unfinished"], json!(0), "{report}");
    }
    let changes = world.graph.most_at_once(&["create", "update", "delete"]);
    assert!(changes <= 500, "{changes} changes in 20 s");
    let took = world.clock.now().duration_since(begun).as_secs();
    assert!(took <= 120, "{took} s");
}

#[test]
fn a_process_that_ends_leaves_its_share_to_the_others() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(600)))]));
    world.scheduled();
    world.clock.advance(24 * 60);
    let other = world.another_process();
    let begun = world.clock.now();
    let took = || world.clock.now().duration_since(begun).as_secs();
    world.scheduled();
    assert!(took() <= 21, "it is alone: {} s", took());
    other.scheduled();
    assert!(
        (20..=42).contains(&took()),
        "nothing is due, and the list waits for nobody: {} s",
        took()
    );
}

#[test]
fn a_process_that_has_ended_counts_for_one_window() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(300)))]));
    world.scheduled();
    assert_eq!(live(&world), 300);
    world.clock.run(world.clock.sleep(Duration::from_secs(25)));
    let more = organisations(1, &[(0, "mail", mail(users(700)))]);
    world.documents.set(Document::Config, &more.to_string());
    let other = world.another_process();
    let begun = world.clock.now();
    other.scheduled();
    let took = world.clock.now().duration_since(begun).as_secs();
    assert_eq!((live(&world), took), (700, 0));
}

#[test]
fn of_three_processes_at_once_none_hides_another() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(300)))]));
    announce(&world, "first", 600);
    // It has not seen the first, and stores right before this process does.
    let until = world.clock.now().as_second() + 600;
    let second = json!({"processes": {"second": until}}).to_string();
    world.documents.other_states.lock().unwrap().push(second);
    world.scheduled();
    let state = world.documents.state();
    for other in ["\"first\"", "\"second\""] {
        assert!(state.contains(other), "{state}");
    }
    assert!(world.graph.most_at_once(&["create"]) <= 160);
}

#[test]
fn a_process_that_was_killed_counts_for_a_minute() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(300)))]));
    world.graph.delay("create", 30);
    let killed = world.another_process();
    let (mut metrics, end) = (
        Metrics::default(),
        world
            .clock
            .sleep_until(world.clock.now() + SignedDuration::from_secs(10)),
    );
    let run = killed.handle(json!({"source": "aws.scheduler"}), &mut metrics);
    world.clock.run(select(pin!(run), pin!(end)));
    world.graph.heal();
    let begun = world.clock.now();
    world.scheduled();
    let took = world.clock.now().duration_since(begun).as_secs();
    assert_eq!(live(&world), 300);
    assert!(world.graph.most_at_once(&["create"]) <= 240);
    // 30 s until the other has left room, then half of the limit in each window.
    assert!((30..=75).contains(&took), "{took} s");
    let state: Value = serde_json::from_str(&world.documents.state()).unwrap();
    let until = state["processes"].as_object().unwrap().values();
    let latest = until.filter_map(Value::as_i64).max().unwrap();
    assert!(latest <= world.clock.now().as_second() + 61, "{state}");
}

#[test]
fn processes_that_announce_themselves_at_once_see_each_other() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(300)))]));
    let before = world.documents.state();
    announce(&world, "other", 600);
    let overwritten = world.documents.state();
    world.documents.set_state(before);
    world.documents.other_states.lock().unwrap().push(overwritten);
    world.scheduled();
    assert!(
        world.documents.state().contains("\"other\""),
        "{}",
        world.documents.state()
    );
    assert!(world.graph.most_at_once(&["create"]) <= 240);
}

#[test]
fn without_stored_state_a_process_takes_a_quarter() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(200)))]));
    *world.documents.hides_state.lock().unwrap() = true;
    world.scheduled();
    assert_eq!(live(&world), 200);
    assert_eq!(world.graph.most_at_once(&["create"]), 120);
}

#[test]
fn a_few_calls_need_no_announcement() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(4)))]));
    world.scheduled();
    world.clock.advance(24 * 60);
    let events = json!({"Records": challenges(&world)});
    let before = world.documents.state();
    world.clock.run(world.invoke(events)).unwrap();
    assert_eq!(world.documents.state(), before);
}

#[test]
fn the_end_of_a_run_cuts_off_no_announcement() {
    let config = organisations(1, &[]);
    let (parsed, _) = Config::parse(&config.to_string()).unwrap();
    for turns in 0..8 {
        let world = world(&config);
        // A process announces itself again when half a minute is left.
        let ends_at = world.clock.now() + SignedDuration::from_secs(35);
        let other = json!({"processes": {"other": ends_at.as_second() + 600}}).to_string();
        let work = async {
            for _ in 0..2 {
                world.deps.graph.list(&parsed.tenants["t00"]).await.unwrap();
            }
            // Another process stores something at the same time.
            world.documents.other_states.lock().unwrap().push(other);
            world.clock.sleep_until(ends_at).await;
            for _ in 0..turns {
                turn().await;
            }
        };
        world.clock.run(sharing(&world.deps, work));
        let state = world.documents.state();
        assert!(state.contains("\"other\""), "{turns}: {state}");
    }
}

/// Stores that another process uses Graph's limits for so many seconds.
fn announce(world: &World, process: &str, seconds: i64) {
    let until = world.clock.now().as_second() + seconds;
    let mut state: Value = serde_json::from_str(&world.documents.state()).unwrap_or_else(|_| json!({}));
    state["processes"] = json!({process: until});
    world.documents.set_state(state.to_string());
}
