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
        let sign_in = SignIn::of(tenant, seed);
        let slot = self.slot(tenant);
        let (found, document) = match self.stored().await {
            Ok(read) => read,
            Err(error) => return self.refresh_unread(tenant, seed, error).await,
        };
        let newest = document.newest(&sign_in);
        let obtained_at = newest.as_ref().map(|(_, obtained_at)| *obtained_at);
        let (granted, is_dead) = self
            .redeem_newest(tenant, seed, newest.map(|(kept, _)| kept))
            .await?;
        let Some(successor) = &granted.refresh_token else {
            warn!(
                tenant.id = %tenant.application.tenant_id,
                "Entra returned no new refresh token in tenant {}; sign in with scope offline_access, or access ends \
                 with the present token",
                tenant.application.tenant_id
            );
            return Ok(granted);
        };
        let dead = obtained_at.filter(|_| is_dead);
        let keep = |text: Option<&str>| {
            let mut document = Document::of(text)?;
            let is_changed = document.keep(&sign_in, successor, dead, self.clock.now());
            let text = is_changed.then(|| document.text()).transpose()?;
            Ok::<_, RefreshTokenError>(((), text))
        };
        let stored = update(&self.refresh_tokens, found, keep).await;
        // The access token is used all the same: Entra has granted it, and the refresh token that was used stays valid.
        *slot.unstored() = stored.err();
        *slot.newest() = Some(successor.clone());
        Ok(granted)
    }

    /// Requests an access token although `RefreshTokenSecret` cannot be read: with the newest token that this process got, or
    /// with the seed.
    async fn refresh_unread(
        &self,
        tenant: &Tenant,
        seed: &Secret<String>,
        error: RefreshTokenError,
    ) -> Result<Granted, LoginError> {
        // A function that keeps no tokens acts for no user.
        if self.refresh_tokens.name() == NoRefreshTokens.name() {
            return Err(error.into());
        }
        let slot = self.slot(tenant);
        let newest = slot.newest().clone();
        let granted = match self.redeem_newest(tenant, seed, newest).await {
            Ok((granted, _)) => granted,
            // The secret may have a token that is still valid.
            Err(LoginError::InvalidGrant(_)) => return Err(error.into()),
            Err(error) => return Err(error),
        };
        if let Some(successor) = &granted.refresh_token {
            *slot.newest() = Some(successor.clone());
        }
        *slot.unstored() = Some(error);
        Ok(granted)
    }

    /// Redeems the newest token of a sign-in, or the seed if that is all there is or the newest is dead. Returns whether it is
    /// dead.
    async fn redeem_newest(
        &self,
        tenant: &Tenant,
        seed: &Secret<String>,
        newest: Option<Secret<String>>,
    ) -> Result<(Granted, bool), LoginError> {
        let Some(newest) = newest else {
            return Ok((self.redeem(tenant, Some(seed)).await?, false));
        };
        match self.redeem(tenant, Some(&newest)).await {
            // The seed may still be valid.
            Err(LoginError::InvalidGrant(_)) => Ok((self.redeem(tenant, Some(seed)).await?, true)),
            granted => Ok((granted?, false)),
        }
    }

    /// Reads the secret and its document.
    async fn stored(&self) -> Result<(Option<Versioned>, Document), RefreshTokenError> {
        let found = self.refresh_tokens.read().await?;
        let document = Document::of(found.as_ref().map(|found| found.text.expose().as_str()))?;
        Ok((found, document))
    }

    /// Returns why the newest refresh token of the tenant's user could not be stored; nothing if it was.
    pub fn unstored(&self, tenant: &Tenant) -> Option<String> {
        self.slot(tenant).unstored().as_ref().map(|error| causes(error))
    }

    /// Returns when the newest stored refresh token of each tenant's user was obtained; nothing for a tenant without one that is
    /// readable.
    pub async fn signed_in_at<'t>(
        &self,
        tenants: impl Iterator<Item = &'t Tenant> + Clone,
    ) -> Vec<Option<Timestamp>> {
        // Read once for all of them, and not at all without a signed-in user.
        let document = if tenants.clone().any(|tenant| seed(tenant).is_some()) {
            self.stored().await.ok().map(|(_, document)| document)
        } else {
            None
        };
        let of = |tenant: &'t Tenant| {
            let (_, obtained_at) = document.as_ref()?.newest(&SignIn::of(tenant, seed(tenant)?))?;
            Some(obtained_at)
        };
        tenants.map(of).collect()
    }
}

/// Returns the refresh token in the configuration of a signed-in user.
fn seed(tenant: &Tenant) -> Option<&Secret<String>> {
    match &tenant.credential {
        Credential::RefreshToken { refresh_token, .. } => Some(refresh_token),
        Credential::ClientSecret { .. } | Credential::Certificate { .. } | Credential::WebIdentity => None,
    }
}
