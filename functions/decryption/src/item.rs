//! One queue message: read, trusted, opened, turned into the event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use graph_core::notification::{
    envelope::{EncryptedContent, OpenError, Plaintext},
    event,
    fields::Malformed,
    item::Notification,
    queued::QueuedItem,
    tokens::{TokenError, Trusted, vouch},
};
use graph_edge::{
    documents::{NoDocument, Source},
    signing_keys::{FetchDocument, Refreshed, Unavailable},
};
use jiff::Timestamp;
use tracing::{error, warn};

use crate::{
    Deps,
    outcome::{Delivery, Facts, Failure, Obstacle, Outcome},
    trust::Trust,
};

/// Why an item is not delivered now.
enum Stop {
    Fail(Failure),
    Retry(Obstacle),
    Forward,
}

/// Processes the body of one queue message.
pub(crate) async fn process<S: Source, F: FetchDocument, Q>(
    body: &str,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
) -> Outcome {
    match event(body, deps, now).await {
        Ok(delivery) => Outcome::Deliver(delivery),
        Err(Stop::Fail(failure)) => Outcome::Fail(failure),
        Err(Stop::Retry(obstacle)) => Outcome::Retry(obstacle),
        Err(Stop::Forward) => Outcome::Forward,
    }
}

async fn event<S: Source, F: FetchDocument, Q>(
    body: &str,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
) -> Result<Delivery, Stop> {
    let queued = QueuedItem::parse(body)?;
    let notification = Notification::parse(queued.item)?;
    if notification.lifecycle_event.is_some() {
        return Err(Stop::Forward);
    }
    // The webhook has seen to this; the queue may be written to by others some day.
    let is_other = |tenant_id: &str| !tenant_id.eq_ignore_ascii_case(&queued.tenant_id);
    if notification.tenant_id.as_deref().is_some_and(is_other) {
        return Err(Stop::Fail(Failure::OtherTenant));
    }
    let Some(raw) = notification.encrypted_content else {
        return Ok(Delivery {
            event: event::document(&queued, &notification, None)?,
            facts: facts(&queued, &notification, None),
        });
    };
    let content = EncryptedContent::parse(raw).map_err(|_| Malformed::Form)?;
    let trust = trust(&queued, deps, now).await?;
    let content = vouched(content, &queued, &trust, deps, now).await?;
    let begun = Instant::now();
    let plaintext = open(&content, trust, deps, now).await?;
    let opened_in = Some(begun.elapsed());
    Ok(Delivery {
        event: event::document(&queued, &notification, Some(&plaintext.into_json()))?,
        facts: facts(&queued, &notification, opened_in),
    })
}

fn facts(queued: &QueuedItem<'_>, notification: &Notification<'_>, opened_in: Option<Duration>) -> Facts {
    Facts {
        tenant_id: queued.tenant_id.clone().into_owned(),
        subscription: queued.subscription.clone().into_owned(),
        changed_at: event::time(queued, notification),
        opened_in,
    }
}

/// Returns the content of DecryptionSecret that lists the item's tenant and application.
async fn trust<S: Source, F, Q>(
    queued: &QueuedItem<'_>,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
) -> Result<Arc<Trust>, Stop> {
    let is_listed = |trust: &Arc<Trust>| trust.tenant(&queued.tenant_id, &queued.client_id).is_some();
    let trust = Some(deps.trust.current(now).await?).filter(is_listed);
    let trust = match trust {
        Some(trust) => Some(trust),
        None => Some(deps.trust.renewed(now).await?).filter(is_listed),
    };
    trust.ok_or(Stop::Retry(Obstacle::UnknownTenant))
}

/// Returns the content as trusted when one of the item's validation tokens vouches for it.
async fn vouched<'a, S, F: FetchDocument, Q>(
    content: EncryptedContent<'a>,
    queued: &QueuedItem<'_>,
    trust: &Trust,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
) -> Result<Trusted<EncryptedContent<'a>>, Stop> {
    let tenant = trust
        .tenant(&queued.tenant_id, &queued.client_id)
        .ok_or(Stop::Retry(Obstacle::UnknownTenant))?;
    if queued.validation_tokens.is_empty() {
        return Err(TokenError::Missing.into());
    }
    let cache = deps.signing_keys.of(tenant.cloud);
    // A token vouches for the moment when its item came: one that waited for longer than a token lives is not lost.
    let at = queued.received_at.min(now);
    let tokens = &queued.validation_tokens;
    let check = |keys: &_| vouch(content.clone(), tokens, tenant, keys, cache.authority(), at);
    let keys = cache.keys(now).await?;
    let error = match check(&keys) {
        Ok(trusted) => return Ok(trusted),
        Err(error) => error,
    };
    if error != TokenError::UnknownKey {
        return Err(error.into());
    }
    match cache.refresh_for_unknown_kid(&keys, now).await? {
        Refreshed::Changed(keys) => check(&keys).map_err(|error| error.settled().into()),
        Refreshed::Same => Err(error.settled().into()),
        Refreshed::NotYet { fetched_at } if queued.received_at <= fetched_at => Err(error.settled().into()),
        Refreshed::NotYet { .. } => Err(Stop::Retry(Obstacle::NoSigningKeys)),
    }
}

/// Opens the content, a second time with newer keys when its certificate is not known.
async fn open<S: Source, F, Q>(
    content: &Trusted<EncryptedContent<'_>>,
    trust: Arc<Trust>,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
) -> Result<Plaintext, Stop> {
    match content.open(&trust.keys) {
        Err(OpenError::UnknownCertificate) => {
            let newer = deps.trust.renewed(now).await?;
            Ok(content.open(&newer.keys)?)
        }
        opened => Ok(opened?),
    }
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Self::Fail(Failure::Malformed(malformed))
    }
}

impl From<NoDocument> for Stop {
    fn from(NoDocument: NoDocument) -> Self {
        Self::Retry(Obstacle::NoDecryptionKeys)
    }
}

impl From<Unavailable> for Stop {
    fn from(error: Unavailable) -> Self {
        warn!(
            error = graph_edge::telemetry::causes(&error),
            "Signing keys are unavailable"
        );
        Self::Retry(Obstacle::NoSigningKeys)
    }
}

impl From<TokenError> for Stop {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => {
                let hint = error.hint().unwrap_or_default();
                error!(hint, "An encrypted item came without a validation token");
                Self::Fail(Failure::TokenMissing)
            }
            TokenError::UnknownKey => Self::Retry(Obstacle::NoSigningKeys),
            TokenError::Rejected => Self::Fail(Failure::TokenRejected),
        }
    }
}

impl From<OpenError> for Stop {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::UnknownCertificate => Self::Retry(Obstacle::UnknownCertificate),
            OpenError::Rejected => Self::Fail(Failure::ContentRejected),
        }
    }
}
