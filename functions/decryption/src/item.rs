//! One queue message: read, verified, trusted, opened, turned into the event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use graph_core::{
    notification::{
        client_state::Proven,
        envelope::{EncryptedContent, OpenError, Plaintext},
        event,
        item::{Malformed, Notification},
        queued::{Unfit, Unproven, VerifiedItem},
        tokens::{TokenError, Trusted, vouch},
    },
    read::QueueMessage,
};
use graph_edge::{
    deadline::Deadline,
    documents::NoDocument,
    secrets::Source,
    signing_keys::{FetchDocument, Unavailable},
};
use jiff::Timestamp;

use crate::{
    Deps,
    outcome::{Delivery, Facts, Failure, Obstacle, Outcome, Unit},
    trust::Trust,
};

/// Why an item is not delivered now.
enum Stop {
    Fail(Failure),
    Retry(Obstacle),
    Forward(Unit),
}

/// When an item is processed, and by when that has to be done.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) now: Timestamp,
    pub(crate) deadline: Deadline,
}

/// Processes the body of one queue message. What the client state of its item proves is put into `owner`.
pub(crate) async fn process<S: Source, F: FetchDocument, Q>(
    body: &str,
    deps: &Deps<S, F, Q>,
    turn: Turn,
    owner: &mut Option<Proven>,
) -> Outcome {
    match event(body, deps, turn, owner).await {
        Ok(delivery) => Outcome::Deliver(delivery),
        Err(Stop::Fail(failure)) => Outcome::Fail(failure),
        Err(Stop::Retry(obstacle)) => Outcome::Retry(obstacle),
        Err(Stop::Forward(unit)) => Outcome::Forward(unit),
    }
}

async fn event<S: Source, F: FetchDocument, Q>(
    body: &str,
    deps: &Deps<S, F, Q>,
    turn: Turn,
    owner: &mut Option<Proven>,
) -> Result<Delivery, Stop> {
    let item = verified(body, deps, turn, owner).await?;
    *owner = Some(item.proven().clone());
    let notification = item.read(turn.now)?;
    if notification.lifecycle_event.is_some() {
        return Err(Stop::Forward(Unit::Lifecycle));
    }
    let Some(raw) = notification.encrypted_content else {
        if item.queued().fetches_content && deps.read_queue.is_some() {
            return Err(Stop::Forward(Unit::Fetch));
        }
        return Ok(Delivery {
            event: event::document(&item, &notification, None)?,
            facts: facts(&item, &notification, None),
        });
    };
    let content = EncryptedContent::parse(raw).map_err(|_| Malformed::Form)?;
    // The webhook gives no tokens to what cannot be Graph's, and nothing could open it.
    if !content.is_of_graphs_size() {
        return Err(Stop::Fail(Failure::ContentRejected));
    }
    let trust = trust(item.proven(), deps, turn).await?;
    let content = vouched(content, &item, &trust, deps, turn).await?;
    let begun = Instant::now();
    let plaintext = open(&content, trust, deps, turn).await?;
    let opened_in = Some(begun.elapsed());
    Ok(Delivery {
        event: event::document(&item, &notification, Some(&plaintext.into_json()))?,
        facts: facts(&item, &notification, opened_in),
    })
}

/// Returns the item of a message when its seal and its client state hold. A window to read is reader's.
async fn verified<'a, S: Source, F, Q>(
    body: &'a str,
    deps: &Deps<S, F, Q>,
    turn: Turn,
    owner: &mut Option<Proven>,
) -> Result<VerifiedItem<'a>, Stop> {
    let opened = deps.client_states.open(body, turn.now, turn.deadline).await;
    let opened = opened.map_err(|NoDocument| Stop::Retry(Obstacle::NoClientStateKeys))?;
    match opened? {
        QueueMessage::Item(item) => Ok(item),
        QueueMessage::Window(window) => {
            *owner = Some(window.owner());
            Err(match deps.read_queue {
                Some(_) => Stop::Forward(Unit::Window),
                None => Stop::Fail(Failure::ReaderDisabled),
            })
        }
    }
}

fn facts(item: &VerifiedItem<'_>, notification: &Notification<'_>, opened_in: Option<Duration>) -> Facts {
    Facts {
        subscription: item.proven().subscription.clone(),
        changed_at: event::time(item, notification),
        opened_in,
    }
}

/// Returns the content of DecryptionSecret that lists the item's tenant and application.
async fn trust<S: Source, F, Q>(
    proven: &Proven,
    deps: &Deps<S, F, Q>,
    turn: Turn,
) -> Result<Arc<Trust>, Stop> {
    let is_listed = |trust: &Arc<Trust>| trust.tenant(proven.application).is_some();
    let trust = Some(deps.trust.current(turn.now, turn.deadline).await?).filter(is_listed);
    let trust = match trust {
        Some(trust) => Some(trust),
        None => Some(deps.trust.renewed(turn.now, turn.deadline).await?.document).filter(is_listed),
    };
    trust.ok_or(Stop::Retry(Obstacle::UnknownTenant))
}

/// Returns the content as trusted when one of the item's validation tokens vouches for it.
async fn vouched<'a, S, F: FetchDocument, Q>(
    content: EncryptedContent<'a>,
    item: &VerifiedItem<'_>,
    trust: &Trust,
    deps: &Deps<S, F, Q>,
    turn: Turn,
) -> Result<Trusted<EncryptedContent<'a>>, Stop> {
    let (proven, queued) = (item.proven(), item.queued());
    let tenant = trust
        .tenant(proven.application)
        .ok_or(Stop::Retry(Obstacle::UnknownTenant))?;
    if queued.validation_tokens.is_empty() {
        return Err(TokenError::Missing.into());
    }
    let cache = deps.signing_keys.of(tenant.cloud);
    // A token vouches for the moment when its item came: one that waited for longer than a token lives is not lost.
    let at = queued.received_at.min(turn.now);
    let tokens = &queued.validation_tokens;
    let check = |keys: &_| vouch(content.clone(), tokens, tenant, keys, cache.authority(), at);
    let fetched = cache.current(turn.now, turn.deadline).await?;
    match check(&fetched.keys) {
        Err(TokenError::UnknownKey) => {}
        checked => return Ok(checked?),
    }
    let newer = cache.renewed(turn.now, turn.deadline).await?;
    match check(&newer.keys) {
        // The token had come when the keys were fetched: its key does not exist.
        Err(error) if queued.received_at <= newer.fetched_at => Err(error.settled().into()),
        checked => Ok(checked?),
    }
}

/// Opens the content, a second time with newer keys when its certificate is not known.
async fn open<S: Source, F, Q>(
    content: &Trusted<EncryptedContent<'_>>,
    trust: Arc<Trust>,
    deps: &Deps<S, F, Q>,
    turn: Turn,
) -> Result<Plaintext, Stop> {
    match content.open(&trust.keys) {
        Err(OpenError::UnknownCertificate) => {
            let newer = deps.trust.renewed(turn.now, turn.deadline).await?;
            Ok(content.open(&newer.document.keys)?)
        }
        opened => Ok(opened?),
    }
}

impl From<Malformed> for Stop {
    fn from(malformed: Malformed) -> Self {
        Unfit::from(malformed).into()
    }
}

impl From<Unproven> for Stop {
    fn from(unproven: Unproven) -> Self {
        Self::Fail(Failure::Unproven(unproven))
    }
}

impl From<Unfit> for Stop {
    fn from(unfit: Unfit) -> Self {
        Self::Fail(Failure::Unfit(unfit))
    }
}

impl From<NoDocument> for Stop {
    fn from(NoDocument: NoDocument) -> Self {
        Self::Retry(Obstacle::NoDecryptionKeys)
    }
}

impl From<Unavailable> for Stop {
    /// The cache has logged the cause.
    fn from(Unavailable: Unavailable) -> Self {
        Self::Retry(Obstacle::NoSigningKeys)
    }
}

impl From<TokenError> for Stop {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => Self::Fail(Failure::TokenMissing),
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
