//! What a notification costs: the requests and the log lines that it makes on the local stack, at list prices.
//!
//! `cargo test -p e2e --test it cost -- --nocapture` prints the figures; docs/operations.md shows them.

use std::time::Duration;

use graph_simulator::{Post, Registered};
use stack::{Function, Stack};

use crate::lifetime::World;

/// Counts what notifications make, one by one and ten by ten, and checks that a million stay within what they may cost.
#[tokio::test]
async fn a_million_notifications_cost_no_more_than_they_may() {
    let world = World::start().await;
    // Both functions have their connections and their secrets.
    measured(&world, "warm", 1, Kind::Rich).await;
    for (kind, items, of_kind, most) in [
        ("basic, one by one", 1, Kind::Basic, 3.50),
        ("basic, ten by ten", 10, Kind::Basic, 0.90),
        ("encrypted, one by one", 1, Kind::Rich, 5.00),
        ("encrypted, ten by ten", 10, Kind::Rich, 1.50),
    ] {
        let usage = measured(&world, kind, items, of_kind).await;
        let dollars = usage.dollars_a_million(items, LONGEST_SECONDS);
        assert!(dollars <= most, "a million {kind} cost {dollars:.2} dollars");
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Basic,
    Rich,
}

impl Kind {
    fn add(self, post: Post, subscription: &Registered) -> Post {
        match self {
            Self::Basic => post.basic(subscription, "created"),
            Self::Rich => post.rich(subscription, "created"),
        }
    }
}

/// The requests and log lines of one POST.
#[derive(Debug, PartialEq)]
struct Usage {
    sends: usize,
    webhook: Written,
    decryption: Written,
}

/// The size of a function's log.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Written {
    lines: usize,
    bytes: usize,
}

impl Usage {
    /// Returns the list price of what is made for a million items, in us-east-1.
    fn dollars_a_million(&self, items: usize, seconds: f64) -> f64 {
        let posts = 1_000_000.0 / count(items);
        // Two lines at least: of a batch that decryption had nothing to do with there is none.
        let decryptions = f64::from(u8::from(self.decryption.lines > 0));
        let invocations = 1.0 + decryptions;
        // Lambda and the consumer each receive and delete a batch.
        let queue = count(self.sends) + 2.0 * decryptions + 2.0;
        let bytes = ACCESS_LOG_BYTES + self.webhook.paid() + self.decryption.paid();
        let each = HTTP_REQUEST
            + invocations * (INVOCATION + seconds * GIGABYTES * GIGABYTE_SECOND)
            + queue * QUEUE_REQUEST
            + bytes * LOG_BYTE;
        posts * each
    }
}

impl Written {
    /// Returns the bytes that CloudWatch Logs counts.
    fn paid(self) -> f64 {
        count(self.bytes + EVENT_BYTES * self.lines)
    }
}

/// Sends a POST, waits until its events are there and returns what has been made meanwhile.
async fn measured(world: &World, kind: &str, items: usize, of_kind: Kind) -> Usage {
    let (stack, subscription) = (world.stack(), world.subscription());
    let before = current_usage(stack).await;
    let post = (0..items).fold(Post::new(), |post, _| of_kind.add(post, &subscription));
    world.send(post).await;
    world.receive("DeliveryQueue", items).await;
    let after = final_usage(stack, before.webhook.lines).await;
    let usage = Usage {
        sends: after.sends - before.sends,
        webhook: after.webhook.less(before.webhook),
        decryption: after.decryption.less(before.decryption),
    };
    println!(
        "{kind}: {usage:?}, {:.2} dollars a million",
        usage.dollars_a_million(items, SECONDS)
    );
    usage
}

impl Written {
    fn less(self, other: Self) -> Self {
        Self {
            lines: self.lines - other.lines,
            bytes: self.bytes - other.bytes,
        }
    }
}

/// Returns what has been made once the webhook has written and nothing more comes: a line is there a moment after the answer.
async fn final_usage(stack: &Stack, lines: usize) -> Usage {
    let mut last = current_usage(stack).await;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let now = current_usage(stack).await;
        if now == last && now.webhook.lines > lines {
            return now;
        }
        last = now;
    }
}

async fn current_usage(stack: &Stack) -> Usage {
    let requests = stack.requests().unwrap();
    let is_send = |request: &&String| request.ends_with(".SendMessageBatch");
    Usage {
        sends: requests.iter().filter(is_send).count(),
        webhook: written(stack, Function::Webhook).await,
        decryption: written(stack, Function::Decryption).await,
    }
}

/// Returns what a function has written itself: Lambda's own lines below WARN are switched off.
async fn written(stack: &Stack, function: Function) -> Written {
    let log = stack.logs(function).await.unwrap();
    let own = log
        .lines()
        .filter(|line| line.starts_with('{') && !line.contains("\"platform."));
    let lengths: Vec<usize> = own.map(str::len).collect();
    Written {
        lines: lengths.len(),
        bytes: lengths.iter().sum(),
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// List prices in us-east-1 in dollars, November 2026, without the free tier.
const HTTP_REQUEST: f64 = 1.00e-6;
const INVOCATION: f64 = 0.20e-6;
/// On arm64.
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
const QUEUE_REQUEST: f64 = 0.40e-6;
const LOG_BYTE: f64 = 0.50e-9;

/// The memory of the webhook and of decryption in the template.
const GIGABYTES: f64 = 0.25;

/// What an invocation takes: 2.4 ms for which it works, and the calls to SQS for which it waits, which is an assumption. The
/// dashboard's graph of durations has yours.
const SECONDS: f64 = 0.015;

/// Four times as long: the limits hold even then.
const LONGEST_SECONDS: f64 = 0.060;

/// A line of the access log, and what CloudWatch Logs adds to each event.
const ACCESS_LOG_BYTES: f64 = 420.0;
const EVENT_BYTES: usize = 26;
