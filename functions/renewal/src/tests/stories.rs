//! Failures that have happened to others, replayed for the real client in virtual time.
//!
//! | What happens | Test |
//! |---|---|
//! | Graph's list is empty, incomplete or fails, for days | [`lists`], [`lapses`] |
//! | A list repeats a subscription, links in circles, or shows one of another application | [`lists`] |
//! | A list shows URLs without their query, or a group without its members | [`deletions`] |
//! | A renewal is refused for good, its expiry is too late, or its new URL cannot be validated | [`lapses`] |
//! | A renewal that moves the subscription is refused, or one is refused to the end | [`moves`] |
//! | A renewal finds nothing, though the subscription exists | [`lists`] |
//! | A handshake is blocked, creations are slow or many, a run has no time | [`lapses`], [`replacements`] |
//! | The successors of deleted subscriptions are refused | [`successors`] |
//! | A mailbox is throttled, a guest has none, a policy excludes one, objects are refused | [`lapses`] |
//! | Graph or Entra refuses in words of its own, in odd bodies, or asks to wait | [`refusals`], [`lapses`] |
//! | A subscription is in the way of another, without an id | [`lists`] |
//! | A resource is retired, undocumented, or has odd characters; a group is in a group | [`resources`] |
//! | The configuration has a typo, twice in a row, or is no JSON | [`mistakes`], [`super::previous`] |
//! | The configuration is emptied, put back, or loses entries and tenants; a stack moves or is made again | [`removals`], [`super::stacks`] |
//! | An entry is renamed while its objects cannot be listed, while another has a mistake, or while the list is wrong | [`renames`] |
//! | Two users of one application | [`logins`] |
//! | An id of an application is mistyped or changed | [`applications`] |
//! | A successor whose creation was not answered, or whose gap no queue took | [`losses`] |
//! | Thousands of lifecycle notifications, invented ids and times; one tenant names another's subscription | [`storms`], [`super::lifecycle`] |
//! | A process ends, and a new one goes on | [`memory`], [`super::processes`] |
//! | Several processes at once under Graph's limits | [`limits`] |
//! | Tenants whose calls are slow or fail beside others | [`lapses`], [`seats`] |
//! | Notifications were missed | [`super::lifecycle`], [`super::missed`], [`super::windows`] |
//! | A secret is full or foreign; keys are old | [`super::keys`], [`super::rotation`] |
//! | A secret is put back to an older version | [`restored`], `graph_edge::secrets` |
//! | A dry run is misspelt; a report would be too long; permissions are missing | [`reports`], [`preflight`] |
//! | What cannot be listed is overdue; a failure is new beside an old one; subscriptions become fewer | [`super::counts`] |

use graph_edge::metrics::{Metric, Metrics};
use serde_json::Map;

use super::{fakes::Quirk, *};

mod answers;
mod applications;
mod deletions;
mod lapses;
mod limits;
mod lists;
mod logins;
mod losses;
mod memory;
mod mistakes;
mod moves;
mod preflight;
mod refusals;
mod removals;
mod renames;
mod replacements;
mod reports;
mod resources;
mod restored;
mod seats;
mod storms;
mod successors;

/// Returns a configuration with `count` tenants, and entries of a tenant's number, a name and the other members.
fn organisations(count: usize, entries: &[(usize, &str, Value)]) -> Value {
    let tenants: Map<String, Value> = (0..count)
        .map(|number| {
            let credential = json!({"clientSecret": "hunter2"});
            let tenant = json!({"tenantId": tenant_id(number), "clientId": APP, "credential": credential});
            (format!("t{number:02}"), tenant)
        })
        .collect();
    let entries: Map<String, Value> = entries
        .iter()
        .map(|(tenant, name, entry)| {
            let mut entry = entry.clone();
            entry["tenant"] = json!(format!("t{tenant:02}"));
            ((*name).to_owned(), entry)
        })
        .collect();
    json!({"tenants": tenants, "subscriptions": entries})
}

fn tenant_id(number: usize) -> String {
    format!("{number:08}-0000-0000-0000-000000000000")
}

fn chats() -> Value {
    json!({"resource": "/chats/getAllMessages", "changeType": "created"})
}

fn mail(ids: impl IntoIterator<Item = String>) -> Value {
    let ids: Vec<String> = ids.into_iter().collect();
    json!({"resource": "/users/{id}/messages", "changeType": "created", "forEach": ids})
}

fn users(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("u{number:05}")).collect()
}

/// Makes scheduled runs for so many minutes, one every ten minutes.
fn runs_for(world: &World, minutes: i64) {
    let end = world.clock.now() + jiff::SignedDuration::from_mins(minutes);
    while world.clock.now() < end {
        next_run(world);
    }
}

/// Makes a scheduled run, and waits until the next one is due.
fn next_run(world: &World) -> Value {
    let begun = world.clock.now();
    let report = world.scheduled();
    let took = world.clock.now().duration_since(begun).as_mins();
    world.clock.advance((10 - took).max(1));
    report
}

/// Returns how many subscriptions exist.
fn live(world: &World) -> usize {
    let now = world.clock.now();
    let all = world.graph.all();
    all.iter()
        .filter(|one| one.expiration_date_time.unwrap() > now)
        .count()
}

/// Returns how many lines of the log begin with `call`.
fn count(log: &[String], call: &str) -> usize {
    log.iter().filter(|line| line.starts_with(call)).count()
}

fn blocked() -> Reply {
    Reply::refusal(
        400,
        "ValidationError",
        "Subscription validation request timed out.",
    )
}

fn forbidden() -> Reply {
    Reply::refusal(403, "Forbidden", "Missing scope permissions.")
}
