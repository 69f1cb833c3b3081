//! The event that says what was read of a gap, and whether that is all.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    shortfall::Shortfall,
    window::{Counts, Window},
};
use crate::{
    application::Guid,
    models::event_type,
    notification::{
        cloud_event::{self, CloudEvent},
        identity::{digest, partition_of_resource},
    },
};

/// What was read of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The window.
    pub window: Window,
    /// How much was read.
    pub counts: Counts,
    /// What the list does not show.
    pub unseen: Vec<&'static str>,
    /// Why something may be missing.
    pub shortfall: Option<Shortfall>,
    /// Why the resource has no list by time.
    pub why: Option<&'static str>,
    /// The least permission that reads the list, after a 403.
    pub permission: Option<&'static str>,
}

impl Completed {
    /// Returns whether everything that changed in the window was delivered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.shortfall.is_none() && self.unseen.is_empty() && !self.window.clipped
    }

    /// Returns what to say of a window that is given up.
    #[must_use]
    pub fn given_up(window: Window, shortfall: Shortfall) -> Self {
        Self {
            counts: window.counts.unwrap_or_default(),
            window,
            unseen: Vec::new(),
            shortfall: Some(shortfall),
            why: None,
            permission: None,
        }
    }

    /// Returns why something may be missing, in words.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        let clipped = self.window.clipped.then_some(Shortfall::Clipped);
        self.why.or(self.shortfall.or(clipped).map(Shortfall::reason))
    }

    /// Returns the `CloudEvents` 1.0 documents, one for each gap that was read. The same reading has the same id.
    #[must_use]
    pub fn documents(&self, now: Timestamp) -> Vec<Value> {
        let gaps = self.window.gap.iter().chain(&self.window.also);
        gaps.filter_map(|gap| self.document(gap, now)).collect()
    }

    fn document(&self, gap: &str, now: Timestamp) -> Option<Value> {
        let window = &self.window;
        let event = CloudEvent {
            specversion: cloud_event::VERSION,
            id: &self.id(gap),
            source: window.application.source(),
            event_type: event_type::CATCH_UP_COMPLETED.into(),
            subject: Some(format!("subscriptions/{}", window.subscription).into()),
            time: now,
            datacontenttype: cloud_event::JSON,
            subscription: &window.subscription,
            // That of the event about the gap: in order, the end of a reading follows it.
            partitionkey: &partition_of_resource(window.application.tenant_id, &window.resource),
            data: Data {
                gap,
                tenant_id: window.application.tenant_id,
                proof: "read",
                resource: &window.resource,
                part: window.part.as_ref().map(|part| part.id.as_str()),
                parts: window.part.as_ref().map(|part| part.of),
                from: window.from,
                until: window.until,
                complete: self.is_complete(),
                created: self.counts.created,
                updated: self.counts.updated,
                deleted: self.counts.deleted,
                pages: self.counts.pages,
                unseen: &self.unseen,
                reason: self.reason(),
                permission: self.permission,
            },
        };
        serde_json::to_value(event).ok()
    }

    /// Returns the id of the event. Another result has another id: a consumer that drops ids it has seen must not miss that a
    /// window, which an operator moved back, is complete at last.
    fn id(&self, gap: &str) -> String {
        let window = &self.window;
        digest(&[
            event_type::CATCH_UP_COMPLETED,
            &window.application.tenant_id.to_string(),
            &window.application.client_id.to_string(),
            &window.subscription,
            gap,
            window.part.as_ref().map_or("", |part| part.id.as_str()),
            self.reason().unwrap_or_default(),
            &self.unseen.join(" "),
        ])
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    gap: &'a str,
    tenant_id: Guid,
    proof: &'static str,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    from: Timestamp,
    until: Timestamp,
    complete: bool,
    created: u64,
    updated: u64,
    deleted: u64,
    pages: u64,
    unseen: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::test_util::application,
        subscription::plan::gap::{Gap, GapKind},
    };
    use jiff::SignedDuration;

    #[test]
    fn the_end_of_a_reading_is_in_the_partition_of_its_gap() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let id = "11111111-2222-3333-4444-555555555555";
        let gap = Gap {
            kind: GapKind::Missed,
            name: "mail".to_owned(),
            application: application((id, id)),
            subscription_id: None,
            new_subscription_id: None,
            resource: Some("/Users('1')/messages".to_owned()),
            from: None,
            until: now,
            reason: String::new(),
        };
        let window = Window::of_gap(&gap, &gap.id(), SignedDuration::from_hours(6)).unwrap();
        let events = Completed::given_up(window, Shortfall::NotReady).documents(now);
        let (key, of_gap) = (&events[0]["partitionkey"], &gap.document()["partitionkey"]);
        assert!(key.is_string());
        assert_eq!(key, of_gap);
    }
}
