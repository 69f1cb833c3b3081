//! Several processes under Graph's limits, which count all calls of an application.

use futures_util::future::join3;
use graph_edge::metrics::Metrics;

use super::{storms::challenges, *};

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
fn a_process_that_was_killed_counts_until_its_deadline() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(300)))]));
    announce(&world, "killed", 60);
    let begun = world.clock.now();
    world.scheduled();
    let took = world.clock.now().duration_since(begun).as_secs();
    assert_eq!(live(&world), 300);
    assert!(world.graph.most_at_once(&["create"]) <= 240);
    // 30 s until the other has left room, then half of the limit in each window.
    assert!((30..=75).contains(&took), "{took} s");
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

/// Stores that another process uses Graph's limits for so many seconds.
fn announce(world: &World, process: &str, seconds: i64) {
    let until = world.clock.now().as_second() + seconds;
    let mut state: Value = serde_json::from_str(&world.documents.state()).unwrap_or_else(|_| json!({}));
    state["processes"] = json!({process: until});
    world.documents.set_state(state.to_string());
}
