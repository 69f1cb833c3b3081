//! `config` against the local stack.

use std::fs;

use serde_json::{Value, json};

use crate::{
    tool::Tool,
    world::{SECRET, configuration, world},
};

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
    assert!(Tool::left().is_empty());
}

#[test]
fn a_credential_is_asked_for_and_neither_shown_nor_kept() {
    let world = world();
    let mut wanted = configuration();
    wanted["tenants"]["fabrikam"] = wanted["tenants"]["contoso"].clone();
    wanted["tenants"]["fabrikam"]["tenantId"] = json!("22222222-2222-4333-8444-555555555555");
    for tenant in ["contoso", "fabrikam"] {
        wanted["tenants"][tenant]["credential"]["clientSecret"] = json!("");
    }
    for subscription in ["team-messages", "users"] {
        wanted["subscriptions"][subscription]["tenant"] = json!("contoso");
    }
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("config.json");
    fs::write(&file, wanted.to_string()).unwrap();
    let answers = [
        ("tenants.fabrikam.credential.clientSecret: ", TYPED),
        ("Write this to ConfigSecret of graph-notifications? [y/N] ", "y"),
    ];
    let put = world
        .tool
        .converse(&format!("config put {}", file.display()), &answers);
    assert!(put.status == 0 && put.out.contains("Written."), "{put:?}");
    assert!(!put.out.contains(TYPED) && !put.out.contains(SECRET), "{put:?}");
    assert!(Tool::left().is_empty());
    assert_eq!(fs::read_to_string(&file).unwrap(), wanted.to_string());
    let held = world.config_secret();
    assert!(held.contains(TYPED) && held.contains(SECRET));
    let back = world
        .tool
        .run_with("config put --yes -", &configuration().to_string());
    assert_eq!(back.status, 0, "{back:?}");
}

#[test]
fn a_configuration_that_deletes_most_is_held_back_until_confirmed() {
    let world = world();
    let put = |options: &str, document: &Value| {
        world
            .tool
            .run_with(&format!("config put --yes {options} -"), &document.to_string())
    };
    let mut many = configuration();
    for number in 1..=7 {
        let resource = format!("/users/00000000-0000-4000-8000-00000000000{number}");
        many["subscriptions"][format!("user-{number}")] =
            json!({"resource": resource, "changeType": "updated"});
    }
    assert_eq!(put("", &many).status, 0);
    assert_eq!(world.tool.json("apply")["counts"]["create"], 7);
    let refused = put("", &configuration());
    assert_eq!(refused.status, 5, "{refused:?}");
    assert!(refused.err.contains("add --confirm-deletions"), "{refused:?}");
    assert!(world.config_secret().contains("user-7"));
    let written = put("--confirm-deletions", &configuration());
    assert_eq!(written.status, 0, "{written:?}");
    let braked = world.tool.json("apply");
    assert_eq!(
        (&braked["counts"]["delete"], &braked["failed"]),
        (&Value::Null, &json!(1)),
        "{braked:#}"
    );
    let confirmed = world.tool.json("apply --confirm-deletions contoso");
    assert_eq!(confirmed["counts"]["delete"], 7, "{confirmed:#}");
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

const TYPED: &str = "a-secret-that-somebody-types";
