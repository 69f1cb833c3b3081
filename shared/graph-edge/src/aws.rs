//! How the functions call AWS.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

/// Returns the configuration of the AWS clients of a function, from the environment that Lambda gives it.
///
/// Microsoft Graph waits 3 seconds for the webhook's answer at the first try and 10 seconds later on (Microsoft Graph,
/// *receive change notifications through webhooks*), so a call that hangs is given up and tried again well before.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(6))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100));
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(retries)
        .load()
        .await
}
