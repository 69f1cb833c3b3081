//! `failed`, `undelivered` and `events`: the messages of a queue.

mod changes;

use std::{cell::Cell, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::changes::{delete, retry};
use super::Context;
use crate::{
    Answer,
    arguments::{Choice, Failed, Limit, Owner, Show, Undelivered},
    failure::{Failure, Kind},
    messages::{
        MessageSummary, Queue,
        displayed::displayed,
        filter::Filter,
        listed::{nothing_found, text},
    },
    queues::{Look, Queues, visit::Extent},
    terminal::note,
};

/// Runs a command for `FailedQueue`.
pub(super) async fn failed(context: &Context, command: Failed) -> Result<Answer, Failure> {
    let queue = Queue::Failed;
    match command {
        Failed::List { reason, owner, limit } => {
            list(context, queue, &filter(owner, reason.reason), limit).await
        }
        Failed::Show(show) => shown(context, queue, show).await,
        Failed::Retry { reason, choice, wait } => {
            let yes = choice.yes;
            let filter = chosen(choice, reason.reason)?;
            retry(context, queue, &filter, yes, Duration::from_secs(wait)).await
        }
        Failed::Drop { reason, choice } => {
            let yes = choice.yes;
            delete(context, queue, &chosen(choice, reason.reason)?, yes).await
        }
    }
}

/// Runs a command for `UndeliveredQueue`.
pub(super) async fn undelivered(context: &Context, command: Undelivered) -> Result<Answer, Failure> {
    let queue = Queue::Undelivered;
    match command {
        Undelivered::List { owner, limit } => list(context, queue, &filter(owner, None), limit).await,
        Undelivered::Show(show) => shown(context, queue, show).await,
        Undelivered::Retry(choice) => {
            let yes = choice.yes;
            // Whoever reads DeliveryQueue says nothing of the result here.
            retry(context, queue, &chosen(choice, None)?, yes, Duration::ZERO).await
        }
        Undelivered::Drop(choice) => {
            let yes = choice.yes;
            delete(context, queue, &chosen(choice, None)?, yes).await
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
    let select = |message: &_| {
        let event = is_shown.then(|| displayed(queue, message, with_content));
        Some((MessageSummary::of(queue, message), event))
    };
    let look = Queues::new(&context.aws).look(url, extent, select).await?;
    let (summaries, events): (Vec<_>, Vec<_>) = look.found.into_iter().unzip();
    let events: Vec<Value> = events.into_iter().flatten().collect();
    let text = if with_content {
        pretty(&events)
    } else {
        table(context, queue, &summaries, look.looked_at)
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

fn filter(owner: Owner, reason: Option<String>) -> Filter {
    Filter {
        ids: Vec::new(),
        reason,
        tenant: owner.tenant,
        subscription: owner.subscription,
    }
}

/// Returns the messages to change. These have to be selected, or `--all`.
fn chosen(choice: Choice, reason: Option<String>) -> Result<Filter, Failure> {
    let filter = Filter {
        ids: choice.ids,
        ..filter(choice.owner, reason)
    };
    if choice.all || !filter.is_of_all() {
        return Ok(filter);
    }
    let advice = "Name ids or an option that selects messages (see --help), or say --all.";
    Err(Failure::new(Kind::Input, "no messages were selected", advice))
}

async fn list(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    Limit { limit }: Limit,
) -> Result<Answer, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let Look {
        found: summaries,
        looked_at,
        unseen,
    } = find(context, queue, filter, Extent::brief(limit)).await?;
    let mut text = table(context, queue, &summaries, looked_at);
    if let Some(unseen) = unseen.text(queue) {
        // A program reads a table without it.
        if context.style.is_terminal {
            text += &unseen;
        } else {
            note(&unseen);
        }
    }
    Ok(Answer {
        json: json!({"messages": summaries, "lookedAt": looked_at, "notLookedAt": unseen.count}),
        text,
        needs_person: !summaries.is_empty() || !unseen.is_nothing(),
    })
}

/// Returns the table of the messages that were found among `looked_at`.
fn table(context: &Context, queue: Queue, found: &[MessageSummary], looked_at: usize) -> String {
    if found.is_empty() && context.style.is_terminal {
        return nothing_found(queue, looked_at);
    }
    text(queue, found, Timestamp::now(), context.style)
}

/// Returns the selected messages.
async fn find(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    extent: Extent,
) -> Result<Look<MessageSummary>, Failure> {
    let url = context.stack.output(queue.output())?;
    let queues = Queues::new(&context.aws);
    let select = |message: &_| Some(MessageSummary::of(queue, message)).filter(|one| filter.matches(one));
    queues.look(url, extent, select).await
}

async fn shown(context: &Context, queue: Queue, show: Show) -> Result<Answer, Failure> {
    let filter = Filter {
        ids: show.ids,
        ..Filter::default()
    };
    let url = context.stack.output(queue.output())?;
    let found = Cell::new(0);
    let select = |message: &_| {
        let summary = Some(MessageSummary::of(queue, message)).filter(|one| filter.matches(one))?;
        found.update(|count| count + 1);
        // Each id is that of one message, so more are never shown.
        let shown = (found.get() <= filter.ids.len()).then(|| displayed(queue, message, show.content));
        Some((summary, shown))
    };
    let queues = Queues::new(&context.aws);
    let look = queues.look(url, Extent::whole(usize::MAX), select).await?;
    let (summaries, shown): (Vec<_>, Vec<_>) = look.found.into_iter().unzip();
    filter.check_ids(queue, &summaries, look.unseen)?;
    let messages: Vec<Value> = shown.into_iter().flatten().collect();
    let text = pretty(&messages);
    Ok(Answer {
        json: json!({"messages": messages}),
        text,
        needs_person: false,
    })
}
