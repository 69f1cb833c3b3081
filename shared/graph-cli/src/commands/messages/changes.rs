//! Moving messages back, and deleting them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::find;
use crate::{
    Answer, ask,
    commands::Context,
    failure::Failure,
    messages::{
        Message, MessageSummary, Queue,
        age::is_too_old,
        filter::Filter,
        listed::{nothing_found, sums},
        outcome::{self, Left, Moved, Outcome},
        unseen::Unseen,
    },
    progress::Progress,
    queues::{
        Look, Queues,
        visit::{Extent, Visited, visit_messages},
    },
    terminal::note,
};

/// Messages that a person has confirmed.
struct Confirmed {
    ids: BTreeSet<String>,
    /// Number of messages that were looked at.
    looked_at: usize,
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
        let Look {
            found: summaries,
            looked_at,
            unseen,
        } = find(context, queue, filter, Extent::whole(usize::MAX)).await?;
        filter.check_ids(queue, &summaries, unseen)?;
        // All messages with an id of the command line were found.
        let unseen = filter.ids.is_empty().then_some(unseen);
        if !summaries.is_empty() {
            let more = unseen.and_then(|unseen| unseen.text(queue)).unwrap_or_default();
            note(&(sums(queue, &summaries) + &more));
            ask::confirm(question, yes)?;
        }
        let ids = summaries.into_iter().map(|summary| summary.id).collect();
        Ok(Self {
            ids,
            looked_at,
            unseen,
        })
    }
}

/// Moves messages back, and reports the outcome.
pub(super) async fn retry(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    yes: bool,
    wait: Duration,
) -> Result<Answer, Failure> {
    let question = "Move these messages back, so that they are retried?";
    let confirmed = Confirmed::ask(context, queue, filter, question, yes).await?;
    let mut outcome = Outcome {
        looked_at: confirmed.looked_at,
        selected: confirmed.ids.len(),
        unseen: confirmed.unseen,
        ..Outcome::default()
    };
    if outcome.selected == 0 {
        return Ok(outcome.answer(queue));
    }
    let queues = Queues::new(&context.aws);
    let done = RefCell::default();
    let work = move_back(context, queue, &confirmed, &done).await;
    let Done {
        moved,
        left,
        destinations,
    } = done.into_inner();
    (outcome.moved, outcome.left) = (moved.count(), left);
    let moves = outcome::done_of_selected(outcome.moved, outcome.selected, "moved");
    let after = |failure: Failure| failure.after(&moves);
    outcome.missed_by = Some(work.map_err(after)?.cause);
    if queue != Queue::Failed || outcome.moved == 0 {
        return Ok(outcome.answer(queue));
    }
    outcome.waiting = wait_until_empty(&queues, &destinations, wait)
        .await
        .map_err(after)?;
    let from = context.stack.output(queue.output())?;
    let is_back = |message: &Message| {
        let is_new = !confirmed.ids.contains(&message.id) && moved.has(&message.body);
        is_new.then(|| MessageSummary::of(queue, message))
    };
    let look = queues.look(from, Extent::whole(usize::MAX), is_back).await;
    let mut look = look.map_err(after)?;
    // A copy that Graph sent meanwhile looks the same.
    look.found.truncate(outcome.moved);
    // Without a count, each may be among those that were not looked at.
    outcome.unseen_back = look.unseen.count.unwrap_or(outcome.moved);
    outcome.back = look.found;
    Ok(outcome.answer(queue))
}

/// What was done of a move.
#[derive(Default)]
struct Done<'c> {
    moved: Moved,
    left: Left,
    /// The URLs of the queues that got messages.
    destinations: BTreeSet<&'c str>,
}

/// Moves messages, and notes in `done` what was done.
async fn move_back<'c>(
    context: &'c Context,
    queue: Queue,
    confirmed: &Confirmed,
    done: &RefCell<Done<'c>>,
) -> Result<Unseen, Failure> {
    let queues = Queues::new(&context.aws);
    let from = context.stack.output(queue.output())?;
    let opened = queues.open(from).await?;
    let now = Timestamp::now();
    let work = visit_messages(&opened, Extent::whole(confirmed.ids.len()), async |message| {
        if !confirmed.ids.contains(&message.id) {
            return Ok(Visited::Skipped);
        }
        if is_too_old(MessageSummary::of(queue, &message).received_at, now) {
            done.borrow_mut().left.too_old += 1;
            return Ok(Visited::Kept);
        }
        // Not every stack has a reader, whose windows nobody else understands.
        let Ok(to) = context.stack.output(queue.retried_from(&message.body)) else {
            done.borrow_mut().left.windows += 1;
            return Ok(Visited::Kept);
        };
        queues.move_message(&message, from, to).await?;
        let mut done = done.borrow_mut();
        done.moved.push(&message.body);
        done.destinations.insert(to);
        Ok(Visited::Removed)
    });
    let state = || format!("{} of {}", done.borrow().moved.count(), confirmed.ids.len());
    Progress::start("Moving").during(&state, work).await
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
pub(super) async fn delete(
    context: &Context,
    queue: Queue,
    filter: &Filter,
    yes: bool,
) -> Result<Answer, Failure> {
    let question = format!(
        "Delete these messages from {}? This cannot be undone.",
        queue.name()
    );
    let confirmed = Confirmed::ask(context, queue, filter, &question, yes).await?;
    let url = context.stack.output(queue.output())?;
    let queues = Queues::new(&context.aws);
    let (dropped, selected) = (Cell::new(0), confirmed.ids.len());
    let done = || outcome::done_of_selected(dropped.get(), selected, "deleted");
    let mut missed_by = None;
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
        missed_by = Some(work.map_err(|failure| failure.after(&done()))?.cause);
    }
    let unseen = confirmed.unseen;
    let more = unseen.and_then(|unseen| unseen.text(queue)).unwrap_or_default();
    let missed = outcome::not_found_again(selected.saturating_sub(dropped.get()), missed_by);
    let not_looked_at = unseen.map_or(Some(0), |unseen| unseen.count);
    Ok(Answer {
        json: json!({"selected": selected, "deleted": dropped.get(), "notLookedAt": not_looked_at}),
        text: match selected {
            0 => nothing_found(queue, confirmed.looked_at) + &more,
            _ => format!("{}\n{missed}{more}", done()),
        },
        needs_person: dropped.get() < selected || unseen.is_some_and(|unseen| !unseen.is_nothing()),
    })
}

const PAUSE: Duration = Duration::from_millis(500);
