//! Carries out the faults of the plan.

use std::time::{Duration, Instant};

use graph_simulator::{Fault, LifecycleEvent, Post};
use jiff::SignedDuration;
use serde_json::{Value, json};
use stack::Function;
use tokio::time::sleep;

use crate::Error;
use crate::plan::{Disturbance, GraphFault};
use crate::subject::Subject;
use crate::watch::{remember_secrets, remember_tokens};
use crate::world::World;

/// Does one of the things that go wrong, and counts it if that changed anything.
pub async fn disturb(world: &World, disturbance: Disturbance) -> Result<(), Error> {
    let has_acted = act(world, disturbance).await?;
    let acted = world.disturbances.get() + u64::from(has_acted);
    world.disturbances.set(acted);
    Ok(())
}

/// Does one of the things that go wrong, and returns whether that changed anything.
async fn act(world: &World, disturbance: Disturbance) -> Result<bool, Error> {
    match disturbance {
        Disturbance::Weather(weather) => world.set_weather(weather).await?,
        Disturbance::Graph(fault) => fail(world, fault),
        Disturbance::Kill(function, after) => {
            return Ok(kill(world, function, Duration::from_millis(after.into())).await);
        }
        Disturbance::Renew => return Ok(renew(world, &json!({})).await),
        Disturbance::ReplaceKey => return Ok(rotate(world, "keys").await),
        Disturbance::ReplaceCertificate => return Ok(rotate(world, "certificate").await),
        Disturbance::ReplaceSigningKey => {
            note_key_trouble(world);
            world.simulator().rotate_keys()?;
        }
        Disturbance::Configure(version) => {
            world.configure(version).await?;
            return Ok(renew(world, &json!({"confirmDeletions": true})).await);
        }
        Disturbance::Age(subject) => return Ok(age(world, subject)),
        Disturbance::Remove(subject) => {
            if let Some(one) = world.subscription(subject) {
                world.ends.borrow_mut().remove(&one.id);
            }
            return tell(world, subject, LifecycleEvent::SubscriptionRemoved).await;
        }
        Disturbance::Reauthorization(subject) => {
            return tell(world, subject, LifecycleEvent::ReauthorizationRequired).await;
        }
        Disturbance::Unlist(subject) => return Ok(unlist(world, subject)),
        Disturbance::Upgrade => {
            world.progress.say("Upgrading");
            let sent = world.evidence.borrow().sent.len();
            let differences = world.stack().upgrade().await?;
            // With nothing left to send it would show nothing.
            let is_amidst = 2 * sent < usize::try_from(world.options.items).unwrap_or(usize::MAX);
            world.upgrades.set(world.upgrades.get() + u64::from(is_amidst));
            let said = format!("Upgraded; resources: {}", differences.join(", "));
            world.progress.say(said.strip_suffix(": ").unwrap_or(&said));
        }
    }
    Ok(true)
}

/// Invokes renewal, and returns whether it reported. It may fail, or be killed: the next run does its work.
async fn renew(world: &World, event: &Value) -> bool {
    let version = world.version.get();
    let report = world.stack().invoke(Function::Renewal, event).await;
    report.is_ok_and(|report| {
        world.note_report(version, &report);
        true
    })
}

/// Asks renewal for new keys until it reports, as an operator does.
async fn rotate(world: &World, kind: &'static str) -> bool {
    let mut is_done = false;
    for _ in 0..ROTATIONS {
        if kind == "keys" {
            world.ends.borrow_mut().replace_key();
        }
        is_done = renew(world, &json!({ "rotate": kind })).await;
        remember_secrets(world).await;
        if is_done {
            world.rotated.borrow_mut().insert(kind);
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    is_done
}

fn note_key_trouble(world: &World) {
    let now = world.simulator().now();
    world.evidence.borrow_mut().key_troubles.push(now);
}

/// Makes one of the next calls to Microsoft fail.
fn fail(world: &World, fault: GraphFault) {
    if fault == GraphFault::NoSigningKeys {
        note_key_trouble(world);
    } else {
        world.graph_faults.set(world.graph_faults.get() + 1);
    }
    if matches!(fault, GraphFault::NoToken(_)) {
        // A token lives for an hour, in which nobody would ask for another one.
        remember_tokens(world);
        world.simulator().revoke_access_tokens();
    }
    let any = |status| Fault::new("", "/v1.0/", status);
    world.simulator().fail(match fault {
        GraphFault::Throttled => any(429).retry_after(1),
        GraphFault::Unavailable => any(503),
        GraphFault::Slow => any(504).carried_out().delay(Duration::from_secs(4)),
        GraphFault::AnswerLost => any(500).carried_out(),
        GraphFault::EmptyList => Fault::new("GET", "/v1.0/subscriptions", 200).body(json!({ "value": [] })),
        GraphFault::PartialList => Fault::new("GET", NEXT_PAGE, 200).body(json!({ "value": [] })),
        GraphFault::NoNextPage => Fault::new("GET", NEXT_PAGE, 503),
        GraphFault::NoToken(subject) => {
            Fault::new("POST", &format!("/{}/oauth2", subject.app().tenant_id), 503)
        }
        GraphFault::NoSigningKeys => Fault::new("GET", SIGNING_KEYS, 503),
    });
}

/// Returns how many calls to Microsoft did not fail although they were to. Signing keys are asked for each five minutes at most.
pub fn unmet_faults(world: &World) -> u64 {
    let faults = world.simulator().faults();
    faults
        .iter()
        .filter(|fault| fault.path_prefix != SIGNING_KEYS)
        .map(|_| 1)
        .sum()
}

/// Kills one of the programs that run a function, and returns whether there was one. Renewal is asked to run first: it would be
/// idle nearly always.
async fn kill(world: &World, function: Function, after: Duration) -> bool {
    let strike = async {
        sleep(after).await;
        let deadline = Instant::now() + PROGRAM_TIMEOUT;
        while Instant::now() < deadline {
            let running = world.stack().processes(function).unwrap_or_default();
            let chosen =
                running.get(usize::try_from(after.as_millis()).unwrap_or_default() % running.len().max(1));
            if chosen.is_some_and(|process| process.kill()) {
                *world
                    .killed
                    .borrow_mut()
                    .entry(function.logical_id())
                    .or_default() += 1;
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        world.escaped.set(world.escaped.get() + 1);
        false
    };
    if function == Function::Renewal {
        let event = json!({});
        let (_, is_killed) = tokio::join!(renew(world, &event), strike);
        is_killed
    } else {
        strike.await
    }
}

/// Leaves a subscription so little time that the next run has to renew it, and returns whether it is there.
pub fn age(world: &World, subject: Subject) -> bool {
    let Some(one) = world.subscription(subject) else {
        return false;
    };
    let left = one.expires_at.duration_since(world.simulator().now());
    let too_much = left.saturating_sub(REMAINING_LIFETIME);
    if too_much.is_positive() {
        let _ = world.simulator().age(&one.id, too_much);
    }
    true
}

/// Has Graph say something about a subscription, and returns whether it is there.
async fn tell(world: &World, subject: Subject, event: LifecycleEvent) -> Result<bool, Error> {
    let Some(one) = world.subscription(subject) else {
        return Ok(false);
    };
    let post = Post::new().lifecycle(&one.id, event);
    world.simulator().send(post).await?;
    Ok(true)
}

/// Has Graph's list leave out a subscription, and returns whether it is there.
fn unlist(world: &World, subject: Subject) -> bool {
    let Some(one) = world.subscription(subject) else {
        return false;
    };
    world.simulator().unlist(&one.id);
    world.unlisted.borrow_mut().insert(one.id);
    true
}

/// The path of every page of a list but the first.
const NEXT_PAGE: &str = "/v1.0/subscriptions?$skiptoken";

/// The path of Microsoft's signing keys.
const SIGNING_KEYS: &str = "/common/discovery";

/// How often renewal is asked for new keys.
const ROTATIONS: u32 = 5;

/// How long to wait for a program to be there. One that has nothing to do ends.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a subscription has to live that is nearly over: renewal runs each minute, and may fail once or twice.
const REMAINING_LIFETIME: SignedDuration = SignedDuration::from_secs(200);
