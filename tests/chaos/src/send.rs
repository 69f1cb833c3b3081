//! Changes on their way from the simulated Graph to the webhook.

use graph_simulator::{DeliveryReport, LifecycleEvent, Registered, Wrong};
use jiff::Timestamp;

use crate::Error;
use crate::evidence::{Outcome, Sent, digest, object};
use crate::plan::{Kind, Post};
use crate::world::World;

/// Sends a POST, and records the outcome of its changes.
pub async fn send(world: &World, post: &Post) -> Result<(), Error> {
    let now = world.simulator().now();
    let Some(subscription) = world.subscription(post.subject) else {
        note(world, post, Outcome::Unsubscribed, now);
        return Ok(());
    };
    if post.dropped {
        note(world, post, Outcome::Dropped, now);
        return miss(world, &subscription).await;
    }
    let report = world.simulator().send(composed(post, &subscription)).await?;
    world.evidence.borrow_mut().sent.extend(sent(post, &report, now));
    if post.repeated {
        for earlier in &report.posts {
            world.simulator().resend(earlier).await?;
        }
    }
    // Graph says so when it gives up on what it could not deliver.
    let is_over = report.posts.iter().all(|one| one.delivered);
    if !is_over
        && world
            .simulator()
            .subscriptions()
            .iter()
            .any(|one| one.id == subscription.id)
    {
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

/// Returns the POST for the simulator.
fn composed(post: &Post, subscription: &Registered) -> graph_simulator::Post {
    let mut composed = graph_simulator::Post::new();
    for (index, change) in post.changes.iter().enumerate() {
        composed = composed
            .change(&subscription.id, "created")
            .about(object(change.number));
        composed = match change.kind {
            Kind::Genuine => composed,
            Kind::Unreadable => composed.wrong(index, Wrong::FlippedBit),
            Kind::Forged => composed.wrong(index, Wrong::WrongClientState),
        };
    }
    composed
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
                sent.at = one.attempts.first().map_or(now, |attempt| attempt.at);
                sent.content = item.content.as_deref().map(digest);
            }
        }
    }
    all
}

/// Notes the changes of a POST that was never tried.
fn note(world: &World, post: &Post, outcome: Outcome, now: Timestamp) {
    world
        .evidence
        .borrow_mut()
        .sent
        .extend(sent_as(post, outcome, now));
}

fn sent_as(post: &Post, outcome: Outcome, at: Timestamp) -> impl Iterator<Item = Sent> + '_ {
    post.changes.iter().map(move |change| Sent {
        number: change.number,
        subject: post.subject,
        kind: change.kind,
        outcome,
        at,
        content: None,
    })
}
