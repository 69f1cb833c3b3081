//! `cargo demo`: sends one notification of every kind through the whole stack, and compares each event with what was
//! sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::local::{self, Engine, Local};
use crate::{self as stack, Function, Message, Pair, Progress, Stack};
use graph_simulator::{self as graph, Item, Post, SentItem, Simulator, SimulatorError};

mod case;
mod columns;
mod event;
mod lifecycle;
mod loss;
mod plan;
mod reauthorization;
mod report;
mod verdict;

pub use case::{CASES, Case, Transport};
pub use report::{Line, kept};
pub use verdict::{Verdict, judge};

/// The options of the demo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the stack stays up at the end.
    pub keep: bool,
    /// Whether delivered events are printed as JSON, and not as text for people.
    pub json: bool,
}

/// Runs the demo, and returns whether every notification came out right.
///
/// # Errors
///
/// The stack cannot be set up, or a part of it does not answer.
pub async fn run(options: Options) -> Result<bool, Error> {
    let progress = Progress::start();
    // A notification that the webhook does not accept is retried three times within seconds, not eleven times within
    // hours.
    let simulator = graph::Options {
        apps: vec![case::app(), case::signed_in_app()],
        retry_scale: 0.05,
        max_attempts: 4,
        ..graph::Options::default()
    };
    let pair = Pair::start(simulator, stack::Options::default(), progress).await?;
    let Pair { stack, simulator } = &pair;
    progress.say("Writing the configuration, and asking renewal for its plan");
    let refresh_token = simulator.issue_refresh_token(&case::signed_in_app());
    stack.write_config(&case::config(&refresh_token)).await?;
    let planned = stack
        .invoke(Function::Renewal, &serde_json::json!({"dryRun": true}))
        .await?;
    print(&plan::text(&planned, Timestamp::now()), options).map_err(Error::Output)?;
    progress.say("Letting it happen");
    let renewal = stack.invoke(Function::Renewal, &serde_json::json!({})).await?;
    let subscriptions = subscriptions(simulator);
    let missing: Vec<&str> = CASES
        .iter()
        .map(|case| case.name)
        .filter(|name| !subscriptions.contains_key(*name))
        .collect();
    if !missing.is_empty() {
        return Err(Error::NotSubscribed {
            missing: missing.join(", "),
            report: renewal,
            logs: logs(stack).await,
        });
    }
    progress.say(&format!(
        "Sending {} notifications, of which Graph loses one",
        CASES.len()
    ));
    let started = Instant::now();
    let sent = send(simulator, &subscriptions).await?;
    let messages = receive(stack, &sent).await?;
    let seconds = started.elapsed().as_secs_f64();
    let lines = judge(&sent, &messages.delivered, &messages.failed);
    if options.json {
        let bodies = messages.delivered.iter().map(|message| message.body.as_str());
        print_events(&mut io::stdout().lock(), bodies).map_err(Error::Output)?;
    }
    print(&report::table(&lines, seconds), options).map_err(Error::Output)?;
    // After a failed step, the following ones would only wait in vain.
    let right =
        lines.iter().all(Line::is_right) && lifecycle(&pair, &subscriptions, options, progress).await?;
    if right {
        progress.say("Everything came out right");
    } else {
        progress.say(&format!(
            "The step above has failed, so the demo ends here. The last lines of the logs:\n{}\
             All of MiniStack's log: {}/ministack.log\n\
             To look around: cargo demo -- --keep",
            logs(stack).await,
            stack.folder().display()
        ));
    }
    if options.keep {
        keep_running(&pair, progress).await?;
    }
    progress.say("Stopping");
    Ok(right)
}

/// Removes one subscription and challenges another, and returns whether renewal handled both.
async fn lifecycle(
    pair: &Pair,
    subscriptions: &BTreeMap<String, String>,
    options: Options,
    progress: Progress,
) -> Result<bool, Error> {
    let id = |name: &str| subscriptions.get(name).cloned().unwrap_or_default();
    progress.say("Having Graph remove a subscription");
    let recreated = lifecycle::remove(pair, REMOVED, id(REMOVED)).await?;
    if options.json {
        print_events(&mut io::stdout().lock(), recreated.event.as_deref()).map_err(Error::Output)?;
    }
    print(&recreated.text(), options).map_err(Error::Output)?;
    if !recreated.is_right() {
        return Ok(false);
    }
    progress.say("Having Graph ask for reauthorization");
    let reauthorization =
        reauthorization::reauthorize(&pair.simulator, REAUTHORIZED, id(REAUTHORIZED)).await?;
    print(&reauthorization.text(), options).map_err(Error::Output)?;
    Ok(reauthorization.is_right())
}

/// Keeps everything up until the process is ended; with Docker, for `sam local` as well.
async fn keep_running(pair: &Pair, progress: Progress) -> Result<(), Error> {
    let folder = local::folder();
    local::write_events(pair, case::CASES[0].resource, &folder).await?;
    let engine = Engine::find();
    let _local = match &engine {
        Ok(engine) => Some(Local::open(pair, engine, &folder).await?),
        Err(_) => None,
    };
    progress.say(&report::kept(pair, engine.err())?);
    std::future::pending().await
}

/// Why the demo cannot finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stack failed.
    #[error(transparent)]
    Stack(#[from] stack::Error),
    /// The simulator failed.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// `sam local` cannot be prepared.
    #[error(transparent)]
    Local(#[from] local::Error),
    /// Renewal did not subscribe to everything in the configuration.
    #[error("renewal did not create: {missing}\nits report: {report:#}\nthe last lines of the logs:\n{logs}")]
    NotSubscribed {
        /// The names of the missing subscriptions.
        missing: String,
        /// The report of renewal.
        report: Value,
        /// The logs of the functions.
        logs: String,
    },
    /// Standard output cannot be written.
    #[error("result cannot be written")]
    Output(#[source] io::Error),
}

/// A notification that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The subscription and notification of the demo.
    pub case: &'static Case,
    /// The item, and its content before encryption.
    pub item: SentItem,
    /// When it was sent, in milliseconds since 1970.
    pub at: i64,
    /// Whether the webhook accepted it.
    pub accepted: bool,
}

/// The messages that came out of the stack.
struct Messages {
    delivered: Vec<Message>,
    failed: Vec<Message>,
}

/// Returns the ids of the live subscriptions by their names in the configuration.
fn subscriptions(simulator: &Simulator) -> BTreeMap<String, String> {
    let name = |url: &str| {
        let (_, query) = url.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("s="))
            .map(str::to_owned)
    };
    let live = simulator.subscriptions().into_iter();
    live.filter_map(|one| Some((name(&one.notification_url)?, one.id)))
        .collect()
}

/// Sends one notification of each kind.
async fn send(simulator: &Simulator, subscriptions: &BTreeMap<String, String>) -> Result<Vec<Sent>, Error> {
    let mut sent = Vec::new();
    for case in &CASES {
        let Some(subscription) = subscriptions.get(case.name) else {
            continue;
        };
        let mut post = Post::new().change(subscription, case.change_type);
        if case.transport != Transport::Sent {
            let item = Item::new(ITEM, simulator.now()).with("subject", FETCHED.into());
            simulator.put_item(&case::app().tenant_id, case.resource, item.clone());
            if case.transport == Transport::Lost {
                sent.push(loss::lose_notification(simulator, case, subscription, item).await?);
                continue;
            }
            post = post.about(item.id);
        }
        for post in simulator.send(post).await?.posts {
            let at = post
                .attempts
                .first()
                .map(|attempt| attempt.at.as_millisecond())
                .unwrap_or_default();
            let accepted = post.delivered;
            sent.extend(post.items.into_iter().map(|item| Sent {
                case,
                item,
                at,
                accepted,
            }));
        }
    }
    Ok(sent)
}

/// Waits until as many events came out as notifications went in.
async fn receive(stack: &Stack, sent: &[Sent]) -> Result<Messages, Error> {
    let (mut failed, deadline) = (Vec::new(), Instant::now() + TIMEOUT);
    let mut delivered: Vec<Message> = Vec::new();
    let lost = sent
        .iter()
        .filter(|sent| sent.case.transport == Transport::Lost)
        .count();
    let all = sent.len() + lost * loss::EVENTS;
    while delivered.len() + failed.len() < all && Instant::now() < deadline {
        let wanted = all.saturating_sub(delivered.len());
        delivered.extend(
            stack
                .receive(stack.output("DeliveryQueueUrl")?, RECEIVE_TIMEOUT, |got| {
                    got.len() >= wanted
                })
                .await?,
        );
        failed.extend(
            stack
                .receive(stack.output("FailedQueueUrl")?, Duration::ZERO, |_| false)
                .await?,
        );
    }
    Ok(Messages { delivered, failed })
}

/// Prints a text for people, unless the output is for a program.
fn print(text: &str, options: Options) -> io::Result<()> {
    if options.json {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{text}\n")?;
    out.flush()
}

/// Prints events as they were delivered. Content contains line breaks where Graph has sent some, so the output is a
/// stream of JSON values, not one value per line.
///
/// # Errors
///
/// The output cannot be written.
pub fn print_events<'a>(out: &mut impl Write, bodies: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
    for body in bodies {
        writeln!(out, "{body}")?;
    }
    out.flush()
}

/// Returns the last log lines of the functions, to find a mistake.
async fn logs(stack: &Stack) -> String {
    let mut text = String::new();
    for function in Function::ALL {
        let logged = stack
            .logs(function)
            .await
            .unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = logged.lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(LOG_LINES)..)
            .unwrap_or_default();
        let _ = writeln!(text, "--- {}\n{}", function.logical_id(), last.join("\n"));
    }
    text
}

/// The id of the item that is fetched or read.
const ITEM: &str = "AAMkAGI2TG93AAA=";

/// The content of that item.
const FETCHED: &str = "Weekly planning";

/// The name of the subscription that Graph challenges.
const REAUTHORIZED: &str = "users";

/// The name of the subscription that Graph removes.
const REMOVED: &str = "mail";

/// The longest wait for all events together.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long one look at a queue takes.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many lines of each log are shown.
const LOG_LINES: usize = 40;
