//! Whatever hangs, the answer comes in time, is counted and says why.

use std::time::{Duration, Instant};

use graph_edge::testing::Hang;

use super::*;

#[tokio::test]
async fn secrets_manager_that_hangs_is_answered_with_503() {
    for hang in Hang::ALL {
        let deps = Deps {
            keys: CachedDocument::new(hang.secret(), parse_keys),
            queues: queues(FakeQueue::default),
        };
        let answer = answer(&deps, &change("mail")).await;
        assert_eq!(
            (answer.status, answer.of(Metric::Undecided)),
            (503, 1),
            "{hang:?}"
        );
        assert!(answer.took < MOST, "{hang:?}: {:?}", answer.took);
        for part in [
            "No client-state key is available",
            "TheSecret-AbCdEf cannot be read",
        ] {
            assert!(
                answer.written.contains(part),
                "{hang:?}: {part} is not in {}",
                answer.written
            );
        }
    }
}

#[tokio::test]
async fn sqs_that_hangs_is_answered_with_503() {
    for hang in Hang::ALL {
        for item in [change("mail"), rich("mail"), lifecycle("mail")] {
            let source = FakeSecret::new(document(&["k1"]));
            let deps = Deps {
                keys: CachedDocument::new(&source, parse_keys),
                queues: queues(|| hang.queue()),
            };
            let answer = answer(&deps, &item).await;
            assert_eq!(
                (answer.status, answer.of(Metric::NotEnqueued)),
                (503, 1),
                "{hang:?}"
            );
            assert!(answer.took < MOST, "{hang:?}: {:?}", answer.took);
            for part in [
                "1 admitted items were not stored",
                "TheQueue did not store 1 messages",
            ] {
                assert!(
                    answer.written.contains(part),
                    "{hang:?}: {part} is not in {}",
                    answer.written
                );
            }
        }
    }
}

/// What waits for a name to be resolved waits in no other way than what waits for anything else.
#[tokio::test]
async fn keys_that_are_never_read_leave_the_time_for_an_answer() {
    struct Never;

    impl graph_edge::secrets::Source for Never {
        fn name(&self) -> &'static str {
            "Never"
        }

        async fn read(
            &self,
        ) -> Result<Option<graph_edge::secrets::Versioned>, graph_edge::secrets::SecretError> {
            std::future::pending().await
        }
    }

    let deps = Deps {
        keys: CachedDocument::new(Never, parse_keys),
        queues: queues(|| Hang::NeverAnswers.queue()),
    };
    let answer = answer(&deps, &change("mail")).await;
    assert_eq!((answer.status, answer.of(Metric::Undecided)), (503, 1));
    assert!(answer.took < MOST, "{:?}", answer.took);
}

struct Answer {
    status: u16,
    took: Duration,
    metrics: Metrics,
    written: String,
}

impl Answer {
    fn of(&self, metric: Metric) -> i64 {
        self.metrics.values(metric).first().copied().unwrap_or_default()
    }
}

async fn answer<S, Q>(deps: &Deps<S, Q>, item: &Value) -> Answer
where
    S: graph_edge::secrets::Source,
    Q: graph_edge::sqs::Queue,
{
    let (written, begun, mut metrics) = (Written::start(), Instant::now(), Metrics::default());
    let body = json!({"value": [item]}).to_string();
    let deadline = Deadline::after(WITHIN);
    let response = handle(
        request("/notifications", &body),
        deps,
        now(),
        deadline,
        &mut metrics,
    )
    .await;
    Answer {
        status: response.status().as_u16(),
        took: begun.elapsed(),
        metrics,
        written: written.text(),
    }
}

fn queues<Q>(queue: impl Fn() -> Q) -> Queues<Q> {
    Queues {
        read: None,
        notification: queue(),
        lifecycle: queue(),
        delivery: queue(),
    }
}

/// What is given to the requests here: a second of it is kept for storing.
const WITHIN: Duration = Duration::from_millis(1_100);

/// A machine that is busy may be late; every limit below this one is longer by far.
const MOST: Duration = Duration::from_millis(2_500);
