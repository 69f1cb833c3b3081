//! Consumes events of DeliveryQueue: each change once. A failed event does not delay the others of its batch.

mod action;
mod moment;
mod seen;

use std::{sync::Arc, time::Duration};

use action::Action;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use graph_events::DeliveredEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use seen::{Claim, Seen, since_1970};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let seen = &Arc::new(Seen::from_env().await?);
    let consume = move |body, deadline| consume(body, Arc::clone(seen), deadline);
    lambda_runtime::run(service_fn(move |batch| handle(batch, consume))).await
}

/// Consumes a batch and returns the messages that failed; SQS hands over only those again.
async fn handle<F>(
    batch: LambdaEvent<SqsEvent>,
    consume: impl Fn(String, u64) -> F,
) -> Result<SqsBatchResponse, Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (deadline, messages) = (batch.context.deadline, batch.payload.records);
    let share = share_of(deadline, messages.len());
    let mut response = SqsBatchResponse::default();
    for message in messages {
        let consumed = consume(message.body.unwrap_or_default(), deadline);
        if let Err(error) = alone(share, consumed).await {
            let id = message.message_id.unwrap_or_default();
            eprintln!("Message {id} failed and stays in the queue: {error}");
            response.add_failure(id);
        }
    }
    Ok(response)
}

/// Runs a task for at most `share`. One that panics or hangs does not take the rest of its batch with it.
async fn alone<F>(share: Duration, task: F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    tokio::spawn(tokio::time::timeout(share, task)).await??
}

/// Returns an equal share of the time until `deadline` for each message, but for a second to answer in.
fn share_of(deadline: u64, messages: usize) -> Duration {
    let left = Duration::from_millis(deadline).saturating_sub(since_1970() + Duration::from_secs(1));
    left / u32::try_from(messages.max(1)).unwrap_or(u32::MAX)
}

/// Processes an event that was not processed before. `deadline` is when this invocation ends, in milliseconds since 1970.
async fn consume(body: String, seen: Arc<Seen>, deadline: u64) -> Result<(), Error> {
    let event = DeliveredEvent::parse(&body)?;
    match seen.claim(&event.id, deadline).await? {
        Claim::Done => Ok(()),
        Claim::Running => Err("another invocation is processing the same event".into()),
        Claim::Granted => {
            process(&event, Action::of(&event)?, &seen).await?;
            // Only now: an invocation that ends before leaves the event to the next one.
            seen.finish(&event.id).await
        }
    }
}

/// Your code. The id of an event is remembered only if this returns `Ok`, so make it safe to run twice. The event has its
/// tenant in `data.tenant_id`. Log no content.
async fn process(event: &DeliveredEvent, action: Action, seen: &Seen) -> Result<(), Error> {
    let (kind, name, tenant) = (&event.event_type, &event.subscription, &event.data.tenant_id);
    let path = event.subject.as_deref().unwrap_or_default();
    let is_state = matches!(action, Action::Store(_) | Action::Delete);
    // Put the condition of `keep` into the write of your own store, content included: of a check and a later write, two
    // invocations can mix the order up.
    if is_state && !seen.keep(event, moment::of(event)?).await? {
        println!("{kind}: a later state of {path} is kept, tenant {tenant}");
        return Ok(());
    }
    match action {
        Action::Store(_resource) => println!("{kind}: store {path}, tenant {tenant}"),
        // What you read is the state of now: `keep` it with the `moment::number` of when you asked.
        Action::Fetch => {
            println!("{kind}: GET {path}, tenant {tenant}; 404 means that it was deleted or moved")
        }
        Action::Delete => println!("{kind}: delete {path}, tenant {tenant}"),
        Action::Await(gap) => println!(
            "{kind}: {name} of tenant {tenant} has a gap since {:?}",
            gap.lost_from
        ),
        Action::CaughtUp(done) => match (done.part.value(), done.parts.value()) {
            (Some(part), Some(parts)) => {
                println!(
                    "{kind}: part {part} of a gap of {name}, tenant {tenant}, is closed; the gap is when all {parts} are"
                );
            }
            _ => println!("{kind}: a gap of {name}, tenant {tenant}, is closed"),
        },
        Action::CatchUp(done) => println!(
            "{kind}: read {:?} (part {:?}), tenant {tenant}, from {:?} until {:?}: not seen were {:?}, because of {:?}",
            done.resource, done.part, done.from, done.until, done.unseen, done.reason
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_runtime::Context;
    use serde_json::json;

    #[tokio::test]
    async fn a_message_that_fails_panics_or_hangs_fails_alone() {
        let bodies = ["fine", "fails", "panics", "hangs", "fine"];
        let records: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(id, body)| json!({"messageId": id.to_string(), "body": body}))
            .collect();
        let batch = serde_json::from_value(json!({"Records": records})).unwrap();
        // Its deadline has passed: what does not end at once has no time.
        let batch = LambdaEvent::new(batch, Context::default());
        let response = handle(batch, |body, _| async move {
            match body.as_str() {
                "fine" => Ok(()),
                "fails" => Err("failed".into()),
                "panics" => panic!("a defect"),
                _ => std::future::pending().await,
            }
        });
        let failed: Vec<_> = response
            .await
            .unwrap()
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        assert_eq!(failed, ["1", "2", "3"]);
    }

    #[test]
    fn messages_share_the_time_that_is_left() {
        let deadline = u64::try_from((since_1970() + Duration::from_secs(31)).as_millis()).unwrap();
        let share = share_of(deadline, 10);
        assert!(
            share <= Duration::from_secs(3) && share > Duration::from_millis(2_900),
            "{share:?}"
        );
        assert_eq!(share_of(0, 0), Duration::ZERO);
    }
}
