//! Events about gaps, with which a consumer can catch up.
//!
//! They go to the same queue as change events, so that no consumer can miss them.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{
    application::{Application, Guid},
    models::event_type,
    notification::{
        cloud_event::{self, CloudEvent},
        identity::{digest, partition_of_resource},
    },
};

/// A period in which notifications of a subscription may have been lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What happened.
    pub kind: GapKind,
    /// The subscription's name.
    pub name: String,
    /// The owner of the subscription.
    pub application: Application,
    /// Graph's id of the affected subscription, if known.
    pub subscription_id: Option<String>,
    /// Graph's id of its successor.
    pub new_subscription_id: Option<String>,
    /// The watched resource, if known.
    pub resource: Option<String>,
    /// The beginning of the period, if known.
    pub from: Option<Timestamp>,
    /// The end of the period.
    pub until: Timestamp,
    /// The reason, in words.
    pub reason: String,
}

/// What happened to a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// Graph could not deliver some notifications (Microsoft Graph, *lifecycle notifications*, `missed`).
    Missed,
    /// Graph removed the subscription (`subscriptionRemoved`), and renewal created it again.
    Removed,
    /// Renewal had to create the subscription again for another reason.
    Recreated,
}

impl GapKind {
    /// Returns the type of the event.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Missed => event_type::SUBSCRIPTION_MISSED,
            Self::Removed => event_type::SUBSCRIPTION_REMOVED,
            Self::Recreated => event_type::SUBSCRIPTION_RECREATED,
        }
    }

    /// Returns how the gap is proven: by the client state of the notification that tells of it, or by what Graph was asked.
    fn proof(self) -> &'static str {
        match self {
            Self::Missed => "clientState",
            Self::Removed | Self::Recreated => "read",
        }
    }
}

/// Returns the beginning of a gap after a subscription that existed until `end`: earlier notifications may still have
/// been waiting for a retry, and Graph drops these with the subscription. A subscription that was created at `made_at`
/// has none from before.
#[must_use]
pub fn lost_since(end: Timestamp, made_at: Option<Timestamp>) -> Timestamp {
    let retried = end.saturating_sub(RETRIED_FOR).unwrap_or(Timestamp::MIN);
    let existed = made_at.and_then(|made_at| made_at.saturating_sub(CREATED_WITHIN).ok());
    existed.map_or(retried, |existed| existed.max(retried).min(end))
}

/// How long Graph retries a notification (Microsoft Graph, *Receive change notifications through webhooks*).
const RETRIED_FOR: SignedDuration = SignedDuration::from_hours(4);

/// How long before its answer Graph may have created a subscription: a creation is called off after a minute.
const CREATED_WITHIN: SignedDuration = SignedDuration::from_mins(1);

impl Gap {
    /// Returns the `CloudEvents` 1.0 document for consumers. The same gap always has the same id.
    #[must_use]
    pub fn document(&self) -> Value {
        let resource = self.resource.as_ref().unwrap_or(&self.name);
        // Serialised from a struct whose values are all valid JSON, so the default is never used.
        serde_json::to_value(CloudEvent {
            specversion: cloud_event::VERSION,
            id: &self.id(),
            source: self.application.source(),
            event_type: self.kind.event_type().into(),
            subject: Some(format!("subscriptions/{}", self.name).into()),
            time: self.until,
            datacontenttype: cloud_event::JSON,
            subscription: &self.name,
            partitionkey: &partition_of_resource(self.application.tenant_id, resource),
            data: Data {
                subscription_id: self.subscription_id.as_deref(),
                new_subscription_id: self.new_subscription_id.as_deref(),
                tenant_id: self.application.tenant_id,
                proof: self.kind.proof(),
                resource: self.resource.as_deref(),
                lost_from: self.from,
                lost_until: self.until,
                reason: &self.reason,
            },
        })
        .unwrap_or_default()
    }

    /// Returns whether the id of the event depends on the time: a subscription is removed or recreated once, but it can miss
    /// notifications many times. A gap of all subscriptions before the current one ended with its creation.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.kind == GapKind::Missed && self.subscription_id.is_some()
    }

    /// Returns the id of the event.
    #[must_use]
    pub fn id(&self) -> String {
        let (old, new) = (&self.subscription_id, &self.new_subscription_id);
        let (affected, moment) = if self.is_dated() {
            (old, self.until.to_string())
        } else {
            // By the successor: a later run, which repeats the event, may not know the old one.
            (if new.is_some() { new } else { old }, String::new())
        };
        digest(&[
            self.kind.event_type(),
            &self.application.tenant_id.to_string(),
            &self.application.client_id.to_string(),
            affected.as_deref().unwrap_or_default(),
            &moment,
        ])
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_subscription_id: Option<&'a str>,
    tenant_id: Guid,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_from: Option<Timestamp>,
    lost_until: Timestamp,
    reason: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::test_util::{application, guid};
    use serde_json::json;

    #[test]
    fn a_gap_reads_as_an_event() {
        let document = gap(GapKind::Recreated, "2026-11-22T10:00:00Z").document();
        assert_eq!(
            document,
            json!({
                "specversion": "1.0", "id": document["id"], "source": application(("t", "c")).source(),
                "type": "Microsoft.Graph.SubscriptionRecreated", "subject": "subscriptions/mail/4f",
                "time": "2026-11-22T10:00:00Z", "datacontenttype": "application/json", "subscription": "mail/4f",
                "partitionkey": document["partitionkey"],
                "data": {
                    "subscriptionId": "old", "newSubscriptionId": "new", "tenantId": guid("t"), "proof": "read",
                    "resource": "/users/4f/messages", "lostFrom": "2026-11-22T09:00:00Z",
                    "lostUntil": "2026-11-22T10:00:00Z", "reason": "it was gone",
                },
            })
        );
    }

    #[test]
    fn a_gap_says_how_it_is_proven() {
        for (kind, proof) in [
            (GapKind::Missed, "clientState"),
            (GapKind::Removed, "read"),
            (GapKind::Recreated, "read"),
        ] {
            let document = gap(kind, "2026-11-22T10:00:00Z").document();
            assert_eq!(document["data"]["proof"], proof, "{kind:?}");
        }
    }

    #[test]
    fn a_gap_has_the_partition_key_of_its_resource() {
        let key = |resource: Option<&str>| {
            let of = gap(GapKind::Missed, "2026-11-22T10:00:00Z");
            let resource = resource.map(str::to_owned);
            Gap { resource, ..of }.document()["partitionkey"].clone()
        };
        let watched = key(Some("/users/4f/messages"));
        assert_eq!(watched.as_str().map(str::len), Some(22));
        assert_eq!(
            watched,
            key(Some("Users('4f')/Messages")),
            "one key for all spellings"
        );
        assert_ne!(watched, key(Some("/users/5a/messages")));
        assert_ne!(watched, key(None));
    }

    #[test]
    fn the_same_gap_has_the_same_id_and_others_have_others() {
        let id = |kind, until| gap(kind, until).document()["id"].clone();
        let (ten, eleven) = ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z");
        assert_eq!(id(GapKind::Removed, ten), id(GapKind::Removed, eleven));
        assert_ne!(id(GapKind::Removed, ten), id(GapKind::Recreated, ten));
        let of_unknown = Gap {
            subscription_id: None,
            ..gap(GapKind::Recreated, eleven)
        };
        assert_eq!(json!(of_unknown.id()), id(GapKind::Recreated, ten));
        assert_eq!(id(GapKind::Missed, ten), id(GapKind::Missed, ten));
        assert_ne!(id(GapKind::Missed, ten), id(GapKind::Missed, eleven));
        let of_predecessors = |until: &str| {
            let subscription_id = None;
            Gap {
                subscription_id,
                ..gap(GapKind::Missed, until)
            }
            .id()
        };
        assert_eq!(of_predecessors(ten), of_predecessors(eleven));
        assert_ne!(json!(of_predecessors(ten)), id(GapKind::Missed, ten));
    }

    #[test]
    fn without_an_old_subscription_the_new_one_distinguishes_gaps() {
        let of_new = |id: &str| Gap {
            subscription_id: None,
            new_subscription_id: Some(id.to_owned()),
            ..gap(GapKind::Recreated, "2026-11-22T10:00:00Z")
        };
        let (one, other) = (of_new("1").document(), of_new("2").document());
        assert_eq!(one["data"].get("subscriptionId"), None);
        assert_ne!(one["id"], other["id"]);
    }

    fn gap(kind: GapKind, until: &str) -> Gap {
        Gap {
            kind,
            name: "mail/4f".to_owned(),
            application: application(("t", "c")),
            subscription_id: Some("old".to_owned()),
            new_subscription_id: Some("new".to_owned()),
            resource: Some("/users/4f/messages".to_owned()),
            from: Some("2026-11-22T09:00:00Z".parse().unwrap()),
            until: until.parse().unwrap(),
            reason: "it was gone".to_owned(),
        }
    }
}
