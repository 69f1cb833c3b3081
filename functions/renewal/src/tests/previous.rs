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

/// Another process has made the changes of a newer version meanwhile.
#[tokio::test]
async fn a_remembered_version_that_is_not_the_newest_only_renews() {
    let world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    world.run().await;
    let newer = config(&["a"], &[("chat", "a", true)]);
    world.documents.set(Document::Config, &newer.to_string());
    let other = world.another_process();
    other.invoke(json!({"confirmDeletions": true})).await.unwrap();
    assert_eq!(world.graph.all().len(), 1);
    let trusted = world.documents.text(Document::ClientState);
    let version = version(&world);
    world.log();

    world.documents.hide(Document::Config);
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report:#}");
    assert_eq!(world.graph.all().len(), 1);
    assert_eq!(world.documents.text(Document::ClientState), trusted);
    assert_eq!(self::version(&world), version);
    let problem = report["problems"][0]["message"].as_str().unwrap();
    assert!(problem.contains("may be out of date"), "{problem}");
}

#[tokio::test]
async fn a_remembered_version_that_is_the_newest_creates_what_is_missing() {
    let world = prepared(&[("chat", "a", true)]).await;
    let version = version(&world);
    world.documents.hide(Document::Config);
    world.graph.remove("id-1");
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"create": 1}), "{report:#}");
    assert_eq!(self::version(&world), version);
}

/// Returns what `StateParameter` says of versions.
fn version(world: &World) -> Value {
    let state: Value = serde_json::from_str(&world.documents.state()).unwrap();
    json!([
        state["version"],
        state["mistaken"],
        state["unsettled"],
        state["needed"]
    ])
}

fn says_so(report: &Value) -> bool {
    report["problems"]
        .to_string()
        .contains("renewal uses an earlier version of ConfigSecret")
}
