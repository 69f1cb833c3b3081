//! Doubles of the login's ports.

use super::*;

/// A source of web identity tokens for every audience.
#[derive(Clone, Copy, Debug)]
pub(super) struct FakeIdentity;

impl WebIdentity for FakeIdentity {
    async fn token(&self, audience: &str) -> Result<Secret<String>, IdentityError> {
        Ok(Secret::new(format!("token-for-{audience}")))
    }
}
