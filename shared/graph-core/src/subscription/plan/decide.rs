//! Decides the step for one subscription.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{
    Action, Context, Creation, Desired, OwnedSubscription, Policy, Reason, Renewal, Step, after, creation,
    lifetime,
};
use crate::subscription::{
    compare::{query_options_key, same_change_types, same_resource},
    model::Subscription,
    url::NotificationUrl,
};

/// What holds for all steps of a plan.
#[derive(Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) context: &'a Context,
    pub(super) now: Timestamp,
    pub(super) policy: &'a Policy,
}

impl Planner<'_> {
    /// Adds the steps for an entry with one or more subscriptions: the best one stays, the others are deleted.
    pub(super) fn one_of(
        &self,
        mut candidates: Vec<&OwnedSubscription<'_>>,
        desired: &Desired,
        steps: &mut Vec<Step>,
    ) {
        // Fitting ones first, then by expiry: replacing a long-lived unfit one would cost a gap that a fitting one avoids.
        // The id keeps the order the same in every run.
        candidates.sort_by_key(|ours| {
            let unfit = self.unfit(ours, desired).is_some();
            let expires_at = ours.subscription.expiration_date_time;
            (unfit, Reverse(expires_at), &ours.subscription.id)
        });
        let mut candidates = candidates.into_iter();
        let Some(best) = candidates.next() else { return };
        steps.push(self.existing(best, desired).of(desired));
        let of = &best.subscription.id;
        let duplicate = |ours: &OwnedSubscription<'_>| {
            let reason = Reason::Duplicate(of.clone());
            if self.context.braked {
                ours.keep(reason)
            } else {
                ours.delete(reason)
            }
        };
        steps.extend(candidates.map(duplicate));
    }

    /// Returns the step for an entry without a subscription.
    pub(super) fn missing(&self, desired: &Desired) -> Step {
        Step {
            name: desired.name.clone(),
            action: Action::Create(self.creation(desired)),
            reason: Reason::Missing,
            resource: Some(desired.resource.clone()),
            change_type: Some(desired.change_type.clone()),
            expires_at: None,
            lifetime: Some(desired.lifetime),
        }
    }

    /// Returns the step for an entry whose resource an `orphan` watches under another name. The orphan is replaced, because
    /// Graph refuses a second subscription.
    pub(super) fn renamed(&self, desired: &Desired, orphan: &OwnedSubscription<'_>) -> Step {
        let from = orphan.url.name.clone();
        let step = self.replace(orphan, desired, Reason::Renamed(from));
        let name = desired.name.clone();
        Step {
            name,
            ..step.of(desired)
        }
    }

    /// Returns the step that replaces a subscription `left` by another stack.
    pub(super) fn taken_over(&self, desired: &Desired, left: &Subscription) -> Step {
        self.missing(desired).in_place_of(left, Reason::TakenOver)
    }

    /// Returns the step for a subscription that stays as it is: it is renewed for as long as Graph grants for its resource.
    pub(super) fn held(&self, ours: &OwnedSubscription<'_>) -> Step {
        let why = self.context.held_because(&ours.url.name).unwrap_or_default();
        let reason = Reason::Held(why.to_owned());
        let subscription = ours.subscription;
        let Some(expires_at) = subscription.expiration_date_time else {
            return ours.keep(reason);
        };
        // From the URL, because Graph's list may leave `includeResourceData` out.
        let is_rich = ours.url.certificate_id.is_some();
        let lifetime = lifetime::of(subscription.resource.as_deref(), is_rich, self.policy.period);
        let id = subscription.id.clone();
        let action = if expires_at.duration_since(self.now) >= self.policy.reserve(lifetime) {
            Action::Keep(id)
        } else {
            let renewal = Renewal {
                expires_at: after(self.now, lifetime),
                notification_url: None,
                certificate_id: None,
            };
            Action::Renew {
                id,
                renewal,
                otherwise: None,
            }
        };
        Step {
            // Its remaining time is watched as that of any other, although its entry cannot be read.
            lifetime: Some(lifetime),
            ..ours.step(action, reason)
        }
    }

    fn existing(&self, ours: &OwnedSubscription<'_>, desired: &Desired) -> Step {
        let unfit = self.unfit(ours, desired);
        // Under the brake, only replacements that cannot wait are made.
        if let Some(reason) = unfit.filter(|reason| !(self.context.braked && reason.is_of_choice())) {
            return self.replace(ours, desired, reason);
        }
        let due = self.due(ours, desired);
        // A subscription that is due leaves an old key now: one replacement in place of a renewal and a replacement.
        if let Some(reason) = self.leaves_key(ours, due.is_ok()) {
            return self.replace(ours, desired, reason);
        }
        match due {
            Ok(reason) => {
                let creation = self.creation(desired);
                let action = Action::Renew {
                    id: ours.subscription.id.clone(),
                    renewal: self.renewal(ours, &creation),
                    otherwise: Some(creation),
                };
                ours.step(action, reason)
            }
            Err(reason) => ours.keep(reason),
        }
    }

    fn replace(&self, ours: &OwnedSubscription<'_>, desired: &Desired, reason: Reason) -> Step {
        let action = Action::Replace {
            id: ours.subscription.id.clone(),
            creation: self.creation(desired),
        };
        ours.step(action, reason)
    }

    fn creation(&self, desired: &Desired) -> Creation {
        creation(desired, self.context, self.now)
    }

    /// Returns why a PATCH cannot bring the subscription up to date. It can only change the expiry, the notification URL
    /// and the certificate (Microsoft Graph, *update subscription* and *change notifications with resource data*).
    fn unfit(&self, ours: &OwnedSubscription<'_>, desired: &Desired) -> Option<Reason> {
        let OwnedSubscription { subscription, url } = ours;
        if self.context.removed.contains(&subscription.id) {
            return Some(Reason::Removed);
        }
        // The webhook would reject every item of the subscription.
        if !self.context.keys.contains(&url.key_id) {
            let key_id = url.key_id.clone();
            return Some(Reason::KeyGone(key_id));
        }
        if let Some(reason) = asked_otherwise(ours, desired) {
            return Some(reason);
        }
        // The lifecycle URL cannot be changed by PATCH (Microsoft Graph, *update subscription*).
        let lifecycle = subscription.lifecycle_notification_url.as_deref();
        if lifecycle.is_some_and(|lifecycle| self.strays(lifecycle, ours)) {
            return Some(Reason::OtherLifecycleUrl);
        }
        let expires_at = subscription.expiration_date_time?;
        (expires_at <= self.now).then_some(Reason::Expired)
    }

    /// Returns whether lifecycle notifications go to another stack or name another subscription. The lifecycle URL cannot
    /// be changed, so its other parts may be old, even its address: a stack that has moved keeps the old address as long as
    /// such subscriptions live.
    fn strays(&self, lifecycle: &str, ours: &OwnedSubscription<'_>) -> bool {
        let url = self.context.stack.read(lifecycle);
        !lifecycle.is_empty() && url.is_none_or(|url| url.name != ours.url.name)
    }

    /// Returns why the subscription is replaced now to leave an old client-state key: its moment has come, or it is due
    /// anyway. Graph cannot change a client state (Microsoft Graph, *update subscription*).
    fn leaves_key(&self, ours: &OwnedSubscription<'_>, is_due: bool) -> Option<Reason> {
        let key_id = ours.url.key_id.clone();
        let retiring = self.context.retiring_keys.get(&key_id)?;
        let is_up = is_due || retiring.is_up(&ours.subscription.id, self.now);
        is_up.then_some(Reason::OldKey(key_id))
    }

    /// Returns why the subscription is renewed now, or as an error why it is not.
    fn due(&self, ours: &OwnedSubscription<'_>, desired: &Desired) -> Result<Reason, Reason> {
        let Some(expires_at) = ours.subscription.expiration_date_time else {
            return Ok(Reason::NoExpiry);
        };
        if self.is_elsewhere(ours, desired) {
            return Ok(Reason::OtherUrl);
        }
        if let Some(reason) = self.other_certificate(ours, desired) {
            let certificate = ours.url.certificate_id.as_ref();
            let retiring = certificate.and_then(|id| self.context.retiring_certificates.get(id));
            // Unless replaced by a person's wish, a certificate that still decrypts can wait for the next renewal.
            if retiring.is_none_or(|retiring| retiring.is_up(&ours.subscription.id, self.now)) {
                return Ok(reason);
            }
        }
        let left = expires_at.duration_since(self.now);
        let reserve = self.policy.reserve(desired.lifetime);
        if left < reserve {
            return Ok(Reason::Due { left, reserve });
        }
        // Not yet due, but its own moment has passed. Without such moments, thousands created together would be due
        // together.
        if self
            .policy
            .is_its_moment(&desired.name, expires_at, desired.lifetime, self.now)
        {
            return Ok(Reason::ItsMoment(left));
        }
        Err(Reason::Fresh(left))
    }

    /// Returns whether notifications go to an old address, or without the entry's `fetchContent` flag.
    fn is_elsewhere(&self, ours: &OwnedSubscription<'_>, desired: &Desired) -> bool {
        let url = ours.subscription.notification_url.as_deref();
        ours.url.fetch_content != desired.options.fetch_content
            || !url.is_some_and(|url| self.context.notifications.is_at(url))
    }

    /// Returns why a subscription with resource data needs another certificate. Its URL names the certificate, because
    /// Graph often leaves its own field out.
    fn other_certificate(&self, ours: &OwnedSubscription<'_>, desired: &Desired) -> Option<Reason> {
        let from = ours.url.certificate_id.clone();
        if !desired.include_resource_data || from.as_ref() == Some(&self.context.certificate) {
            return None;
        }
        let known = &self.context.certificates;
        let readable = from.as_ref().is_some_and(|id| known.contains(id));
        Some(Reason::OtherCertificate { from, readable })
    }

    /// Returns the changes of a renewal. The client state cannot change, so the URL keeps naming its key.
    fn renewal(&self, ours: &OwnedSubscription<'_>, creation: &Creation) -> Renewal {
        let certificate_id = creation.certificate_id.clone();
        let url = NotificationUrl {
            certificate_id: certificate_id.clone(),
            fetch_content: creation.desired.options.fetch_content,
            ..ours.url.clone()
        };
        let moves = url != ours.url || self.is_elsewhere(ours, &creation.desired);
        // Sent only if it changes: a PATCH keeps whatever it does not name.
        let changes = self.other_certificate(ours, &creation.desired).is_some();
        Renewal {
            expires_at: creation.expires_at,
            notification_url: moves.then(|| self.context.notifications.url(&url)),
            certificate_id: certificate_id.filter(|_| changes),
        }
    }
}

/// Returns how the subscription differs from its entry. The digest in the URL decides. Without one, and for the
/// wording, the shown values are compared; a value that Graph does not show counts as right.
fn asked_otherwise(ours: &OwnedSubscription<'_>, desired: &Desired) -> Option<Reason> {
    let digest = &ours.url.digest;
    if *digest == desired.digest() {
        return None;
    }
    let shown = shown_otherwise(ours, desired);
    shown.or_else(|| (!digest.is_empty()).then_some(Reason::OtherEntry("its entry has changed")))
}

/// Returns how the values that Graph shows differ from the entry.
fn shown_otherwise(ours: &OwnedSubscription<'_>, desired: &Desired) -> Option<Reason> {
    let OwnedSubscription { subscription, url } = ours;
    let resource = subscription.resource.as_ref();
    if let Some(from) = resource.filter(|from| !same_resource(from, &desired.resource)) {
        return Some(Reason::OtherResource(from.clone()));
    }
    let change_type = subscription.change_type.as_ref();
    if let Some(from) = change_type.filter(|from| !same_change_types(from, &desired.change_type)) {
        return Some(Reason::OtherChangeType(from.clone()));
    }
    // Graph shows absent options as an empty text.
    let shown = subscription.notification_query_options.as_deref();
    let shown = shown.filter(|shown| !shown.is_empty());
    let wanted = || desired.query_options.as_deref().map(query_options_key);
    if shown.is_some_and(|shown| Some(query_options_key(shown)) != wanted()) {
        let text = "the entry's notificationQueryOptions have changed";
        return Some(Reason::OtherEntry(text));
    }
    // The list may leave this out. A certificate in the URL means that the subscription was created with resource data.
    let shown = subscription.include_resource_data;
    let is_rich = shown.unwrap_or(url.certificate_id.is_some());
    let text = if desired.include_resource_data {
        "the entry now includes resource data"
    } else {
        "the entry no longer includes resource data"
    };
    (is_rich != desired.include_resource_data).then_some(Reason::OtherEntry(text))
}
