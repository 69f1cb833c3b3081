//! Graph's list for an application, sorted by owner.

use std::borrow::Cow;

use super::{Action, Desired, Reason, Step};
use crate::application::Guid;
use crate::subscription::{
    compare::{same_change_types, same_resource},
    model::Subscription,
    url::{NotificationUrl, StackId},
};

/// The subscriptions that Graph lists for an application: those of this stack, and those of others.
///
/// A subscription belongs to this stack if its notification URL has the stack's id, whatever the address. Each URL is
/// parsed once for all uses in a run.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    pub(super) ours: Vec<OwnedSubscription<'a>>,
    pub(super) others: Vec<&'a Subscription>,
    /// Those of the others that another stack of the same application created.
    left: Vec<&'a Subscription>,
}

impl<'a> Listing<'a> {
    /// Sorts Graph's list.
    #[must_use]
    pub fn of(listed: &'a [Subscription], stack: &StackId, client_id: Guid) -> Self {
        let mut ours = Vec::with_capacity(listed.len());
        let (mut others, mut left) = (Vec::new(), Vec::new());
        for subscription in listed {
            // A signed-in user's list may contain subscriptions of other applications.
            let is_of_other = subscription
                .application_id
                .as_deref()
                .is_some_and(|id| !id.is_empty() && !client_id.is(id));
            let url = subscription.notification_url.as_deref().filter(|_| !is_of_other);
            if let Some(url) = url.and_then(|url| stack.read(url)) {
                ours.push(OwnedSubscription { subscription, url });
                continue;
            }
            left.extend((!is_of_other && is_of_stack(subscription)).then_some(subscription));
            others.push(subscription);
        }
        Self { ours, others, left }
    }

    /// Returns how many subscriptions are listed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ours.len() + self.others.len()
    }

    /// Returns the id and notification URL of a subscription that watches `resource` for the same change types.
    #[must_use]
    pub fn rival(&self, resource: &str, change_type: &str) -> Option<(&str, &str)> {
        let all = self.ours.iter().map(|ours| ours.subscription);
        let mut all = all.chain(self.others.iter().copied());
        let found = all.find(|one| watches(one, resource, change_type))?;
        Some((&found.id, found.notification_url.as_deref().unwrap_or_default()))
    }

    /// Returns a subscription that another stack left and that conflicts with `desired`: same resource, same change
    /// types, and a URL of a stack.
    pub(super) fn left_for(&self, desired: &Desired) -> Option<&'a Subscription> {
        let mut left = self.left.iter().copied();
        left.find(|one| watches(one, &desired.resource, &desired.change_type))
    }

    /// Returns how many subscriptions this stack has.
    #[must_use]
    pub fn ours(&self) -> usize {
        self.ours.len()
    }

    /// Returns how many subscriptions belong to others.
    #[must_use]
    pub fn others(&self) -> usize {
        self.others.len()
    }

    /// Returns the name of this stack's subscription with this id.
    #[must_use]
    pub fn names(&self, id: &str) -> Option<&String> {
        let ours = self.ours.iter().find(|ours| ours.subscription.id == id)?;
        Some(&ours.url.name)
    }

    /// Returns the parsed notification URLs, this stack's first. Other addresses count as well: a subscription at a
    /// former address still needs its keys.
    pub fn urls(&self) -> impl Iterator<Item = Cow<'_, NotificationUrl>> {
        let ours = self.ours.iter().map(|ours| Cow::Borrowed(&ours.url));
        let others = self
            .others
            .iter()
            .filter_map(|other| other.notification_url.as_deref());
        ours.chain(others.map(|url| Cow::Owned(NotificationUrl::anywhere(url))))
    }
}

/// Returns whether a subscription watches `resource` for these change types, as far as Graph shows them.
fn watches(one: &Subscription, resource: &str, change_type: &str) -> bool {
    let (of, changes) = (one.resource.as_deref(), one.change_type.as_deref());
    of.is_some_and(|of| same_resource(of, resource))
        && changes.is_none_or(|of| same_change_types(of, change_type))
}

/// Returns whether the notification URL was made by a stack, this one or another.
#[must_use]
pub fn is_of_stack(one: &Subscription) -> bool {
    let url = one.notification_url.as_deref().map(NotificationUrl::anywhere);
    url.is_some_and(|url| !url.stack_id.is_empty() && !url.name.is_empty() && !url.key_id.is_empty())
}

/// A listed subscription of this stack, with its parsed URL.
#[derive(Clone, Debug)]
pub(super) struct OwnedSubscription<'a> {
    pub(super) subscription: &'a Subscription,
    pub(super) url: NotificationUrl,
}

impl OwnedSubscription<'_> {
    pub(super) fn step(&self, action: Action, reason: Reason) -> Step {
        let expires_at = self.subscription.expiration_date_time;
        Step {
            name: self.url.name.clone(),
            action,
            reason,
            resource: self.subscription.resource.clone(),
            change_type: self.subscription.change_type.clone(),
            expires_at,
            lifetime: None,
        }
    }

    pub(super) fn delete(&self, reason: Reason) -> Step {
        self.step(Action::Delete(self.subscription.id.clone()), reason)
    }

    pub(super) fn keep(&self, reason: Reason) -> Step {
        self.step(Action::Keep(self.subscription.id.clone()), reason)
    }
}
