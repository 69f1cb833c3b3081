//! Decides the step for one subscription.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{
    Action, Context, Creation, Desired, OwnedSubscription, Policy, Reason, Renewal, Step, Terms, after,
    creation,
};
use crate::subscription::{
    compare::{query_options_key, same_change_types, same_resource},
    model::Subscription,
    url::NotificationUrl,
};

/// Adds the steps for an entry with one or more subscriptions: the best one stays, the others are deleted.
pub(super) fn one_of(
    mut candidates: Vec<&OwnedSubscription<'_>>,
    desired: &Desired,
    context: &Context,
    now: Timestamp,
    policy: &Policy,
    steps: &mut Vec<Step>,
) {
    // Fitting ones first, then by expiry: replacing a long-lived unfit one would cost a gap that a fitting one avoids.
    // The id keeps the order the same in every run.
    candidates.sort_by_key(|ours| {
        let unfit = unfit(ours, desired, context, now).is_some();
        let expires_at = ours.subscription.expiration_date_time;
        (unfit, Reverse(expires_at), &ours.subscription.id)
    });
    let mut candidates = candidates.into_iter();
    let Some(best) = candidates.next() else { return };
    steps.push(existing(best, desired, context, now, policy).of(desired));
    let of = &best.subscription.id;
    let duplicate = |ours: &OwnedSubscription<'_>| {
        let reason = Reason::Duplicate { of: of.clone() };
        if context.braked {
            ours.keep(reason)
        } else {
            ours.delete(reason)
        }
    };
    steps.extend(candidates.map(duplicate));
}

/// Returns the step for an entry without a subscription.
pub(super) fn missing(desired: &Desired, context: &Context, now: Timestamp) -> Step {
    Step {
        name: desired.name.clone(),
        action: Action::Create(creation(desired, context, now)),
        reason: Reason::Missing,
        resource: Some(desired.resource.clone()),
        change_type: Some(desired.change_type.clone()),
        expires_at: None,
        lifetime: Some(desired.lifetime),
    }
}

/// Returns the step for an entry whose resource an `orphan` watches under another name. The orphan is replaced, because
/// Graph refuses a second subscription.
pub(super) fn renamed(
    desired: &Desired,
    orphan: &OwnedSubscription<'_>,
    context: &Context,
    now: Timestamp,
) -> Step {
    let id = orphan.subscription.id.clone();
    let creation = creation(desired, context, now);
    let reason = Reason::Renamed {
        from: orphan.url.name.clone(),
    };
    let step = Step {
        name: desired.name.clone(),
        ..orphan.step(Action::Replace { id, creation }, reason)
    };
    step.of(desired)
}

/// Returns the step that replaces a subscription `left` by another stack.
pub(super) fn taken_over(desired: &Desired, left: &Subscription, context: &Context, now: Timestamp) -> Step {
    let id = left.id.clone();
    let creation = creation(desired, context, now);
    Step {
        action: Action::Replace { id, creation },
        reason: Reason::TakenOver,
        expires_at: left.expiration_date_time,
        ..missing(desired, context, now)
    }
}

/// Returns the step for a subscription that stays as it is: it is renewed for as long as Graph grants for its resource.
pub(super) fn held(ours: &OwnedSubscription<'_>, context: &Context, now: Timestamp, policy: &Policy) -> Step {
    let why = context.held_because(&ours.url.name).unwrap_or_default();
    let reason = Reason::Held(why.to_owned());
    let subscription = ours.subscription;
    let Some(expires_at) = subscription.expiration_date_time else {
        return ours.keep(reason);
    };
    // From the URL, because Graph's list may leave `includeResourceData` out.
    let is_rich = ours.url.certificate_id.is_some();
    let Terms { version, lifetime } = Terms::of(subscription.resource.as_deref(), is_rich, policy.period);
    let id = subscription.id.clone();
    let action = if expires_at.duration_since(now) >= policy.reserve(lifetime) {
        Action::Keep { id }
    } else {
        let renewal = Renewal {
            version,
            expires_at: after(now, lifetime),
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

fn existing(
    ours: &OwnedSubscription<'_>,
    desired: &Desired,
    context: &Context,
    now: Timestamp,
    policy: &Policy,
) -> Step {
    let id = ours.subscription.id.clone();
    let creation = || creation(desired, context, now);
    let reason = unfit(ours, desired, context, now);
    // Under the brake, only replacements that cannot wait are made.
    if let Some(reason) = reason.filter(|reason| !(context.braked && reason.is_of_choice())) {
        let creation = creation();
        return ours.step(Action::Replace { id, creation }, reason);
    }
    let due = due(ours, desired, context, now, policy);
    // A subscription that is due leaves an old key now: one replacement in place of a renewal and a replacement.
    if let Some(reason) = leaves_key(ours, due.is_ok(), context, now) {
        let creation = creation();
        return ours.step(Action::Replace { id, creation }, reason);
    }
    match due {
        Ok(reason) => {
            let creation = creation();
            let renewal = renewal(ours, &creation, context);
            ours.step(
                Action::Renew {
                    id,
                    renewal,
                    otherwise: Some(creation),
                },
                reason,
            )
        }
        Err(reason) => ours.keep(reason),
    }
}

/// Returns why a PATCH cannot bring the subscription up to date. It can only change the expiry, the notification URL
/// and the certificate (Microsoft Graph, *update subscription* and *change notifications with resource data*).
fn unfit(
    ours: &OwnedSubscription<'_>,
    desired: &Desired,
    context: &Context,
    now: Timestamp,
) -> Option<Reason> {
    let OwnedSubscription { subscription, url } = ours;
    if context.removed.contains(&subscription.id) {
        return Some(Reason::Removed);
    }
    // The webhook would reject every item of the subscription.
    if !context.keys.contains(&url.key_id) {
        return Some(Reason::KeyGone {
            key_id: url.key_id.clone(),
        });
    }
    if let Some(reason) = asked_otherwise(ours, desired) {
        return Some(reason);
    }
    // The lifecycle URL cannot be changed by PATCH (Microsoft Graph, *update subscription*).
    if subscription
        .lifecycle_notification_url
        .as_deref()
        .is_some_and(|lifecycle| strays(lifecycle, ours, context))
    {
        return Some(Reason::OtherLifecycleUrl);
    }
    subscription
        .expiration_date_time
        .filter(|expires_at| *expires_at <= now)
        .map(|_| Reason::Expired)
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
        return Some(Reason::OtherResource { from: from.clone() });
    }
    let change_type = subscription.change_type.as_ref();
    if let Some(from) = change_type.filter(|from| !same_change_types(from, &desired.change_type)) {
        return Some(Reason::OtherChangeType { from: from.clone() });
    }
    // Graph shows absent options as an empty text.
    let shown = subscription
        .notification_query_options
        .as_deref()
        .filter(|shown| !shown.is_empty());
    let wanted = || desired.query_options.as_deref().map(query_options_key);
    if shown.is_some_and(|shown| Some(query_options_key(shown)) != wanted()) {
        return Some(Reason::OtherEntry(
            "the entry's notificationQueryOptions have changed",
        ));
    }
    // The list may leave this out. A certificate in the URL means that the subscription was created with resource data.
    let is_rich = subscription
        .include_resource_data
        .unwrap_or(url.certificate_id.is_some());
    let text = if desired.include_resource_data {
        "the entry now includes resource data"
    } else {
        "the entry no longer includes resource data"
    };
    (is_rich != desired.include_resource_data).then_some(Reason::OtherEntry(text))
}

/// Returns whether lifecycle notifications go to another stack or name another subscription. The lifecycle URL cannot
/// be changed, so its other parts may be old, even its address: a stack that has moved keeps the old address as long as
/// such subscriptions live.
fn strays(lifecycle: &str, ours: &OwnedSubscription<'_>, context: &Context) -> bool {
    !lifecycle.is_empty()
        && context
            .stack
            .read(lifecycle)
            .is_none_or(|lifecycle| lifecycle.name != ours.url.name)
}

/// Returns why the subscription is replaced now to leave an old client-state key: its moment has come, or it is due
/// anyway. Graph cannot change a client state (Microsoft Graph, *update subscription*).
fn leaves_key(
    ours: &OwnedSubscription<'_>,
    is_due: bool,
    context: &Context,
    now: Timestamp,
) -> Option<Reason> {
    let key_id = &ours.url.key_id;
    let retiring = context.retiring_keys.get(key_id)?;
    let key_id = key_id.clone();
    (is_due || retiring.is_up(&ours.subscription.id, now)).then_some(Reason::OldKey { key_id })
}

/// Returns why the subscription is renewed now, or as an error why it is not.
fn due(
    ours: &OwnedSubscription<'_>,
    desired: &Desired,
    context: &Context,
    now: Timestamp,
    policy: &Policy,
) -> Result<Reason, Reason> {
    let Some(expires_at) = ours.subscription.expiration_date_time else {
        return Ok(Reason::NoExpiry);
    };
    if is_elsewhere(ours, desired, context) {
        return Ok(Reason::OtherUrl);
    }
    if let Some(reason) = other_certificate(ours, desired, context) {
        let retiring = ours
            .url
            .certificate_id
            .as_ref()
            .and_then(|id| context.retiring_certificates.get(id));
        // Unless replaced by a person's wish, a certificate that still decrypts can wait for the next renewal.
        if retiring.is_none_or(|retiring| retiring.is_up(&ours.subscription.id, now)) {
            return Ok(reason);
        }
    }
    let left = expires_at.duration_since(now);
    let reserve = policy.reserve(desired.lifetime);
    if left < reserve {
        return Ok(Reason::Due { left, reserve });
    }
    // Not yet due, but its own moment has passed. Without such moments, thousands created together would be due
    // together.
    if policy.is_its_moment(&desired.name, expires_at, desired.lifetime, now) {
        return Ok(Reason::ItsMoment { left });
    }
    Err(Reason::Fresh { left })
}

/// Returns whether notifications go to an old address, or without the entry's `fetchContent` flag.
fn is_elsewhere(ours: &OwnedSubscription<'_>, desired: &Desired, context: &Context) -> bool {
    let url = ours.subscription.notification_url.as_deref();
    ours.url.fetch_content != desired.options.fetch_content
        || !url.is_some_and(|url| context.notifications.is_at(url))
}

/// Returns why a subscription with resource data needs another certificate. Its URL names the certificate, because
/// Graph often leaves its own field out.
fn other_certificate(ours: &OwnedSubscription<'_>, desired: &Desired, context: &Context) -> Option<Reason> {
    if !desired.include_resource_data || ours.url.certificate_id.as_ref() == Some(&context.certificate) {
        return None;
    }
    let from = ours.url.certificate_id.clone();
    let readable = from.as_ref().is_some_and(|id| context.certificates.contains(id));
    Some(Reason::OtherCertificate { from, readable })
}

/// Returns the changes of a renewal. The client state cannot change, so the URL keeps naming its key.
fn renewal(ours: &OwnedSubscription<'_>, creation: &Creation, context: &Context) -> Renewal {
    let certificate_id = creation.certificate_id.clone();
    let url = NotificationUrl {
        certificate_id: certificate_id.clone(),
        fetch_content: creation.desired.options.fetch_content,
        ..ours.url.clone()
    };
    let moves = url != ours.url || is_elsewhere(ours, &creation.desired, context);
    // Sent only if it changes: a PATCH keeps whatever it does not name.
    let changes = other_certificate(ours, &creation.desired, context).is_some();
    Renewal {
        version: creation.desired.version,
        expires_at: creation.expires_at,
        notification_url: moves.then(|| context.notifications.url(&url)),
        certificate_id: certificate_id.filter(|_| changes),
    }
}
