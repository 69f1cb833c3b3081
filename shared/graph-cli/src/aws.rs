//! The account and region of the command line.

mod clock;
mod credentials;

use std::{env, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::HttpResponse,
    result::SdkError,
};
use graph_edge::{http::is_local, telemetry::causes};
use jiff::Timestamp;
use reqwest::Url;

use crate::{
    arguments::Global,
    failure::{Failure, Kind},
};

/// One account and region of AWS.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The configuration of the SDK's clients.
    pub config: SdkConfig,
    /// The region.
    pub region: String,
    /// The endpoint URL for all services.
    pub endpoint: Option<String>,
    /// Time limit of one call.
    pub timeout: Duration,
    /// Time limit of a plan.
    pub plan_timeout: Duration,
    /// The client for calls without an SDK.
    pub(crate) http: reqwest::Client,
}

impl Aws {
    /// Returns the account and region of the options, the environment or the profile, in this order.
    ///
    /// # Errors
    ///
    /// Returns a failure if no region is set, or the endpoint is not a URL.
    pub async fn from_options(global: &Global) -> Result<Self, Failure> {
        let named = || env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let endpoint = global.endpoint_url.clone().or_else(named);
        let url = endpoint.as_deref().map(parse).transpose()?;
        let is_local = url.is_some_and(|url| is_local(&url));
        let given = global.timeout.map(Duration::from_secs);
        let timeout = given.unwrap_or(CALL);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client(is_local, timeout))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts(timeout));
        if let Some(profile) = &global.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &global.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let config = loader.load().await;
        let Some(region) = config.region().cloned() else {
            return Err(Failure::new(
                Kind::Input,
                "no region is set",
                "Add --region, set AWS_REGION, or run: aws configure set region eu-central-1",
            ));
        };
        // A profile may have an endpoint as well.
        let endpoint = endpoint.or_else(|| config.endpoint_url().map(str::to_owned));
        let url = endpoint.as_deref().map(parse).transpose()?;
        let is_local = url.is_some_and(|url| graph_edge::http::is_local(&url));
        let http = http_client(is_local, timeout);
        let provider = match &global.profile {
            Some(profile) => Some(credentials::of_profile(profile, region.clone(), http.clone())),
            None => config.credentials_provider().map(credentials::or_of_cli),
        };
        let mut config = config.into_builder().http_client(http);
        config.set_credentials_provider(provider);
        let (config, region) = (config.build(), region.to_string());
        let client = reqwest::Client::builder()
            .connect_timeout(timeout)
            .tcp_keepalive(KEEPALIVE);
        let client = if is_local { client.no_proxy() } else { client };
        let http = client
            .build()
            .map_err(|error| Failure::new(Kind::Aws, causes(&error), ""))?;
        Ok(Self {
            config,
            region,
            endpoint,
            timeout,
            plan_timeout: given.unwrap_or(PLAN),
            http,
        })
    }

    /// Returns the failure for a person.
    pub fn failure<E>(&self, service: &str, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match (error.code(), error) {
            (Some(code), _) => {
                let date = error.raw_response().and_then(|raw| raw.headers().get("date"));
                self.refused(service, code, error.message().unwrap_or_default(), date)
            }
            (None, SdkError::TimeoutError(_)) => self.timed_out(service),
            (None, _) => self.unreachable(service, &causes(error)),
        }
    }

    /// Returns the meaning of a refusal, and what to do.
    pub(crate) fn refused(&self, service: &str, code: &str, message: &str, date: Option<&str>) -> Failure {
        if clock::is_skewed(code, message) {
            let skew = clock::text(date, Timestamp::now());
            let text = format!("{service} in {} refused: {code}: {skew}", self.region);
            return Failure::new(
                Kind::Aws,
                text,
                "Set the clock of this machine, for example by NTP.",
            );
        }
        let advice = match code {
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "InvalidSignatureException" => {
                "AWS does not know these credentials. Look whose they are:\naws sts get-caller-identity"
            }
            "ExpiredToken" | "ExpiredTokenException" => {
                "The session has expired. Sign in again, for example:\naws sso login"
            }
            "AccessDenied" | "AccessDeniedException" | "AccessDeniedError" => {
                "Let an administrator grant this action, or use another --profile."
            }
            _ => "",
        };
        let text = format!("{service} in {} refused: {code}: {message}", self.region);
        Failure::new(Kind::Aws, text, advice)
    }

    fn timed_out(&self, service: &str) -> Failure {
        let text = format!(
            "{service} did not answer within {} s at {}",
            self.timeout.as_secs(),
            self.location()
        );
        Failure::new(
            Kind::Aws,
            text,
            "Check the network, the proxy settings, --endpoint-url and --region.",
        )
    }

    pub(crate) fn unreachable(&self, service: &str, causes: &str) -> Failure {
        if causes.contains("timeout") || causes.contains("timed out") {
            return self.timed_out(service);
        }
        if causes.contains("credential") {
            return Failure::new(
                Kind::Aws,
                format!("no AWS credentials are available: {causes}"),
                SIGN_IN,
            );
        }
        let text = format!("{service} cannot be reached at {}: {causes}", self.location());
        Failure::new(
            Kind::Aws,
            text,
            "Check the network, the proxy settings, --endpoint-url and --region.",
        )
    }

    fn location(&self) -> String {
        let endpoint = self.endpoint.clone();
        endpoint.unwrap_or_else(|| format!("its endpoint in {}", self.region))
    }
}

/// Returns the HTTP client of the SDK. It uses no proxy for a service on this machine.
fn http_client(is_local: bool, timeout: Duration) -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(timeout).build();
    let proxy = if is_local {
        ProxyConfig::disabled()
    } else {
        ProxyConfig::from_env()
    };
    let connector = Connector::builder()
        .connector_settings(settings)
        .proxy_config(proxy)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

pub(crate) fn timeouts(timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeout)
        .operation_attempt_timeout(timeout)
        .operation_timeout(timeout)
        .build()
}

fn parse(endpoint: &str) -> Result<Url, Failure> {
    let url = endpoint.parse::<Url>().ok().filter(Url::has_host);
    url.ok_or_else(|| {
        let text = format!("{endpoint} is not a URL");
        Failure::new(
            Kind::Input,
            text,
            "Write --endpoint-url http://127.0.0.1:4566, for example.",
        )
    })
}

const CALL: Duration = Duration::from_secs(20);

/// Renewal lists the subscriptions of each tenant, which takes minutes for hundreds of tenants.
const PLAN: Duration = Duration::from_mins(5);

const ATTEMPTS: u32 = 3;

/// A run of renewal sends nothing for up to 15 minutes, and NAT gateways drop silent connections after some minutes.
const KEEPALIVE: Duration = Duration::from_secs(30);

const SIGN_IN: &str = "Add --profile, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use the credentials of the AWS CLI:\n\
     eval \"$(aws configure export-credentials --format env)\"";
