//! A mistake in the configuration, and its previous version.

use super::*;

#[tokio::test]
async fn a_typo_that_makes_the_document_no_json_does_not_stop_renewals() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.documents.set(Document::Config, "{\"tenants\": {,}}");
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    assert_eq!(report["failed"], json!(1), "a person has to mend it");
    assert!(says_so(&report), "{report}");
}

#[tokio::test]
async fn a_tenant_with_a_mistake_keeps_its_previous_settings() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[("chat", "a", true)]);
    broken["tenants"]["a"]["clientId"] = json!("nonsense");
    world.documents.set(Document::Config, &broken.to_string());
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(world.log()[0], "list a", "{report}");
    assert_eq!(world.graph.all().len(), 1);
    assert!(says_so(&report), "{report}");
}

#[tokio::test]
async fn the_previous_version_deletes_nothing() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let fewer = config(&["a"], &[("users", "a", false)]);
    world.documents.set(Document::Config, &fewer.to_string());
    world.documents.set(Document::Config, "no JSON");
    world.run().await;
    assert_eq!(world.graph.all().len(), 2);
}

#[tokio::test]
async fn without_a_previous_version_a_typo_is_reported_and_nothing_done() {
    let world = world(&json!("no object"));
    let report = world.run().await;
    assert_eq!(world.log(), Vec::<String>::new());
    assert_eq!(report["failed"], json!(1));
    assert!(!says_so(&report), "{report}");
}

fn says_so(report: &Value) -> bool {
    report["problems"]
        .to_string()
        .contains("renewal uses an earlier version of ConfigSecret")
}
