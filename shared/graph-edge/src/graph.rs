//! The client of Microsoft Graph (Microsoft Graph, *subscription resource type* and its operations).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use graph_core::subscription::{
    catalogue::Version,
    config::{ForEach, Tenant},
    model::{NewSubscription, Subscription, SubscriptionUpdate},
};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::warn;

use self::{
    call::Call,
    rate_limiter::{Kind, RateLimiter},
};
pub use self::{
    error::{GraphError, GraphErrorKind, Refused},
    objects::permissions,
    rate_limiter::{Share, WINDOW},
    read::ReadAnswer,
};
use crate::{
    http::{self, Answer, Backoff, Http, InvalidEndpoint},
    login::{Ports, TokenProvider},
};

mod call;
mod error;
mod objects;
mod rate_limiter;
mod read;
#[cfg(test)]
mod tests;

/// Calls Microsoft Graph with the tokens of a [`TokenProvider`].
///
/// Calls stay below Graph's limits. A throttled or failed call is retried after the pause that Graph asks for. If that
/// pause is long, all calls for the application in the tenant wait.
pub struct GraphClient<P: Ports> {
    http: Http,
    login: TokenProvider<P>,
    base: Option<Url>,
    backoff: Backoff,
    throttled: AtomicUsize,
    rate_limiter: RateLimiter,
}

impl<P: Ports> GraphClient<P> {
    /// Returns a client for each cloud's own Graph, or for the server at `base`.
    ///
    /// # Errors
    ///
    /// Returns an error when `base` is not an http or https URL.
    pub fn new(http: Http, login: TokenProvider<P>, base: Option<&str>) -> Result<Self, InvalidEndpoint> {
        let base = base.map(http::endpoint).transpose()?;
        Ok(Self {
            http,
            login,
            base,
            backoff: Backoff::default(),
            rate_limiter: RateLimiter::default(),
            throttled: AtomicUsize::new(0),
        })
    }

    /// Returns the token provider.
    #[must_use]
    pub fn login(&self) -> &TokenProvider<P> {
        &self.login
    }

    fn clock(&self) -> &P::Clock {
        self.login.clock()
    }

    /// Uses this share of Graph's limits from now on.
    pub fn take_share(&self, share: Share) {
        self.rate_limiter.take_share(share);
    }

    /// Waits until a call has to wait for Graph's limits.
    pub async fn shortage(&self) {
        self.rate_limiter.shortage().await;
    }

    /// Returns how many calls Graph has throttled since the last call of this function.
    pub fn throttled(&self) -> usize {
        self.throttled.swap(0, Ordering::Relaxed)
    }

    /// Returns all of the application's subscriptions in `tenant`, from all pages.
    ///
    /// # Errors
    ///
    /// Returns an error if a page is missing: subscriptions that are absent from a partial list would look expired.
    pub async fn list(&self, tenant: &Tenant) -> Result<Listed, GraphError> {
        let first = self.url(tenant, Version::V1, &[])?;
        let root = first.path().to_owned();
        // Graph may list a subscription on two pages, especially while others are created or deleted.
        let mut by_id: BTreeMap<String, Subscription> = BTreeMap::new();
        let take = |item: &RawValue| {
            // Every member but the id may be missing or malformed, so only an item without an id is lost.
            if let Ok(one) = serde_json::from_str::<Subscription>(item.get()) {
                by_id.insert(one.id.clone(), one);
            } else {
                warn!("Graph lists a subscription without an id, which is ignored");
            }
            Ok(())
        };
        let pages = self.pages(tenant, first, &root, Some(Kind::List), take).await?;
        let subscriptions = by_id.into_values().collect();
        Ok(Listed { subscriptions, pages })
    }

    /// Returns the ids of an entry's objects, from all pages of Microsoft Graph's list.
    ///
    /// The members of a group are users, including those of nested groups (Microsoft Graph, *list group transitive
    /// members*). Users and teams are all of the tenant, including guests and archived teams.
    ///
    /// # Errors
    ///
    /// Returns an error if a page is missing or malformed: objects that are absent from a partial list would look
    /// deleted.
    pub async fn objects(&self, tenant: &Tenant, of: &ForEach) -> Result<Vec<String>, GraphError> {
        let mut ids = Vec::new();
        let (segments, query) = match of {
            ForEach::Ids(ids) => return Ok(ids.clone()),
            ForEach::MembersOf(group) => (
                vec!["groups", group, "transitiveMembers", "microsoft.graph.user"],
                // The largest page that Graph allows here (Microsoft Graph, *paging*).
                "$select=id&$top=999",
            ),
            ForEach::AllUsers => (vec!["users"], "$select=id&$top=999"),
            ForEach::AllTeams => (vec!["teams"], "$select=id"),
        };
        let root = self.endpoint(tenant, Version::V1, &[])?;
        let mut first = self.endpoint(tenant, Version::V1, &segments)?;
        first.set_query(Some(query));
        self.pages(tenant, first, root.path(), None, |item| {
            ids.extend(objects::id(item)?);
            Ok(())
        })
        .await?;
        Ok(ids)
    }

    /// Reads all pages of the list that begins at `first`. Each page's path has to begin with `root`.
    async fn pages(
        &self,
        tenant: &Tenant,
        first: Url,
        root: &str,
        kind: Option<Kind>,
        mut take: impl FnMut(&RawValue) -> Result<(), GraphError>,
    ) -> Result<usize, GraphError> {
        let mut next = Some(first.clone());
        let mut seen = BTreeSet::new();
        let mut items = 0;
        while let Some(url) = next.take() {
            // Lists whose empty pages never end have been seen, so pages and items have a limit.
            let is_new = seen.insert(url.to_string());
            if !is_new || seen.len() > MAX_PAGES || (kind.is_some() && items > MAX_ITEMS) {
                return Err(GraphError::of(GraphErrorKind::Endless));
            }
            let answer = self
                .call(
                    tenant,
                    Call::<()>::new(Method::GET, url)
                        .limit(MAX_PAGE_BYTES)
                        .counted(kind),
                )
                .await?;
            let page: Page<'_> = read(&answer)?;
            items += page.value.len();
            page.value.iter().try_for_each(|item| take(item))?;
            // The link comes from outside, and the call to it carries the access token: it must not lead elsewhere.
            next = page
                .next_link
                .filter(|link| !link.is_empty())
                .map(|link| next_page(&first, root, &link))
                .transpose()?;
        }
        Ok(seen.len())
    }

    /// Returns the subscription called `id`.
    ///
    /// # Errors
    ///
    /// Returns [`GraphErrorKind::NotFound`] if it does not exist.
    pub async fn get(&self, tenant: &Tenant, version: Version, id: &str) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[id])?;
        read(
            &self
                .call(tenant, Call::<()>::new(Method::GET, url).counted(Some(Kind::One)))
                .await?,
        )
    }

    /// Creates a subscription. Before Graph answers, it makes the validation handshake with both URLs. `is_open` is true as long
    /// as a request is under way, and stays true if none or only a gateway answered one: Graph may have carried it out.
    ///
    /// # Errors
    ///
    /// Returns [`GraphErrorKind::Conflict`] if the same combination of resource and change types already has one.
    pub async fn create(
        &self,
        tenant: &Tenant,
        version: Version,
        subscription: &NewSubscription,
        is_open: &AtomicBool,
    ) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[])?;
        let call = Call::new(Method::POST, url)
            .body(subscription)
            .prefer(subscription.prefer)
            .noting(is_open)
            .timeout(CREATE_TIMEOUT)
            .counted(Some(Kind::Write));
        read(&self.call(tenant, call).await?)
    }

    /// Renews a subscription, and applies the changes in `update`. Returns what Graph shows of it, under `id`.
    ///
    /// # Errors
    ///
    /// Returns [`GraphErrorKind::NotFound`] if it has expired.
    pub async fn update(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
        update: &SubscriptionUpdate,
    ) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[id])?;
        // Graph makes the handshake with a new notification URL as well, so the call may take as long as a creation.
        let call = Call::new(Method::PATCH, url)
            .body(update)
            .timeout(CREATE_TIMEOUT)
            .counted(Some(Kind::Write));
        let answer = self.call(tenant, call).await?;
        // Graph has renewed it, whatever it shows of it: 204 shows nothing.
        let shown = serde_json::from_slice(&answer.body).unwrap_or_default();
        Ok(Subscription {
            id: id.to_owned(),
            ..shown
        })
    }

    /// Deletes a subscription and returns whether it existed.
    ///
    /// # Errors
    ///
    /// Returns an error if Graph refuses or does not answer.
    pub async fn delete(&self, tenant: &Tenant, version: Version, id: &str) -> Result<bool, GraphError> {
        let url = self.url(tenant, version, &[id])?;
        match self
            .call(
                tenant,
                Call::<()>::new(Method::DELETE, url).counted(Some(Kind::Write)),
            )
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn url(&self, tenant: &Tenant, version: Version, segments: &[&str]) -> Result<Url, GraphError> {
        self.endpoint(tenant, version, &[&["subscriptions"], segments].concat())
    }

    fn endpoint(&self, tenant: &Tenant, version: Version, segments: &[&str]) -> Result<Url, GraphError> {
        let base = match &self.base {
            Some(base) => base.clone(),
            None => http::endpoint(&format!("https://{}", tenant.cloud.graph_host()))
                .map_err(|_| GraphError::of(GraphErrorKind::Malformed))?,
        };
        Ok(http::join(&base, &[&[version.as_str()], segments].concat()))
    }
}

/// The list of an application's subscriptions in a tenant, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// How many pages the list had.
    pub pages: usize,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

/// Returns the URL of the next page, which has to be on the same host as the first: the call carries the access token.
fn next_page(first: &Url, root: &str, link: &str) -> Result<Url, GraphError> {
    let next = Url::parse(link).ok().filter(|next| {
        next.origin() == first.origin() && next.path().starts_with(root) && next.username().is_empty()
    });
    next.ok_or(GraphError::of(GraphErrorKind::Malformed))
}

fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, GraphError> {
    serde_json::from_slice(&answer.body).map_err(|_| GraphError {
        request_id: error::request_id(answer),
        ..GraphError::of(GraphErrorKind::Malformed)
    })
}

/// Graph waits up to ten seconds for each handshake, and may repeat it.
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);

/// The most pages of a list that are read.
const MAX_PAGES: usize = 500;

/// The most items of a list that are read.
pub const MAX_ITEMS: usize = 100_000;

/// The most bytes of a page of a list.
pub const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;
