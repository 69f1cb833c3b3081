//! AWS Secrets Manager: the documents that a person or renewal writes and every function reads.

use std::fmt::Write;

use aws_sdk_secretsmanager::{
    Client, error::SdkError, operation::get_secret_value::GetSecretValueError,
    operation::put_secret_value::PutSecretValueError,
};
use graph_core::secret::Secret;
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
        match self.client.get_secret_value().secret_id(secret_arn).send().await {
            // A secret that was made without a value has no version in AWS, and an empty one in some emulators.
            Ok(output) => Ok(output
                .secret_string
                .filter(|text| !text.is_empty())
                .map(|text| Versioned {
                    text: Secret::new(text),
                    version_id: output.version_id.unwrap_or_default(),
                })),
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
        let put = self
            .client
            .put_secret_value()
            .secret_id(secret_arn)
            .secret_string(text);
        match put
            .client_request_token(request_token(secret_arn, based_on))
            .send()
            .await
        {
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
    /// Secrets Manager does not answer or refuses.
    #[error("AWS Secrets Manager is unavailable")]
    Unavailable(#[source] BoxError),
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

/// Returns the token, 64 hexadecimal digits, of the write that follows the version `based_on`.
fn request_token(secret_arn: &str, based_on: Option<&str>) -> String {
    sha256_hex(&format!("{secret_arn}\n{}", based_on.unwrap_or("nothing")))
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
mod tests {
    use super::*;

    #[test]
    fn writers_that_read_the_same_version_use_the_same_token() {
        assert_eq!(request_token("arn", Some("v1")), request_token("arn", Some("v1")));
        let tokens = [
            request_token("arn", Some("v1")),
            request_token("arn", Some("v2")),
            request_token("arn", None),
        ];
        assert!(tokens.iter().all(|token| token.len() == 64));
        assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    }
}
