//! Validation tokens: proof that encrypted items come from Microsoft Graph, for our tenant and application.
//!
//! Graph sends along with encrypted items one signed token for each (tenant, application) that they are for (Microsoft
//! Graph, *change notifications with resource data*, "validate the authenticity of notifications"). An item becomes
//! [`Trusted`] here and nowhere else, and only when one of its tokens holds in every respect:
//!
//! - a compact JWS of at most 8 KiB, signed with RS256 by a key that the cloud publishes; the header names that key by
//!   `kid` and can bring no key, no address of one, and no extension of its own;
//! - the key's own `issuer`, where it has one, covers the token's;
//! - `nbf` and `exp` hold at the present time, give or take 300 seconds;
//! - `aud` is exactly our application and `tid` exactly the tenant;
//! - `iss` is the form that goes with `ver` for that very `tid`;
//! - the caller, `appid` of a version 1.0 token or `azp` of a version 2.0 one, is Microsoft Graph Change Tracking.
//!   Without this any application in the tenant could make such a token.
//!
//! What a token claims is looked at before its signature, so that a key that we do not know matters only where the
//! token is otherwise right. Nothing here is secret: the keys are public.

mod authority;
mod relevant;
mod signing_keys;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use self::authority::{Authorities, Authority, InvalidAuthorities};
pub use self::relevant::{MAX_RELEVANT, MAX_RELEVANT_BYTES, MAX_RELEVANT_TIMES, TokenIndex};
pub use self::signing_keys::{MalformedKeys, SigningKeys};
use crate::{application::Guid, secrets::TrustedTenant};

/// The longest token that is looked at, in bytes. Real ones have about 2,000.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How many different tokens are tried for one item. Graph sends one for each tenant and application in a POST.
pub const MAX_TOKENS_PER_ITEM: usize = 32;

/// A value that a validation token has vouched for, and the tenant for which it did; only [`vouch`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted<T> {
    value: T,
    tenant_id: Guid,
}

impl<T> Trusted<T> {
    /// Returns the value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Returns the tenant that the value comes from.
    pub fn tenant_id(&self) -> Guid {
        self.tenant_id
    }
}

/// Why no token vouches for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The item came without any token; [`hint`](Self::hint) says what an operator can do. Final.
    #[error("item came without a validation token")]
    Missing,
    /// A token that is right in what it says names a signing key that we do not have.
    ///
    /// Fetching the keys again may cure it. Once the keys are fresh, [`settled`](Self::settled) makes it final.
    #[error("signing key of the validation token is not known")]
    UnknownKey,
    /// No token vouches for the item. Final, and on purpose no more precise.
    #[error("no validation token vouches for the item")]
    Rejected,
}

impl TokenError {
    /// Returns the error as it stands when keys fetched after the token arrived do not have its key either.
    #[must_use]
    pub fn settled(self) -> Self {
        match self {
            Self::Missing => Self::Missing,
            Self::UnknownKey | Self::Rejected => Self::Rejected,
        }
    }

    /// Returns what an operator can do about the error, where it is more than to look for an attacker.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some(MISSING_HINT),
            Self::UnknownKey | Self::Rejected => None,
        }
    }
}

/// Returns `item` as trusted when at least one of `tokens` vouches for the `expected` tenant and application.
///
/// `expected` must be what the item itself claims: the entry for its `tenantId` and for the application that owns its
/// subscription. Tokens that vouch for others, or for nobody, do no harm; an `authority` of another cloud than the
/// `expected` one's vouches for nobody.
///
/// # Errors
///
/// [`TokenError::Missing`] without any token; [`TokenError::UnknownKey`] when only a key that is not in `keys` stands
/// between a token and its being valid; [`TokenError::Rejected`] for everything else.
pub fn vouch<T>(
    item: T,
    tokens: &[impl AsRef<str>],
    expected: &TrustedTenant,
    keys: &SigningKeys,
    authority: &Authority,
    now: Timestamp,
) -> Result<Trusted<T>, TokenError> {
    if tokens.is_empty() {
        return Err(TokenError::Missing);
    }
    if authority.cloud != expected.cloud {
        return Err(TokenError::Rejected);
    }
    let mut outcome = TokenError::Rejected;
    let tokens = distinct(tokens).filter(|token| token.len() <= MAX_TOKEN_BYTES);
    for token in tokens.take(MAX_TOKENS_PER_ITEM) {
        match verify::verify(token, expected, keys, authority, now) {
            Ok(()) => {
                return Ok(Trusted {
                    value: item,
                    tenant_id: expected.application.tenant_id,
                });
            }
            // A roll of the keys must delay an item, not lose it, whatever the other tokens are.
            Err(TokenError::UnknownKey) => outcome = TokenError::UnknownKey,
            Err(TokenError::Missing | TokenError::Rejected) => {}
        }
    }
    Err(outcome)
}

/// Iterates over the tokens, each once.
fn distinct(tokens: &[impl AsRef<str>]) -> impl Iterator<Item = &str> {
    let mut seen = BTreeSet::new();
    tokens
        .iter()
        .map(AsRef::as_ref)
        .filter(move |token| seen.insert(*token))
}

/// What to do when Graph sends no tokens (Microsoft Graph, *change notifications with resource data*).
const MISSING_HINT: &str = "Microsoft Graph sends no validation token when it cannot get one for the application: in the \
    tenant's enterprise application (service principal), set appRoleAssignmentRequired to false, or assign an app role \
    of the application to the service principal of Microsoft Graph Change Tracking \
    (0bf30f3b-4a52-48df-9a82-234910c4a086)";
