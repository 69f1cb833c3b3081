//! The removals of a batch that have happened, as far as a process can prove it.

use std::collections::BTreeSet;

use graph_core::{application::Application, subscription::plan::UnreadRemovals};
use graph_edge::deadline::Deadline;
use serde_json::Value;

use super::{
    Event, Kind,
    answer::{Answers, Verdict},
};
use crate::{
    Deps,
    ports::{Ports, STATE_WITHIN},
    run::state,
};

/// The removals of which this process, or one before it, made the successors after the events had arrived: the subscriptions
/// were really gone. What no queue takes comes again, perhaps to a process that did not make them.
pub(super) struct Removals<'d, P: Ports> {
    deps: &'d Deps<P>,
    proven: BTreeSet<(Application, String)>,
    /// What is stored.
    unread: UnreadRemovals,
}

impl<'d, P: Ports> Removals<'d, P> {
    /// Returns those of the events, after the run over what is gone.
    pub(super) async fn of<'e, 'r: 'e>(
        answers: &Answers<'d, P>,
        events: impl Iterator<Item = (&'e (&'r Value, Event), &'e Verdict)>,
    ) -> Self {
        let removed =
            events.filter(|((_, event), verdict)| event.kind == Kind::Removed && **verdict == Verdict::Gone);
        let removed: Vec<&Event> = removed.map(|((_, event), _)| event).collect();
        let unread = if removed.is_empty() {
            UnreadRemovals::default()
        } else {
            state::unread_removals(answers.deps, Deadline::after(STATE_WITHIN)).await
        };
        let is_proven =
            |event: &&Event| answers.has_made(event) || unread.has(event.application, &event.subscription_id);
        let proven = removed.into_iter().filter(is_proven).map(key).collect();
        Self {
            deps: answers.deps,
            proven,
            unread,
        }
    }

    /// Returns whether the subscription was really gone.
    pub(super) fn has_happened(&self, event: &Event) -> bool {
        self.proven.contains(&key(event))
    }

    /// Stores which of the events come again, each with whether it has `failed`.
    pub(super) async fn store<'e>(
        &self,
        events: impl Iterator<Item = (&'e Event, bool)>,
        deadline: Deadline,
    ) {
        let proven = events.filter(|(event, _)| event.kind == Kind::Removed && self.has_happened(event));
        let changed = proven
            .filter(|(event, failed)| self.unread.has(event.application, &event.subscription_id) != *failed);
        let changed =
            changed.map(|(event, failed)| (event.application, event.subscription_id.as_str(), failed));
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            state::set_unread_removals(self.deps, &changed, deadline).await;
        }
    }
}

fn key(event: &Event) -> (Application, String) {
    (event.application, event.subscription_id.clone())
}
