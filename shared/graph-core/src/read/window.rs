//! A window of time to read for one subscription: the message in `ReadQueue`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::shortfall::Shortfall;
use crate::{
    application::Application,
    notification::{
        client_state::{ClientStateKeys, Proven},
        seal::{NoKey, Sealed, seal},
    },
    subscription::{
        compare::is_key,
        config::{Config, Entry, ForEach, Tenant},
        plan::gap::{Gap, GapKind},
    },
};

/// One unit of work: what changed in a subscription's resource from `from` until `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// Always `window`: tells the message from an item to fetch.
    pub read: Tag,
    /// The application that the subscription belongs to.
    #[serde(flatten)]
    pub application: Application,
    /// The subscription's name.
    pub subscription: String,
    /// The resource of the subscription.
    pub resource: String,
    /// When the window begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The id of the gap event that the window belongs to. Without one, no event says that it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// Whether the loss may have begun earlier than the window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clipped: bool,
    /// The part of a tenant-wide resource, and how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The ids of other gap events that this window covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// What was read before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// Tells the message from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tag {
    /// A window of time.
    #[default]
    Window,
}

/// A part of a resource: one team, one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The id of the team or user.
    pub id: String,
    /// How many parts the window was split into.
    pub of: usize,
}

/// Where a reading goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct At {
    /// Everything that changed before this is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
    /// Pages that are still to be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// When the list that is being read was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// How many items a page may have, where Microsoft Graph's choice was too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<u16>,
    /// How often Microsoft Graph was not ready.
    #[serde(skip_serializing_if = "is_none_yet")]
    pub waits: u16,
    /// How often the list was asked for once more.
    #[serde(skip_serializing_if = "is_zero")]
    pub again: u8,
    /// Whether Microsoft Graph refused the order, so that the list is read without one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unordered: bool,
    /// The ids of the parts that are still to become windows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// How many parts the resource was split into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Why the reading cannot be complete any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<Shortfall>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_yet(number: &u16) -> bool {
    *number == 0
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Items that were created.
    pub created: u64,
    /// Items that were changed.
    pub updated: u64,
    /// Items that were deleted.
    pub deleted: u64,
    /// Pages.
    pub pages: u64,
}

impl Window {
    /// Returns the window of a gap, whose event is called `gap_id`; nothing where the resource is not known.
    ///
    /// It begins a little before the loss; where nobody knows when that was, `back` before its end, and then the loss may
    /// have begun before: `missed` says no time.
    #[must_use]
    pub fn of_gap(gap: &Gap, gap_id: &str, back: SignedDuration) -> Option<Self> {
        let assumed = || gap.until.saturating_sub(back).unwrap_or(gap.until);
        let from = gap.from.map(|from| from.saturating_sub(OVERLAP).unwrap_or(from));
        let owner = Proven {
            subscription: gap.name.clone(),
            application: gap.application,
        };
        let from = from.unwrap_or_else(assumed).min(gap.until);
        Some(Self {
            gap: Some(gap_id.to_owned()),
            // Graph says `missed` of what it gave up after the retries of four hours, and retries `missed` itself for as long.
            clipped: gap.from.is_none() && (gap.kind != GapKind::Missed || back < RETRIES),
            ..Self::without_gap(&owner, gap.resource.clone()?, from, gap.until)
        })
    }

    /// Returns the window of a change whose notification does not say what changed; no event says that it was read.
    #[must_use]
    pub fn without_gap(owner: &Proven, resource: String, from: Timestamp, until: Timestamp) -> Self {
        Self {
            read: Tag::Window,
            application: owner.application,
            subscription: owner.subscription.clone(),
            resource,
            from,
            until,
            gap: None,
            clipped: false,
            part: None,
            also: Vec::new(),
            at: None,
            counts: None,
        }
    }

    /// Returns how long to wait before the window is read: until `settle` after its end. Microsoft Graph's lists show a change
    /// some time after it happened, and nothing notifies of the last changes of a gap once more.
    #[must_use]
    pub fn settles_in(&self, settle: SignedDuration, now: Timestamp) -> Duration {
        let settled_at = self.until.saturating_add(settle).unwrap_or(self.until);
        Duration::try_from(settled_at.duration_since(now)).unwrap_or_default()
    }

    /// Returns the window, to be tried again; nothing after `most` tries.
    #[must_use]
    pub fn waited(mut self, most: u16) -> Option<Self> {
        let at = self.at.get_or_insert_default();
        at.waits += 1;
        (at.waits < most).then_some(self)
    }

    /// Reads a queue message; nothing when it is not a window, or over a limit.
    #[must_use]
    pub fn parse(message: Sealed<'_>) -> Option<Self> {
        let window: Self = serde_json::from_str(message.body()).ok()?;
        let is_within = window.links() <= MAX_LINKS && window.also.len() < MAX_GAPS;
        let parts = window.at.as_ref().map_or(&[][..], |at| &at.parts);
        let ids = window.part.iter().map(|part| &part.id).chain(parts);
        let is_fit = parts.len() <= MAX_PARTS && ids.into_iter().all(|id| is_fit(id));
        (window.from <= window.until && is_within && is_fit).then_some(window)
    }

    /// Returns the body of the queue message.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no key to seal it with.
    pub fn to_body(&self, keys: &ClientStateKeys, now: Timestamp) -> Result<String, NoKey> {
        seal(&serde_json::to_string(self).unwrap_or_default(), keys, now)
    }

    /// Returns whose it is.
    #[must_use]
    pub fn owner(&self) -> Proven {
        Proven {
            subscription: self.subscription.clone(),
            application: self.application,
        }
    }

    /// Returns the configured entry and tenant that the window is about.
    ///
    /// A window names nothing but what is configured: a message that somebody else wrote cannot have more read than the
    /// configuration asks for.
    #[must_use]
    pub fn configured<'c>(&self, config: &'c Config) -> Option<(&'c Entry, &'c Tenant)> {
        let (entry, tenant, resource) = configured(config, &self.subscription, self.application)?;
        (resource == self.resource).then_some((entry, tenant))
    }

    /// Takes in another window of the same subscription, when both can be read as one.
    ///
    /// # Errors
    ///
    /// Returns the other window when it is of something else, or one of the two has begun to be read.
    pub fn join(&mut self, other: Self) -> Result<(), Box<Self>> {
        let of = |window: &Self| {
            (
                window.application,
                [&window.subscription, &window.resource].map(String::clone),
                window.part.clone(),
                window.gap.is_some(),
            )
        };
        let is_new = |window: &Self| window.at.is_none() && window.counts.is_none();
        let gaps = 2 + self.also.len() + other.also.len();
        if of(self) != of(&other) || !is_new(self) || !is_new(&other) || gaps > MAX_GAPS {
            return Err(Box::new(other));
        }
        self.from = self.from.min(other.from);
        self.until = self.until.max(other.until);
        self.clipped |= other.clipped;
        let known = self.gap.clone();
        let gaps = other.gap.into_iter().chain(other.also);
        self.also.extend(gaps.filter(|gap| Some(gap) != known.as_ref()));
        self.also.sort_unstable();
        self.also.dedup();
        Ok(())
    }

    fn links(&self) -> usize {
        self.at.as_ref().map_or(0, |at| at.links.len())
    }
}

/// Returns the entry and tenant of a configured subscription, and its resource.
#[must_use]
pub fn configured<'c>(
    config: &'c Config,
    subscription: &str,
    application: Application,
) -> Option<(&'c Entry, &'c Tenant, String)> {
    let (name, object) = match subscription.split_once('/') {
        Some((name, object)) => (name, Some(object)),
        None => (subscription, None),
    };
    let entry = config.subscriptions.get(name)?;
    let is_theirs = |tenant: &&Tenant| tenant.application == application;
    let mut tenants = entry.tenants.iter().filter_map(|name| config.tenants.get(name));
    Some((entry, tenants.find(is_theirs)?, resource_of(entry, object)?))
}

/// Returns the resource of the subscription for `object`, or of the entry itself.
fn resource_of(entry: &Entry, object: Option<&str>) -> Option<String> {
    match (&entry.for_each, object) {
        (None, None) => Some(entry.resource.clone()),
        (Some(of), Some(object)) => {
            let is_listed = !matches!(of, ForEach::Ids(ids) if !ids.iter().any(|id| id == object));
            (is_fit(object) && is_listed).then(|| entry.resource.replace("{id}", object))
        }
        _ => None,
    }
}

/// Returns whether an id can stand in a path and be nothing but an id.
fn is_fit(id: &str) -> bool {
    is_key(id) && id != "." && id != ".." && !id.contains(['(', ')'])
}

/// How much earlier than the loss a window begins.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(5);

/// How long before `missed` arrives the first of the missed notifications may have been due: four hours of retries of the
/// notification, four of `missed`, and some time to spare.
const RETRIES: SignedDuration = SignedDuration::from_mins(8 * 60 + 30);

/// How many gaps one window may cover.
const MAX_GAPS: usize = 100;

/// How often Microsoft Graph is waited for.
pub(super) const MAX_WAITS: u16 = 500;

/// How many pages may wait: chains of replies that have pages of their own.
pub(super) const MAX_LINKS: usize = 100;

/// The most parts of one window; each is a message, and at least one read. Their ids fit into a message.
pub(super) const MAX_PARTS: usize = 20_000;
