//! AWS Secrets Manager: the documents that a person or renewal writes and every function reads.

use std::fmt::Write;

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
    operation::put_secret_value::PutSecretValueError,
};
use graph_core::secrets::Secret;
use sha2::{Digest, Sha256};

use crate::BoxError;

/// The secrets of one account and region.
#[derive(Clone, Debug)]
pub struct SecretStore {
    client: Client,
}

/// The text of a secret and the version that it was read at.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// The secret's text.
    pub text: Secret<String>,
    /// The id of the version, for a compare-and-swap.
    pub version_id: String,
}

impl SecretStore {
    /// Returns the store that `config` points at.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Returns the current version of a secret, or nothing when no version has been written yet.
    ///
    /// # Errors
    ///
    /// Returns an error when Secrets Manager does not answer or refuses.
    pub async fn read(&self, secret_arn: &str) -> Result<Option<Versioned>, SecretError> {
        self.read_stage(secret_arn, "AWSCURRENT").await
    }

    /// Returns the version that was current before the present one, or nothing when there is none.
    ///
    /// # Errors
    ///
    /// Returns an error when Secrets Manager does not answer or refuses.
    pub async fn read_previous(&self, secret_arn: &str) -> Result<Option<Versioned>, SecretError> {
        self.read_stage(secret_arn, "AWSPREVIOUS").await
    }

    async fn read_stage(&self, secret_arn: &str, stage: &str) -> Result<Option<Versioned>, SecretError> {
        let get = self.client.get_secret_value().secret_id(secret_arn);
        match get.version_stage(stage).send().await {
            Ok(output) => versioned(output),
            Err(error) if is_unwritten(&error) => Ok(None),
            Err(error) => Err(SecretError::Unavailable(error.into())),
        }
    }

    /// Writes a new current version, provided that `based_on` still was the current one when another writer last wrote.
    ///
    /// The request token is derived from the version that was read, so of two writers that read the same version one
    /// wins and the other is told: Secrets Manager refuses a known token with other content (*`PutSecretValue`*).
    ///
    /// # Errors
    ///
    /// Returns [`SecretError::Conflict`] to the writer that lost.
    pub async fn write(
        &self,
        secret_arn: &str,
        text: &str,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        let store = self;
        follow(&Stored { store, secret_arn }, secret_arn, text, based_on).await
    }
}

/// The versions of one secret.
trait Versions {
    /// Returns the id of the current version.
    async fn current_id(&self) -> Result<Option<String>, SecretError>;

    /// Writes a new current version with `token` as its id; a token that is known is a conflict.
    async fn put(&self, token: String, text: &str) -> Result<(), SecretError>;
}

/// Writes the version that follows `based_on`.
///
/// A token that is known was used by a rival, or by the writer of a version that was current before an operator moved
/// `AWSCURRENT` back to `based_on`. Only in the second case `based_on` still is current, and the next token is tried.
async fn follow(
    versions: &impl Versions,
    secret_arn: &str,
    text: &str,
    based_on: Option<&str>,
) -> Result<(), SecretError> {
    for attempt in 0..TOKENS {
        match versions
            .put(request_token(secret_arn, based_on, attempt), text)
            .await
        {
            Err(SecretError::Conflict) if versions.current_id().await?.as_deref() == based_on => {}
            result => return result,
        }
    }
    Err(SecretError::Conflict)
}

/// How many tokens a version has: so often `AWSCURRENT` can be moved back to it while Secrets Manager keeps what followed.
const TOKENS: u32 = 8;

/// The versions of a secret in Secrets Manager.
struct Stored<'a> {
    store: &'a SecretStore,
    secret_arn: &'a str,
}

impl Versions for Stored<'_> {
    async fn current_id(&self) -> Result<Option<String>, SecretError> {
        let current = self.store.read(self.secret_arn).await?;
        Ok(current.map(|current| current.version_id))
    }

    async fn put(&self, token: String, text: &str) -> Result<(), SecretError> {
        let put = self
            .store
            .client
            .put_secret_value()
            .secret_id(self.secret_arn)
            .secret_string(text);
        match put.client_request_token(token).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => Err(SecretError::Conflict),
            Err(error) => Err(SecretError::Unavailable(error.into())),
        }
    }
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

fn versioned(output: GetSecretValueOutput) -> Result<Option<Versioned>, SecretError> {
    if output.secret_binary.is_some() {
        return Err(SecretError::Binary);
    }
    // A secret that was made without a value has no version in AWS, and an empty one in some emulators.
    let text = output.secret_string.filter(|text| !text.is_empty());
    Ok(text.map(|text| Versioned {
        text: Secret::new(text),
        version_id: output.version_id.unwrap_or_default(),
    }))
}

fn is_unwritten(error: &SdkError<GetSecretValueError>) -> bool {
    error
        .as_service_error()
        .is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

fn is_conflict(error: &SdkError<PutSecretValueError>) -> bool {
    error
        .as_service_error()
        .is_some_and(PutSecretValueError::is_resource_exists_exception)
}

/// Returns a token, 64 hexadecimal digits, of a write that follows the version `based_on`.
fn request_token(secret_arn: &str, based_on: Option<&str>, attempt: u32) -> String {
    sha256_hex(&format!(
        "{secret_arn}\n{}\n{attempt}",
        based_on.unwrap_or("nothing")
    ))
}

/// Returns the SHA-256 of `text` in 64 hexadecimal digits.
pub(crate) fn sha256_hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a string does not fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests;
