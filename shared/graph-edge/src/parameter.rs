//! AWS Systems Manager: a parameter, in which a function stores a few kilobytes that are not secret.
//!
//! The SDK of Systems Manager has 150 calls and would take longer to compile than the rest of the workspace. The two
//! calls here only need a signature (AWS, *Signature Version 4*; Systems Manager, *`GetParameter`*, *`PutParameter`*).

use std::{
    env,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{BoxError, deadline::Deadline, http::Http};

/// A parameter of Parameter Store.
#[derive(Clone, Debug)]
pub struct Parameter {
    http: Http,
    config: SdkConfig,
    /// The endpoint that the environment names for Systems Manager alone.
    endpoint: Option<String>,
    name: String,
}

impl Parameter {
    /// Returns the parameter called `name` in the account and region of `config`.
    pub fn new(http: Http, config: SdkConfig, name: String) -> Self {
        let endpoint = env::var("AWS_ENDPOINT_URL_SSM").ok();
        Self {
            http,
            config,
            endpoint: endpoint.filter(|endpoint| !endpoint.is_empty()),
            name,
        }
    }

    /// Returns the current value.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn read(&self, deadline: Deadline) -> Result<Stored, BoxError> {
        self.get(&self.name, deadline).await
    }

    /// Returns an earlier value. Parameter Store keeps a hundred.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn read_version(&self, version: u64, deadline: Deadline) -> Result<Stored, BoxError> {
        self.get(&format!("{}:{version}", self.name), deadline).await
    }

    async fn get(&self, name: &str, deadline: Deadline) -> Result<Stored, BoxError> {
        let call = self.call("GetParameter", json!({"Name": name}), deadline);
        let read: Read = serde_json::from_slice(&call.await?)?;
        Ok(read.parameter)
    }

    /// Replaces the value and returns the version of the new one. Of two simultaneous writers, the later one wins; it sees
    /// that from the version.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn write(&self, value: &str, deadline: Deadline) -> Result<u64, BoxError> {
        let put = json!({"Name": self.name, "Value": value, "Type": "String", "Overwrite": true});
        let answer = self.call("PutParameter", put, deadline).await?;
        let written: Written = serde_json::from_slice(&answer)?;
        Ok(written.version)
    }

    /// Makes a call. The deadline covers the credentials as well.
    async fn call(&self, action: &str, body: Value, deadline: Deadline) -> Result<Vec<u8>, BoxError> {
        deadline
            .at_most(TIMEOUT)
            .within(self.call_once(action, &body))
            .await?
    }

    async fn call_once(&self, action: &str, body: &Value) -> Result<Vec<u8>, BoxError> {
        let region = self.config.region().map_or("", |region| region.as_ref());
        let endpoint = self.endpoint.as_deref().or(self.config.endpoint_url());
        let url = url(region, self.config.use_fips().unwrap_or(false), endpoint);
        let body = body.to_string();
        let headers = [
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("AmazonSSM.{action}")),
        ];
        let mut request = self.http.client()?.post(&url).timeout(TIMEOUT).body(body.clone());
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        // The signature covers the headers that are set above, and none that is added later.
        let signable = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(body.as_bytes()))?;
        let provider = self.config.credentials_provider().ok_or(NoCredentials)?;
        let identity = provider.provide_credentials().await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("ssm")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        for (name, value) in signature.headers() {
            request = request.header(name, value);
        }
        let answer = self.http.send(request, MAX_BYTES).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(Refused {
            status: answer.status.as_u16(),
            code: code(&answer.body),
        }
        .into())
    }
}

/// Returns the URL of Systems Manager, as the SDKs of AWS choose it (AWS, *service endpoints*, *FIPS endpoints*).
fn url(region: &str, uses_fips: bool, endpoint: Option<&str>) -> String {
    if let Some(endpoint) = endpoint {
        return format!("{}/", endpoint.trim_end_matches('/'));
    }
    let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    let domain = partition.map_or("amazonaws.com", |(_, domain)| domain);
    // In GovCloud, the ordinary endpoint is the one with FIPS.
    let service = if uses_fips && !region.starts_with("us-gov-") {
        "ssm-fips"
    } else {
        "ssm"
    };
    format!("https://{service}.{region}.{domain}/")
}

/// The partitions with a domain of their own, by the beginning of their regions' names.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// A value of a parameter, and its version: each write counts one up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stored {
    /// The value.
    pub value: String,
    /// Its version.
    pub version: u64,
}

impl Default for Stored {
    /// Returns an empty object, as the template makes it.
    fn default() -> Self {
        Self {
            value: "{}".to_owned(),
            version: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    parameter: Stored,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    version: u64,
}

/// Parameter Store refused the call. The code tells a missing permission from a missing parameter.
#[derive(Clone, Debug, thiserror::Error)]
#[error("parameter store answered with status {status} ({code})")]
struct Refused {
    status: u16,
    code: String,
}

/// Returns the code of a refusal, such as `AccessDeniedException`. Only a single word is accepted, because it is
/// logged.
fn code(answer: &[u8]) -> String {
    let refusal: Option<Refusal> = serde_json::from_slice(answer).ok();
    let code = refusal.map(|refusal| refusal.code).unwrap_or_default();
    // AWS may put a namespace in front, as in "com.amazonaws.ssm#ParameterNotFound".
    let word = code.rsplit('#').next().unwrap_or_default();
    let is_word = !word.is_empty() && word.len() <= MAX_CODE_BYTES;
    if is_word && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        word.to_owned()
    } else {
        "no code".to_owned()
    }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: String,
}

/// The function has no credentials.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no AWS credentials are available")]
struct NoCredentials;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most characters of a code.
const MAX_CODE_BYTES: usize = 64;

/// The most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_manager_is_where_the_region_is_or_where_the_environment_says() {
        for (region, uses_fips, endpoint, expected) in [
            (
                "eu-central-1",
                false,
                None,
                "https://ssm.eu-central-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                false,
                None,
                "https://ssm.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "us-iso-east-1",
                false,
                None,
                "https://ssm.us-iso-east-1.c2s.ic.gov/",
            ),
            (
                "us-isob-east-1",
                false,
                None,
                "https://ssm.us-isob-east-1.sc2s.sgov.gov/",
            ),
            (
                "us-isof-south-1",
                false,
                None,
                "https://ssm.us-isof-south-1.csp.hci.ic.gov/",
            ),
            (
                "eu-isoe-west-1",
                false,
                None,
                "https://ssm.eu-isoe-west-1.cloud.adc-e.uk/",
            ),
            (
                "eusc-de-east-1",
                false,
                None,
                "https://ssm.eusc-de-east-1.amazonaws.eu/",
            ),
            (
                "ca-central-1",
                true,
                None,
                "https://ssm-fips.ca-central-1.amazonaws.com/",
            ),
            (
                "us-gov-west-1",
                true,
                None,
                "https://ssm.us-gov-west-1.amazonaws.com/",
            ),
            (
                "us-east-1",
                true,
                Some("http://127.0.0.1:4566"),
                "http://127.0.0.1:4566/",
            ),
        ] {
            assert_eq!(url(region, uses_fips, endpoint), expected);
        }
    }

    #[test]
    fn a_refusal_says_its_code_and_nothing_else_of_the_answer() {
        for (answer, expected) in [
            (
                r#"{"__type":"AccessDeniedException","message":"secret"}"#,
                "AccessDeniedException",
            ),
            (
                r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#,
                "ParameterNotFound",
            ),
            (r#"{"__type":"two words"}"#, "no code"),
            ("<html>", "no code"),
        ] {
            assert_eq!(code(answer.as_bytes()), expected);
        }
    }
}
