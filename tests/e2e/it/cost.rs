//! What a notification costs: the requests, the invocations and the log lines that it makes on the local stack, and the
//! durations that follow from the processor time in docs/performance.md, at list prices.
//!
//! `cargo test -p e2e --test it cost -- --nocapture` prints the table of docs/operations.md.

use std::time::Duration;

use graph_simulator::{Post, Registered};
use stack::{
    Function, Stack,
    price::{self, Bill, Usage, Written},
};

use crate::aging::World;

/// Counts what notifications make, one by one and ten by ten, and checks that a million stay within what they may cost.
#[tokio::test]
async fn a_million_notifications_cost_no_more_than_they_may() {
    let world = World::start().await;
    // Both functions have their connections and their secrets.
    measured(&world, 1, Kind::Rich).await;
    let mut bills = Vec::new();
    for case in &CASES {
        let usage = measured(&world, case.items, case.kind).await;
        bills.push((case, Bill::of(&usage, cpu(case, &usage))));
    }
    let titled: Vec<_> = bills.iter().map(|(case, bill)| (case.name, bill)).collect();
    println!("{}", price::table(&titled));
    for (case, bill) in &bills {
        let dollars = bill.total();
        assert!(
            dollars <= case.most,
            "a million {} cost {dollars:.2} dollars",
            case.name
        );
    }
}

/// Notifications of a kind, and what a million of them may cost in dollars.
struct Case {
    name: &'static str,
    items: usize,
    kind: Kind,
    most: f64,
}

#[derive(Clone, Copy)]
enum Kind {
    Basic,
    Rich,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Rich => "rich",
        }
    }

    fn add(self, post: Post, subscription: &Registered) -> Post {
        match self {
            Self::Basic => post.basic(subscription, "created"),
            Self::Rich => post.rich(subscription, "created"),
        }
    }
}

/// Sends POSTs, one after the events of the other are there, and returns what has been made meanwhile.
async fn measured(world: &World, items: usize, kind: Kind) -> Usage {
    let (stack, subscription) = (world.stack(), world.subscription());
    let before = current_usage(stack).await;
    for _ in 0..POSTS {
        let post = (0..items).fold(Post::new(), |post, _| kind.add(post, &subscription));
        world.send(post).await;
        world.receive("DeliveryQueue", items).await;
    }
    let after = final_usage(stack, before.webhook.invocations + POSTS).await;
    Usage {
        posts: POSTS,
        items,
        sends: after.sends - before.sends,
        webhook: since(after.webhook, before.webhook),
        decryption: since(after.decryption, before.decryption),
    }
}

/// Returns what was made since an earlier time.
fn since(now: Written, before: Written) -> Written {
    Written {
        invocations: now.invocations - before.invocations,
        lines: now.lines - before.lines,
        bytes: now.bytes - before.bytes,
    }
}

/// Returns what has been made once the webhook's log has so many invocations and nothing more comes: it is written a moment
/// after the answer.
async fn final_usage(stack: &Stack, invocations: usize) -> Usage {
    let mut last = current_usage(stack).await;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let now = current_usage(stack).await;
        if now == last && now.webhook.invocations >= invocations {
            return now;
        }
        last = now;
    }
}

async fn current_usage(stack: &Stack) -> Usage {
    let requests = stack.requests().unwrap();
    let is_send = |request: &&String| request.ends_with(".SendMessageBatch");
    Usage {
        posts: 0,
        items: 0,
        sends: requests.iter().filter(is_send).count(),
        webhook: written(stack, Function::Webhook).await,
        decryption: written(stack, Function::Decryption).await,
    }
}

/// Returns what a function has written itself, as Lambda's own lines below WARN are switched off, and its invocations.
async fn written(stack: &Stack, function: Function) -> Written {
    let log = stack.logs(function).await.unwrap();
    let own = log
        .lines()
        .filter(|line| line.starts_with('{') && !line.contains("\"platform."));
    let lengths: Vec<usize> = own.map(str::len).collect();
    let reports: Vec<&str> = log.lines().filter(|line| line.starts_with("REPORT ")).collect();
    let memory = format!("\tMemory Size: {} MB\t", price::MEGABYTES);
    assert!(
        reports.iter().all(|report| report.contains(&memory)),
        "{reports:?}"
    );
    Written {
        invocations: reports.len(),
        lines: lengths.len(),
        bytes: lengths.iter().sum(),
    }
}

/// Returns the processor time of an invocation of the webhook and of decryption in milliseconds, from docs/performance.md.
fn cpu(case: &Case, usage: &Usage) -> [f64; 2] {
    let (items, kind) = (case.items, case.kind.name());
    let webhook = row(&format!("Webhook: POST of {items} {kind}, SQS included, CPU"));
    if usage.decryption.invocations == 0 {
        return [webhook, 0.0];
    }
    let count = |number: usize| f64::from(u32::try_from(number).unwrap());
    let items = count(items * POSTS) / count(usage.decryption.invocations);
    // Beside its items, an invocation of decryption has an event and a call to SQS: a POST of one item to the webhook has as much
    // and more.
    let decryption = items * row("Decryption: batch of 10, 1.3 kB, CPU per item")
        + row("Webhook: POST of 1 basic, SQS included, CPU");
    [webhook, decryption]
}

/// Returns the milliseconds of a row that `cargo bench-all` measured.
fn row(name: &str) -> f64 {
    let line = PERFORMANCE
        .lines()
        .find(|line| line.starts_with(&format!("| {name} |")));
    let line = line.unwrap_or_else(|| panic!("docs/performance.md has no row {name:?}"));
    let value = line.split('|').nth(2).unwrap().trim();
    let (number, unit) = value.split_once(' ').unwrap();
    let number: f64 = number.parse().unwrap();
    match unit {
        "µs" => number / 1_000.0,
        "ms" => number,
        _ => panic!("{name}: {value}"),
    }
}

const PERFORMANCE: &str = include_str!("../../../docs/performance.md");

/// How many POSTs each figure is the mean of.
const POSTS: usize = 10;

const POLL_INTERVAL: Duration = Duration::from_secs(1);

const CASES: [Case; 4] = [
    Case {
        name: "Basic, one by one",
        items: 1,
        kind: Kind::Basic,
        most: 3.50,
    },
    Case {
        name: "Basic, ten by ten",
        items: 10,
        kind: Kind::Basic,
        most: 0.90,
    },
    Case {
        name: "Encrypted, one by one",
        items: 1,
        kind: Kind::Rich,
        most: 5.00,
    },
    Case {
        name: "Encrypted, ten by ten",
        items: 10,
        kind: Kind::Rich,
        most: 1.50,
    },
];
