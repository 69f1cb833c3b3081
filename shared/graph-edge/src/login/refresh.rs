//! Refresh tokens (Microsoft identity platform, *Refresh tokens*): each use returns a new one, which is stored in a
//! secret of its own. The token in the configuration is only the first.

use graph_core::{
    secrets::Secret,
    subscription::config::{Credential, Tenant},
};
use jiff::Timestamp;
use tracing::warn;

use self::document::{Document, SignIn};
use super::{
    Ports, TokenProvider,
    error::{LoginError, RefreshTokenError},
    request::Granted,
};
use crate::{
    clock::Clock,
    secrets::{SecretError, Source, Versioned, VersionedSecret, update},
    telemetry::causes,
};

mod document;

/// No store for refresh tokens, for functions that act for no signed-in user.
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

impl<P: Ports> TokenProvider<P> {
    /// Requests an access token with the newest refresh token that descends from `seed`, and stores its successor.
    ///
    /// Using a refresh token does not revoke it, so simultaneous runs do not invalidate each other's. The newest one is
    /// stored, because it is valid the longest.
    pub(super) async fn refresh(
        &self,
        tenant: &Tenant,
        seed: &Secret<String>,
    ) -> Result<Granted, LoginError> {
        let tokens = &self.refresh_tokens;
        let sign_in = SignIn::of(tenant, seed);
        let found = tokens.read().await.map_err(RefreshTokenError::from)?;
        let document = Document::of(found.as_ref().map(|found| found.text.expose().as_str()))?;
        let (granted, dead) = match document.newest(&sign_in) {
            None => (self.redeem(tenant, Some(seed)).await?, None),
            Some((kept, obtained_at)) => match self.redeem(tenant, Some(&kept)).await {
                // The seed may still be valid.
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
        let keep = |text: Option<&str>| {
            let mut document = Document::of(text)?;
            let is_changed = document.keep(&sign_in, successor, dead, self.clock.now());
            let text = is_changed.then(|| document.text()).transpose()?;
            Ok::<_, RefreshTokenError>(((), text))
        };
        let stored = update(tokens, found, keep).await;
        // The access token is used all the same: Entra has granted it, and the refresh token that was used stays valid.
        *self.slot(tenant).unstored() = stored.err();
        Ok(granted)
    }

    /// Returns why the newest refresh token of the tenant's user could not be stored; nothing if it was.
    pub fn unstored(&self, tenant: &Tenant) -> Option<String> {
        self.slot(tenant).unstored().as_ref().map(|error| causes(error))
    }

    /// Returns when the newest stored refresh token of the tenant's user was obtained; nothing if none is readable.
    pub async fn signed_in_at(&self, tenant: &Tenant) -> Option<Timestamp> {
        let Credential::RefreshToken { refresh_token, .. } = &tenant.credential else {
            return None;
        };
        let found = self.refresh_tokens.read().await.ok()?;
        let document = Document::of(found.as_ref().map(|found| found.text.expose().as_str())).ok()?;
        let (_, obtained_at) = document.newest(&SignIn::of(tenant, refresh_token))?;
        Some(obtained_at)
    }
}
