//! The real template on the local stack: deployed by the SAM CLI, with MiniStack for the HTTP API, Lambda and SQS.
//!
//! An item has arrived when the delivery queue has received its event, by the queue's own `SentTimestamp`. It uses the
//! same clock as the beginning of the POST and is exact to a millisecond. The time of reading would measure the reader
//! instead: MiniStack lets a waiting reader look at the queue ten times a second.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use graph_simulator as graph;
use jiff::Timestamp;
use serde_json::json;
use stack::{Function, Message, Pair, Profile};
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    task::JoinSet,
};

use super::{Arrival, Load, PATIENCE, Pipeline, Stage};
use crate::{
    BoxError,
    inbox::Inbox,
    options::Options,
    process::cpu_time_of_group,
    table::Table,
    world::{app, configuration, subscriptions},
};

/// Measures a steady rate and a burst.
pub async fn measure(options: &Options, table: &mut Table) -> Result<(), BoxError> {
    let (mut pipeline, inbox) = start(options).await?;
    let stage = Arc::clone(&pipeline.stage);
    let source = (&stage.pair.simulator, &inbox);

    let posts = if options.quick { 5 } else { 200 };
    options.say(&format!("Local stack: {posts} POSTs of one item, 5 a second"));
    let load = Load::compose(source, "steady", posts, 1, PAUSE).await?;
    let what = "Local stack: POST to event, at 5 items a second, median";
    pipeline.run(load, options).await?.report(table, what, "");

    let posts = if options.quick { 2 } else { 100 };
    let items = posts * 100;
    options.say(&format!("Local stack: a burst of {items} items"));
    let load = Load::compose(source, "burst", posts, 100, Duration::ZERO).await?;
    let before = stage.cpu_times()?;
    let passage = pipeline.run(load, options).await?;
    let after = stage.cpu_times()?;
    let what = format!("Local stack: POST to event, in a burst of {items} items, median");
    let [functions, ministack] = [after[0] - before[0], after[1] - before[1]];
    let rate = passage.rate();
    let more = format!(", {rate}; {functions:.1} s CPU of the functions, {ministack:.1} s of MiniStack");
    passage.report(table, &what, &more);

    // Stopped first, because the movers read from the stack.
    pipeline.movers.shutdown().await;
    Ok(())
}

/// Deploys the template, and creates the subscriptions.
async fn start(options: &Options) -> Result<(Pipeline<LocalStack>, Inbox), BoxError> {
    let simulator = graph::Options {
        apps: vec![app()],
        ..graph::Options::default()
    };
    let stack = stack::Options {
        profile: if options.quick {
            Profile::Tests
        } else {
            Profile::Release
        },
        renewal_schedule: "rate(1 hour)".to_owned(),
        ..stack::Options::default()
    };
    let pair = Pair::start(simulator, stack, options.progress).await?;
    pair.stack.write_config(&configuration(&subscriptions())).await?;
    let report = pair.stack.invoke(Function::Renewal, &json!({})).await?;
    if pair.simulator.subscriptions().len() != 2 {
        return Err(format!("renewal does not subscribe: {report}").into());
    }
    let inbox = Inbox::open().await?;
    inbox.subscribe_to(&pair.simulator);
    let stage = Arc::new(LocalStack {
        url: pair.stack.http_url("/notifications")?,
        http: reqwest::Client::builder().no_proxy().build()?,
        pair,
    });
    let (arrivals, events) = mpsc::unbounded_channel();
    let mut movers = JoinSet::new();
    for _ in 0..READERS {
        movers.spawn(read(Arc::clone(&stage), arrivals.clone()));
    }
    let pipeline = Pipeline {
        stage,
        events,
        movers,
        patience: PATIENCE,
    };
    Ok((pipeline, inbox))
}

struct LocalStack {
    pair: Pair,
    http: reqwest::Client,
    url: String,
}

impl LocalStack {
    /// Returns the seconds of CPU time of the functions, and of everything else of the local AWS.
    fn cpu_times(&self) -> Result<[f64; 2], BoxError> {
        let by_program: BTreeMap<String, Duration> = cpu_time_of_group(self.pair.stack.process_group())?;
        let (functions, rest): (Vec<_>, Vec<_>) = by_program
            .into_iter()
            .partition(|(program, _)| program == "bootstrap");
        Ok([functions, rest].map(|times| times.iter().map(|(_, time)| time.as_secs_f64()).sum()))
    }
}

impl Stage for LocalStack {
    async fn post(&self, _lane: usize, post: String) -> Result<(), BoxError> {
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json");
        let answer = request.body(post).send().await?;
        if answer.status() != reqwest::StatusCode::ACCEPTED {
            return Err(format!(
                "the webhook answers {}: {}",
                answer.status(),
                answer.text().await?
            )
            .into());
        }
        Ok(())
    }

    async fn is_idle(&self) -> Result<bool, BoxError> {
        let stack = &self.pair.stack;
        let (before, after) = (
            stack.resource("NotificationQueue")?,
            stack.resource("DeliveryQueue")?,
        );
        Ok(stack.held(before).await? + stack.held(after).await? == 0)
    }

    async fn failed(&self) -> Result<usize, BoxError> {
        let stack = &self.pair.stack;
        Ok(stack.held(stack.resource("FailedQueue")?).await?)
    }
}

/// Reads the delivery queue until the arrivals have no receiver.
async fn read(stage: Arc<LocalStack>, arrivals: UnboundedSender<Arrival>) -> Result<(), BoxError> {
    let stack = &stage.pair.stack;
    let mut passed = 0;
    let pass_on = |messages: &[Message]| {
        let new = messages.iter().skip(passed);
        let passing = new.map(|message| arrivals.send(arrival(message)?).ok());
        let is_over = passing.collect::<Option<()>>().is_none();
        passed = messages.len();
        is_over
    };
    stack
        .receive(stack.resource("DeliveryQueue")?, FOREVER, pass_on)
        .await?;
    Err("the delivery queue is not read any more".into())
}

/// Returns an event with the time at which the queue received it.
fn arrival(message: &Message) -> Option<Arrival> {
    let at = Timestamp::from_millisecond(message.sent_at?).ok()?;
    let event = message.body.clone();
    Some(Arrival { event, at })
}

/// Longer than any load.
const FOREVER: Duration = Duration::from_hours(24);

/// How many readers there are: each takes ten messages at a time and deletes them before it takes the next ten.
const READERS: usize = 2;

/// The time between two POSTs of the steady load.
const PAUSE: Duration = Duration::from_millis(200);
