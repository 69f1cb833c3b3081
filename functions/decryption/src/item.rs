//! The way of one message: verified, read, trusted, decrypted, and turned into its event.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use graph_core::{
    notification::{
        client_state::{Proven, Refused},
        envelope::{EncryptedContent, OpenError, Plaintext},
        event,
        item::{Malformed, Notification},
        queued::{Unproven, VerifiedItem},
        tokens::{TokenError, Trusted, vouch},
    },
    read::QueueMessage,
};
use graph_edge::{
    deadline::Deadline,
    documents::{NoDocument, Unopened},
    signing_keys::Unavailable,
};
use jiff::Timestamp;

use crate::{
    Deps, Ports,
    outcome::{Delivery, Facts, Failure, MessageKind, Obstacle, Undelivered},
    trust::Trust,
};

/// The turn of a message: what it is processed with, when, and by when.
pub(crate) struct Turn<'d, P: Ports> {
    pub(crate) deps: &'d Deps<P>,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Deadline,
}

impl<P: Ports> Turn<'_, P> {
    /// Processes the body of a message.
    ///
    /// The owner is put into `owner` as soon as it is proven, where the caller finds it after a panic and after the deadline as
    /// well.
    pub(crate) async fn process(
        &self,
        body: &str,
        owner: &mut Option<Proven>,
    ) -> Result<Delivery, Undelivered> {
        let item = self.verified(body, owner).await?;
        let notification = item.read(self.now)?;
        if notification.lifecycle_event.is_some() {
            return Err(Undelivered::Forward(MessageKind::Lifecycle));
        }
        let Some(raw) = notification.encrypted_content else {
            // Without a reader the event is delivered without its content, as the webhook does.
            if item.queued().fetches_content && self.deps.read_queue.is_some() {
                return Err(Undelivered::Forward(MessageKind::Fetch));
            }
            return Ok(Delivery {
                event: event::document(&item, &notification, None)?,
                facts: facts(&item, &notification, None),
            });
        };
        let content = EncryptedContent::parse(raw).map_err(|_| Malformed::Form)?;
        // The webhook gives such content no tokens, so the reason would be a missing token and not the content.
        if !content.is_of_graphs_size() {
            return Err(Failure::ContentRejected.into());
        }
        let trust = self.trust(item.proven()).await?;
        let content = self.vouched(content, &item, &trust).await?;
        let begun = Instant::now();
        let plaintext = self.open(&content, trust).await?;
        let opened_in = Some(begun.elapsed());
        Ok(Delivery {
            event: event::document(&item, &notification, Some(&plaintext.into_json()))?,
            facts: facts(&item, &notification, opened_in),
        })
    }

    /// Puts the owner of a message into `owner`, if it is proven.
    pub(crate) async fn find_owner(&self, body: &str, owner: &mut Option<Proven>) {
        // Only the owner is wanted, whatever else is in the way.
        drop(self.verified(body, owner).await);
    }

    /// Returns the item of a message whose seal and client state hold.
    async fn verified<'b>(
        &self,
        body: &'b str,
        owner: &mut Option<Proven>,
    ) -> Result<VerifiedItem<'b>, Undelivered> {
        let opened = self.deps.client_states.open(body, self.now, self.deadline).await;
        let opened = opened.map_err(|unopened| {
            owner.clone_from(&unopened.owner);
            closed(&unopened)
        });
        match opened? {
            QueueMessage::Item(item) => {
                *owner = Some(item.proven().clone());
                Ok(item)
            }
            QueueMessage::Window(window) => {
                *owner = Some(window.owner());
                // Unlike an item, a window has nothing to deliver without a reader.
                Err(match self.deps.read_queue {
                    Some(_) => Undelivered::Forward(MessageKind::Window),
                    None => Failure::ReaderDisabled.into(),
                })
            }
        }
    }

    /// Returns the content of DecryptionSecret that lists the item's tenant and application.
    async fn trust(&self, proven: &Proven) -> Result<Arc<Trust>, Undelivered> {
        let is_listed = |trust: &Arc<Trust>| trust.tenant(proven.application).is_some();
        let current = self.deps.trust.current(self.now, self.deadline).await;
        let current = current.map_err(no_decryption_keys)?;
        if is_listed(&current) {
            return Ok(current);
        }
        // Renewal adds a tenant to both secrets, and ClientStateSecret may have been read later than this one.
        let newer = self.renewed_trust().await?;
        is_listed(&newer)
            .then_some(newer)
            .ok_or(Undelivered::Retry(Obstacle::UnknownTenant))
    }

    /// Returns the content as trusted if one of the item's validation tokens vouches for it.
    async fn vouched<'c>(
        &self,
        content: EncryptedContent<'c>,
        item: &VerifiedItem<'_>,
        trust: &Trust,
    ) -> Result<Trusted<EncryptedContent<'c>>, Undelivered> {
        let (proven, queued) = (item.proven(), item.queued());
        let tenant = trust.tenant(proven.application).ok_or(Obstacle::UnknownTenant)?;
        // Before the signing keys are fetched: no key can help an item without a token.
        if queued.token_left_out {
            return Err(Failure::TokenLeftOut.into());
        }
        if queued.validation_tokens.is_empty() {
            return Err(TokenError::Missing.into());
        }
        let cache = self.deps.signing_keys.of(tenant.cloud);
        // A token vouches for the moment of receipt: an item may wait in queues for longer than its token lives.
        let at = queued.received_at.min(self.now);
        let tokens = &queued.validation_tokens;
        let check = |keys: &_| vouch(content.clone(), tokens, tenant, keys, cache.authority(), at);
        let fetched = cache.current(self.now, self.deadline).await;
        let fetched = fetched.map_err(no_signing_keys)?;
        match check(&fetched.keys) {
            // Microsoft rolls its keys without notice, so an unknown key may be a new one.
            Err(TokenError::UnknownKey) => {}
            checked => return Ok(checked?),
        }
        let newer = cache.renewed(self.now, self.deadline).await;
        let newer = newer.map_err(no_signing_keys)?;
        match check(&newer.keys) {
            // The keys were fetched after the token was issued, so they would include its key if it existed.
            Err(error) if queued.received_at <= newer.fetched_at => Err(error.settled().into()),
            checked => Ok(checked?),
        }
    }

    /// Decrypts the content, with newer keys if its certificate is unknown.
    async fn open(
        &self,
        content: &Trusted<EncryptedContent<'_>>,
        trust: Arc<Trust>,
    ) -> Result<Plaintext, Undelivered> {
        match content.open(&trust.keys) {
            Err(OpenError::UnknownCertificate) => Ok(content.open(&self.renewed_trust().await?.keys)?),
            opened => Ok(opened?),
        }
    }

    async fn renewed_trust(&self) -> Result<Arc<Trust>, Undelivered> {
        let renewed = self.deps.trust.renewed(self.now, self.deadline).await;
        Ok(renewed.map_err(no_decryption_keys)?.document)
    }
}

fn facts(item: &VerifiedItem<'_>, notification: &Notification<'_>, opened_in: Option<Duration>) -> Facts {
    Facts {
        subscription: item.proven().subscription.clone(),
        changed_at: event::time(item, notification),
        opened_in,
    }
}

/// Returns what keeps a message from being opened.
fn closed(unopened: &Unopened) -> Undelivered {
    match (unopened.unproven, &unopened.owner) {
        (None, _) => Obstacle::NoClientStateKeys.into(),
        // The webhook knew the application, so it was taken out of the configuration since, and may be put back.
        (Some(Unproven::ClientState(Refused::UnknownApplication)), Some(_)) => Obstacle::UnknownTenant.into(),
        (Some(unproven), _) => unproven.into(),
    }
}

/// The cache has logged the cause.
fn no_decryption_keys(NoDocument: NoDocument) -> Undelivered {
    Obstacle::NoDecryptionKeys.into()
}

/// The cache has logged the cause.
fn no_signing_keys(Unavailable: Unavailable) -> Undelivered {
    Obstacle::NoSigningKeys.into()
}
