//! What a person asks for and reads.

use super::*;

#[test]
fn a_misspelt_dry_run_calls_nobody() {
    for event in [
        json!({"dryrun": true}),
        json!({"dry_run": true}),
        json!({"DryRun": true}),
        json!({"source": "aws.events", "dryRun": true}),
    ] {
        let world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        world
            .documents
            .set(Document::Config, &organisations(1, &[]).to_string());
        world.log();
        let mut metrics = Metrics::default();
        let error = world.clock.run(world.handle(event, &mut metrics)).unwrap_err();
        assert!(error.to_string().contains("dryRun (true)"), "{error}");
        assert_eq!((world.log().len(), live(&world)), (0, 1));
    }
}

/// 63 kB are all that ConfigSecret holds.
#[test]
fn a_document_full_of_mistakes_has_a_short_report() {
    let entries: Vec<String> = (0..480)
        .map(|number| format!("{}-{number}", "n".repeat(60)))
        .collect();
    let wrong = || json!({"resource": "/nowhere", "changeType": "exploded"});
    let entries: Vec<_> = entries.iter().map(|name| (0, name.as_str(), wrong())).collect();
    let config = organisations(1, &entries).to_string();
    assert!(config.len() > 60_000, "{}", config.len());
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.documents.set(Document::Config, &config);
    let report = next_run(&world);
    let bytes = report.to_string().len();
    assert!(bytes < 100_000, "{bytes}");
    assert!(report["failed"].as_u64().unwrap() >= 100, "{}", report["failed"]);
    assert_eq!(live(&world), 1, "what exists is renewed");
}

/// Whoever holds an application's credential can make subscriptions with this stack's address.
#[test]
fn thousands_of_long_names_in_a_list_have_a_short_report() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    let ours = world.graph.all().remove(0);
    for number in 0..3_000 {
        let mut one = ours.clone();
        let name = format!("s={}{number}&", "x".repeat(20_000));
        one.id = format!("made-{number}");
        one.resource = Some(format!("/users/u{number}/messages"));
        one.notification_url = one.notification_url.map(|url| url.replace("s=chats&", &name));
        world.graph.add(&tenant_id(0), one);
    }
    let report = next_run(&world);
    let bytes = report.to_string().len();
    assert!(bytes < 3_000_000, "{bytes}");
    assert!(!report.to_string().contains(&"x".repeat(200)), "names are cut");
}

#[test]
fn hundreds_of_failing_tenants_have_a_report_that_fits() {
    let world = world(&many_tenants(150, 20));
    let words = "w".repeat(2_000);
    world
        .graph
        .fail("create", Reply::refusal(400, "BadRequest", &words));
    let report = world.scheduled();
    let bytes = report.to_string().len();
    assert!(bytes <= 5_000_000, "{bytes}");
    assert_eq!(report["failed"], json!(3_000));
    assert_eq!(report["tenants"].as_array().unwrap().len(), 150);
    assert!(report["more"]["subscriptions"].as_u64().unwrap() > 0);
}

/// Returns a configuration in which each of so many tenants has every entry.
fn many_tenants(tenants: usize, entries: usize) -> Value {
    let mut config = organisations(tenants, &[]);
    let folder = "f".repeat(1_200);
    for number in 0..entries {
        config["subscriptions"][format!("e{number}")] = json!({
            "tenant": "*", "resource": format!("/users/u{number}/mailFolders/{folder}/messages"), "changeType": "created",
        });
    }
    config
}
