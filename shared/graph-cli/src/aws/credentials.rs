//! The credentials of a command.

use std::process::Command;

use aws_config::{Region, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use serde::Deserialize;

/// The credentials of one profile, never those of the environment, which may be another account's.
#[must_use]
pub fn of_profile(profile: &str, region: Region, http: SharedHttpClient) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(Some(region))
        .with_http_client(http);
    let file = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile)
        .build();
    SharedCredentialsProvider::new(Chain {
        first: SharedCredentialsProvider::new(file),
        cli: AwsCli {
            profile: Some(profile.to_owned()),
        },
    })
}

/// The credentials of `usual`, or else those of the AWS CLI.
#[must_use]
pub fn or_of_cli(usual: SharedCredentialsProvider) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Chain {
        first: usual,
        cli: AwsCli { profile: None },
    })
}

/// Asks the AWS CLI if the SDK finds no credentials. The AWS CLI reads every kind of profile, such as those of IAM Identity
/// Center (SSO), for which the SDK needs two more clients.
#[derive(Debug)]
struct Chain {
    first: SharedCredentialsProvider,
    cli: AwsCli,
}

impl Chain {
    async fn credentials(&self) -> provider::Result {
        match self.first.provide_credentials().await {
            Ok(credentials) => Ok(credentials),
            Err(error) => self.cli.credentials().map_err(|cli| match cli {
                Unavailable::NotInstalled => error,
                Unavailable::Refused(said) => CredentialsError::provider_error(format!(
                    "{}; the AWS CLI says: {said}",
                    graph_edge::telemetry::causes(&error)
                )),
            }),
        }
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The program `aws`.
#[derive(Debug)]
struct AwsCli {
    profile: Option<String>,
}

/// Why the AWS CLI returned no credentials.
enum Unavailable {
    NotInstalled,
    Refused(String),
}

impl AwsCli {
    /// Blocks until the program ends: without credentials there is nothing else to do.
    fn credentials(&self) -> Result<Credentials, Unavailable> {
        let mut command = Command::new("aws");
        command.args(["configure", "export-credentials", "--format", "process"]);
        if let Some(profile) = &self.profile {
            command.args(["--profile", profile]);
        }
        let output = command.output().map_err(|_| Unavailable::NotInstalled)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().rfind(|line| !line.trim().is_empty());
            return Err(Unavailable::Refused(said.unwrap_or("nothing").to_owned()));
        }
        parse(&output.stdout).ok_or_else(|| Unavailable::Refused("output without credentials".to_owned()))
    }
}

/// Parses the output of a `credential_process` (AWS CLI, *Sourcing credentials with an external process*).
fn parse(json: &[u8]) -> Option<Credentials> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Exported {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        expiration: Option<Timestamp>,
    }
    let exported: Exported = serde_json::from_slice(json).ok()?;
    Some(Credentials::new(
        exported.access_key_id,
        exported.secret_access_key,
        exported.session_token,
        exported.expiration.map(Into::into),
        "AwsCli",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_the_aws_cli_exports_are_read() {
        let json = br#"{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t",
            "Expiration": "2026-11-22T10:00:00+00:00"}"#;
        let credentials = parse(json).unwrap();
        let parts = (credentials.access_key_id(), credentials.session_token());
        assert_eq!(parts, ("a", Some("t")));
        assert!(credentials.expiry().is_some());
        assert!(parse(b"{}").is_none());
    }
}
