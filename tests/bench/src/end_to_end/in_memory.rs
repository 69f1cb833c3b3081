//! The deployed binaries, with queues in the memory of this process.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tokio::{
    sync::{
        Mutex,
        mpsc::{self, UnboundedReceiver},
    },
    task::JoinSet,
};

use super::{Arrival, CONCURRENT_POSTS, Load, Pipeline, Stage, TIMEOUT};
use crate::{
    BoxError,
    artefacts::Artefacts,
    aws::Aws,
    lambda::Function,
    options::Options,
    peers::webhooks,
    table::Table,
    world::{World, http_event, sqs_event},
};

/// Measures a steady rate and a burst.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let source = (world.simulator(), &world.inbox);
    let wrap = |body: &str| http_event("", body);

    let posts = if options.quick { 5 } else { 200 };
    options.say(&format!("End to end: {posts} POSTs of one item, 20 a second"));
    let load = Load::compose(source, "steady", posts, 1, PAUSE)
        .await?
        .wrapped(wrap);
    let passage = start(artefacts, world).await?.run(load, options).await?;
    passage.report(
        table,
        "End to end: POST to event, at 20 items a second, median",
        "",
    );

    let posts = if options.quick { 2 } else { 100 };
    let items = posts * 100;
    options.say(&format!("End to end: a burst of {items} items"));
    let load = Load::compose(source, "burst", posts, 100, Duration::ZERO)
        .await?
        .wrapped(wrap);
    let passage = start(artefacts, world).await?.run(load, options).await?;
    let what = format!("End to end: POST to event, in a burst of {items} items, median");
    passage.report(table, &what, &format!(", {}", passage.rate()));
    Ok(())
}

/// Starts the functions.
async fn start(artefacts: &Artefacts, world: &World) -> Result<Pipeline<InMemory>, BoxError> {
    let programs = webhooks(artefacts, world);
    let ours = programs.first().ok_or("there is no webhook")?;
    let mut webhooks = Vec::new();
    for _ in 0..CONCURRENT_POSTS {
        webhooks.push(Function::start(ours, &world.aws.url, artefacts.log(ours.name)?).await?);
    }
    let queue = Arc::new(Mutex::new(world.aws.read("notifications")));
    let mut movers = JoinSet::new();
    for _ in 0..DECRYPTIONS {
        let decryption = world.start_decryption(artefacts).await?;
        movers.spawn(decrypt(decryption, Arc::clone(&queue)));
    }
    let (arrivals, events) = mpsc::unbounded_channel();
    let mut delivered = world.aws.read("delivery");
    movers.spawn(async move {
        while let Some(event) = delivered.recv().await {
            let at = Timestamp::now();
            arrivals.send(Arrival { event, at })?;
        }
        Ok(())
    });
    let aws = world.aws.clone();
    Ok(Pipeline {
        stage: Arc::new(InMemory { aws, webhooks }),
        events,
        movers,
        timeout: TIMEOUT,
    })
}

struct InMemory {
    aws: Aws,
    webhooks: Vec<Function>,
}

impl Stage for InMemory {
    async fn post(&self, lane: usize, post: String) -> Result<(), BoxError> {
        let webhook = self.webhooks.get(lane).ok_or("a lane without a webhook")?;
        let answer: Value = serde_json::from_str(&webhook.invoke(post).await?)?;
        if answer["statusCode"] != 202 {
            return Err(format!("the webhook answers {answer}").into());
        }
        Ok(())
    }

    /// No message is delivered twice here, and a failure is an error.
    async fn is_idle(&self) -> Result<bool, BoxError> {
        Ok(true)
    }

    async fn failed(&self) -> Result<usize, BoxError> {
        Ok(self.aws.stored("failed"))
    }
}

/// One event source mapping: takes up to ten messages at a time, as in the template.
async fn decrypt(decryption: Function, queue: Arc<Mutex<UnboundedReceiver<String>>>) -> Result<(), BoxError> {
    loop {
        let mut batch = Vec::new();
        if queue.lock().await.recv_many(&mut batch, BATCH).await == 0 {
            return Ok(());
        }
        let answer: Value = serde_json::from_str(&decryption.invoke(sqs_event(&batch)).await?)?;
        if answer["batchItemFailures"]
            .as_array()
            .is_some_and(|failures| !failures.is_empty())
        {
            return Err(format!("decryption does not deliver: {answer}").into());
        }
    }
}

/// The instances of decryption, and the template's `BatchSize`.
const DECRYPTIONS: usize = 5;
const BATCH: usize = 10;

/// The time between two POSTs of the steady load.
const PAUSE: Duration = Duration::from_millis(50);
