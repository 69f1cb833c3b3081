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
    secrets::{SecretError, Source, Versioned, VersionedSecret, update},
};

mod document;

/// No place for refresh tokens: who has none acts for no signed-in user.
#[derive(Clone, Copy, Debug)]
pub struct NoRefreshTokens;

impl Source for NoRefreshTokens {
    fn name(&self) -> &'static str {
        "none"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        Err(SecretError::Unavailable(
            "this function keeps no refresh tokens".into(),
        ))
    }
}

impl VersionedSecret for NoRefreshTokens {
    async fn write(&self, _: &Secret<String>, _: Option<&str>) -> Result<(), SecretError> {
        Err(SecretError::Unavailable(
            "this function keeps no refresh tokens".into(),
        ))
    }
}

impl<C: Clock, T: VersionedSecret + Sync, I: WebIdentity> TokenProvider<C, T, I> {
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
        let found = tokens.read().await.map_err(RefreshTokenError::from)?;
        let document = Document::of(found.as_ref().map(|found| found.text.expose().as_str()))?;
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
        let keep = |text: Option<&str>| {
            let mut document = Document::of(text)?;
            let is_changed = document.keep(&sign_in, successor, dead, self.clock.now());
            let text = is_changed.then(|| document.text()).transpose()?;
            Ok::<_, RefreshTokenError>(((), text))
        };
        update(tokens, found, keep).await?;
        Ok(granted)
    }
}

impl<C, T: VersionedSecret, I> TokenProvider<C, T, I> {
    /// Returns when the newest refresh token of the tenant's user was obtained, where one is kept and can be read.
    pub async fn signed_in_at(&self, tenant: &Tenant) -> Option<Timestamp> {
        let Credential::RefreshToken { refresh_token, .. } = &tenant.credential else {
            return None;
        };
        let found = self.refresh_tokens.as_ref()?.read().await.ok()?;
        let document = Document::of(found.as_ref().map(|found| found.text.expose().as_str())).ok()?;
        let (_, obtained_at) = document.newest(&SignIn::of(tenant, refresh_token))?;
        Some(obtained_at)
    }
}
