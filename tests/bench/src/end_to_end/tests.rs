use super::*;
use serde_json::json;
use stack::Progress;
use tokio::sync::mpsc::UnboundedSender;

#[tokio::test]
async fn each_item_is_timed_from_its_own_post() {
    let passage = run(|item| vec![item]).await.unwrap();
    assert_eq!((passage.latencies.len(), passage.repeated), (6, 0));
    let [delay, pause, whole] = [DELAY, PAUSE, passage.whole].map(|time| time.as_secs_f64() * 1e6);
    let (first, second) = passage.latencies.split_at(3);
    assert!(first.iter().all(|latency| *latency >= delay), "{first:?}");
    // The pause before the second POST is part of the whole, but not of an item's time.
    let own = delay..=whole - pause + 1.0;
    assert!(
        second.iter().all(|latency| own.contains(latency)),
        "{second:?} not in {own:?}"
    );
}

#[tokio::test]
async fn repeated_events_are_counted() {
    let passage = run(|item| vec![item.clone(), item]).await.unwrap();
    assert_eq!((passage.latencies.len(), passage.repeated), (6, 6));
}

#[tokio::test]
async fn a_missing_event_is_an_error() {
    let lost = |item| if item == "a-1-1" { vec![] } else { vec![item] };
    let error = run(lost).await.err().unwrap().to_string();
    assert_eq!(error, "5 of 6 items arrive");
}

#[tokio::test]
async fn an_event_that_was_never_sent_is_an_error() {
    let other = |item| vec![if item == "a-1-1" { "b-1-1".to_owned() } else { item }];
    assert!(run(other).await.is_err());
}

#[tokio::test]
async fn a_message_in_failed_queue_is_an_error() {
    let error = run(|item| vec![item, "failed".to_owned()]).await.err().unwrap();
    assert_eq!(error.to_string(), "6 items are in the failed queue");
}

/// Sends two POSTs of three items, a pause apart.
async fn run(deliver: fn(String) -> Vec<String>) -> Result<LoadResult, BoxError> {
    let (arrivals, events) = mpsc::unbounded_channel();
    let failed = std::sync::Mutex::new(0);
    let mut pipeline = Pipeline {
        stage: Arc::new(Fake {
            deliver,
            arrivals,
            failed,
        }),
        events,
        movers: JoinSet::new(),
        timeout: Duration::ZERO,
    };
    let posts = ["a-0", "a-1"].map(|label| (label.to_owned(), label.to_owned()));
    let load = Load {
        posts: posts.into(),
        items: 3,
        pause: PAUSE,
    };
    let options = Options {
        only: None,
        quick: false,
        page: false,
        progress: Progress::start(),
    };
    pipeline.run(load, &options).await
}

/// A stage whose POSTs are their labels.
struct Fake {
    deliver: fn(String) -> Vec<String>,
    arrivals: UnboundedSender<Arrival>,
    failed: std::sync::Mutex<usize>,
}

impl Stage for Fake {
    async fn post(&self, _lane: usize, post: String) -> Result<(), BoxError> {
        sleep(DELAY).await;
        for id in (0..3).flat_map(|index| (self.deliver)(format!("{post}-{index}"))) {
            if id == "failed" {
                *self.failed.lock().unwrap() += 1;
                continue;
            }
            let event = json!({"data": {"content": {"id": id}}}).to_string();
            let at = Timestamp::now();
            self.arrivals.send(Arrival { event, at })?;
        }
        Ok(())
    }

    async fn is_idle(&self) -> Result<bool, BoxError> {
        Ok(true)
    }

    async fn failed(&self) -> Result<usize, BoxError> {
        Ok(*self.failed.lock().unwrap())
    }
}

const DELAY: Duration = Duration::from_millis(50);

const PAUSE: Duration = Duration::from_millis(250);
