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
    held::{
        Facts, Message, Queue,
        filter::Filter,
        outcome::{self, Moved, Outcome},
        shown, sums, text,
    },
    progress::Progress,
    queues::{
        Queues,
        walk::{Took, walk},
    },
    terminal::note,
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
    let facts = facts(queue, &find(context, queue, filter, limit).await?);
    Ok(Answer {
        json: json!({"messages": facts}),
        text: text(queue, &facts, Timestamp::now(), context.style),
        needs_person: !facts.is_empty(),
    })
}

fn facts(queue: Queue, messages: &[Message]) -> Vec<Facts> {
    messages.iter().map(|message| Facts::of(queue, message)).collect()
}

/// Returns the messages that are meant; each id that was named is that of one of them.
async fn find(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<Message>, Failure> {
    let url = context.stack.output(queue.output())?;
    let queues = Queues::of(&context.aws);
    let is_meant = |message: &Message| filter.holds(&Facts::of(queue, message));
    let found = queues.look(url, limit, is_meant).await?;
    filter.is_exact(queue, &facts(queue, &found))?;
    Ok(found)
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
    let found = find(context, queue, &filter, usize::MAX).await?;
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

/// Messages that a person has seen and agreed about.
struct Agreed(BTreeSet<String>);

impl Agreed {
    /// Finds messages, shows what they are, and asks.
    async fn ask(
        context: &Context,
        queue: Queue,
        filter: &Filter,
        question: &str,
        yes: bool,
    ) -> Result<Self, Failure> {
        let facts = facts(queue, &find(context, queue, filter, usize::MAX).await?);
        if !facts.is_empty() {
            note(&sums(queue, &facts));
            ask::confirm(question, yes)?;
        }
        Ok(Self(facts.into_iter().map(|facts| facts.id).collect()))
    }
}

/// Moves messages back, and looks what becomes of them.
async fn retry(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    yes: bool,
    wait: Duration,
) -> Result<Answer, Failure> {
    let question = "Move these messages back, so that they are retried?";
    let agreed = Agreed::ask(context, queue, filter, question, yes).await?;
    let mut outcome = Outcome {
        meant: agreed.0.len(),
        ..Outcome::default()
    };
    if outcome.meant == 0 {
        return Ok(outcome.answer(queue));
    }
    let queues = Queues::of(&context.aws);
    let (mut moved, mut destinations) = (Moved::default(), BTreeSet::new());
    let work = put_back(context, queue, &agreed, &mut moved, &mut destinations).await;
    outcome.moved = moved.count();
    outcome.stayed =
        work.map_err(|failure| failure.after(&outcome::counted(outcome.moved, outcome.meant, "moved")))?;
    if queue != Queue::Failed || outcome.moved == 0 {
        return Ok(outcome.answer(queue));
    }
    outcome.waiting = settle(&queues, &destinations, wait).await?;
    let from = context.stack.output(queue.output())?;
    let now = queues.look(from, usize::MAX, |_| true).await?;
    let back = moved.back(&now, &agreed.0);
    outcome.back = back
        .into_iter()
        .map(|message| Facts::of(queue, message))
        .collect();
    Ok(outcome.answer(queue))
}

/// Moves messages, and returns how many had to stay.
async fn put_back<'c>(
    context: &'c Context,
    queue: Queue,
    agreed: &Agreed,
    moved: &mut Moved,
    destinations: &mut BTreeSet<&'c str>,
) -> Result<usize, Failure> {
    let queues = Queues::of(&context.aws);
    let from = context.stack.output(queue.output())?;
    let mut progress = Progress::of("Moving");
    let mut stayed = 0;
    let opened = queues.open(from).await?;
    let work = walk(&opened, agreed.0.len(), async |message| {
        if !agreed.0.contains(&message.id) {
            return Ok(Took::Nothing);
        }
        // Not every stack has a reader, whose windows nobody else understands.
        let Ok(to) = context.stack.output(queue.retried_from(&message.body)) else {
            stayed += 1;
            return Ok(Took::Look);
        };
        queues.put(&message, from, to).await?;
        moved.push(message);
        destinations.insert(to);
        progress.show(&format!("{} of {}", moved.count(), agreed.0.len()));
        Ok(Took::Message)
    });
    work.await?;
    Ok(stayed)
}

/// Waits until queues are empty, and returns how many messages are in them still.
async fn settle(queues: &Queues<'_>, urls: &BTreeSet<&str>, wait: Duration) -> Result<usize, Failure> {
    // A time that no clock has means without an end.
    let until = Instant::now().checked_add(wait);
    let mut progress = Progress::of("Waiting for the result");
    // The counts of SQS come late: one that is nothing says little.
    let mut is_empty = false;
    loop {
        let mut left = 0;
        for url in urls {
            let (waiting, under_way) = queues.counts(url).await?;
            left += waiting + under_way;
        }
        if is_empty && left == 0 || until.is_some_and(|until| Instant::now() >= until) {
            return Ok(left);
        }
        is_empty = left == 0;
        progress.show(&format!("{left} left"));
        sleep(PAUSE).await;
    }
}

/// Deletes messages.
async fn discard(context: &Context, queue: Queue, filter: &Filter, yes: bool) -> Result<Answer, Failure> {
    let question = format!(
        "Delete these messages from {}? This cannot be undone.",
        queue.name()
    );
    let agreed = Agreed::ask(context, queue, filter, &question, yes).await?;
    let url = context.stack.output(queue.output())?;
    let queues = Queues::of(&context.aws);
    let (mut dropped, meant) = (0, agreed.0.len());
    if meant > 0 {
        let opened = queues.open(url).await?;
        let work = walk(&opened, meant, async |message| {
            if !agreed.0.contains(&message.id) {
                return Ok(Took::Nothing);
            }
            queues.delete(&message, url).await?;
            dropped += 1;
            Ok(Took::Message)
        });
        let work = work.await;
        work.map_err(|failure| failure.after(&outcome::counted(dropped, meant, "deleted")))?;
    }
    Ok(Answer {
        json: json!({"selected": meant, "deleted": dropped}),
        text: format!("{}\n", outcome::counted(dropped, meant, "deleted")),
        needs_person: dropped < meant,
    })
}

const PAUSE: Duration = Duration::from_millis(500);
