//! Tenants share the seats of a run.

use super::*;

#[test]
fn tenants_that_cannot_log_in_hold_no_seats() {
    let large = [(0, "mail-0", mail(users(100))), (1, "mail-1", mail(users(100)))];
    let mut config = organisations(TENANTS, &large);
    config["subscriptions"]["calls"] = json!({
        "tenant": "*", "resource": "/communications/callRecords", "changeType": "created",
    });
    let world = world(&config);
    world.scheduled();
    let all = world.graph.all();
    assert_eq!(all.len(), 200 + TENANTS);
    // So many tenants are not listed in the run after this one, and their tokens end before it.
    world.clock.advance(50);
    let now = world.clock.now();
    for one in &all {
        let is_mail = one.resource.as_deref().unwrap().ends_with("messages");
        let minutes = if is_mail { 28 } else { 600 };
        let end = now + jiff::SignedDuration::from_mins(minutes);
        world
            .graph
            .change(&one.id, |one| one.expiration_date_time = Some(end));
    }
    world.graph.fail("update", unavailable());
    world.scheduled();
    world.graph.heal();
    for tenant in [0, 1] {
        world.graph.delay(&format!("login {}", tenant_id(tenant)), 20);
    }
    let next = now + jiff::SignedDuration::from_mins(10);
    world.clock.run(world.clock.sleep_until(next));
    let begun = world.clock.now();
    world.log();
    world.scheduled();
    let log = world.log();
    assert_eq!(count(&log, "list"), 0, "what is remembered is recent");
    assert_eq!(count(&log, "update"), TENANTS - 2);
    let took = world.clock.now().duration_since(begun).as_secs();
    assert!(took <= 180, "{took}");
}

/// The first tenants' lists take all of the time that lists have. Nobody can cure that in the configuration of the others.
#[test]
fn a_list_without_time_is_unfinished_and_no_failure() {
    let members = json!({
        "resource": "/users/{id}/messages", "changeType": "created",
        "forEach": {"membersOf": "dddddddd-0000-0000-0000-000000000000"},
    });
    for (call, left) in [("list", 2), ("members", 1)] {
        let mut config = organisations(2, &[(0, "mail", members.clone())]);
        config["subscriptions"]["calls"] = json!({
            "tenant": "*", "resource": "/communications/callRecords", "changeType": "created",
        });
        let world = world(&config);
        world.scheduled();
        for left_twice in [0, left] {
            world.clock.advance(30);
            world.graph.delay(call, 19);
            let mut metrics = Metrics::default();
            let deadline = world.clock.now() + jiff::SignedDuration::from_secs(24);
            let run = crate::handle(json!({}), deadline, &world.deps, &mut metrics);
            let report = world.clock.run(run).unwrap();
            assert_eq!(
                (&report["failed"], &report["unfinished"]),
                (&json!(0), &json!(left)),
                "{call}: {report:#}"
            );
            for (metric, value) in [
                (Metric::TenantsFailed, 0),
                (Metric::EntriesFailed, 0),
                (Metric::LeftOverTwice, left_twice),
            ] {
                assert_eq!(metrics.values(metric), [value], "{call}: {metric:?}");
            }
        }
    }
}

/// So many that an application may not list all of them in each run.
const TENANTS: usize = 245;
