//! From the POST to the event: webhook, queue, decryption, queue.
//!
//! The same load is sent, counted and reported for every stage.

pub mod in_memory;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use graph_simulator::Simulator;
use jiff::Timestamp;
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
    inbox::Inbox,
    options::Options,
    samples::percentile,
    table::{Table, Unit},
};

/// A stage: the functions and the queues between them, wherever they run.
trait Stage: Send + Sync + 'static {
    /// Sends a POST to a webhook. `lane` is the number of the sender.
    fn post(&self, lane: usize, post: String) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Returns whether no item is under way.
    fn is_idle(&self) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Returns how many items are in the failed queue.
    fn failed(&self) -> impl Future<Output = Result<usize, BoxError>> + Send;
}

/// The POSTs, each with a label that is also part of the id of each of its resources.
struct Load {
    posts: Vec<(String, String)>,
    items: usize,
    /// The time between the beginnings of two POSTs.
    pause: Duration,
}

impl Load {
    /// Makes POSTs with the simulator.
    async fn compose(
        (simulator, inbox): (&Simulator, &Inbox),
        name: &str,
        posts: usize,
        items: usize,
        pause: Duration,
    ) -> Result<Self, BoxError> {
        let mut bodies = Vec::with_capacity(posts);
        for post in 0..posts {
            let label = format!("{name}-{post}");
            let body = inbox.rich(simulator, &label, items, 1_300).await?;
            bodies.push((label, body));
        }
        Ok(Self {
            posts: bodies,
            items,
            pause,
        })
    }

    /// Returns the load with each body in the form that the stage expects.
    fn wrapped(mut self, wrap: impl Fn(&str) -> String) -> Self {
        for (_, body) in &mut self.posts {
            *body = wrap(body);
        }
        self
    }
}

/// An event on the delivery queue.
struct Arrival {
    event: String,
    at: Timestamp,
}

/// A stage with the events that come out of it.
struct Pipeline<S> {
    stage: Arc<S>,
    events: UnboundedReceiver<Arrival>,
    /// The tasks that move messages on. They end only with an error.
    movers: JoinSet<Result<(), BoxError>>,
    /// The longest pause between events while some are missing.
    timeout: Duration,
}

impl<S: Stage> Pipeline<S> {
    /// Sends the load, and waits until every event has arrived and nothing is under way.
    async fn run(&mut self, load: Load, options: &Options) -> Result<LoadResult, BoxError> {
        let expected = load.posts.len() * load.items;
        let (jobs, queue) = mpsc::unbounded_channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut posting = JoinSet::new();
        for lane in 0..CONCURRENT_POSTS {
            posting.spawn(post(Arc::clone(&self.stage), lane, Arc::clone(&queue)));
        }
        let feeding = tokio::spawn(async move {
            for job in load.posts {
                // If a lane has failed, joining it below shows the error.
                let _ = jobs.send(job);
                sleep(load.pause).await;
            }
        });
        let (mut begun, mut arrived, mut repeated) = (BTreeMap::new(), BTreeMap::new(), 0);
        let (mut last, mut said) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                Some(arrival) = self.events.recv() => {
                    last = Instant::now();
                    if arrived.insert(id(&arrival.event)?, arrival.at).is_some() {
                        repeated += 1;
                    }
                    if said.elapsed() > PROGRESS_INTERVAL {
                        said = Instant::now();
                        options.say(&format!("{} of {expected} items have arrived", arrived.len()));
                    }
                }
                Some(lane) = posting.join_next() => begun.extend(lane??),
                Some(ended) = self.movers.join_next() => ended??,
                () = sleep(IDLE_PAUSE) => {
                    let all = arrived.len() == expected && posting.is_empty();
                    if all && self.stage.is_idle().await? {
                        break;
                    }
                    if last.elapsed() > self.timeout {
                        return Err(format!("{} of {expected} items arrive", arrived.len()).into());
                    }
                }
            }
        }
        feeding.await?;
        match self.stage.failed().await? {
            0 => LoadResult::new(&begun, &arrived, repeated),
            failed => Err(format!("{failed} items are in the failed queue").into()),
        }
    }
}

/// One lane: sends POSTs as they come, and returns when each began.
async fn post<S: Stage>(
    stage: Arc<S>,
    lane: usize,
    queue: Arc<Mutex<UnboundedReceiver<(String, String)>>>,
) -> Result<Vec<(String, Timestamp)>, BoxError> {
    let mut begun = Vec::new();
    loop {
        let job = queue.lock().await.recv().await;
        let Some((label, post)) = job else {
            return Ok(begun);
        };
        begun.push((label, Timestamp::now()));
        stage.post(lane, post).await?;
    }
}

/// Returns the id of an event's resource.
fn id(event: &str) -> Result<String, BoxError> {
    let event: Value = serde_json::from_str(event)?;
    let id = event["data"]["content"]["id"].as_str();
    Ok(id.ok_or("an event without content")?.to_owned())
}

/// The result of a load.
struct LoadResult {
    /// How long each item took, in microseconds.
    latencies: Vec<f64>,
    /// How many events arrived again.
    repeated: usize,
    /// The time from the first POST to the last event.
    whole: Duration,
}

impl LoadResult {
    /// Computes how long each item took since the beginning of its POST.
    fn new(
        begun: &BTreeMap<String, Timestamp>,
        arrived: &BTreeMap<String, Timestamp>,
        repeated: usize,
    ) -> Result<Self, BoxError> {
        let latency = |(id, at): (&String, &Timestamp)| {
            let (post, _) = id.rsplit_once('-')?;
            Some(at.duration_since(*begun.get(post)?).as_secs_f64() * 1e6)
        };
        let latencies: Option<Vec<f64>> = arrived.iter().map(latency).collect();
        let (first, last) = begun
            .values()
            .min()
            .zip(arrived.values().max())
            .ok_or("nothing is sent")?;
        Ok(Self {
            latencies: latencies.ok_or("an event is of no POST that was sent")?,
            repeated,
            whole: last.duration_since(*first).unsigned_abs(),
        })
    }

    /// Adds a row.
    fn report(&self, table: &mut Table, what: &str, more: &str) {
        let (items, repeated) = (self.latencies.len(), self.repeated);
        let twice = if repeated == 0 {
            "none".to_owned()
        } else {
            repeated.to_string()
        };
        let p99 = Unit::Time.write(percentile(&self.latencies, 0.99));
        let remark = format!("p99 {p99}, all {items} items arrived, {twice} twice{more}");
        table.tell(what, Unit::Time, percentile(&self.latencies, 0.5), &remark);
    }

    /// Returns the items per second as text.
    fn rate(&self) -> String {
        let items = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        format!("{:.0} a second", f64::from(items) / self.whole.as_secs_f64())
    }
}

/// How many POSTs are sent at once.
const CONCURRENT_POSTS: usize = 4;

/// After which pause the stage is asked whether anything is under way.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

/// The longest wait for the next event.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How often progress is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
