//! Secrets in AWS Secrets Manager.

use std::fmt::Write;

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::get_secret_value::{
        GetSecretValueError, GetSecretValueOutput, builders::GetSecretValueFluentBuilder,
    },
    operation::put_secret_value::PutSecretValueError,
};
use graph_core::secrets::Secret;
use sha2::{Digest, Sha256};

use super::{SecretError, Source, Versioned, VersionedSecret};

/// The secrets of one account and region.
#[derive(Clone, Debug)]
pub struct SecretStore {
    client: Client,
}

impl SecretStore {
    /// Returns the store that `config` points at.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Returns the secret with this ARN.
    pub fn secret(&self, arn: impl Into<String>) -> StoredSecret {
        StoredSecret {
            client: self.client.clone(),
            arn: arn.into(),
        }
    }
}

/// A secret in Secrets Manager.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    client: Client,
    arn: String,
}

impl Source for StoredSecret {
    fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        self.read_stage(CURRENT).await
    }
}

impl VersionedSecret for StoredSecret {
    /// Writes a new current version, provided that `based_on` still was the current one when another writer last wrote.
    ///
    /// The request token is derived from the version that was read, so of two writers that read the same version one
    /// wins and the other is told: Secrets Manager refuses a known token with other content (*`PutSecretValue`*).
    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        follow(self, &self.arn, text.expose(), based_on).await
    }
}

impl StoredSecret {
    /// Returns the version that was current before the present one, or nothing when there is none.
    ///
    /// # Errors
    ///
    /// Returns an error when Secrets Manager does not answer or refuses.
    pub async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        self.read_stage("AWSPREVIOUS").await
    }

    /// Returns the version with this id, or nothing if Secrets Manager no longer keeps it.
    ///
    /// # Errors
    ///
    /// Returns an error when Secrets Manager does not answer or refuses.
    pub async fn read_version(&self, version_id: &str) -> Result<Option<Versioned>, SecretError> {
        let get = self.client.get_secret_value().version_id(version_id);
        self.fetch(get).await
    }

    async fn read_stage(&self, stage: &str) -> Result<Option<Versioned>, SecretError> {
        let get = self.client.get_secret_value().version_stage(stage);
        self.fetch(get).await
    }

    async fn fetch(&self, get: GetSecretValueFluentBuilder) -> Result<Option<Versioned>, SecretError> {
        match get.secret_id(&self.arn).send().await {
            Ok(output) => versioned(output),
            Err(error) if is_unwritten(&error) => Ok(None),
            Err(error) => Err(SecretError::Unavailable(error.into())),
        }
    }
}

/// The versions of one secret.
pub(crate) trait Versions {
    /// Returns the id of the current version.
    fn current_id(&self) -> impl Future<Output = Result<Option<String>, SecretError>> + Send;

    /// Writes a new current version with `token` as its id, and returns whether that is current now. A token that is known with
    /// other text is a conflict; with the same text, nothing is written.
    fn put(&self, token: String, text: &str) -> impl Future<Output = Result<bool, SecretError>> + Send;
}

/// Writes the version that follows `based_on`.
///
/// A token that is known was used by a rival, or by the writer of a version that was current before an operator moved
/// `AWSCURRENT` back to `based_on`. Only in the second case `based_on` still is current, and the next token is tried.
pub(crate) async fn follow(
    versions: &(impl Versions + Sync),
    secret_arn: &str,
    text: &str,
    based_on: Option<&str>,
) -> Result<(), SecretError> {
    for attempt in 0..MAX_TOKENS_PER_VERSION {
        let token = request_token(secret_arn, based_on, attempt);
        let refused = match versions.put(token, text).await {
            Ok(true) => return Ok(()),
            // Somebody has written the same text before.
            Ok(false) => Ok(()),
            Err(SecretError::Conflict) => Err(SecretError::Conflict),
            Err(error) => return Err(error),
        };
        if versions.current_id().await?.as_deref() != based_on {
            return refused;
        }
    }
    Err(SecretError::Conflict)
}

/// How many tokens a version has: so often `AWSCURRENT` can be moved back to it while Secrets Manager keeps what followed.
const MAX_TOKENS_PER_VERSION: u32 = 8;

impl Versions for StoredSecret {
    async fn current_id(&self) -> Result<Option<String>, SecretError> {
        let current = self.read().await?;
        Ok(current.map(|current| current.version_id))
    }

    async fn put(&self, token: String, text: &str) -> Result<bool, SecretError> {
        let put = self.client.put_secret_value().secret_id(&self.arn);
        let put = put.secret_string(text).client_request_token(token);
        match put.send().await {
            Ok(output) => Ok(output.version_stages().iter().any(|stage| stage == CURRENT)),
            Err(error) if is_conflict(&error) => Err(SecretError::Conflict),
            Err(error) => Err(SecretError::Unavailable(error.into())),
        }
    }
}

/// The label of the version that the functions read.
const CURRENT: &str = "AWSCURRENT";

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
