//! Calls of AWS without an SDK: one signed request, one JSON answer (AWS, *Signature Version 4*).
//!
//! Most of what a call of an SDK costs is the SDK's orchestration: a POST makes one for ten items. And the SDK of Systems Manager has
//! 150 calls, of which two are made; it would take longer to compile than the rest of the workspace.

use std::{env, time::SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
use aws_smithy_types::byte_stream::ByteStream;
use serde::Deserialize;

use super::Aws;
use crate::BoxError;

/// A service of AWS that takes and answers JSON. Who calls it sets the time.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    aws: Aws,
    protocol: Protocol,
    url: String,
    region: String,
}

/// How a service is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// The name in its address and in signatures.
    pub(crate) name: &'static str,
    /// What stands before the name of a call.
    pub(crate) target: &'static str,
    /// The type of the body.
    pub(crate) content_type: &'static str,
}

impl Service {
    /// Returns a service in the account and region of `aws`.
    pub(crate) fn new(aws: &Aws, protocol: Protocol) -> Self {
        let config = aws.config();
        let region = config.region().map_or("", |region| region.as_ref());
        let own = env::var(format!("AWS_ENDPOINT_URL_{}", protocol.name.to_ascii_uppercase())).ok();
        let own = own.filter(|endpoint| !endpoint.is_empty());
        let endpoint = own.as_deref().or(config.endpoint_url());
        let url = url(
            protocol.name,
            region,
            config.use_fips().unwrap_or(false),
            endpoint,
        );
        Self {
            protocol,
            url,
            region: region.to_owned(),
            aws: aws.clone(),
        }
    }

    /// Makes a call, once, and returns the answer.
    pub(crate) async fn call(&self, action: &str, body: Vec<u8>) -> Result<Vec<u8>, BoxError> {
        let request = self.request(action, body).await?;
        let mut answer = self.aws.connector().call(request).await?;
        let (status, body) = (answer.status(), answer.take_body());
        let (mut stream, mut body) = (ByteStream::new(body), Vec::new());
        while let Some(chunk) = stream.try_next().await? {
            if body.len().saturating_add(chunk.len()) > MAX_BYTES {
                return Err(TooLong(self.protocol.name).into());
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        Err(Refused {
            service: self.protocol.name,
            status: status.as_u16(),
            code: code(&body),
        }
        .into())
    }

    /// Returns a signed request.
    async fn request(&self, action: &str, body: Vec<u8>) -> Result<HttpRequest, BoxError> {
        let provider = self.aws.config().credentials_provider().ok_or(NoCredentials)?;
        let identity = provider.provide_credentials().await?.into();
        let target = format!("{}.{action}", self.protocol.target);
        let headers = [
            ("content-type", self.protocol.content_type),
            ("x-amz-target", &target),
        ];
        let signed = SignableBody::Bytes(&body);
        let signable = SignableRequest::new("POST", &*self.url, headers.into_iter(), signed)?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.protocol.name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let (signature, _) = sign(signable, &parameters)?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method("POST")?;
        request.set_uri(&*self.url)?;
        for (name, value) in headers {
            request.headers_mut().try_insert(name, value.to_owned())?;
        }
        for header in signature.into_parts().0 {
            request
                .headers_mut()
                .try_insert(header.name(), header.value().to_owned())?;
        }
        // So that X-Ray sees a call and what comes of it as one. The signature does not cover it.
        if let Ok(trace) = env::var("_X_AMZN_TRACE_ID") {
            let _ = request.headers_mut().try_insert("x-amzn-trace-id", trace);
        }
        Ok(request)
    }
}

/// Returns the URL of a service, as the SDKs of AWS choose it (AWS, *service endpoints*, *FIPS endpoints*).
fn url(service: &str, region: &str, uses_fips: bool, endpoint: Option<&str>) -> String {
    if let Some(endpoint) = endpoint {
        return format!("{}/", endpoint.trim_end_matches('/'));
    }
    let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    let domain = partition.map_or("amazonaws.com", |(_, domain)| domain);
    // In GovCloud, the ordinary endpoint is the one with FIPS.
    let fips = if uses_fips && !region.starts_with("us-gov-") {
        "-fips"
    } else {
        ""
    };
    format!("https://{service}{fips}.{region}.{domain}/")
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

/// A service refused the call. The code tells a missing permission from a missing parameter.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{service} answered with status {status} ({code})")]
struct Refused {
    service: &'static str,
    status: u16,
    code: String,
}

/// An answer is longer than any that the service gives.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} answered with more than {MAX_BYTES} bytes")]
struct TooLong(&'static str);

/// The function has no credentials.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no AWS credentials are available")]
struct NoCredentials;

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

/// The most characters of a code.
const MAX_CODE_BYTES: usize = 64;

/// The most bytes of an answer.
const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
