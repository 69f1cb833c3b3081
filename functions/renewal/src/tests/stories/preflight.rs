//! The report of a dry run before anything is created.

use super::*;

#[test]
fn missing_permissions_are_named_per_entry_before_anything_is_made() {
    let world = world(&all());
    world
        .graph
        .claim(json!({"roles": ["Chat.ReadWrite", "Mail.Read"]}));
    let report = dry_run(&world);
    let needs = |entry: usize| report["entries"][entry]["permissions"].clone();
    assert_eq!(
        needs(0),
        json!([{"for": "resource", "anyOf": ["Chat.Read.All"], "state": "missing"}]),
        "{report:#}"
    );
    assert_eq!(
        needs(1),
        json!([
            {"for": "resource", "anyOf": ["Mail.ReadBasic", "Mail.Read"], "state": "granted", "granted": "Mail.Read"},
            {"for": "forEach", "anyOf": ["User.Read.All"], "state": "missing"},
        ])
    );
    let problems = report["problems"].to_string();
    assert!(
        problems.contains("grant the application permission Chat.Read.All"),
        "{problems}"
    );
    assert!(problems.contains("subscriptions.mail.forEach"), "{problems}");
    assert_eq!(report["failed"], json!(0), "it is a hint");
    assert_eq!(world.graph.bodies().len(), 0);
}

#[test]
fn a_token_that_cannot_be_read_is_not_a_failure() {
    let world = world(&all());
    let report = dry_run(&world);
    let states: Vec<_> = report["entries"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entry| entry["permissions"].as_array().unwrap())
        .map(|need| need["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["unknown"; 3], "{report:#}");
    assert_eq!((&report["failed"], &report["problems"]), (&json!(0), &json!([])));
}

#[test]
fn a_dry_run_distinguishes_new_changed_removed_and_unchanged_entries() {
    let updated = |resource: &str| json!({"resource": resource, "changeType": "updated"});
    let before = [
        (0, "goes", updated("/groups")),
        (0, "mail", mail(users(8))),
        (0, "stays", chats()),
    ];
    let world = world(&organisations(1, &before));
    world.scheduled();
    let after = [
        (0, "comes", updated("/users")),
        (0, "mail", mail(users(9))),
        (0, "stays", chats()),
    ];
    world
        .documents
        .set(Document::Config, &organisations(1, &after).to_string());
    let report = dry_run(&world);
    let entries = report["entries"].as_array().unwrap().iter();
    let effects: Vec<_> = entries
        .map(|entry| (entry["name"].as_str().unwrap(), entry["effect"].as_str().unwrap()))
        .collect();
    let expected = [
        ("comes", "new"),
        ("goes", "removed"),
        ("mail", "changed"),
        ("stays", "unchanged"),
    ];
    assert_eq!(effects, expected, "{report:#}");
    assert_eq!(report["entries"][2]["counts"], json!({"create": 1, "keep": 8}));
    assert_eq!(world.scheduled().get("entries"), None);
}

#[test]
fn the_report_says_for_how_long_renewals_may_fail() {
    let world = world(&organisations(
        1,
        &[(0, "chats", chats()), (0, "mail", mail(users(2)))],
    ));
    let report = world.scheduled();
    let margin = |number: usize| report["margins"][number]["summary"].as_str().unwrap();
    assert_eq!(margin(0), "survives 63 h of failed renewals", "{report:#}");
    assert_eq!(report["margins"][1]["subscriptions"], json!(2));
    assert_eq!(report["margins"][1].get("unlimitedMinutes"), None);
}

fn all() -> Value {
    let mut many = mail([]);
    many["forEach"] = json!({"users": "all"});
    organisations(1, &[(0, "chats", chats()), (0, "mail", many)])
}

fn dry_run(world: &World) -> Value {
    world.graph.set_objects(&["u1"]);
    world.clock.run(world.invoke(json!({"dryRun": true}))).unwrap()
}
