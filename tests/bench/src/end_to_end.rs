//! From the POST to the event: webhook, queue, decryption, queue, all in deployed binaries but for the queues.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    sync::{
        Mutex,
        mpsc::{self, UnboundedReceiver},
    },
    task::JoinSet,
    time::sleep,
};

use crate::{
    BoxError,
    artefacts::Artefacts,
    lambda::Function,
    options::Options,
    peers::webhooks,
    samples::percentile,
    table::{Table, Unit},
    world::{World, http_event, sqs_event},
};

/// Measures a steady rate and a burst.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let posts = if options.quick { 5 } else { 200 };
    options.say(&format!("End to end: {posts} POSTs of one item, 20 a second"));
    let steady = Load::compose(world, "steady", posts, 1).await?;
    let latencies = Pipeline::start(artefacts, world)
        .await?
        .run(steady, PAUSE)
        .await?;
    report(table, "at 20 items a second", &latencies);

    let posts = if options.quick { 2 } else { 100 };
    options.say(&format!("End to end: a burst of {} items", posts * 100));
    let burst = Load::compose(world, "burst", posts, 100).await?;
    let latencies = Pipeline::start(artefacts, world)
        .await?
        .run(burst, Duration::ZERO)
        .await?;
    report(table, &format!("in a burst of {} items", posts * 100), &latencies);
    Ok(())
}

fn report(table: &mut Table, when: &str, latencies: &[f64]) {
    let remark = format!(
        "p99 {:.0} ms, all {} items arrived",
        percentile(latencies, 0.99) / 1e3,
        latencies.len()
    );
    table.tell(
        &format!("End to end: POST to event, {when}, median"),
        Unit::Time,
        percentile(latencies, 0.5),
        &remark,
    );
}

/// POSTs, each with its label, which is also in the id of each of its resources.
struct Load {
    events: Vec<(String, String)>,
    items: usize,
}

impl Load {
    async fn compose(world: &World, name: &str, posts: usize, items: usize) -> Result<Self, BoxError> {
        let mut events = Vec::with_capacity(posts);
        for post in 0..posts {
            let label = format!("{name}-{post}");
            let body = world.labelled(&label, items, 1_300).await?;
            events.push((label, http_event("", &body)));
        }
        Ok(Self { events, items })
    }
}

/// The functions between the queues.
struct Pipeline {
    webhooks: Vec<Function>,
    decryptions: JoinSet<Result<(), BoxError>>,
    delivered: UnboundedReceiver<String>,
}

impl Pipeline {
    async fn start(artefacts: &Artefacts, world: &World) -> Result<Self, BoxError> {
        let programs = webhooks(artefacts, world);
        let ours = programs.first().ok_or("there is no webhook")?;
        let mut webhooks = Vec::new();
        for _ in 0..WEBHOOKS {
            webhooks.push(Function::start(ours, &world.aws.url, artefacts.log(ours.name)?).await?);
        }
        let queue = Arc::new(Mutex::new(world.aws.read("notifications")));
        let delivered = world.aws.read("delivery");
        let mut decryptions = JoinSet::new();
        for _ in 0..DECRYPTIONS {
            decryptions.spawn(decrypt(
                world.start_decryption(artefacts).await?,
                Arc::clone(&queue),
            ));
        }
        Ok(Self {
            webhooks,
            decryptions,
            delivered,
        })
    }

    /// Sends everything and returns how long each item took, in microseconds.
    async fn run(mut self, load: Load, pause: Duration) -> Result<Vec<f64>, BoxError> {
        let expected = load.events.len() * load.items;
        let (jobs, queue) = mpsc::unbounded_channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut posts = JoinSet::new();
        for webhook in self.webhooks.drain(..) {
            posts.spawn(post(webhook, Arc::clone(&queue)));
        }
        // Beside the reading: an event counts as arrived when it is read.
        let feeding = tokio::spawn(async move {
            for job in load.events {
                // A webhook that has failed shows when it is joined.
                let _ = jobs.send(job);
                sleep(pause).await;
            }
        });
        let mut arrived = BTreeMap::new();
        while arrived.len() < expected {
            tokio::select! {
                event = self.delivered.recv() => {
                    let event: Value = serde_json::from_str(&event.ok_or("the queue has ended")?)?;
                    let id = event["data"]["content"]["id"].as_str().ok_or("an event without content")?;
                    arrived.entry(id.to_owned()).or_insert_with(Instant::now);
                }
                Some(ended) = self.decryptions.join_next() => ended??,
                () = sleep(PATIENCE) => return Err(format!("{} of {expected} items arrive", arrived.len()).into()),
            }
        }
        feeding.await?;
        let sent: BTreeMap<String, Instant> = posts
            .join_all()
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?
            .concat()
            .into_iter()
            .collect();
        let latency = |(id, at): (&String, &Instant)| {
            let (post, _) = id.rsplit_once('-')?;
            Some(at.duration_since(*sent.get(post)?).as_secs_f64() * 1e6)
        };
        Ok(arrived.iter().filter_map(latency).collect())
    }
}

/// One webhook: takes POSTs as they come, and returns when each was begun.
async fn post(
    webhook: Function,
    queue: Arc<Mutex<UnboundedReceiver<(String, String)>>>,
) -> Result<Vec<(String, Instant)>, BoxError> {
    let mut begun = Vec::new();
    loop {
        let job = queue.lock().await.recv().await;
        let Some((label, event)) = job else {
            return Ok(begun);
        };
        begun.push((label, Instant::now()));
        let answer: Value = serde_json::from_str(&webhook.invoke(event).await?)?;
        if answer["statusCode"] != 202 {
            return Err(format!("the webhook answers {answer}").into());
        }
    }
}

/// One event source mapping: up to ten messages at a time, as the template has it.
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

/// `MaximumConcurrency` and `BatchSize` of the template.
const DECRYPTIONS: usize = 5;
const BATCH: usize = 10;

/// How many POSTs are under way at once.
const WEBHOOKS: usize = 4;

/// Between two POSTs of the steady load.
const PAUSE: Duration = Duration::from_millis(50);

/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_mins(1);
