//! Delivery of notifications, with retries.
//!
//! Microsoft Graph, *Receive change notifications through webhooks*, "Receive notifications": three seconds for the
//! first attempt, ten for each later one, exponential back-off for up to four hours. Microsoft does not publish the
//! intervals. Here they are 10 s, doubled each time, times the scale.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;

use super::SimulatorError;
use super::compose::{Outgoing, compose};
use super::handshake::{reached_at, why};
use super::post::{Attempt, DeliveryReport, Post, PostReport};
use super::state::Shared;

/// Sends a post, and retries until it is accepted or given up.
///
/// # Errors
///
/// The post asks for something that cannot be built.
pub(crate) async fn send(shared: Arc<Shared>, post: Post) -> Result<DeliveryReport, SimulatorError> {
    if !post.delay.is_zero() {
        tokio::time::sleep(post.delay).await;
    }
    let (outgoing, skipped) = compose(&mut shared.state(), &post)?;
    let tasks: Vec<_> = outgoing
        .into_iter()
        .map(|one| tokio::spawn(deliver(Arc::clone(&shared), one)))
        .collect();
    let mut posts = Vec::new();
    for task in tasks {
        posts.push(task.await.map_err(|_| SimulatorError::Stopped)?);
    }
    Ok(DeliveryReport { posts, skipped })
}

/// Sends the body of an earlier POST again, as Graph does after a lost answer.
pub(crate) async fn resend(shared: Arc<Shared>, earlier: PostReport) -> PostReport {
    let PostReport { url, items, body, .. } = earlier;
    deliver(
        shared,
        Outgoing {
            url,
            items,
            body,
            posthumous: true,
        },
    )
    .await
}

/// Delivers one POST.
async fn deliver(shared: Arc<Shared>, outgoing: Outgoing) -> PostReport {
    let (scale, max_attempts, timeouts) = {
        let state = shared.state();
        let options = &state.options;
        let timeouts = (options.first_timeout, options.retry_timeout);
        (options.retry_scale, options.max_attempts.max(1), timeouts)
    };
    let mut attempts = Vec::new();
    let mut pause = Duration::from_secs(10).mul_f64(scale.clamp(0.0, 1_000.0));
    let mut delivered = false;
    while attempts.len() < max_attempts {
        if !attempts.is_empty() {
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        if !outgoing.posthumous && all_gone(&shared, &outgoing) {
            break;
        }
        let timeout = if attempts.is_empty() {
            timeouts.0
        } else {
            timeouts.1
        };
        let attempt = attempt(&shared, &outgoing, timeout).await;
        delivered = attempt.status.is_some_and(|status| (200..300).contains(&status));
        attempts.push(attempt);
        if delivered {
            break;
        }
    }
    let Outgoing { url, items, body, .. } = outgoing;
    let report = PostReport {
        url,
        items,
        body,
        attempts,
        delivered,
    };
    shared.state().deliveries.push(report.clone());
    report
}

/// Returns whether none of the subscriptions of a POST exists any more.
fn all_gone(shared: &Shared, outgoing: &Outgoing) -> bool {
    let mut state = shared.state();
    outgoing
        .items
        .iter()
        .all(|item| state.subscription(&item.subscription_id).is_none())
}

/// Makes one attempt.
async fn attempt(shared: &Shared, outgoing: &Outgoing, timeout: Duration) -> Attempt {
    let (at, url) = {
        let state = shared.state();
        (state.now(), reached_at(&state.options.resolve, &outgoing.url))
    };
    let begun = Instant::now();
    let result = match url {
        Some(url) => {
            let request = shared
                .client
                .post(url)
                .timeout(timeout)
                .body(outgoing.body.clone());
            let request = request.header(CONTENT_TYPE, "application/json; charset=utf-8");
            request.send().await.map_err(|error| why(&error))
        }
        None => Err("the URL cannot be parsed".to_owned()),
    };
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match result {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(error)),
    };
    Attempt {
        at,
        milliseconds,
        status,
        error,
    }
}
