//! The configuration of the AWS clients.

use std::{env, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use reqwest::Url;

use crate::http::is_local;

/// Returns the configuration of a function's AWS clients, from the environment variables that AWS Lambda sets.
///
/// A call without an answer is given up and retried. Callers with less time pass their deadline ([`crate::documents`],
/// [`crate::sqs`]), which ends the call earlier.
///
/// Credentials come from the environment variables only (AWS Lambda, *defined runtime environment variables*). With the
/// default chain, the SDK would prepare a client of STS at every start.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(6))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100));
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(retries)
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .http_client(http_client())
        .load()
        .await
}

/// Returns the HTTP client that all AWS clients share. By default each would build two, with the root certificates in
/// each.
pub(crate) fn http_client() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .proxy_config(proxy(env::var("AWS_ENDPOINT_URL").ok().as_deref()))
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// Returns the proxy from the environment, or none if AWS is played on this machine.
fn proxy(endpoint: Option<&str>) -> ProxyConfig {
    let url = endpoint.and_then(|endpoint| Url::parse(endpoint).ok());
    if url.is_some_and(|url| is_local(&url)) {
        ProxyConfig::disabled()
    } else {
        ProxyConfig::from_env()
    }
}

/// How long a connection may take. All clients share the connector, so all have the same limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_on_this_machine_are_reached_without_a_proxy() {
        assert!(proxy(Some("http://127.0.0.1:4566")).is_disabled());
        assert!(proxy(Some("https://sqs.eu-central-1.amazonaws.com")).is_from_env());
        assert!(proxy(None).is_from_env());
    }
}
