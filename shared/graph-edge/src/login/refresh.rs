//! Refresh tokens (Microsoft identity platform, *Refresh tokens*): each use brings a new one, which is kept in a secret
//! of its own. The one in the configuration is only the first.

use graph_core::{
    secrets::Secret,
    subscription::config::{Credential, Tenant},
};
use jiff::Timestamp;
use tracing::warn;

use self::document::{Document, SignIn};
use super::{
    TokenProvider,
    error::{LoginError, RefreshTokenError},
    identity::WebIdentity,
    request::Granted,
};
use crate::{
    clock::Clock,
    secrets::{SecretError, SecretStore, Versioned},
};

mod document;

/// Where refresh tokens are kept.
pub trait RefreshTokens {
    /// Returns the current version of their document, or nothing when none has been written yet.
    fn read(&self) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;

    /// Writes a new version, unless another writer was faster than this one since it read `based_on`.
    fn write(
        &self,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> impl Future<Output = Result<(), SecretError>> + Send;
}

/// `RefreshTokenSecret`, which nobody else writes.
#[derive(Clone, Debug)]
pub struct RefreshTokenSecret {
    /// The store that holds the secret.
    pub store: SecretStore,
    /// The secret's ARN.
    pub secret_arn: String,
}

impl RefreshTokens for RefreshTokenSecret {
    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        self.store.read(&self.secret_arn).await
    }

    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        self.store.write(&self.secret_arn, text.expose(), based_on).await
    }
}

/// No place for refresh tokens: who has none acts for no signed-in user.
#[derive(Clone, Copy, Debug)]
pub struct NoRefreshTokens;

impl RefreshTokens for NoRefreshTokens {
    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        Err(SecretError::Unavailable(
            "this function keeps no refresh tokens".into(),
        ))
    }

    async fn write(&self, _: &Secret<String>, _: Option<&str>) -> Result<(), SecretError> {
        Err(SecretError::Unavailable(
            "this function keeps no refresh tokens".into(),
        ))
    }
}

impl<C: Clock, T: RefreshTokens, I: WebIdentity> TokenProvider<C, T, I> {
    /// Asks for a token with the newest refresh token that goes back to `seed`, and keeps the one that comes with it.
    ///
    /// The use of a refresh token does not revoke it, so runs that do this at the same time do not take it from each
    /// other; the newest one is kept because it holds the longest.
    pub(super) async fn refresh(
        &self,
        tenant: &Tenant,
        seed: &Secret<String>,
    ) -> Result<Granted, LoginError> {
        let tokens = self.refresh_tokens.as_ref().ok_or(RefreshTokenError::NotSetUp)?;
        let sign_in = SignIn::of(tenant, seed);
        let (document, version) = read(tokens).await?;
        let (granted, dead) = match document.newest(&sign_in) {
            None => (self.redeem(tenant, Some(seed)).await?, None),
            Some((kept, obtained_at)) => match self.redeem(tenant, Some(&kept)).await {
                // The seed may have outlived it.
                Err(LoginError::InvalidGrant(_)) => {
                    (self.redeem(tenant, Some(seed)).await?, Some(obtained_at))
                }
                granted => (granted?, None),
            },
        };
        let Some(successor) = &granted.refresh_token else {
            warn!(
                tenant.id = %tenant.application.tenant_id,
                "Entra returned no new refresh token in tenant {}; sign in with scope offline_access, or access ends \
                 with the present token",
                tenant.application.tenant_id
            );
            return Ok(granted);
        };
        // Before anyone sees the access token: a token that cannot be kept is noticed at once, not after months.
        let kept = Kept {
            sign_in,
            successor,
            dead,
        };
        keep(tokens, &kept, (document, version), &self.clock).await?;
        Ok(granted)
    }
}

impl<C, T: RefreshTokens, I> TokenProvider<C, T, I> {
    /// Returns when the newest refresh token of the tenant's user was obtained, where one is kept and can be read.
    pub async fn signed_in_at(&self, tenant: &Tenant) -> Option<Timestamp> {
        let Credential::RefreshToken { refresh_token, .. } = &tenant.credential else {
            return None;
        };
        let (document, _) = read(self.refresh_tokens.as_ref()?).await.ok()?;
        let (_, obtained_at) = document.newest(&SignIn::of(tenant, refresh_token))?;
        Some(obtained_at)
    }
}

/// A refresh token to keep.
struct Kept<'a> {
    sign_in: SignIn,
    successor: &'a Secret<String>,
    /// When the one was obtained that was kept and does not count any more.
    dead: Option<Timestamp>,
}

/// Keeps a token, on top of what other writers keep.
async fn keep(
    tokens: &impl RefreshTokens,
    kept: &Kept<'_>,
    mut found: (Document, Option<Versioned>),
    clock: &impl Clock,
) -> Result<(), RefreshTokenError> {
    for _ in 0..WRITERS {
        let (mut document, version) = found;
        if !document.keep(&kept.sign_in, kept.successor, kept.dead, clock.now()) {
            return Ok(());
        }
        let text = document.text()?;
        let based_on = version.as_ref().map(|version| version.version_id.as_str());
        match tokens.write(&text, based_on).await {
            Ok(()) => return Ok(()),
            Err(SecretError::Conflict) => found = read(tokens).await?,
            Err(error) => return Err(RefreshTokenError::Unavailable(error)),
        }
    }
    Err(RefreshTokenError::Unavailable(SecretError::Conflict))
}

async fn read(tokens: &impl RefreshTokens) -> Result<(Document, Option<Versioned>), RefreshTokenError> {
    let version = tokens.read().await.map_err(RefreshTokenError::Unavailable)?;
    let document = match &version {
        None => Document::default(),
        Some(version) => Document::parse(version.text.expose())?,
    };
    Ok((document, version))
}

/// How many writers may be faster in a row.
const WRITERS: usize = 10;
