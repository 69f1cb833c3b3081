//! The HTTP client for Microsoft's services.

#[cfg(feature = "test-util")]
use std::sync::LazyLock;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};

use crate::BoxError;
pub(crate) use direct::Direct;
pub use direct::is_local;

mod direct;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(feature = "test-util")]
pub mod transport;

/// An HTTP client, built on first use and shared by its clones.
///
/// It does not follow redirects, because its requests contain credentials.
#[derive(Clone, Debug, Default)]
pub struct Http {
    client: Arc<OnceLock<Client>>,
    direct: Direct,
    #[cfg(feature = "test-util")]
    transport: Option<Arc<dyn transport::Transport>>,
}

impl Http {
    /// Returns a client that sends requests over `transport` and not over the network.
    #[cfg(feature = "test-util")]
    pub fn over(transport: Arc<dyn transport::Transport>) -> Self {
        // Shared, because it only builds requests, and reading the system's root certificates takes a while.
        static CLIENT: LazyLock<Arc<OnceLock<Client>>> = LazyLock::new(Arc::default);
        Self {
            client: Arc::clone(&CLIENT),
            transport: Some(transport),
            ..Self::default()
        }
    }

    /// Returns the client.
    pub(crate) fn client(&self) -> Result<&Client, BoxError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = builder().build()?;
        // Another task may have built a client in the meantime; the first one stays.
        Ok(self.client.get_or_init(|| client))
    }

    /// Sends a request and reads the answer, up to `limit` bytes.
    pub(crate) async fn send(&self, request: RequestBuilder, limit: usize) -> Result<Answer, BoxError> {
        let mut response = self.response(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            // Checked while the body arrives: the length in the headers may be wrong.
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    async fn response(&self, request: RequestBuilder) -> Result<Response, BoxError> {
        #[cfg(feature = "test-util")]
        if let Some(transport) = &self.transport {
            return transport.send(request.build()?).await;
        }
        // The text of reqwest's errors contains the URL, which names tenants and subscriptions.
        let (client, request) = request.build_split();
        let request = request.map_err(reqwest::Error::without_url)?;
        let client = self.direct.instead_of(&client, request.url(), builder)?;
        Ok(client
            .execute(request)
            .await
            .map_err(reqwest::Error::without_url)?)
    }
}

/// Returns the builder of both clients.
fn builder() -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("graph-change-notifications/", env!("CARGO_PKG_VERSION")))
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns how long the service asks to wait (RFC 9110, section 10.2.3): the longest of several values, and at most
    /// a quarter of an hour, so that one wrong header cannot stop an application for long.
    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let lines = self.headers.get_all(RETRY_AFTER).into_iter();
        let waits = lines.filter_map(|line| wait(line.to_str().ok()?.trim(), now));
        waits.max().map(|wait| wait.min(MAX_WAIT))
    }

    /// Returns the text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Parses seconds, with a fraction after a point or a comma, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    // Graph has sent all of these forms, and two headers at once.
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        let wait = date.timestamp().duration_since(now);
        return Some(Duration::try_from(wait).unwrap_or_default());
    }
    let seconds: f64 = text.replace(',', ".").parse().ok()?;
    let is_some = seconds.is_finite() && seconds >= 0.0;
    is_some
        .then(|| Duration::from_secs_f64(seconds.min(1e9)))
        .map(|wait| Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
}

/// The longest pause that a service can ask for.
const MAX_WAIT: Duration = Duration::from_mins(15);

/// The answer is larger than any the service has reason to send.
#[derive(Debug, thiserror::Error)]
#[error("answer is too large")]
pub(crate) struct TooLarge;

/// How often a call is tried, and how long the pauses are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// How often a call is made.
    pub(crate) attempts: u32,
    /// The pause after the first attempt. Each later one is twice as long.
    pub(crate) first: Duration,
    /// The longest pause. If the service asks for a longer one, the call is not repeated.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// Returns the pause after the failed attempt number `attempt`, the first being 1; nothing after the last attempt,
    /// or if the service asks for a longer pause than allowed.
    pub(crate) fn pause(&self, attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts || retry_after.is_some_and(|wait| wait > self.longest) {
            return None;
        }
        let doubled = self
            .first
            .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)));
        let pause = retry_after.unwrap_or(doubled).min(self.longest);
        // A random part, so that callers that failed together do not return together.
        let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        Some(pause + self.first.mul_f64(share / 2.0))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
        }
    }
}

/// Parses a base URL that replaces a service's own.
///
/// # Errors
///
/// Returns an error when `url` is not an http or https URL.
pub(crate) fn endpoint(url: &str) -> Result<Url, InvalidEndpoint> {
    Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or(InvalidEndpoint)
}

/// The endpoint is not an http or https URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("endpoint is not an http or https URL")]
pub struct InvalidEndpoint;

/// Returns `base` with `segments` after its path.
pub(crate) fn join(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{Reply, Server},
        *,
    };

    #[test]
    fn pauses_grow_end_and_never_pass_the_longest() {
        let backoff = Backoff::default();
        let pause = |attempt, retry_after| backoff.pause(attempt, retry_after).map(|pause| pause.as_secs());
        assert_eq!(pause(1, None), Some(1));
        assert_eq!(pause(3, None), Some(4));
        assert_eq!(pause(4, None), None);
        assert_eq!(pause(1, Some(Duration::from_secs(7))), Some(7));
        assert_eq!(pause(1, Some(Duration::from_secs(30))), Some(30));
        assert_eq!(pause(1, Some(Duration::from_secs(31))), None);
    }

    #[test]
    fn every_form_of_retry_after_is_read_and_bounded() {
        let now: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        for (lines, seconds) in [
            (&["7"][..], Some(7)),
            (&["2.128"], Some(3)),
            (&["0,120"], Some(1)),
            (&["0"], Some(0)),
            (&["3", "12"], Some(12)),
            (&["Fri, 27 Nov 2026 10:01:00 GMT"], Some(60)),
            (&["Fri, 27 Nov 2026 09:00:00 GMT"], Some(0)),
            (&["1000000"], Some(900)),
            (&["-5"], None),
            (&["soon"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(RETRY_AFTER, line.parse().unwrap());
            }
            let answer = Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                headers,
                body: Vec::new(),
            };
            let found = answer.retry_after(now).map(|wait| wait.as_secs());
            assert_eq!(found, seconds, "{lines:?}");
        }
    }

    #[test]
    fn segments_are_encoded() {
        let base = endpoint("http://127.0.0.1:1/base/").unwrap();
        assert_eq!(
            join(&base, &["a/b", "../c"]).as_str(),
            "http://127.0.0.1:1/base/a%2Fb/..%2Fc"
        );
    }

    #[test]
    fn an_endpoint_is_http_or_https() {
        for url in ["", "localhost", "ftp://h", "file:///etc"] {
            assert_eq!(endpoint(url), Err(InvalidEndpoint), "{url}");
        }
    }

    #[tokio::test]
    async fn an_answer_over_the_limit_is_refused() {
        let server = Server::start([Reply::json(200, "12345"), Reply::json(200, "123456")]);
        let http = Http::default();
        let call = || http.send(http.client().unwrap().get(server.url()), 5);
        assert_eq!(call().await.unwrap().body, b"12345");
        assert_eq!(call().await.unwrap_err().to_string(), "answer is too large");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let server = Server::start([Reply::json(302, "").header("location", "/elsewhere")]);
        let http = Http::default();
        let answer = http
            .send(http.client().unwrap().get(server.url()), 5)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::FOUND);
    }
}
