//! A subscription that Graph removes, and its successor.

use std::{fmt::Write as _, time::Instant};

use serde_json::Value;

use super::{Error, RECEIVE_TIMEOUT, TIMEOUT, subscriptions};
use crate::{Message, Pair};
use graph_simulator::{LifecycleEvent, Post};

/// The result of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecreatedSubscription {
    name: &'static str,
    /// Graph's id of the removed subscription.
    before: String,
    /// Graph's id of its successor.
    after: Option<String>,
    /// The body of the event for consumers.
    pub(super) event: Option<String>,
    milliseconds: u128,
}

/// Removes the subscription called `name` with a lifecycle notification, and waits for renewal to create it again.
pub(super) async fn remove(
    pair: &Pair,
    name: &'static str,
    before: String,
) -> Result<RecreatedSubscription, Error> {
    let Pair { stack, simulator } = pair;
    let started = Instant::now();
    let post = Post::new().lifecycle(&before, LifecycleEvent::SubscriptionRemoved);
    simulator.send(post).await?;
    let is_about_it = |message: &Message| message.body.contains(&before);
    let mut events = Vec::new();
    while !events.iter().any(is_about_it) && started.elapsed() < TIMEOUT {
        events.extend(
            stack
                .receive(stack.output("DeliveryQueueUrl")?, RECEIVE_TIMEOUT, |got| {
                    got.iter().any(is_about_it)
                })
                .await?,
        );
    }
    let event = events.into_iter().find(is_about_it).map(|message| message.body);
    Ok(RecreatedSubscription {
        after: subscriptions(simulator).remove(name),
        milliseconds: started.elapsed().as_millis(),
        name,
        before,
        event,
    })
}

impl RecreatedSubscription {
    /// Returns whether there is a successor, and consumers have the event.
    pub(super) fn is_right(&self) -> bool {
        let is_new = self.after.as_ref().is_some_and(|after| *after != self.before);
        is_new && self.has_right_event()
    }

    /// Returns the result as text.
    pub(super) fn text(&self) -> String {
        let Self { name, before, .. } = self;
        let mut text = "Graph removes a subscription and sends subscriptionRemoved:\n".to_owned();
        let _ = match &self.after {
            Some(after) if after != before => writeln!(
                text,
                "ok      {name}: renewal has created it again after {} ms\n        \
                 before {before}\n        now    {after}",
                self.milliseconds
            ),
            _ => writeln!(
                text,
                "WRONG   {name}: renewal has not created it again after {} ms;\n        \
                 LifecycleQueue or RenewalFunction has failed",
                self.milliseconds
            ),
        };
        let _ = match self.event("/type") {
            Some(event) if self.has_right_event() => {
                write!(text, "ok      DeliveryQueue has {event}")
            }
            Some(event) => write!(
                text,
                "WRONG   DeliveryQueue has {event}\n        which says something else"
            ),
            None => write!(
                text,
                "WRONG   DeliveryQueue has no event that says so to consumers"
            ),
        };
        text
    }

    /// Returns whether consumers have the right event.
    fn has_right_event(&self) -> bool {
        self.event("/type").as_deref() == Some("Microsoft.Graph.SubscriptionRemoved")
            && self.event("/subscription").as_deref() == Some(self.name)
            && self.event("/data/newSubscriptionId") == self.after
    }

    /// Returns the value of the event at a JSON pointer.
    fn event(&self, pointer: &str) -> Option<String> {
        let event: Value = serde_json::from_str(self.event.as_deref()?).ok()?;
        Some(event.pointer(pointer)?.as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::columns::COLUMNS, *};

    #[test]
    fn a_successor_that_consumers_know_of_is_right() {
        assert!(recreated(Some("new"), "SubscriptionRemoved", "new").is_right());
        assert!(
            recreated(Some("new"), "SubscriptionRemoved", "new")
                .text()
                .contains("now    new")
        );
    }

    #[test]
    fn no_successor_no_event_or_another_one_is_wrong() {
        for wrong in [
            recreated(None, "SubscriptionRemoved", "new"),
            recreated(Some("old"), "SubscriptionRemoved", "old"),
            recreated(Some("new"), "SubscriptionMissed", "new"),
            recreated(Some("new"), "SubscriptionRemoved", "another"),
            RecreatedSubscription {
                event: None,
                ..recreated(Some("new"), "", "")
            },
        ] {
            assert!(!wrong.is_right() && wrong.text().contains("WRONG"), "{wrong:?}");
        }
    }

    #[test]
    fn the_outcome_fits_into_80_columns() {
        let id = "e55957b4-5b28-4d0d-8f6e-d5411361cb29";
        for recreated in [
            recreated(Some(id), "SubscriptionRemoved", id),
            recreated(Some(id), "SubscriptionRecreated", "another"),
            recreated(None, "SubscriptionRemoved", id),
            RecreatedSubscription {
                event: None,
                ..recreated(Some(id), "", "")
            },
        ] {
            let text = recreated.text();
            assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        }
    }

    fn recreated(after: Option<&str>, event: &str, named: &str) -> RecreatedSubscription {
        let event = json!({
            "type": format!("Microsoft.Graph.{event}"), "subscription": "mail", "data": {"newSubscriptionId": named},
        });
        RecreatedSubscription {
            name: "mail",
            before: "old".to_owned(),
            after: after.map(str::to_owned),
            event: Some(event.to_string()),
            milliseconds: 1,
        }
    }
}
