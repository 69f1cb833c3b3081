//! What has to be fetched for the items of a batch.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{
    application::Application,
    notification::{
        item::{Malformed, Notification},
        queued::{Unfit, VerifiedItem},
    },
    read::{self, Fetch, Limit, Request, Window},
    subscription::config::{Config, Tenant},
};
use jiff::{SignedDuration, Timestamp};

use crate::batch::{self, Record, RejectedMessage};

/// An item to deliver.
pub(super) struct Item<'a> {
    pub(super) record: &'a Record,
    pub(super) verified: &'a VerifiedItem<'a>,
    pub(super) notification: Notification<'a>,
}

/// Items of one resource, and the GET that fetches its content; no GET where the items are delivered as they are.
pub(super) struct Group<'a, 'c> {
    pub(super) get: Option<Get<'c>>,
    /// Whether the items ask for content that nothing fetches.
    pub(super) is_missing: bool,
    pub(super) items: Vec<Item<'a>>,
}

/// A GET.
pub(super) struct Get<'c> {
    pub(super) tenant: &'c Tenant,
    pub(super) request: Request,
    pub(super) limit: Limit,
    pub(super) immutable_ids: bool,
}

/// A drive to read, and the ids of the messages that name it.
pub(super) struct Drive {
    pub(super) window: Window,
    pub(super) ids: Vec<String>,
}

/// The items of a batch, sorted.
#[derive(Default)]
pub(super) struct Sorted<'a, 'c> {
    groups: BTreeMap<String, Group<'a, 'c>>,
    drives: BTreeMap<(Application, String), Drive>,
    pub(super) rejected: Vec<RejectedMessage<'a>>,
    /// The items that name a resource outside of their subscription.
    pub(super) outside: Outside<'a>,
    /// Whether the configuration says of an item's subscription that its content is fetched, as the item does itself.
    pub(super) disagrees: bool,
}

/// Items that name a resource outside of their subscription.
#[derive(Default)]
pub(super) struct Outside<'a> {
    /// How many came for the first time.
    pub(super) items: usize,
    /// The subscriptions by application.
    pub(super) subscriptions: BTreeMap<Application, BTreeSet<&'a str>>,
}

/// What is fetched for an item.
enum Wanted<'c> {
    Get(Get<'c>),
    /// Nothing: the item has no content, or another event brings it.
    Nothing,
    /// Nothing, although the item asks for its content.
    Missing,
}

impl<'a, 'c> Sorted<'a, 'c> {
    /// Sorts items: several of one resource are one group.
    pub(super) fn of(
        items: &'a [(&'a Record, VerifiedItem<'a>)],
        config: &'c Config,
        now: Timestamp,
    ) -> Self {
        let mut sorted = Self::default();
        for (record, verified) in items {
            match change_to_fetch(verified, now) {
                Ok(notification) => sorted.add(
                    Item {
                        record,
                        verified,
                        notification,
                    },
                    config,
                    now,
                ),
                Err(unfit) => sorted.rejected.push(rejected(record, verified, unfit)),
            }
        }
        sorted
    }

    /// Returns the groups in lanes: Graph counts the reads of a mailbox together.
    pub(super) fn lanes(&mut self) -> Vec<Vec<Group<'a, 'c>>> {
        let groups = std::mem::take(&mut self.groups).into_values().collect();
        batch::by_mailbox(groups, Group::mailbox)
    }

    /// Returns the drives to read.
    pub(super) fn drives(&mut self) -> Vec<Drive> {
        std::mem::take(&mut self.drives).into_values().collect()
    }

    fn add(&mut self, item: Item<'a>, config: &'c Config, now: Timestamp) {
        let wanted = self.wanted(&item, config, now);
        let is_missing = matches!(wanted, Wanted::Missing);
        let get = match wanted {
            Wanted::Get(get) => Some(get),
            Wanted::Nothing | Wanted::Missing => None,
        };
        let without_get = if is_missing { "missing" } else { "" };
        let key = get.as_ref().map_or_else(|| without_get.to_owned(), Get::key);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            get,
            is_missing,
            items: Vec::new(),
        });
        group.items.push(item);
    }

    /// Returns what is fetched for an item.
    fn wanted(&mut self, item: &Item<'a>, config: &'c Config, now: Timestamp) -> Wanted<'c> {
        let proven = item.verified.proven();
        if item.notification.change_type.as_deref() == Some("deleted") {
            return Wanted::Nothing;
        }
        let configured = read::configured(config, &proven.subscription, proven.application);
        let Some((entry, tenant, resource)) = configured.filter(|(entry, ..)| entry.options.fetch_content)
        else {
            self.disagrees = true;
            return Wanted::Missing;
        };
        if tenant.credential.is_delegated() {
            return Wanted::Nothing;
        }
        let path = item.notification.resource.as_deref().unwrap_or_default();
        let data = item.notification.resource_data.as_ref();
        let named = data.and_then(|data| data.odata_id.as_deref());
        match read::fetch(&resource, path, named, proven.application.tenant_id) {
            Fetch::Get(request, limit) => Wanted::Get(Get {
                tenant,
                // Some resources exist in beta only, and content is of the version that the subscription is of.
                request: Request {
                    version: entry.version,
                    ..request
                },
                limit,
                immutable_ids: entry.options.immutable_ids,
            }),
            Fetch::Drive => {
                self.add_drive(item, resource, now);
                Wanted::Nothing
            }
            Fetch::Nothing => Wanted::Missing,
            Fetch::Refused => {
                self.outside.items += usize::from(item.record.tried <= 1);
                let subscriptions = self.outside.subscriptions.entry(proven.application);
                subscriptions.or_default().insert(&proven.subscription);
                self.disagrees = true;
                Wanted::Missing
            }
        }
    }

    /// Notes that a drive has to be read: its notifications name no file.
    fn add_drive(&mut self, item: &Item<'a>, resource: String, now: Timestamp) {
        let proven = item.verified.proven();
        let received_at = item.verified.queued().received_at;
        let until = drive_read_at(now);
        let from = received_at
            .saturating_sub(DRIVE_LOOKBACK)
            .unwrap_or(now)
            .min(until);
        let key = (proven.application, proven.subscription.clone());
        let drive = self.drives.entry(key).or_insert_with(|| Drive {
            window: Window::without_gap(proven, resource, from, until),
            ids: Vec::new(),
        });
        drive.window.from = drive.window.from.min(from);
        drive.ids.push(item.record.id.clone());
    }
}

impl Group<'_, '_> {
    fn mailbox(&self) -> String {
        self.get.as_ref().map_or_else(String::new, Get::mailbox)
    }
}

impl Get<'_> {
    /// Returns whose reads Microsoft Graph counts together.
    pub(super) fn mailbox(&self) -> String {
        batch::mailbox(self.tenant.application, &self.request.path)
    }

    fn key(&self) -> String {
        let Application { tenant_id, client_id } = self.tenant.application;
        let Request {
            path, query, version, ..
        } = &self.request;
        format!(
            "{tenant_id} {client_id} {} {version}{path} {query}",
            self.immutable_ids
        )
    }
}

/// Returns the change that an item tells of, if it asks for its content. Whoever may send to `ReadQueue` can move a genuine
/// message there from another queue: a lifecycle item, or content that only decryption may open.
fn change_to_fetch<'a>(verified: &VerifiedItem<'a>, now: Timestamp) -> Result<Notification<'a>, Unfit> {
    let notification = verified.read(now)?;
    let is_plain_change = notification.lifecycle_event.is_none() && notification.encrypted_content.is_none();
    if is_plain_change && verified.queued().fetches_content {
        Ok(notification)
    } else {
        Err(Malformed::Form.into())
    }
}

/// Returns the message of an item that no event can be made of.
pub(super) fn rejected<'a>(
    record: &'a Record,
    verified: &VerifiedItem<'_>,
    unfit: Unfit,
) -> RejectedMessage<'a> {
    RejectedMessage {
        record,
        reason: unfit.into(),
        owner: Some(verified.proven().clone()),
    }
}

/// How far back a drive is read for a notification: Graph's own latency.
const DRIVE_LOOKBACK: SignedDuration = SignedDuration::from_mins(15);

/// Returns when a drive is read of which a notification is here at `now`: half a minute later at the earliest. All notifications
/// of half a minute have one reading.
fn drive_read_at(now: Timestamp) -> Timestamp {
    let interval = DRIVE_READ_INTERVAL.as_secs();
    let earliest = now.as_second().saturating_add(interval);
    let slots = earliest.saturating_add(interval - 1).div_euclid(interval);
    Timestamp::from_second(slots.saturating_mul(interval)).unwrap_or(now)
}

/// Each drive is read once in so long, and so long after a notification at the least.
const DRIVE_READ_INTERVAL: SignedDuration = SignedDuration::from_secs(30);
