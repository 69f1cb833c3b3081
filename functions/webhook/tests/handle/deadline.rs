//! Whatever hangs, the answer comes in time, is counted and says why.

use std::time::Instant;

use futures_util::future::{join, join_all};
use graph_edge::{
    secrets::{SecretError, Source, StoredSecret, Versioned},
    sqs::Queue,
    testing::Hang,
};
use webhook::ANSWER_WITHIN;

use super::*;

#[test]
fn a_request_is_answered_within_two_and_a_half_seconds() {
    assert_eq!(ANSWER_WITHIN, Duration::from_millis(2_500));
}

/// The second case is a name that is never resolved: the client waits for its address as for anything else.
#[tokio::test]
async fn keys_that_cannot_be_read_are_answered_with_503() {
    let mut secrets: Vec<Secret> = Hang::ALL.map(|hang| Secret::Hangs(hang.secret())).into();
    secrets.push(Secret::NeverResolves);
    let cases = secrets.into_iter().map(async |secret| {
        let case = format!("{secret:?}");
        // Not reached: the time for storing is kept for it even so.
        let queues = queues(|| Hang::NeverAnswers.queue());
        (case, answer(&deps(secret, queues), &change("mail"), now()).await)
    });
    let lines = [
        "ClientStateSecret has no usable key",
        "TheSecret-AbCdEf cannot be read",
    ];
    check(cases, Metric::Undecided, &lines).await;
}

#[tokio::test]
async fn queues_that_do_not_answer_are_answered_with_503() {
    let items = [change("mail"), rich("mail"), lifecycle("mail")];
    let cases = Hang::ALL
        .into_iter()
        .flat_map(|hang| items.iter().map(move |item| (hang, item)));
    let cases = cases.map(async |(hang, item)| {
        let queues = queues(|| hang.queue());
        let secret = Secret::Holds(FakeSecret::new(document(&["k1"])));
        (
            format!("{hang:?}"),
            answer(&deps(secret, queues), item, now()).await,
        )
    });
    let lost = format!(
        "1 admitted items were not stored, for the subscriptions mail of tenant {TENANT}; answering 503"
    );
    let lines = [&*lost, "TheQueue did not store 1 messages"];
    check(cases, Metric::NotEnqueued, &lines).await;
}

/// The keys at hand suffice, but they are due to be read again, and neither service answers.
#[tokio::test]
async fn both_services_that_hang_are_answered_with_503() {
    // After a quarter of an hour the keys are overdue, and a newer document is waited for longer.
    let cases = Hang::ALL.into_iter().flat_map(|hang| [(hang, 10), (hang, 20)]);
    let cases = cases.map(async |(hang, minutes)| {
        let known = FakeSecret::new(document(&["k1"]));
        let secret = Secret::HangsLater(known, hang.secret());
        let deps = deps(secret, queues(|| hang.queue()));
        deps.keys.current(now(), soon()).await.unwrap();
        let later = now() + SignedDuration::from_mins(minutes);
        (
            format!("{hang:?} {minutes}"),
            answer(&deps, &change("mail"), later).await,
        )
    });
    let lines = [
        "the last good document stays in use",
        "1 admitted items were not stored",
    ];
    check(cases, Metric::NotEnqueued, &lines).await;
}

/// No timer goes off while the items of a large POST are verified.
#[tokio::test]
async fn items_that_are_not_verified_in_time_are_answered_with_503() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source, queues(FakeQueue::default));
    let body = json!({"value": [change("mail"), rich("mail"), lifecycle("mail"), lifecycle("mail")]});
    let (written, mut metrics) = (Written::start(), Metrics::default());
    let request = request("/notifications", &body.to_string());
    let deadline = Deadline::after(Duration::ZERO);
    let response = handle(request, &deps, now(), deadline, &mut metrics).await;
    assert_eq!(response.status(), 503);
    assert_eq!(metrics.values(Metric::Undecided), [4]);
    assert!(metrics.values(Metric::Rejected).is_empty());
    assert!(metrics.values(Metric::Enqueued).is_empty());
    assert!(deps.queues.delivery.stored().is_empty());
    assert!(
        written
            .text()
            .contains("before 4 items of a large POST were verified"),
        "{}",
        written.text()
    );
}

/// ClientStateSecret, readable or not.
enum Secret {
    Holds(FakeSecret),
    Hangs(StoredSecret),
    HangsLater(FakeSecret, StoredSecret),
    NeverResolves,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Source for Secret {
    fn name(&self) -> &'static str {
        "TheSecret-AbCdEf"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        match self {
            Self::Holds(secret) => secret.read().await,
            Self::HangsLater(secret, _) if secret.reads() == 0 => secret.read().await,
            Self::Hangs(secret) | Self::HangsLater(_, secret) => secret.read().await,
            Self::NeverResolves => std::future::pending().await,
        }
    }
}

/// The answer to a request.
struct Answer {
    status: u16,
    took: Duration,
    metrics: Metrics,
}

/// Checks that every request, all of which wait at the same time, is answered with 503 in time, and is counted, and that
/// each line is written once for each. The runtime of a busy machine wakes everybody late, so a timer beside them tells how late.
async fn check<F>(cases: impl Iterator<Item = F>, metric: Metric, lines: &[&str])
where
    F: Future<Output = (String, Answer)>,
{
    let written = Written::start();
    let woken = async {
        let begun = Instant::now();
        Deadline::after(ANSWER_WITHIN).sleep(ANSWER_WITHIN).await;
        begun.elapsed()
    };
    let (answers, woken) = join(join_all(cases), woken).await;
    for (case, answer) in &answers {
        let items = answer.metrics.values(metric);
        assert_eq!((answer.status, items), (503, &[1][..]), "{case}");
        let (took, most) = (answer.took, woken.max(ANSWER_WITHIN) + MARGIN);
        assert!(took < most, "{case}: {took:?}, and a timer {woken:?}");
    }
    let written = written.text();
    for line in lines {
        assert_eq!(written.matches(line).count(), answers.len(), "{line}: {written}");
    }
}

async fn answer<S: Source, Q: Queue>(deps: &Deps<S, Q>, item: &Value, now: Timestamp) -> Answer {
    let (begun, mut metrics) = (Instant::now(), Metrics::default());
    let request = request("/notifications", &json!({"value": [item]}).to_string());
    let deadline = Deadline::after(ANSWER_WITHIN);
    let response = handle(request, deps, now, deadline, &mut metrics).await;
    Answer {
        status: response.status().as_u16(),
        took: begun.elapsed(),
        metrics,
    }
}

fn deps<S: Source, Q>(secret: S, queues: Queues<Q>) -> Deps<S, Q> {
    Deps {
        keys: CachedDocument::new(secret, parse_keys),
        queues,
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

/// How long the answers of all cases together may take once their deadlines are over.
const MARGIN: Duration = Duration::from_millis(250);
