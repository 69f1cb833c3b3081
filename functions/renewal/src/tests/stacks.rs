//! Several stacks, addresses and applications side by side.

use graph_core::subscription::url::{BaseUrl, StackId};

use super::*;

#[tokio::test]
async fn others_subscriptions_are_left_and_counted() {
    let world = prepared(&[("users", "a", false)]).await;
    let theirs = Subscription {
        id: "theirs".to_owned(),
        resource: Some("/groups".to_owned()),
        change_type: Some("updated".to_owned()),
        notification_url: Some("https://other.example/notifications?s=users".to_owned()),
        ..Subscription::default()
    };
    world.graph.add(TENANT_A, theirs);
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(
        report["tenants"],
        json!([{"tenant": "a", "listed": 2, "others": 1}])
    );
}

#[tokio::test]
async fn two_stacks_of_one_application_live_side_by_side() {
    let world = prepared(&[("chat", "a", true)]).await;
    let production = world.graph.all();
    // The other stack has the same entry names, but secrets and addresses of its own.
    let mut staging = world.beside(&config(&["a"], &[("groups", "a", false)]));
    let origin = |route: &str| BaseUrl::parse(&format!("https://staging.example/{route}")).unwrap();
    staging.deps.stack = StackId::parse("staging").unwrap();
    staging.deps.notifications = origin("notifications");
    staging.deps.lifecycle = origin("lifecycle");
    let report = staging.run().await;
    assert_eq!(report["counts"], json!({"create": 1}), "{report}");
    assert_eq!(report["tenants"][0]["others"], json!(1));
    assert_eq!(world.graph.all()[..1], production);

    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 1}), "{report}");
    assert_eq!(world.graph.all().len(), 2);
}

#[tokio::test]
async fn a_stack_that_has_moved_takes_its_subscriptions_along_without_a_gap() {
    let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let before = world.graph.all();
    let origin = |route: &str| BaseUrl::parse(&format!("https://moved.example/{route}/")).unwrap();
    world.deps.notifications = origin("notifications");
    world.deps.lifecycle = origin("lifecycle");
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 2}), "{report}");
    for (one, before) in world.graph.all().iter().zip(before) {
        let (url, old) = (
            one.notification_url.as_deref().unwrap(),
            before.notification_url.unwrap(),
        );
        assert_eq!(
            (&one.id, url),
            (&before.id, &*old.replace("our.example", "moved.example"))
        );
    }
    assert_eq!(world.told(), Vec::<Value>::new());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 2}), "{report}");
}

#[tokio::test]
async fn one_application_under_two_names_does_not_delete_for_itself() {
    let mut twice = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    twice["tenants"]["b"]["tenantId"] = json!(TENANT_A);
    let world = world(&twice);
    world.run().await;
    world.log();
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "list a"]);
    assert_eq!(report["counts"], json!({"keep": 4}));
}
