//! `failed`, `undelivered` and `events`: the messages of a queue.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Context;
use crate::{
    Answer,
    arguments::{Held, Which},
    ask,
    failure::{Failure, Kind},
    held::{Facts, Filter, Message, Queue, shown, sums, text},
    progress::Progress,
    queues::{Go, Queues},
    terminal::counted,
};

/// Does what is asked for.
pub(super) async fn run(context: &Context, queue: Queue, command: Held) -> Result<Answer, Failure> {
    match command {
        Held::List { which, limit } => list(context, queue, &filter(which, Vec::new()), limit).await,
        Held::Show { ids, content } => show(context, queue, ids, content).await,
        Held::Retry {
            ids,
            which,
            all,
            yes,
            wait,
        } => {
            let filter = filter(which, ids);
            is_meant(&filter, all)?;
            retry(context, queue, &filter, yes, Duration::from_secs(wait)).await
        }
        Held::Drop { ids, which, all, yes } => {
            let filter = filter(which, ids);
            is_meant(&filter, all)?;
            discard(context, queue, &filter, yes).await
        }
    }
}

/// Shows the waiting events and leaves them in the queue.
pub(super) async fn tail(context: &Context, limit: usize, with_content: bool) -> Result<Answer, Failure> {
    let queue = Queue::Delivery;
    let url = context.stack.output(queue.output())?;
    let found = Queues::of(&context.aws).look(url, limit, |_| true).await?;
    let events: Vec<Value> = found
        .iter()
        .map(|message| shown(queue, message, with_content))
        .collect();
    let facts: Vec<Facts> = found.iter().map(|message| Facts::of(queue, message)).collect();
    let text = if with_content {
        events
            .iter()
            .fold(String::new(), |text, event| text + &format!("{event:#}\n"))
    } else {
        text(queue, &facts, Timestamp::now(), context.style)
    };
    Ok(Answer {
        json: json!({"events": events}),
        text,
        needs_person: false,
    })
}

fn filter(which: Which, ids: Vec<String>) -> Filter {
    Filter {
        ids,
        reason: which.reason,
        tenant: which.tenant,
        subscription: which.subscription,
    }
}

/// Has the person say which messages are meant, or that all are.
fn is_meant(filter: &Filter, all: bool) -> Result<(), Failure> {
    let is_narrow = !filter.ids.is_empty()
        || filter.reason.is_some()
        || filter.tenant.is_some()
        || filter.subscription.is_some();
    if all || is_narrow {
        return Ok(());
    }
    let advice = "Name ids, or --reason, --tenant or --subscription, or say --all.";
    Err(Failure::new(Kind::Input, "no messages were selected", advice))
}

async fn list(context: &Context, queue: Queue, filter: &Filter, limit: usize) -> Result<Answer, Failure> {
    let facts = find(context, queue, filter, limit).await?;
    Ok(Answer {
        json: json!({"messages": facts}),
        text: text(queue, &facts, Timestamp::now(), context.style),
        needs_person: !facts.is_empty(),
    })
}

async fn find(context: &Context, queue: Queue, filter: &Filter, limit: usize) -> Result<Vec<Facts>, Failure> {
    let url = context.stack.output(queue.output())?;
    let queues = Queues::of(&context.aws);
    let is_meant = |message: &Message| filter.holds(&Facts::of(queue, message));
    let found = queues.look(url, limit, is_meant).await?;
    Ok(found.iter().map(|message| Facts::of(queue, message)).collect())
}

async fn show(
    context: &Context,
    queue: Queue,
    ids: Vec<String>,
    with_content: bool,
) -> Result<Answer, Failure> {
    let filter = Filter {
        ids,
        ..Filter::default()
    };
    let url = context.stack.output(queue.output())?;
    let is_meant = |message: &Message| filter.holds(&Facts::of(queue, message));
    let found = Queues::of(&context.aws).look(url, usize::MAX, is_meant).await?;
    if found.is_empty() {
        let text = format!("{} holds no message with this id", queue.name());
        return Err(Failure::new(
            Kind::Input,
            text,
            "SQS hides a message for a minute after somebody read it.",
        ));
    }
    let messages: Vec<Value> = found
        .iter()
        .map(|message| shown(queue, message, with_content))
        .collect();
    let text = messages
        .iter()
        .fold(String::new(), |text, message| text + &format!("{message:#}\n"));
    Ok(Answer {
        json: json!({"messages": messages}),
        text,
        needs_person: false,
    })
}

/// Moves messages back, and looks what becomes of them.
async fn retry(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    yes: bool,
    wait: Duration,
) -> Result<Answer, Failure> {
    let facts = find(context, queue, filter, usize::MAX).await?;
    let from = context.stack.output(queue.output())?;
    if facts.is_empty() {
        return Ok(Retried::default().answer(queue));
    }
    eprint!("{}", sums(queue, &facts));
    ask::confirm("Move these messages back, so that they are retried?", yes)?;
    let queues = Queues::of(&context.aws);
    let begun = Timestamp::now();
    let mut progress = Progress::of("Moving");
    let (mut moved, mut destinations) = (BTreeSet::new(), BTreeSet::new());
    let (mut others, mut stayed) = (Vec::new(), 0);
    let work = queues.each(from, async |message| {
        // What fails again while others are still moved is not moved a second time.
        let is_new = message.sent_at.is_some_and(|sent_at| sent_at >= begun) || moved.contains(&message.body);
        if is_new || !filter.holds(&Facts::of(queue, &message)) {
            others.push(message.receipt);
            return Ok(Go::On);
        }
        // Not every stack has a reader, whose windows nobody else understands.
        let Ok(to) = context.stack.output(queue.retried_from(&message.body)) else {
            others.push(message.receipt);
            stayed += 1;
            return Ok(Go::On);
        };
        queues.put(&message, from, to).await?;
        moved.insert(message.body);
        destinations.insert(to);
        progress.show(&format!("{} of {}", moved.len(), facts.len()));
        Ok(Go::On)
    });
    let work = work.await;
    queues.release(from, others).await;
    work?;
    drop(progress);
    let retried = Retried {
        moved: moved.len(),
        stayed,
        ..Retried::default()
    };
    if queue != Queue::Failed || moved.is_empty() {
        return Ok(retried.answer(queue));
    }
    let waiting = settle(&queues, &destinations, wait).await?;
    let again = queues
        .look(from, usize::MAX, |message| moved.contains(&message.body))
        .await?;
    let again = again.iter().map(|message| Facts::of(queue, message)).collect();
    let retried = Retried {
        again,
        waiting,
        ..retried
    };
    Ok(retried.answer(queue))
}

/// Waits until queues are empty, and returns how many messages are in them still.
async fn settle(queues: &Queues<'_>, urls: &BTreeSet<&str>, wait: Duration) -> Result<usize, Failure> {
    let until = Instant::now() + wait;
    let mut progress = Progress::of("Waiting for the result");
    loop {
        let mut left = 0;
        for url in urls {
            let (waiting, under_way) = queues.counts(url).await?;
            left += waiting + under_way;
        }
        if left == 0 || Instant::now() >= until {
            return Ok(left);
        }
        progress.show(&format!("{left} left"));
        sleep(PAUSE).await;
    }
}

/// What became of messages that were to be tried again.
#[derive(Default)]
struct Retried {
    /// How many were moved.
    moved: usize,
    /// Those that failed again.
    again: Vec<Facts>,
    /// How many wait where they were moved to.
    waiting: usize,
    /// How many windows were left where they are, as no reader is there.
    stayed: usize,
}

impl Retried {
    fn answer(self, queue: Queue) -> Answer {
        let went_on = self.moved.saturating_sub(self.again.len() + self.waiting);
        let mut text = match queue {
            _ if self.moved + self.stayed == 0 => format!("{} holds no such message.\n", queue.name()),
            Queue::Failed => format!(
                "{} moved: {went_on} processed, {} failed again, {} still waiting\n",
                counted(self.moved, "message"),
                self.again.len(),
                self.waiting
            ),
            Queue::Undelivered | Queue::Delivery => {
                format!("{} moved to DeliveryQueue\n", counted(self.moved, "message"))
            }
        };
        if self.stayed > 0 {
            text.extend([
                &counted(self.stayed, "message"),
                " stay: they are windows, and the stack has no reader\n",
            ]);
        }
        if !self.again.is_empty() {
            text.extend(["Failed again: ", &sums(queue, &self.again)]);
        }
        let needs_person = !self.again.is_empty() || self.waiting + self.stayed > 0;
        Answer {
            json: json!({
                "moved": self.moved, "processed": went_on, "failedAgain": self.again, "waiting": self.waiting, "stayed": self.stayed,
            }),
            text,
            needs_person,
        }
    }
}

/// Deletes messages.
async fn discard(context: &Context, queue: Queue, filter: &Filter, yes: bool) -> Result<Answer, Failure> {
    let facts = find(context, queue, filter, usize::MAX).await?;
    let mut dropped = 0;
    if !facts.is_empty() {
        eprint!("{}", sums(queue, &facts));
        ask::confirm(
            &format!(
                "Delete these messages from {}? This cannot be undone.",
                queue.name()
            ),
            yes,
        )?;
        let url = context.stack.output(queue.output())?;
        let queues = Queues::of(&context.aws);
        // Those that were shown, and none that came since.
        let ids: BTreeSet<String> = facts.into_iter().map(|facts| facts.id).collect();
        let mut others = Vec::new();
        let work = queues.each(url, async |message| {
            if !ids.contains(&message.id) {
                others.push(message.receipt);
                return Ok(Go::On);
            }
            queues.delete(&message, url).await?;
            dropped += 1;
            Ok(if dropped == ids.len() { Go::Stop } else { Go::On })
        });
        let work = work.await;
        queues.release(url, others).await;
        work?;
    }
    let text = format!("{} deleted\n", counted(dropped, "message"));
    Ok(Answer {
        json: json!({"deleted": dropped}),
        text,
        needs_person: false,
    })
}

const PAUSE: Duration = Duration::from_millis(500);
