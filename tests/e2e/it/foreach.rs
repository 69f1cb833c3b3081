//! One entry that stands for the members of a group.

use graph_simulator::{Fault, Post, TokenVersion};
use serde_json::{Value, json};

use crate::world::{Tenant, renew, send, simulator};

#[tokio::test]
async fn added_members_get_a_subscription_and_removed_ones_lose_it() {
    let group = "f0000000-0000-4000-8000-000000000001";
    simulator().set_members(group, &[ANNA]);
    let tenant = Tenant::subscribe(TokenVersion::V2, entry("members", group)).await;
    let anna = tenant.subscription(&mailbox(ANNA));

    simulator().set_members(group, &[ANNA, BERND]);
    let report = renew(&json!({})).await;
    let both = line(&report, "members");
    assert_eq!(
        (&both["objects"], &both["failed"]),
        (&json!(2), &json!(0)),
        "{both:#}"
    );
    let bernd = tenant.subscription(&mailbox(BERND));
    assert!(send(Post::new().change(&bernd, "created")).await.delivered());
    let event = &tenant.events(1).await[0];
    assert_eq!(event["subscription"], json!(format!("members/{BERND}")));
    assert_eq!(event["data"]["subscriptionId"], json!(bernd.id));

    simulator().set_members(group, &[BERND]);
    // Nobody waits here for the second list, ten minutes later.
    renew(&json!({"confirmDeletions": [both["tenant"]]})).await;
    let left: Vec<_> = tenant.subscriptions().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [bernd.id]);
    assert_ne!(left[0], anna.id);
}

#[tokio::test]
async fn a_list_that_is_half_read_removes_nothing() {
    let group = "f0000000-0000-4000-8000-000000000002";
    simulator().set_members(group, &[ANNA]);
    let tenant = Tenant::subscribe(TokenVersion::V1, entry("half", group)).await;
    // Longer than a page, and the second one fails: the first knows only strangers. Other tests' runs read it as well.
    let second =
        format!("/v1.0/groups/{group}/transitiveMembers/microsoft.graph.user?$select=id&$skiptoken=");
    simulator().fail(Fault::new("GET", &second, 403).times(1000));
    let strangers: Vec<String> = (0..150)
        .map(|number| format!("{number:08x}-0000-4000-8000-00000000000c"))
        .collect();
    let mut members: Vec<&str> = strangers.iter().map(String::as_str).collect();
    members.push(ANNA);
    simulator().set_members(group, &members);
    let report = renew(&json!({})).await;
    let line = line(&report, "half");
    let error = line["error"].as_str().unwrap();
    assert!(
        error.contains("grant the application permission GroupMember.Read.All"),
        "{error}"
    );
    assert_eq!(line["counts"], json!({"keep": 1}));
    assert_eq!(tenant.subscriptions().len(), 1);
    simulator().set_members(group, &[ANNA]);
}

fn entry(name: &str, group: &str) -> Value {
    json!({
        name: {"resource": "/users/{id}/messages", "changeType": "created", "forEach": {"membersOf": group}},
    })
}

fn mailbox(user: &str) -> String {
    format!("/users/{user}/messages")
}

fn line<'a>(report: &'a Value, entry: &str) -> &'a Value {
    let lines = report["forEach"].as_array().unwrap();
    lines.iter().find(|line| line["name"] == entry).unwrap()
}

const ANNA: &str = "a0000000-0000-4000-8000-00000000000a";
const BERND: &str = "b0000000-0000-4000-8000-00000000000b";
