//! Two runs of the deployed function at the same time.

use graph_simulator::{LifecycleEvent, Post, Registered, TokenVersion};
use serde_json::{Value, json};

use crate::{
    delivery::team_messages,
    world::{Tenant, eventually, renew, renew_twice_at_once, send, simulator},
};

#[tokio::test]
async fn two_runs_of_the_schedule_make_everything_once_and_nothing_is_lost() {
    let group = "f0000000-0000-4000-8000-000000000003";
    let members: Vec<String> = (0..MEMBERS)
        .map(|number| format!("{number:08x}-0000-4000-8000-00000000000d"))
        .collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    simulator().set_members(group, &members[..1]);
    let entry = json!({"crowd": {
        "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"membersOf": group},
    }});
    let tenant = Tenant::subscribe(TokenVersion::V2, entry).await;
    let reports = renew_twice_at_once(|| simulator().set_members(group, &members)).await;
    let made = reports.each_ref().map(|report| {
        let line = crowd(report);
        assert_eq!(line["failed"], json!(0), "{line:#}");
        let done = |action: &str| line["counts"][action].as_u64().unwrap_or_default();
        (done("create"), done("create") + done("adopt"))
    });
    assert_eq!(made[0].0 + made[1].0, MEMBERS - 1, "{made:?}");
    // How much of the two runs falls together, this machine decides; the tests of renewal in virtual time make them meet.
    println!("created, and tried, by each run: {made:?}");

    let subscriptions = tenant.subscriptions();
    let mut resources: Vec<&str> = subscriptions.iter().map(|one| one.resource.as_str()).collect();
    resources.sort_unstable();
    let wanted: Vec<String> = members
        .iter()
        .map(|member| format!("/users/{member}/messages"))
        .collect();
    assert_eq!(resources, wanted);
    // Each client state is made with a key that the webhook has, whichever run has made it.
    let posts = subscriptions
        .iter()
        .fold(Post::new(), |post, one| post.change(one, "created"));
    assert!(send(posts).await.delivered());
    let all_have_come = || {
        let has_come = |one: &Registered| !tenant.arrived_for(&one.id).is_empty();
        subscriptions.iter().all(has_come).then_some(())
    };
    eventually("a notification of each", all_have_come).await;
}

#[tokio::test]
async fn the_schedule_and_a_lifecycle_notification_recreate_a_subscription_once() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("both")).await;
    let before = tenant.subscription("/teams/getAllMessages");
    let told = send(Post::new().lifecycle(&before, LifecycleEvent::SubscriptionRemoved));
    let (told, reports) = tokio::join!(told, renew_twice_at_once(|| {}));
    assert!(told.delivered());
    for report in &reports {
        assert_eq!(report["failed"], json!(0), "{report:#}");
    }
    // By the run that created it again, or by the one that read the notification; a new process does not know the id.
    let is_told = || {
        let types = ["SubscriptionRemoved", "SubscriptionRecreated"];
        let types = types.map(|kind| format!(r#""type":"Microsoft.Graph.{kind}""#));
        let mut events = tenant.delivered().into_iter();
        events.find(|event| types.iter().any(|kind| event.contains(kind)))
    };
    eventually("the news that it was removed", is_told).await;
    let after = tenant.subscriptions();
    assert_eq!(after.len(), 1, "{after:?}");
    assert_ne!(after[0].id, before.id);
    renew(&json!({})).await;
    assert_eq!(tenant.subscriptions()[0].id, after[0].id);
    assert!(send(Post::new().change(&after[0], "created")).await.delivered());
    let content = || {
        let events = tenant.arrived_for(&after[0].id);
        events.into_iter().find(|event| event.contains(r#""content":"#))
    };
    eventually("a notification of the new one", content).await;
}

fn crowd(report: &Value) -> &Value {
    let lines = report["forEach"].as_array().unwrap();
    lines.iter().find(|line| line["name"] == "crowd").unwrap()
}

/// As many as take a run about as long as another one takes to begin.
const MEMBERS: u64 = 40;
