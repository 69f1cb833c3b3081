//! Consumes events of DeliveryQueue: each change once. A failed event does not delay the others of its batch.

mod action;
mod seen;

use action::Action;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use graph_events::DeliveredEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use seen::{Claim, Seen};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let seen = &Seen::from_env().await?;
    lambda_runtime::run(service_fn(move |batch| handle(batch, seen))).await
}

/// Consumes a batch and returns the messages that failed; SQS hands over only those again.
async fn handle(batch: LambdaEvent<SqsEvent>, seen: &Seen) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in batch.payload.records {
        let body = message.body.as_deref().unwrap_or_default();
        if let Err(error) = consume(body, seen, batch.context.deadline).await {
            let id = message.message_id.unwrap_or_default();
            eprintln!("Message {id} failed and stays in the queue: {error}");
            response.add_failure(id);
        }
    }
    Ok(response)
}

/// Processes an event that was not processed before. `deadline` is when this invocation ends, in milliseconds since 1970.
async fn consume(body: &str, seen: &Seen, deadline: u64) -> Result<(), Error> {
    let event = DeliveredEvent::parse(body)?;
    match seen.claim(&event.id, deadline).await? {
        Claim::Done => Ok(()),
        Claim::Running => Err("another invocation is processing the same event".into()),
        Claim::Granted => {
            process(&event, Action::of(&event)?).await?;
            // Only now: an invocation that ends before leaves the event to the next one.
            seen.finish(&event.id).await
        }
    }
}

/// Your code. The id of an event is remembered only if this returns `Ok`, so make it safe to run twice.
async fn process(event: &DeliveredEvent, action: Action) -> Result<(), Error> {
    let (kind, name) = (&event.event_type, &event.subscription);
    let path = event.subject.as_deref().unwrap_or_default();
    match action {
        Action::Store(resource) => println!("{kind}: store {path}: {resource:?}"),
        Action::Fetch => println!("{kind}: GET the current state of {path}; 404 means that it was deleted or moved"),
        Action::Delete => println!("{kind}: delete {path}"),
        Action::Await(gap) => println!("{kind}: {name} has a gap since {:?}", gap.lost_from),
        Action::CatchUp(gap) => println!("{kind}: read {name} from {:?}: {:?}", gap.from, gap.reason),
        Action::Nothing => println!("{kind}: a gap of {name} is closed"),
    }
    Ok(())
}
