//! Microsoft Graph's subscriptions (Microsoft Graph, *subscription resource type* and its operations).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
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
    read::ReadAnswer,
};
use crate::{
    clock::{Clock, SystemClock},
    http::{self, Answer, Backoff, Http, InvalidEndpoint},
    login::{Sts, TokenProvider, WebIdentity},
    secrets::{StoredSecret, VersionedSecret},
};

mod call;
mod error;
mod objects;
mod rate_limiter;
mod read;
#[cfg(test)]
mod tests;

/// Makes calls to Microsoft Graph with the tokens of a [`TokenProvider`].
///
/// Calls stay below Graph's limits. Those that it throttles or is not up to are tried again, after the pause that it asks
/// for; where that is a long one, the application is left alone in the tenant until it is over.
#[derive(Debug)]
pub struct GraphClient<C = SystemClock, T = StoredSecret, I = Sts> {
    http: Http,
    login: TokenProvider<C, T, I>,
    base: Option<Url>,
    backoff: Backoff,
    throttled: AtomicUsize,
    rate_limiter: RateLimiter,
    clock: C,
}

impl<T, I> GraphClient<SystemClock, T, I> {
    /// Returns a client of each cloud's own Graph, or of the one at `base`.
    ///
    /// # Errors
    ///
    /// Returns an error when `base` is not an http or https URL.
    pub fn new(
        http: Http,
        login: TokenProvider<SystemClock, T, I>,
        base: Option<&str>,
    ) -> Result<Self, InvalidEndpoint> {
        let base = base.map(http::endpoint).transpose()?;
        Ok(Self {
            http,
            login,
            base,
            backoff: Backoff::default(),
            rate_limiter: RateLimiter::default(),
            clock: SystemClock,
            throttled: AtomicUsize::new(0),
        })
    }

    /// Returns the client with another clock, by which it also signs in.
    pub fn at<C: Clone>(self, clock: C) -> GraphClient<C, T, I> {
        GraphClient {
            http: self.http,
            login: self.login.at(clock.clone()),
            base: self.base,
            backoff: self.backoff,
            rate_limiter: self.rate_limiter,
            clock,
            throttled: self.throttled,
        }
    }
}

impl<C, T, I> GraphClient<C, T, I> {
    /// Returns where its tokens come from.
    #[must_use]
    pub fn login(&self) -> &TokenProvider<C, T, I> {
        &self.login
    }

    /// Leaves equal parts of Graph's limits on changes to so many other processes that do the same at the same time.
    pub fn share_limits_with(&self, others: usize) {
        self.rate_limiter.share_with(others);
    }

    /// Returns how many calls Graph has throttled since this was last asked.
    pub fn throttled(&self) -> usize {
        self.throttled.swap(0, Ordering::Relaxed)
    }
}

impl<C: Clock + Sync, T: VersionedSecret + Sync, I: WebIdentity + Sync> GraphClient<C, T, I> {
    /// Returns all of the application's subscriptions in `tenant`, from all pages.
    ///
    /// # Errors
    ///
    /// Returns an error when a page is missing: half a list would pass for subscriptions that have ended.
    pub async fn list(&self, tenant: &Tenant) -> Result<Listed, GraphError> {
        let first = self.url(tenant, Version::V1, &[])?;
        let root = first.path().to_owned();
        // Graph repeats some on two pages, above all while others come and go.
        let mut by_id: BTreeMap<String, Subscription> = BTreeMap::new();
        let take = |item: &RawValue| {
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

    /// Returns the ids of the objects that an entry stands for, from all pages, as Microsoft Graph lists them now.
    ///
    /// The members of a group are users, those of groups within it included (Microsoft Graph, *list group transitive
    /// members*). Users and teams are all of the tenant, guests and archived teams included.
    ///
    /// # Errors
    ///
    /// Returns an error when anything is missing or odd: half a list would pass for objects that are gone.
    pub async fn objects(&self, tenant: &Tenant, of: &ForEach) -> Result<Vec<String>, GraphError> {
        let mut ids = Vec::new();
        let (segments, query) = match of {
            ForEach::Ids(ids) => return Ok(ids.clone()),
            ForEach::MembersOf(group) => (
                vec!["groups", group, "transitiveMembers", "microsoft.graph.user"],
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

    /// Reads all pages of the list that begins at `first`, all of which have paths that begin with `root`.
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
            // The link comes from outside and the token goes with the call, so it must not lead elsewhere.
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
    /// Returns [`GraphErrorKind::NotFound`] when there is none (any more).
    pub async fn get(&self, tenant: &Tenant, version: Version, id: &str) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[id])?;
        read(
            &self
                .call(tenant, Call::<()>::new(Method::GET, url).counted(Some(Kind::One)))
                .await?,
        )
    }

    /// Creates a subscription. Graph makes the validation handshake with both URLs before it answers.
    ///
    /// # Errors
    ///
    /// Returns [`GraphErrorKind::Conflict`] when the same combination of resource and change types has one.
    pub async fn create(
        &self,
        tenant: &Tenant,
        version: Version,
        subscription: &NewSubscription,
    ) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[])?;
        let call = Call::new(Method::POST, url)
            .body(subscription)
            .prefer(subscription.prefer)
            .timeout(CREATE_TIMEOUT)
            .counted(Some(Kind::Write));
        read(&self.call(tenant, call).await?)
    }

    /// Extends a subscription, and changes what can be changed of it.
    ///
    /// # Errors
    ///
    /// Returns [`GraphErrorKind::NotFound`] when it has ended.
    pub async fn update(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
        update: &SubscriptionUpdate,
    ) -> Result<Subscription, GraphError> {
        let url = self.url(tenant, version, &[id])?;
        // A new notification URL goes through the handshake as well.
        let call = Call::new(Method::PATCH, url)
            .body(update)
            .timeout(CREATE_TIMEOUT)
            .counted(Some(Kind::Write));
        read(&self.call(tenant, call).await?)
    }

    /// Deletes a subscription and returns whether it was there. One that is gone already counts as deleted.
    ///
    /// # Errors
    ///
    /// Returns an error when Graph refuses or is not up to it.
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

/// The subscriptions of an application in a tenant, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Them.
    pub subscriptions: Vec<Subscription>,
    /// How many pages they took.
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

/// Returns the next page's URL, which has to be on the host of the first one: the call to it carries our token.
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

/// Graph waits up to ten seconds for each handshake and may repeat it.
const CREATE_TIMEOUT: Duration = Duration::from_mins(1);

/// The most pages of a list that are read.
const MAX_PAGES: usize = 500;

/// The most items of a list that are read.
const MAX_ITEMS: usize = 100_000;

const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;
