//! Changes on their way from the simulated Graph to the webhook.

use std::collections::BTreeMap;

use graph_simulator::{DeliveryReport, Item, LifecycleEvent, Registered, Wrong};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Error;
use crate::evidence::{Outcome, Sent, digest, object};
use crate::plan::{Kind, Post};
use crate::subject::{self, List};
use crate::world::World;

/// Sends a POST, and records the outcome of its changes.
pub async fn send(world: &World, post: &Post) -> Result<(), Error> {
    let now = world.simulator().now();
    let settled = world.settled.get();
    let Some(subscription) = world.subscription(post.subject) else {
        list(world, post, now, 1);
        note(world, post, Outcome::Unsubscribed, now, settled);
        return Ok(());
    };
    if post.dropped {
        list(world, post, now, 1);
        note(world, post, Outcome::Dropped, now, settled);
        return miss(world, &subscription).await;
    }
    let listed = list(world, post, now, world.options.items.div_ceil(MAX_LISTED).max(1));
    let post_of = composed(post, &subscription, &listed);
    let report = world.simulator().send(post_of).await?;
    for token in report.posts.iter().flat_map(|one| validation_tokens(&one.body)) {
        world.secrets.borrow_mut().add_validation_token(&token);
    }
    let live = world.simulator().subscriptions();
    let is_over = !live.iter().any(|one| one.id == subscription.id);
    let is_wanted = is_wanted(world, post, settled);
    let sent = sent(post, &report, now).into_iter().map(|sent| Sent {
        is_wanted,
        is_listed: listed.contains_key(&sent.number),
        outcome: match sent.outcome {
            Outcome::GivenUp if is_over => Outcome::Ended,
            outcome => outcome,
        },
        ..sent
    });
    world.evidence.borrow_mut().sent.extend(sent);
    if post.repeated {
        for earlier in &report.posts {
            world.simulator().resend(earlier).await?;
        }
    }
    // Graph says so when it gives up on what it could not deliver.
    if !is_over && report.posts.iter().any(|one| !one.delivered) {
        miss(world, &subscription).await?;
    }
    // A hundred thousand of them would not fit into memory.
    world.simulator().forget();
    Ok(())
}

/// Has Graph say that it could not deliver something.
async fn miss(world: &World, subscription: &Registered) -> Result<(), Error> {
    let missed = graph_simulator::Post::new().lifecycle(&subscription.id, LifecycleEvent::Missed);
    world.simulator().send(missed).await?;
    Ok(())
}

/// Has Graph's list show one of so many genuine changes of a POST, and returns the versions that it shows.
fn list(world: &World, post: &Post, now: Timestamp, one_of: u32) -> BTreeMap<u32, String> {
    let genuine = post.changes.iter().filter(|change| change.kind == Kind::Genuine);
    let shown = genuine.filter(|change| change.number.is_multiple_of(one_of));
    let listed = shown.filter_map(|change| {
        let collection = post.subject.collection(change.number)?;
        let item = Item::new(object(change.number), now);
        let etag = item.etag.clone();
        world
            .simulator()
            .put_item(&post.subject.app().tenant_id, &collection, item);
        Some((change.number, etag))
    });
    listed.collect()
}

/// Returns the POST for the simulator.
fn composed(
    post: &Post,
    subscription: &Registered,
    versions: &BTreeMap<u32, String>,
) -> graph_simulator::Post {
    let mut composed = graph_simulator::Post::new();
    for (index, change) in post.changes.iter().enumerate() {
        composed = composed
            .change(&subscription.id, "created")
            .about(object(change.number));
        if let (Some(List::Outlook), Some(etag)) = (post.subject.list(), versions.get(&change.number)) {
            let etag = etag.clone();
            composed = composed.edit(index, move |item| {
                if let Some(data) = item.get_mut("resourceData").and_then(Value::as_object_mut) {
                    data.insert("@odata.etag".to_owned(), json!(etag));
                }
            });
        }
        composed = match change.kind {
            Kind::Genuine => composed,
            Kind::Unreadable => composed.wrong(index, Wrong::FlippedBit),
            Kind::Forged => composed.wrong(index, Wrong::WrongClientState),
        };
    }
    composed
}

/// Returns the validation tokens in the body of a POST.
fn validation_tokens(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let tokens = body.get("validationTokens").and_then(Value::as_array);
    let tokens = tokens.into_iter().flatten();
    tokens
        .filter_map(|token| token.as_str().map(str::to_owned))
        .collect()
}

/// Returns the outcome of each change of a POST.
fn sent(post: &Post, report: &DeliveryReport, now: Timestamp) -> Vec<Sent> {
    let mut all: Vec<Sent> = sent_as(post, Outcome::Unsubscribed, now).collect();
    for one in &report.posts {
        let outcome = if one.delivered {
            Outcome::Accepted
        } else {
            Outcome::GivenUp
        };
        for item in &one.items {
            if let Some(sent) = all.get_mut(item.index) {
                sent.outcome = outcome;
                if one.delivered {
                    sent.at = one.attempts.first().map_or(now, |attempt| attempt.at);
                }
                sent.content = item.content.as_deref().map(digest);
            }
        }
    }
    all
}

/// Notes the changes of a POST that was never tried.
fn note(world: &World, post: &Post, outcome: Outcome, now: Timestamp, settled: u32) {
    let is_wanted = is_wanted(world, post, settled);
    let sent = sent_as(post, outcome, now).map(|sent| Sent { is_wanted, ..sent });
    world.evidence.borrow_mut().sent.extend(sent);
}

/// Tells whether all versions of the configuration ask for the subscription, from the one that was settled to the last one.
fn is_wanted(world: &World, post: &Post, settled: u32) -> bool {
    (settled..=world.version.get()).all(|version| subject::wanted(version).contains(&post.subject))
}

fn sent_as(post: &Post, outcome: Outcome, at: Timestamp) -> impl Iterator<Item = Sent> + '_ {
    post.changes.iter().map(move |change| Sent {
        number: change.number,
        subject: post.subject,
        kind: change.kind,
        outcome,
        at,
        content: None,
        is_wanted: true,
        is_listed: change.kind == Kind::Genuine && post.subject.list().is_some(),
    })
}

/// So many changes of a run are in Graph's lists, and all that are lost on purpose: each period that is read has the changes
/// of minutes, which a consumer gets once more.
const MAX_LISTED: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Change;
    use crate::subject::Subject;

    #[test]
    fn only_genuine_changes_are_in_a_list() {
        let kinds = [Kind::Genuine, Kind::Unreadable, Kind::Forged];
        for (subject, expected) in [
            (Subject::TeamMessages, [true, false, false]),
            (Subject::Channels, [false; 3]),
        ] {
            let post = Post {
                subject,
                changes: kinds.map(|kind| Change { number: 1, kind }).to_vec(),
                repeated: false,
                dropped: true,
            };
            let noted = sent_as(&post, Outcome::Dropped, Timestamp::UNIX_EPOCH);
            let listed: Vec<bool> = noted.map(|sent| sent.is_listed).collect();
            assert_eq!(listed, expected);
        }
    }
}
