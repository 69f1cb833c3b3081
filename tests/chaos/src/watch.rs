//! Watches queues, subscriptions, secrets and logs during the run.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::future;
use graph_simulator::Registered;
use stack::{Function, Message};
use tokio::time::sleep;

use crate::Error;
use crate::evidence::{Delivered, Failure, Gap, number};
use crate::growth::Sample;
use crate::world::World;

/// Watches everything until it is dropped.
pub async fn watch(world: &World) -> Result<Infallible, Error> {
    let consumers = future::try_join_all((0..CONSUMERS).map(|_| consume(world)));
    let (never, ..) = tokio::try_join!(
        collect_failures(world),
        consumers,
        watch_subscriptions(world),
        watch_secrets(world),
        watch_processes(world),
        watch_backlog(world),
        report_progress(world),
    )?;
    Ok(never)
}

/// Takes events from DeliveryQueue, as one of a consumer's processes does.
async fn consume(world: &World) -> Result<Infallible, Error> {
    let (sqs, queue) = (world.stack().sqs(), world.stack().output("DeliveryQueueUrl")?);
    loop {
        for message in world.stack().receive_batch(&sqs, queue).await? {
            take(world, &message);
        }
    }
}

/// Notes an event.
fn take(world: &World, message: &Message) {
    let now = world.simulator().now();
    let mut evidence = world.evidence.borrow_mut();
    match Delivered::read(&message.body) {
        Delivered::Change(event) => {
            if let Some(number) = event.number {
                evidence.arrivals.entry(number).or_insert(now);
            }
            evidence.events.push(event);
        }
        // What comes later cannot have been lost.
        Delivered::Gap(gap) => evidence.gaps.push(Gap {
            until: gap.until.min(now),
            ..gap
        }),
        Delivered::CaughtUp(done) => evidence.caught_up.push(done),
    }
}

/// Takes messages from FailedQueue, as an operator does.
async fn collect_failures(world: &World) -> Result<Infallible, Error> {
    let (sqs, queue) = (world.stack().sqs(), world.stack().output("FailedQueueUrl")?);
    loop {
        let messages = world.stack().receive_batch(&sqs, queue).await?;
        let failures = messages
            .into_iter()
            .map(|Message { body, attributes, .. }| Failure {
                number: number(&body),
                reason: attributes.get("Reason").cloned(),
            });
        world.evidence.borrow_mut().failures.extend(failures);
    }
}

/// Notes how many messages wait in the queues that changes pass.
async fn watch_backlog(world: &World) -> Result<Infallible, Error> {
    loop {
        let mut waiting = 0;
        for queue in ["NotificationQueue", "DeliveryQueue"] {
            waiting += world.stack().held(world.stack().resource(queue)?).await?;
        }
        world.backlog.set(waiting);
        sleep(POLL_INTERVAL).await;
    }
}

/// Notes which subscriptions end, and remembers every client state.
async fn watch_subscriptions(world: &World) -> Result<Infallible, Error> {
    let mut known: BTreeMap<String, Registered> = BTreeMap::new();
    loop {
        let live: BTreeMap<String, Registered> = world
            .simulator()
            .subscriptions()
            .into_iter()
            .map(|one| (one.id.clone(), one))
            .collect();
        for one in live.values() {
            if let Some(state) = &one.client_state {
                world.secrets.borrow_mut().add(state, "a client state");
            }
        }
        let now = world.simulator().now();
        for one in known.values().filter(|one| !live.contains_key(&one.id)) {
            if one.expires_at <= now {
                note_end(world, one, &live);
            } else if let Some(deleted) = world.ends.borrow_mut().note(one, now) {
                world.evidence.borrow_mut().deleted.push(deleted.name());
            }
        }
        known = live;
        sleep(POLL_INTERVAL).await;
    }
}

/// Notes that a subscription came to the end of its time, if renewal could have known of it and nothing has taken its place.
fn note_end(world: &World, over: &Registered, live: &BTreeMap<String, Registered>) {
    let of = |one: &Registered| [&one.resource, &one.tenant_id, &one.client_id].map(String::clone);
    let is_replaced = live.values().any(|one| of(one) == of(over));
    if !is_replaced && !world.unlisted.borrow().contains(&over.id) {
        world.evidence.borrow_mut().lapsed.push(over.resource.clone());
    }
}

/// Remembers the keys and tokens that renewal makes. A secret without content has none yet.
async fn watch_secrets(world: &World) -> Result<Infallible, Error> {
    loop {
        remember_secrets(world).await;
        sleep(Duration::from_secs(5)).await;
    }
}

/// Remembers the access tokens that are valid now.
pub fn remember_tokens(world: &World) {
    for token in world.simulator().access_tokens() {
        world.secrets.borrow_mut().add(&token, "an access token");
    }
}

/// Reads the secrets that renewal writes.
pub async fn remember_secrets(world: &World) {
    remember_tokens(world);
    if let Ok(document) = world.stack().read_secret("ClientStateSecret").await {
        world.secrets.borrow_mut().add_client_state_keys(&document);
    }
    if let Ok(document) = world.stack().read_secret("DecryptionSecret").await {
        world.secrets.borrow_mut().add_private_keys(&document);
    }
    if let Ok(document) = world.stack().read_secret("RefreshTokenSecret").await {
        world.secrets.borrow_mut().add_refresh_tokens(&document);
    }
}

/// Records the memory and files of the functions' programs.
async fn watch_processes(world: &World) -> Result<Infallible, Error> {
    loop {
        for function in Function::ALL {
            let running = world.stack().processes(function)?;
            let samples = running.into_iter().filter_map(|process| {
                let (memory, files) = process.figures()?;
                Some(Sample {
                    function: function.logical_id(),
                    process: process.id(),
                    memory,
                    files,
                })
            });
            world.evidence.borrow_mut().samples.extend(samples);
        }
        sleep(Duration::from_secs(3)).await;
    }
}

/// Tells how far the run is.
async fn report_progress(world: &World) -> Result<Infallible, Error> {
    loop {
        sleep(Duration::from_secs(10)).await;
        let calls = world.stack().microburst()?.calls().await.unwrap_or_default();
        let evidence = world.evidence.borrow();
        world.progress.say(&format!(
            "{} of {} changes sent, {} events and {} failures arrived, {} gaps; {} of {} calls to AWS struck, {} of {} kills",
            evidence.sent.len(),
            world.options.items,
            evidence.events.len(),
            evidence.failures.len(),
            evidence.gaps.len(),
            calls.struck,
            calls.all,
            world.kills(),
            world.options.kills,
        ));
    }
}

/// The consumer's processes. One alone is slower than the functions, and the local AWS looks at each message of a queue for each
/// call, so that a long queue slows everything down.
const CONSUMERS: usize = 6;

/// How often subscriptions and queues are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(300);
