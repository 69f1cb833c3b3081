//! A change whose notification Graph loses, and the events about the loss.

use graph_simulator::{Item, LifecycleEvent, Post, SentItem, Simulator};
use serde::Deserialize;
use serde_json::json;

use super::{Error, Sent, case::Case};
use crate::Message;

/// Loses the notification of a change, and lets Graph send `missed`. Returns the expected event.
pub(super) async fn lose_notification(
    simulator: &Simulator,
    case: &'static Case,
    subscription: &str,
    item: Item,
) -> Result<Sent, Error> {
    let resource = resource(case, &item.id);
    simulator.lose_notifications(subscription, true);
    simulator
        .send(Post::new().change(subscription, case.change_type).about(&item.id))
        .await?;
    simulator.lose_notifications(subscription, false);
    let missed = Post::new().lifecycle(subscription, LifecycleEvent::Missed);
    let report = simulator.send(missed).await?;
    let attempt = report.posts.first().and_then(|post| post.attempts.first());
    Ok(Sent {
        case,
        at: attempt
            .map(|attempt| attempt.at.as_millisecond())
            .unwrap_or_default(),
        accepted: report.delivered(),
        item: SentItem {
            index: 0,
            subscription_id: subscription.to_owned(),
            item: json!({"resource": resource}),
            content: None,
        },
    })
}

/// Returns the path of an item in events of the reader.
fn resource(case: &Case, id: &str) -> String {
    let segments: Vec<&str> = case.resource.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        [users, user, collection] => format!("{users}('{user}')/{collection}('{id}')"),
        _ => String::new(),
    }
}

/// Returns whether an event is about a gap, or about its catch-up.
pub(super) fn is_about_a_gap(body: &str) -> bool {
    let event: Option<Event<'_>> = serde_json::from_str(body).ok();
    event.is_some_and(|event| [MISSED, COMPLETED].contains(&event.event_type))
}

/// Returns whether consumers have the event that a subscription's gap was read completely.
pub(super) fn is_complete(subscription: &str, delivered: &[Message]) -> bool {
    let mut events = delivered
        .iter()
        .filter_map(|message| serde_json::from_str::<Event<'_>>(&message.body).ok());
    events.any(|event| {
        event.event_type == COMPLETED && event.subscription == subscription && event.data.complete
    })
}

/// The compared parts of an event about a gap.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    subscription: &'a str,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    complete: bool,
}

/// How many events there are about one gap.
pub(super) const EVENTS: usize = 2;

const MISSED: &str = "Microsoft.Graph.SubscriptionMissed";

const COMPLETED: &str = "Microsoft.Graph.CatchUpCompleted";
