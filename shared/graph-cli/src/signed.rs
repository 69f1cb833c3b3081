//! AWS calls without an SDK: one signed request, one JSON answer.
//!
//! The SDKs of Lambda and CloudWatch turn on features in all the others, or bring a second `http`, so with them everything
//! would be compiled twice.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use graph_edge::telemetry::causes;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::{
    aws::Aws,
    failure::{Failure, Kind},
};

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The name in texts.
    pub name: &'static str,
    /// The name in the host name.
    pub host: &'static str,
    /// The name in the signature.
    pub scope: &'static str,
}

/// AWS Lambda.
pub const LAMBDA: Service = Service {
    name: "AWS Lambda",
    host: "lambda",
    scope: "lambda",
};

/// Amazon CloudWatch.
pub const CLOUDWATCH: Service = Service {
    name: "Amazon CloudWatch",
    host: "monitoring",
    scope: "monitoring",
};

/// Amazon CloudWatch Logs.
pub const LOGS: Service = Service {
    name: "Amazon CloudWatch Logs",
    host: "logs",
    scope: "logs",
};

/// Amazon EventBridge Scheduler.
pub const SCHEDULER: Service = Service {
    name: "Amazon EventBridge Scheduler",
    host: "scheduler",
    scope: "scheduler",
};

/// A request.
#[derive(Debug)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The path and the query, percent-encoded.
    pub path: String,
    /// Headers besides those of the signature.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// Why a call failed.
#[derive(Debug)]
pub enum CallError {
    /// The service refused.
    Refused {
        /// The error code.
        code: String,
        /// The message.
        message: String,
        /// The time of the answer, by the clock of AWS.
        date: Option<String>,
    },
    /// No answer came. The request may have arrived.
    Broken(String),
    /// Nothing was sent.
    NotSent(Failure),
}

impl Aws {
    /// Makes one call without retries.
    ///
    /// # Errors
    ///
    /// Returns an error when the service refuses or does not answer within `timeout`.
    pub async fn call(&self, call: &Call, timeout: Duration) -> Result<Reply, CallError> {
        let url = self.url(call.service) + &call.path;
        let mut request = self
            .http
            .request(call.method.clone(), &url)
            .timeout(timeout)
            .body(call.body.clone());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in self.signature(call, &url).await.map_err(CallError::NotSent)? {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(broken)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.map_err(broken)?;
        if status.is_success() {
            return Ok(Reply { headers, body });
        }
        Err(refusal(status, &headers, &body))
    }

    /// Makes a call that only reads, and returns the JSON answer.
    ///
    /// # Errors
    ///
    /// Returns a failure when the service refuses or does not answer.
    pub async fn read(&self, call: &Call) -> Result<Value, Failure> {
        let reply = self.call(call, self.timeout).await;
        let reply = reply.map_err(|error| self.call_failure(call.service, error))?;
        serde_json::from_str(&reply.body).map_err(|_| {
            let text = format!("{} did not answer with JSON", call.service.name);
            Failure::new(Kind::Aws, text, "")
        })
    }

    /// Returns the failure for a person.
    pub fn call_failure(&self, service: Service, error: CallError) -> Failure {
        match error {
            CallError::Refused { code, message, date } => {
                self.refused(service.name, &code, &message, date.as_deref())
            }
            CallError::Broken(causes) => self.unreachable(service.name, &causes),
            CallError::NotSent(failure) => failure,
        }
    }

    fn url(&self, service: Service) -> String {
        let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
        match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{}.amazonaws.com{suffix}", service.host, self.region),
        }
    }

    /// Returns the headers of the signature (AWS, *Signature Version 4*).
    async fn signature(&self, call: &Call, url: &str) -> Result<Vec<(String, String)>, Failure> {
        let unsigned = |error: &dyn std::error::Error| self.unreachable(call.service.name, &causes(error));
        let Some(provider) = self.config.credentials_provider() else {
            return Err(self.unreachable(call.service.name, "no credential provider"));
        };
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| unsigned(&error))?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(call.service.scope)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(&error))?
            .into();
        let headers = call.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(call.body.as_bytes());
        let request = SignableRequest::new(call.method.as_str(), url, headers, body);
        let signed = sign(request.map_err(|error| unsigned(&error))?, &parameters);
        let (instructions, _) = signed.map_err(|error| unsigned(&error))?.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

fn broken(error: reqwest::Error) -> CallError {
    CallError::Broken(causes(&error.without_url()))
}

/// Parses the JSON of a refusal. Some services send the code in a header, others in a member.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &str) -> CallError {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| json.get(name)?.as_str().map(str::to_owned))
    };
    let header = headers
        .get("x-amzn-errortype")
        .and_then(|value| value.to_str().ok());
    let code = header
        .map(str::to_owned)
        .or_else(|| text(&["__type", "Code", "code"]));
    let code = code.unwrap_or_else(|| status.to_string());
    // `namespace#Code` and `Code:address` are both in use.
    let code = code.rsplit('#').next().unwrap_or_default();
    CallError::Refused {
        code: code.split(':').next().unwrap_or_default().to_owned(),
        message: text(&["message", "Message"]).unwrap_or_default(),
        date: headers
            .get("date")
            .and_then(|date| Some(date.to_str().ok()?.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_from_a_header_or_from_the_body() {
        let mut headers = HeaderMap::new();
        check(
            &headers,
            r#"{"__type":"com.amazon#AccessDenied","Message":"no"}"#,
            "AccessDenied",
            "no",
        );
        check(&headers, "<html>", "403 Forbidden", "");
        headers.insert(
            "x-amzn-errortype",
            "ResourceNotFoundException:http://x".parse().unwrap(),
        );
        check(
            &headers,
            r#"{"message":"gone"}"#,
            "ResourceNotFoundException",
            "gone",
        );
    }

    #[track_caller]
    fn check(headers: &HeaderMap, body: &str, expected: &str, words: &str) {
        let CallError::Refused { code, message, .. } = refusal(StatusCode::FORBIDDEN, headers, body) else {
            panic!("not a refusal");
        };
        assert_eq!((code.as_str(), message.as_str()), (expected, words));
    }
}
