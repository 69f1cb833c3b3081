//! `config` against the local stack.

use crate::world::{SECRET, world};

#[test]
fn a_configuration_is_shown_compared_and_put_without_its_credentials() {
    let world = world();
    let shown = world.tool.run("config show");
    assert!(
        shown.status == 0 && !shown.out.contains(SECRET) && shown.out.contains("[redacted]"),
        "{shown:?}"
    );
    let same = world.tool.run_with("config diff -", &shown.out);
    assert_eq!(
        (same.status, same.out.as_str()),
        (0, "Nothing would change.\n"),
        "{same:?}"
    );
    let changed = shown
        .out
        .replace("\"changeType\":\"updated\"", "\"changeType\":\"updated,deleted\"");
    assert_ne!(changed, shown.out);
    let diff = world.tool.run_with("config diff -", &changed);
    let expected = "~ subscriptions.users\n    changeType: \"updated\" -> \"updated,deleted\"\n\n\
        contoso: 2 subscriptions now; 1 subscription to replace\n";
    assert_eq!(diff.out, expected, "{diff:?}");
    let unasked = world.tool.run_with("config put -", &changed);
    assert_eq!(unasked.status, 5, "{unasked:?}");
    assert!(unasked.err.contains("Add --yes"), "{unasked:?}");
    let put = world.tool.run_with("config put --yes -", &changed);
    assert!(put.status == 0 && put.out.starts_with("Written."), "{put:?}");
    // With the credential that the stack has: renewal can still log in.
    let plan = world.tool.json("plan");
    assert_eq!(plan["failed"], 0, "{plan:#}");
    assert_eq!(plan["counts"]["replace"], 1, "{plan:#}");
    let back = world.tool.run_with("config put --yes -", &shown.out);
    assert_eq!(back.status, 0, "{back:?}");
}

#[test]
fn a_configuration_with_a_mistake_is_not_written() {
    let world = world();
    let shown = world.tool.run("config show").out;
    let wrong = shown.replace("\"resource\":\"/users\"", "\"resource\":\"/weather\"");
    let put = world.tool.run_with("config put --yes -", &wrong);
    assert!(
        put.status == 2 && put.err.contains("subscriptions.users.resource"),
        "{put:?}"
    );
    assert_eq!(world.tool.run("config show").out, shown);
}
