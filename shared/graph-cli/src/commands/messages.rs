//! `failed`, `undelivered` and `events`: the messages of a queue.

use std::{cell::Cell, collections::BTreeSet, time::Duration};

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
        age::is_too_old,
        displayed::displayed,
        filter::Filter,
        outcome::{self, Left, Moved, Outcome},
        sums, text,
        unseen::Unseen,
    },
    progress::Progress,
    queues::{
        Queues,
        visit::{Extent, Visited, visit_messages},
    },
    terminal::note,
};

/// Runs the command.
pub(super) async fn run(context: &Context, queue: Queue, command: QueueCommand) -> Result<Answer, Failure> {
    match command {
        QueueCommand::List { selection, limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
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
pub(super) async fn tail(context: &Context, limit: u16, with_content: bool) -> Result<Answer, Failure> {
    let queue = Queue::Delivery;
    let url = context.stack.output(queue.output())?;
    // A consumer hides events all the time.
    let extent = Extent::visible(limit.into());
    // An event can have a megabyte, so it is kept only to be shown.
    let is_shown = with_content || context.global.json;
    let look = |message: &_| {
        let event = is_shown.then(|| displayed(queue, message, with_content));
        Some((MessageSummary::of(queue, message), event))
    };
    let (found, _) = Queues::new(&context.aws).look(url, extent, look).await?;
    let (summaries, events): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let events: Vec<Value> = events.into_iter().flatten().collect();
    let text = if with_content {
        pretty(&events)
    } else {
        text(queue, &summaries, Timestamp::now(), context.style)
    };
    Ok(Answer {
        json: json!({"events": events}),
        text,
        needs_person: false,
    })
}

fn pretty(documents: &[Value]) -> String {
    documents
        .iter()
        .fold(String::new(), |text, document| text + &format!("{document:#}\n"))
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
    let (summaries, unseen) = find(context, queue, filter, limit).await?;
    let mut text = text(queue, &summaries, Timestamp::now(), context.style);
    if let Some(unseen) = unseen.text(queue) {
        // A program reads a table without it.
        if context.style.is_terminal {
            text += &unseen;
        } else {
            note(&unseen);
        }
    }
    Ok(Answer {
        json: json!({"messages": summaries, "notLookedAt": unseen.count}),
        text,
        needs_person: !summaries.is_empty() || unseen.count > 0,
    })
}

/// Returns the selected messages, and which messages were not looked at.
async fn find(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    limit: usize,
) -> Result<(Vec<MessageSummary>, Unseen), Failure> {
    let url = context.stack.output(queue.output())?;
    let queues = Queues::new(&context.aws);
    let select = |message: &_| Some(MessageSummary::of(queue, message)).filter(|one| filter.matches(one));
    queues.look(url, Extent::whole(limit), select).await
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
    let mut found = 0;
    let select = |message: &_| {
        let summary = Some(MessageSummary::of(queue, message)).filter(|one| filter.matches(one))?;
        found += 1;
        // Each id is that of one message, so more are never shown.
        let shown = (found <= filter.ids.len()).then(|| displayed(queue, message, with_content));
        Some((summary, shown))
    };
    let queues = Queues::new(&context.aws);
    let (found, unseen) = queues.look(url, Extent::whole(usize::MAX), select).await?;
    let (summaries, shown): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    filter.check_ids(queue, &summaries, unseen)?;
    let messages: Vec<Value> = shown.into_iter().flatten().collect();
    let text = pretty(&messages);
    Ok(Answer {
        json: json!({"messages": messages}),
        text,
        needs_person: false,
    })
}

/// Messages that a person has confirmed.
struct Confirmed {
    ids: BTreeSet<String>,
    /// Messages that may be selected too, but were not looked at.
    unseen: Option<Unseen>,
}

impl Confirmed {
    /// Finds the messages, shows their numbers, and asks for confirmation.
    async fn ask(
        context: &Context,
        queue: Queue,
        filter: &Filter,
        question: &str,
        yes: bool,
    ) -> Result<Self, Failure> {
        let (summaries, unseen) = find(context, queue, filter, usize::MAX).await?;
        filter.check_ids(queue, &summaries, unseen)?;
        // All messages with an id of the command line were found.
        let unseen = filter.ids.is_empty().then_some(unseen);
        if !summaries.is_empty() {
            let more = unseen.and_then(|unseen| unseen.text(queue)).unwrap_or_default();
            note(&(sums(queue, &summaries) + &more));
            ask::confirm(question, yes)?;
        }
        let ids = summaries.into_iter().map(|summary| summary.id).collect();
        Ok(Self { ids, unseen })
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
        selected: confirmed.ids.len(),
        unseen: confirmed.unseen,
        ..Outcome::default()
    };
    if outcome.selected == 0 {
        return Ok(outcome.answer(queue));
    }
    let queues = Queues::new(&context.aws);
    let (mut moved, mut destinations) = (Moved::default(), BTreeSet::new());
    let work = move_back(context, queue, &confirmed, &mut moved, &mut destinations).await;
    outcome.moved = moved.count();
    outcome.left = work.map_err(|failure| {
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
    let is_back = |message: &Message| {
        let is_new = !confirmed.ids.contains(&message.id) && moved.has(&message.body);
        is_new.then(|| MessageSummary::of(queue, message))
    };
    let (mut back, unseen) = queues.look(from, Extent::whole(usize::MAX), is_back).await?;
    // A copy that Graph sent meanwhile looks the same.
    back.truncate(outcome.moved);
    (outcome.back, outcome.unseen_back) = (back, unseen.count);
    Ok(outcome.answer(queue))
}

/// Moves messages, and returns how many were left.
async fn move_back<'c>(
    context: &'c Context,
    queue: Queue,
    confirmed: &Confirmed,
    moved: &mut Moved,
    destinations: &mut BTreeSet<&'c str>,
) -> Result<Left, Failure> {
    let queues = Queues::new(&context.aws);
    let from = context.stack.output(queue.output())?;
    let opened = queues.open(from).await?;
    let (mut left, done, now) = (Left::default(), Cell::new(0), Timestamp::now());
    let work = visit_messages(&opened, Extent::whole(confirmed.ids.len()), async |message| {
        if !confirmed.ids.contains(&message.id) {
            return Ok(Visited::Skipped);
        }
        if is_too_old(MessageSummary::of(queue, &message).received_at, now) {
            left.too_old += 1;
            return Ok(Visited::Kept);
        }
        // Not every stack has a reader, whose windows nobody else understands.
        let Ok(to) = context.stack.output(queue.retried_from(&message.body)) else {
            left.windows += 1;
            return Ok(Visited::Kept);
        };
        queues.move_message(&message, from, to).await?;
        moved.push(&message.body);
        destinations.insert(to);
        done.set(moved.count());
        Ok(Visited::Removed)
    });
    let state = || format!("{} of {}", done.get(), confirmed.ids.len());
    Progress::start("Moving").during(&state, work).await?;
    Ok(left)
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
            left += queues.held(url).await?;
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
    let (dropped, selected) = (Cell::new(0), confirmed.ids.len());
    let done = || outcome::done_of_selected(dropped.get(), selected, "deleted");
    if selected > 0 {
        let opened = queues.open(url).await?;
        let work = visit_messages(&opened, Extent::whole(selected), async |message| {
            if !confirmed.ids.contains(&message.id) {
                return Ok(Visited::Skipped);
            }
            queues.delete(&message, url).await?;
            dropped.update(|count| count + 1);
            Ok(Visited::Removed)
        });
        let state = || format!("{} of {selected}", dropped.get());
        let work = Progress::start("Deleting").during(&state, work).await;
        work.map_err(|failure| failure.after(&done()))?;
    }
    let unseen = confirmed.unseen;
    let more = unseen.and_then(|unseen| unseen.text(queue)).unwrap_or_default();
    let unseen = unseen.map_or(0, |unseen| unseen.count);
    Ok(Answer {
        json: json!({"selected": selected, "deleted": dropped.get(), "notLookedAt": unseen}),
        text: format!("{}\n{more}", done()),
        needs_person: dropped.get() < selected || unseen > 0,
    })
}

const PAUSE: Duration = Duration::from_millis(500);
