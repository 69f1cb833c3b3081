//! `failed`, `undelivered` and `events`: the messages of a queue.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Context;
use crate::{
    Answer,
    arguments::{QueueCommand, Selection},
    ask,
    failure::{Failure, Kind},
    messages::{
        Message, MessageSummary, Queue,
        displayed::displayed,
        filter::Filter,
        outcome::{self, Moved, Outcome},
        sums, text,
    },
    progress::Progress,
    queues::{
        Queues,
        visit::{Visited, visit_messages},
    },
    terminal::note,
};

/// Runs the command.
pub(super) async fn run(context: &Context, queue: Queue, command: QueueCommand) -> Result<Answer, Failure> {
    match command {
        QueueCommand::List { selection, limit } => {
            list(context, queue, &filter(selection, Vec::new()), limit).await
        }
        QueueCommand::Show { ids, content } => show(context, queue, ids, content).await,
        QueueCommand::Retry {
            ids,
            selection,
            all,
            yes,
            wait,
        } => {
            let filter = filter(selection, ids);
            require_selection(&filter, all)?;
            retry(context, queue, &filter, yes, Duration::from_secs(wait)).await
        }
        QueueCommand::Drop {
            ids,
            selection,
            all,
            yes,
        } => {
            let filter = filter(selection, ids);
            require_selection(&filter, all)?;
            delete(context, queue, &filter, yes).await
        }
    }
}

/// Shows the waiting events and leaves them in the queue.
pub(super) async fn tail(context: &Context, limit: usize, with_content: bool) -> Result<Answer, Failure> {
    let queue = Queue::Delivery;
    let url = context.stack.output(queue.output())?;
    let found = Queues::new(&context.aws).peek(url, limit, |_| true).await?;
    let events: Vec<Value> = found
        .iter()
        .map(|message| displayed(queue, message, with_content))
        .collect();
    let summaries: Vec<MessageSummary> = found
        .iter()
        .map(|message| MessageSummary::of(queue, message))
        .collect();
    let text = if with_content {
        events
            .iter()
            .fold(String::new(), |text, event| text + &format!("{event:#}\n"))
    } else {
        text(queue, &summaries, Timestamp::now(), context.style)
    };
    Ok(Answer {
        json: json!({"events": events}),
        text,
        needs_person: false,
    })
}

fn filter(selection: Selection, ids: Vec<String>) -> Filter {
    Filter {
        ids,
        reason: selection.reason,
        tenant: selection.tenant,
        subscription: selection.subscription,
    }
}

/// Requires a selection of messages, or `--all`.
fn require_selection(filter: &Filter, all: bool) -> Result<(), Failure> {
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
    let summaries = summaries(queue, &find(context, queue, filter, limit).await?);
    Ok(Answer {
        json: json!({"messages": summaries}),
        text: text(queue, &summaries, Timestamp::now(), context.style),
        needs_person: !summaries.is_empty(),
    })
}

fn summaries(queue: Queue, messages: &[Message]) -> Vec<MessageSummary> {
    messages
        .iter()
        .map(|message| MessageSummary::of(queue, message))
        .collect()
}

/// Returns the selected messages. Each given id belongs to one of them.
async fn find(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<Message>, Failure> {
    let url = context.stack.output(queue.output())?;
    let queues = Queues::new(&context.aws);
    let is_selected = |message: &Message| filter.matches(&MessageSummary::of(queue, message));
    let found = queues.peek(url, limit, is_selected).await?;
    filter.check_ids(queue, &summaries(queue, &found))?;
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
        .map(|message| displayed(queue, message, with_content))
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

/// Messages that a person has confirmed.
struct Confirmed(BTreeSet<String>);

impl Confirmed {
    /// Finds the messages, shows their numbers, and asks for confirmation.
    async fn ask(
        context: &Context,
        queue: Queue,
        filter: &Filter,
        question: &str,
        yes: bool,
    ) -> Result<Self, Failure> {
        let summaries = summaries(queue, &find(context, queue, filter, usize::MAX).await?);
        if !summaries.is_empty() {
            note(&sums(queue, &summaries));
            ask::confirm(question, yes)?;
        }
        Ok(Self(summaries.into_iter().map(|summary| summary.id).collect()))
    }
}

/// Moves messages back, and reports the outcome.
async fn retry(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    yes: bool,
    wait: Duration,
) -> Result<Answer, Failure> {
    let question = "Move these messages back, so that they are retried?";
    let confirmed = Confirmed::ask(context, queue, filter, question, yes).await?;
    let mut outcome = Outcome {
        selected: confirmed.0.len(),
        ..Outcome::default()
    };
    if outcome.selected == 0 {
        return Ok(outcome.answer(queue));
    }
    let queues = Queues::new(&context.aws);
    let (mut moved, mut destinations) = (Moved::default(), BTreeSet::new());
    let work = move_back(context, queue, &confirmed, &mut moved, &mut destinations).await;
    outcome.moved = moved.count();
    outcome.stayed = work.map_err(|failure| {
        failure.after(&outcome::done_of_selected(
            outcome.moved,
            outcome.selected,
            "moved",
        ))
    })?;
    if queue != Queue::Failed || outcome.moved == 0 {
        return Ok(outcome.answer(queue));
    }
    outcome.waiting = wait_until_empty(&queues, &destinations, wait).await?;
    let from = context.stack.output(queue.output())?;
    let now = queues.peek(from, usize::MAX, |_| true).await?;
    let back = moved.back(&now, &confirmed.0);
    outcome.back = back
        .into_iter()
        .map(|message| MessageSummary::of(queue, message))
        .collect();
    Ok(outcome.answer(queue))
}

/// Moves messages, and returns how many windows stayed.
async fn move_back<'c>(
    context: &'c Context,
    queue: Queue,
    confirmed: &Confirmed,
    moved: &mut Moved,
    destinations: &mut BTreeSet<&'c str>,
) -> Result<usize, Failure> {
    let queues = Queues::new(&context.aws);
    let from = context.stack.output(queue.output())?;
    let mut progress = Progress::start("Moving");
    let mut stayed = 0;
    let opened = queues.open(from).await?;
    let work = visit_messages(&opened, confirmed.0.len(), async |message| {
        if !confirmed.0.contains(&message.id) {
            return Ok(Visited::Skipped);
        }
        // Not every stack has a reader, whose windows nobody else understands.
        let Ok(to) = context.stack.output(queue.retried_from(&message.body)) else {
            stayed += 1;
            return Ok(Visited::Kept);
        };
        queues.move_message(&message, from, to).await?;
        moved.push(message);
        destinations.insert(to);
        progress.show(&format!("{} of {}", moved.count(), confirmed.0.len()));
        Ok(Visited::Removed)
    });
    work.await?;
    Ok(stayed)
}

/// Waits until queues are empty, and returns how many messages remain.
async fn wait_until_empty(
    queues: &Queues<'_>,
    urls: &BTreeSet<&str>,
    wait: Duration,
) -> Result<usize, Failure> {
    // A time that no clock has means without an end.
    let until = Instant::now().checked_add(wait);
    let mut progress = Progress::start("Waiting for the result");
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
async fn delete(context: &Context, queue: Queue, filter: &Filter, yes: bool) -> Result<Answer, Failure> {
    let question = format!(
        "Delete these messages from {}? This cannot be undone.",
        queue.name()
    );
    let confirmed = Confirmed::ask(context, queue, filter, &question, yes).await?;
    let url = context.stack.output(queue.output())?;
    let queues = Queues::new(&context.aws);
    let (mut dropped, selected) = (0, confirmed.0.len());
    if selected > 0 {
        let opened = queues.open(url).await?;
        let work = visit_messages(&opened, selected, async |message| {
            if !confirmed.0.contains(&message.id) {
                return Ok(Visited::Skipped);
            }
            queues.delete(&message, url).await?;
            dropped += 1;
            Ok(Visited::Removed)
        });
        let work = work.await;
        work.map_err(|failure| failure.after(&outcome::done_of_selected(dropped, selected, "deleted")))?;
    }
    Ok(Answer {
        json: json!({"selected": selected, "deleted": dropped}),
        text: format!("{}\n", outcome::done_of_selected(dropped, selected, "deleted")),
        needs_person: dropped < selected,
    })
}

const PAUSE: Duration = Duration::from_millis(500);
