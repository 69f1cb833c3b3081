//! Reads of resources: one GET without retries.

use std::time::Duration;

use graph_core::{read::Request, subscription::config::Tenant};
use jiff::Timestamp;
use reqwest::{Method, StatusCode, Url};

use super::{GraphClient, GraphError, GraphErrorKind, call::Call};
use crate::{
    clock::Clock,
    http::{Answer, TooLarge},
    login::Ports,
};

/// Microsoft Graph's answer to a read.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The resource, or one page of a list.
    Body(Vec<u8>),
    /// Graph asks to wait this long.
    NotNow(Duration),
    /// A refusal by Microsoft Graph with this status.
    Refused(u16),
    /// The answer is larger than the limit.
    TooLarge,
    /// The link leads to another host or another list, so Graph was not asked.
    OtherList,
    /// Microsoft Graph does not answer.
    Unavailable,
    /// Microsoft Entra does not answer, so there is no token for any read of the application.
    NoToken,
    /// Microsoft Entra refuses the credential, so there is no token for any read of the application.
    NotSignedIn,
}

impl<P: Ports> GraphClient<P> {
    /// Makes the GET once, and again with a new token if Graph refuses the first.
    ///
    /// An answer over `max_bytes` is not read to its end. The caller handles pauses, because it has other work and a queue to
    /// wait in. A link is followed only on the same host and to the same list ([`Request::holds`]). Redirects are not followed.
    pub async fn read(
        &self,
        tenant: &Tenant,
        request: &Request,
        immutable_ids: bool,
        max_bytes: usize,
    ) -> ReadAnswer {
        let Some(url) = self.read_url(tenant, request) else {
            return ReadAnswer::OtherList;
        };
        let prefer = immutable_ids.then_some(IMMUTABLE_IDS);
        for is_last in [false, true] {
            let token = match self.login.token(tenant).await {
                Ok(token) => token,
                Err(error) => return of_login(GraphErrorKind::from(error)),
            };
            let call = Call::<()>::new(Method::GET, url.clone())
                .limit(max_bytes)
                .prefer(prefer);
            match self.call_once(&call, &token).await {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED && !is_last => {
                    self.login.forget(tenant, &token);
                }
                Ok(answer) => return of_answer(answer, self.clock().now()),
                Err(error) => return of_error(&error),
            }
        }
        ReadAnswer::Refused(StatusCode::UNAUTHORIZED.as_u16())
    }

    /// Returns the URL of the request; nothing for a link that does not lead to the same list.
    fn read_url(&self, tenant: &Tenant, request: &Request) -> Option<Url> {
        let base = self.endpoint(tenant, request.version, &[]).ok()?;
        let root = base.path().trim_end_matches('/').to_owned();
        let Some(link) = &request.link else {
            let mut url = base;
            url.set_path(&format!("{root}{}", request.path));
            url.set_query(Some(request.query.as_str()).filter(|query| !query.is_empty()));
            return Some(url);
        };
        let url = Url::parse(link).ok()?;
        // The call carries the access token, so the link must not leave Graph's host.
        let is_ours = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.path().strip_prefix(&root)?;
        (is_ours && request.holds(path)).then_some(url)
    }
}

fn of_answer(answer: Answer, now: Timestamp) -> ReadAnswer {
    let wait = answer.retry_after(now);
    match answer.status {
        status if status.is_success() => ReadAnswer::Body(answer.body),
        StatusCode::TOO_MANY_REQUESTS => ReadAnswer::NotNow(wait.unwrap_or(PAUSE)),
        // Without `Retry-After`, a 503 is an outage and not a request to wait.
        StatusCode::SERVICE_UNAVAILABLE => wait.map_or(ReadAnswer::Unavailable, ReadAnswer::NotNow),
        StatusCode::REQUEST_TIMEOUT | StatusCode::LOCKED => ReadAnswer::Unavailable,
        status if status.is_server_error() => ReadAnswer::Unavailable,
        status => ReadAnswer::Refused(status.as_u16()),
    }
}

fn of_error(error: &GraphError) -> ReadAnswer {
    match &error.kind {
        GraphErrorKind::Unavailable { source: Some(source) } if source.is::<TooLarge>() => {
            ReadAnswer::TooLarge
        }
        _ => ReadAnswer::Unavailable,
    }
}

fn of_login(error: GraphErrorKind) -> ReadAnswer {
    match error {
        GraphErrorKind::Login(error) if !error.is_refusal() => ReadAnswer::NoToken,
        _ => ReadAnswer::NotSignedIn,
    }
}

/// Ids that stay the same when an item moves to another folder (Microsoft Graph, *immutable identifiers for Outlook
/// resources*).
const IMMUTABLE_IDS: &str = "IdType=\"ImmutableId\"";

/// The pause if Graph throttles and does not say for how long.
const PAUSE: Duration = Duration::from_secs(10);
