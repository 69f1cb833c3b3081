//! Secrets and their versions: the documents that a person or renewal writes and every function reads.

use graph_core::secrets::Secret;

pub(crate) use self::store::sha256_hex;
pub use self::store::{SecretStore, StoredSecret};
use crate::BoxError;

pub(crate) mod store;

/// A secret that can be read.
pub trait Source {
    /// Returns the name of the secret, for log lines.
    fn name(&self) -> &str;

    /// Returns the current version, or nothing when none has been written yet.
    fn read(&self) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;
}

/// A secret that can be written as well.
pub trait VersionedSecret: Source {
    /// Writes a new version, unless another writer was faster than this one since it read `based_on`.
    fn write(
        &self,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> impl Future<Output = Result<(), SecretError>> + Send;
}

/// The text of a secret and the version that it was read at.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The secret's text.
    pub text: Secret<String>,
    /// The id of the version, for a compare-and-swap.
    pub version_id: String,
}

/// Why a secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Another writer was faster; read again.
    #[error("secret was changed by another writer")]
    Conflict,
    /// The value was written as bytes.
    #[error("secret is binary; write it as text, with --secret-string")]
    Binary,
    /// Secrets Manager does not answer or refuses.
    #[error("AWS Secrets Manager is unavailable")]
    Unavailable(#[source] BoxError),
}

/// Changes a secret: `change` gets the text that `found` holds, and returns its result and the new text, if there is one to
/// write. When another writer was faster, what that one wrote is changed instead.
///
/// # Errors
///
/// Returns the error of `change`, or [`SecretError`] when the secret cannot be read or written.
pub async fn update<T, E: From<SecretError>>(
    secret: &impl VersionedSecret,
    mut found: Option<Versioned>,
    change: impl Fn(Option<&str>) -> Result<(T, Option<Secret<String>>), E>,
) -> Result<T, E> {
    for _ in 0..MAX_CONFLICTS {
        let (result, text) = change(found.as_ref().map(|found| found.text.expose().as_str()))?;
        let Some(text) = text else { return Ok(result) };
        let based_on = found.as_ref().map(|found| found.version_id.as_str());
        match secret.write(&text, based_on).await {
            Ok(()) => return Ok(result),
            Err(SecretError::Conflict) => found = secret.read().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(SecretError::Conflict.into())
}

/// How many writers may be faster in a row.
const MAX_CONFLICTS: usize = 10;
