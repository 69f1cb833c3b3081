//! `cargo chaos`: the deployed stack while everything goes wrong that can, and whether it keeps its promises.
//!
//! The seed makes a [`plan`](mod@plan): POSTs of changes, and between them everything that goes wrong. The plan is carried
//! out against the real template on the local AWS, with microburst between the functions and AWS, and the simulator of
//! Microsoft Graph in Microsoft's place. What was sent and what was seen is [`evidence`], about which [`verdict`] decides. Plan
//! and verdict are pure functions.
//!
//! Lambda's own reading of the queues does not pass microburst: it is a part of AWS. What a queue hands over again comes
//! after seconds in place of minutes, and Graph's attempts come at a fiftieth of their pace.

use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, future, stream};
use graph_simulator::SimulatorError;
use serde_json::Value;
use stack::{Calls, Function};
use tokio::{sync, time::sleep};

mod disturb;
mod done;
mod ends;
pub mod evidence;
mod flaw;
mod growth;
mod logs;
mod options;
pub mod plan;
mod record;
mod recovery;
mod report;
mod schedule;
mod send;
mod subject;
pub mod verdict;
mod watch;
mod weather;
mod world;

pub use options::Options;
pub use report::Report;
pub use subject::Subject;
pub use weather::{Service, Weather};

use done::Done;
use plan::{Disturbance, Plan, Step};
use schedule::{Schedule, schedule};
use verdict::judge;
use world::World;

/// Has cargo compile this package again in another checkout; see `.cargo/config.toml`.
const _: Option<&str> = option_env!("CHECKOUT");

/// Carries a run out and judges it.
///
/// # Errors
///
/// The stack cannot be set up, or a part of it does not answer.
pub async fn run(options: Options) -> Result<Report, Error> {
    let world = World::start(options.clone()).await?;
    let started = Instant::now();
    let whole = async {
        world.set_weather(Weather::Usual).await?;
        let plan = plan::plan(&options);
        let disturbances = plan
            .iter()
            .filter(|step| matches!(step, Step::Disturb(_)))
            .count();
        carry_out(&world, plan).await?;
        let sending = started.elapsed();
        world.progress.say("Everything is sent; the faults end");
        let calls = world.stack().microburst()?.calls().await?;
        recovery::recover(&world).await?;
        note_done(&world, calls, disturbances);
        Ok::<Duration, Error>(sending)
    };
    let sending = tokio::select! {
        never = watch::watch(&world) => match never? {},
        sending = whole => sending?,
    };
    conclude(&world).await?;
    let calls = world.stack().microburst()?.calls().await?;
    let evidence = world.evidence.take();
    let growth = growth::growth(&evidence.samples);
    Ok(Report {
        record: record::write(&world, &evidence, tools::target().join("chaos")),
        latencies: evidence.latencies(),
        growth,
        options,
        verdict: judge(&evidence),
        sent: evidence.sent.len(),
        sending,
        whole: started.elapsed(),
        calls,
        killed: world.kills(),
        escaped: world.escaped.get(),
        secrets: world.secrets.borrow().len(),
        logged: world.programs.borrow().values().map(|all| all.text.len()).sum(),
    })
}

/// Carries out the steps, many at once, until they are done or the time is over. What goes wrong has places of its own: a run
/// of renewal that waits for Graph holds up no POST.
async fn carry_out(world: &World, plan: Plan) -> Result<(), Error> {
    world
        .progress
        .say(&format!("Sending {} changes", world.options.items));
    let pace = pace(&world.options, plan.len());
    let Schedule {
        posts,
        disturbances,
        upgrades,
    } = schedule(plan, pace);
    let (begun, reached) = sync::watch::channel(0);
    tokio::try_join!(
        send_all(world, posts, begun),
        disturb_all(world, disturbances, reached.clone()),
        disturb_all(world, upgrades, reached)
    )?;
    Ok(())
}

/// Sends the POSTs, each when it is due, and says how many have begun.
async fn send_all(
    world: &World,
    posts: Vec<(Duration, plan::Post)>,
    begun: sync::watch::Sender<usize>,
) -> Result<(), Error> {
    let started = Instant::now();
    let end = started + longest(&world.options);
    let in_time = stream::iter(posts).take_while(|_| future::ready(Instant::now() < end));
    let paced = in_time.then(|(due, post)| async move {
        sleep((started + due).saturating_duration_since(Instant::now())).await;
        while world.backlog.get() > MAX_BACKLOG && Instant::now() < end {
            sleep(Duration::from_millis(100)).await;
        }
        post
    });
    let sent = paced.map(|post| {
        begun.send_modify(|count| *count += 1);
        async move { send::send(world, &post).await }
    });
    finish(sent.buffer_unordered(CONCURRENT_POSTS)).await
}

/// Carries out each disturbance once so many POSTs have begun, as long as there are more of them.
async fn disturb_all(
    world: &World,
    disturbances: Vec<(usize, Disturbance)>,
    reached: sync::watch::Receiver<usize>,
) -> Result<(), Error> {
    let due = stream::iter(disturbances).scan(reached, |reached, (position, one)| {
        let mut reached = reached.clone();
        async move {
            let is_due = reached.wait_for(|count| *count >= position).await.is_ok();
            is_due.then_some(one)
        }
    });
    let done = due.map(|one| {
        world.note(format!("{one:?}"));
        disturb::disturb(world, one)
    });
    finish(done.buffer_unordered(CONCURRENT_DISTURBANCES)).await
}

/// Notes how much was done of what was asked for.
fn note_done(world: &World, calls: Calls, disturbances: usize) {
    let options = &world.options;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let struck = 1_000 * calls.struck / calls.all.max(1);
    let graph_faults = world.graph_faults.get();
    let unmet = disturb::unmet_faults(world);
    let mut evidence = world.evidence.borrow_mut();
    let sent = count(evidence.sent.len());
    evidence.done = vec![
        Done::all("changes sent", options.items.into(), sent),
        Done::most(
            "disturbances carried out",
            count(disturbances),
            world.disturbances.get(),
        ),
        Done::all("kinds of keys replaced", 2, count(world.rotated.borrow().len())),
        Done::most("functions killed", options.kills.into(), world.kills().into()),
        Done::half(
            "per mille of the calls to AWS struck",
            10 * u64::from(options.faults),
            struck,
        ),
        Done::all("faults of Microsoft met", graph_faults, graph_faults - unmet),
        Done::all(
            "upgrades carried out",
            options.upgrade.is_some().into(),
            world.upgrades.get(),
        ),
    ];
}

/// Waits for all results, or for the first error.
async fn finish(results: impl Stream<Item = Result<(), Error>>) -> Result<(), Error> {
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        result?;
    }
    Ok(())
}

/// Returns how much time there is from one step to the next.
fn pace(options: &Options, steps: usize) -> Duration {
    if !options.steady {
        return Duration::ZERO;
    }
    let steps = u32::try_from(steps.max(1)).unwrap_or(u32::MAX);
    Duration::from_secs(60 * u64::from(options.minutes)) / steps
}

/// Returns the longest time for sending. A steady run has some time beyond its minutes: a POST that Graph repeats holds up others.
fn longest(options: &Options) -> Duration {
    let minutes = options.minutes + if options.steady { STEADY_DELAY_MINUTES } else { 0 };
    Duration::from_secs(60 * u64::from(minutes))
}

/// Looks for what must not be in a log, for programs that ended by themselves, and for what is not there at the end.
async fn conclude(world: &World) -> Result<(), Error> {
    watch::remember_secrets(world).await;
    let mut evidence = world.evidence.borrow_mut();
    evidence.flaws = world.flaws();
    if world.options.steady {
        evidence.compare(world.options.minutes);
    }
    let secrets = world.secrets.borrow();
    evidence.unsearched = secrets.absent();
    for function in Function::ALL {
        let (name, programs) = (function.logical_id(), world.stack().programs(function)?);
        let leaks = secrets.found_in(&programs.text).into_iter();
        evidence.leaks.extend(leaks.map(|what| (name, what)));
        let panics = logs::panics(&programs.text).into_iter();
        evidence.panics.extend(panics.map(|line| (name, line)));
        let killed = world.killed.borrow().get(name).copied().unwrap_or_default();
        let deaths = logs::deaths(&programs.ends, killed).into_iter();
        evidence.deaths.extend(deaths.map(|end| (name, end)));
        evidence.timeouts.push((name, programs.timeouts));
        world.programs.borrow_mut().insert(name, programs);
    }
    Ok(())
}

/// Why a run cannot be carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stack.
    #[error(transparent)]
    Stack(#[from] stack::Error),
    /// The simulator.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// Renewal did not subscribe to everything in the configuration, although nothing went wrong yet.
    #[error("renewal did not create: {missing}\nits report: {report:#}")]
    NotSubscribed {
        /// Names of the subscriptions that are missing.
        missing: String,
        /// What renewal returned.
        report: Value,
    },
}

/// POSTs that are under way at once.
const CONCURRENT_POSTS: usize = 8;

/// Messages in the queues at which nothing more is sent for a while. The local AWS looks at each message of a queue for each
/// call. If POSTs take longer than Graph waits, they come again, and the queues only grow.
const MAX_BACKLOG: usize = 500;

/// By how many minutes the last change of a steady run may be late.
const STEADY_DELAY_MINUTES: u32 = 3;

/// Disturbances that are under way at once.
const CONCURRENT_DISTURBANCES: usize = 8;
