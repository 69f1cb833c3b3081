use graph_core::subscription::model::Subscription;
use graph_edge::{clock::Clock, testing::Reply};
use serde_json::{Value, json};

use self::fakes::{World, empty_world, world};
use crate::{Error, ports::Document};

mod at_once;
mod changes;
mod conflict;
mod counts;
mod expiries;
mod fakes;
mod gaps;
mod keys;
mod last_try;
mod lifecycle;
mod many;
mod missed;
mod previous;
mod processes;
mod refusals;
mod removed;
mod rotation;
mod runs;
mod stacks;
mod stories;
mod windows;

const TENANT_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
const TENANT_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";
const APP: &str = "cccccccc-0000-0000-0000-000000000000";

/// Returns Graph's answer when it has an internal failure.
fn unavailable() -> Reply {
    Reply::refusal(503, "ServiceUnavailable", "")
}

/// Changes a subscription so that its entry no longer fits it: it is for deletions.
fn asked_otherwise(one: &mut Subscription) {
    one.change_type = Some("deleted".to_owned());
    one.notification_url = one
        .notification_url
        .as_ref()
        .map(|url| url.replace("&d=", "&d=other"));
}

/// Returns a world after one run.
async fn prepared(entries: &[(&str, &str, bool)]) -> World {
    let world = world(&config(&["a"], entries));
    let report = world.run().await;
    assert_eq!(report["failed"], json!(0), "{report}");
    world.log();
    world
}

/// Returns a configuration with tenants, and with subscriptions of a name, a tenant, and resource data or not.
fn config(tenants: &[&str], entries: &[(&str, &str, bool)]) -> Value {
    let tenant = |name: &&str| {
        let tenant_id = if *name == "a" { TENANT_A } else { TENANT_B };
        let credential = json!({"clientSecret": "hunter2"});
        (
            (*name).to_owned(),
            json!({"tenantId": tenant_id, "clientId": APP, "credential": credential}),
        )
    };
    let entry = |(name, tenant, rich): &(&str, &str, bool)| {
        let (resource, change_type) = match *name {
            "chat" => ("/chats/getAllMessages", "created,updated"),
            "presence" => (
                "/communications/presences/dddddddd-0000-0000-0000-000000000000",
                "updated",
            ),
            "groups" => ("/groups", "updated"),
            _ => ("/users", "updated"),
        };
        let entry = json!({
            "tenant": tenant, "resource": resource, "changeType": change_type, "includeResourceData": rich,
        });
        ((*name).to_owned(), entry)
    };
    json!({
        "tenants": tenants.iter().map(tenant).collect::<serde_json::Map<_, _>>(),
        "subscriptions": entries.iter().map(entry).collect::<serde_json::Map<_, _>>(),
    })
}
