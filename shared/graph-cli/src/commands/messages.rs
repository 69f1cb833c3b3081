//! `failed`, `undelivered` and `events`: the messages of a queue.

mod changes;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::changes::{delete, retry};
use super::Context;
use crate::{
    Answer,
    arguments::{QueueCommand, Selection},
    failure::{Failure, Kind},
    messages::{MessageSummary, Queue, displayed::displayed, filter::Filter, text, unseen::Unseen},
    queues::{Queues, visit::Extent},
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
