//! `plan`, `apply`, `status`, `rotate`, `take-over` and `delete-all` against the local stack.

use crate::{
    tool::plain,
    world::{MESSAGES, USERS, world},
};

#[test]
fn a_plan_is_applied_and_the_status_lists_live_subscriptions() {
    let world = world();
    let before = world.subscription(MESSAGES);
    assert!(world.pair.simulator.remove(&before));
    let plan = world.tool.on_terminal("plan");
    println!("{}", plan.out);
    assert_eq!(plan.status, 0, "{plan:?}");
    let shown = plain(&plan.out);
    for part in [
        "NAME",
        "+  team-messages  contoso  /teams/getAllMessages  created,updated  ",
        "1 to create",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let status = world.tool.run("status").out;
    assert_eq!(
        status.lines().next().unwrap(),
        "missing\tteam-messages\tcontoso\t/teams/getAllMessages\tcreate",
        "{status}"
    );
    let applied = world.tool.run("apply");
    assert!(
        applied.status == 0 && applied.out.starts_with("+\tteam-messages\t"),
        "{applied:?}"
    );
    assert_ne!(world.subscription(MESSAGES).id, before.id);
    let status = world.tool.on_terminal("status --tenant contoso");
    println!("{}", status.out);
    assert!(status.out.starts_with("\u{1b}[1mLEFT\u{1b}[0m"), "{}", status.out);
    let shown = plain(&status.out);
    assert!(!shown.contains("missing"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn keys_are_replaced_after_a_question_only() {
    let world = world();
    let unasked = world.tool.run("rotate certificate");
    assert_eq!(unasked.status, 5, "{unasked:?}");
    let report = world.tool.json("rotate certificate --yes");
    assert!(
        report["keys"].as_array().is_some_and(|keys| !keys.is_empty()),
        "{report:#}"
    );
}

#[test]
fn everything_is_deleted_by_the_name_of_the_stack_only() {
    let world = world();
    let live = world.pair.simulator.subscriptions().len();
    for line in ["delete-all", "delete-all --confirm another"] {
        let ended = world.tool.run(line);
        assert_eq!(ended.status, 5, "{ended:?}");
    }
    assert_eq!(world.pair.simulator.subscriptions().len(), live);
    let report = world.tool.json("delete-all --confirm graph-notifications");
    assert_eq!(report["counts"]["delete"], live, "{report:#}");
    assert_eq!(world.pair.simulator.subscriptions().len(), 0);
    let applied = world.tool.json("apply");
    assert_eq!(applied["counts"]["create"], live, "{applied:#}");
}

#[test]
fn subscriptions_of_another_stack_are_taken_over_only_after_confirmation() {
    let world = world();
    let left = world.leave(&world.subscription(USERS));
    let applied = world.tool.run("apply");
    assert!(
        applied.status == 1 && applied.out.contains("!\tusers\t"),
        "{applied:?}"
    );
    let unasked = world.tool.run("take-over");
    assert_eq!(unasked.status, 5, "{unasked:?}");
    assert_eq!(world.subscription(USERS).id, left);
    let report = world.tool.json("take-over --yes");
    assert_eq!(
        (&report["counts"]["replace"], &report["failed"]),
        (&1.into(), &0.into()),
        "{report:#}"
    );
    assert_ne!(world.subscription(USERS).id, left);
}
