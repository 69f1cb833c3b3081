//! Reading resources: one GET, whose every limit is kept here.

use std::time::Duration;

use graph_core::{
    read::Request,
    subscription::{catalogue::Version, config::Tenant},
};
use jiff::Timestamp;
use reqwest::{Method, StatusCode, Url};

use super::{GraphClient, GraphError, GraphErrorKind, MAX_PAGE_BYTES, call::Call};
use crate::{
    clock::Clock,
    http::{Answer, TooLarge},
    login::WebIdentity,
    secrets::VersionedSecret,
};

/// What Microsoft Graph answers to a read.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The resource, or a page of a list.
    Body(Vec<u8>),
    /// Nothing for so long.
    NotNow(Duration),
    /// A refusal with this status, Microsoft Entra's among them as 401.
    Refused(u16),
    /// More than is read of one answer.
    TooLarge,
    /// Nothing: Microsoft Graph or Microsoft Entra is not up to it.
    Unavailable,
}

impl<C: Clock + Sync, T: VersionedSecret + Sync, I: WebIdentity + Sync> GraphClient<C, T, I> {
    /// Makes the GET once, and a second time with a new token where the first is refused.
    ///
    /// Pauses are the caller's: it has other work, and a queue to wait in. A link is followed on the same host only, and to
    /// the same list ([`Request::holds`]); no redirect is.
    pub async fn read(&self, tenant: &Tenant, request: &Request, immutable_ids: bool) -> ReadAnswer {
        let Some(url) = self.read_url(tenant, request) else {
            return ReadAnswer::Refused(StatusCode::BAD_REQUEST.as_u16());
        };
        let prefer = immutable_ids.then_some(IMMUTABLE_IDS);
        for is_last in [false, true] {
            let token = match self.login.token(tenant).await {
                Ok(token) => token,
                Err(error) => return of_login(GraphErrorKind::from(error)),
            };
            let call = Call::<()>::new(Method::GET, url.clone())
                .limit(MAX_PAGE_BYTES)
                .prefer(prefer);
            match self.call_once(&call, &token).await {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED && !is_last => {
                    self.login.forget(tenant, &token);
                }
                Ok(answer) => return of_answer(answer, self.clock.now()),
                Err(error) => return of_error(&error),
            }
        }
        ReadAnswer::Refused(StatusCode::UNAUTHORIZED.as_u16())
    }

    /// Returns where the request goes; nothing for a link that leads anywhere else than to the same list.
    fn read_url(&self, tenant: &Tenant, request: &Request) -> Option<Url> {
        let base = self.endpoint(tenant, Version::V1, &[]).ok()?;
        let root = base.path().trim_end_matches('/').to_owned();
        let Some(link) = &request.link else {
            let mut url = base;
            url.set_path(&format!("{root}{}", request.path));
            url.set_query(Some(request.query.as_str()).filter(|query| !query.is_empty()));
            return Some(url);
        };
        let url = Url::parse(link).ok()?;
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
        GraphErrorKind::Login(error) if !error.is_refusal() => ReadAnswer::Unavailable,
        _ => ReadAnswer::Refused(StatusCode::UNAUTHORIZED.as_u16()),
    }
}

/// Ids that stay when an item moves to another folder (Microsoft Graph, *immutable identifiers for Outlook resources*).
const IMMUTABLE_IDS: &str = "IdType=\"ImmutableId\"";

/// How long Graph is left alone where it does not say for how long.
const PAUSE: Duration = Duration::from_secs(10);
