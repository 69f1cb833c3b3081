//! One GET for the items of a resource.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use graph_core::{
    application::Application,
    models::ResourcePath,
    notification::{event::Content, message::MAX_BYTES},
};
use graph_edge::{deadline::Deadline, graph::ReadAnswer};
use tracing::warn;

use super::sort::Get;
use crate::{
    Deps,
    ports::{GraphReader, Ports},
};

/// The result of a GET.
pub(super) enum FetchResult {
    Content(Vec<u8>),
    /// Graph does not show the resource.
    NotFound,
    /// Graph refuses the application the resource.
    Forbidden,
    /// Microsoft refuses the application's credential, which a person may replace soon.
    NotSignedIn,
    TooLarge,
    /// Graph does not answer now, and may have said for how long.
    RetryLater(Option<Duration>),
}

impl FetchResult {
    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Content(body) => {
                let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
                serde_json::from_slice(body).map_or(Content::Missing, Content::Read)
            }
            Self::TooLarge => Content::TooLarge,
            Self::NotFound | Self::Forbidden | Self::NotSignedIn | Self::RetryLater(_) => Content::Missing,
        }
    }

    /// Returns whether Graph refused the application.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden | Self::NotSignedIn)
    }
}

/// The applications for which Microsoft does not answer during this batch. The rest of their items is not tried: each try would
/// take as long, and the items of other tenants wait in the same batch.
#[derive(Default)]
pub(super) struct Outages(Mutex<BTreeSet<Application>>);

impl Outages {
    fn has(&self, application: Application) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&application)
    }

    fn add(&self, application: Application) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(application);
    }
}

/// Makes the GET, unless Microsoft does not answer for the application.
pub(super) async fn fetch<P: Ports>(
    get: &Get<'_>,
    name: &str,
    deps: &Deps<P>,
    deadline: Deadline,
    outages: &Outages,
) -> FetchResult {
    let application = get.tenant.application;
    let Ok(path) = get.request.path.parse() else {
        return FetchResult::NotFound;
    };
    if outages.has(application) {
        return FetchResult::RetryLater(None);
    }
    // A login that hangs takes over a minute, and what follows in the lane waits.
    let until = deadline.at_most(MAX_FETCH_TIME);
    let result = until.within(ask(get, &path, name, deps, until)).await;
    let result = result.unwrap_or(FetchResult::RetryLater(None));
    if matches!(result, FetchResult::RetryLater(None) | FetchResult::NotSignedIn) {
        outages.add(application);
    }
    result
}

/// Asks, and asks again where Graph wants a pause of a few seconds.
async fn ask<P: Ports>(
    get: &Get<'_>,
    path: &ResourcePath,
    name: &str,
    deps: &Deps<P>,
    until: Deadline,
) -> FetchResult {
    let Get { tenant, limit, .. } = get;
    loop {
        if let Err(wait) = deps.wait_for_rate_limit(*limit, tenant, path, until).await {
            return FetchResult::RetryLater(Some(wait));
        }
        // No event has room for more, and several answers are in memory at once.
        match deps
            .graph
            .read(tenant, &get.request, get.immutable_ids, MAX_BYTES)
            .await
        {
            ReadAnswer::Body(body) => return FetchResult::Content(body),
            ReadAnswer::TooLarge => return FetchResult::TooLarge,
            ReadAnswer::Unavailable => return FetchResult::RetryLater(None),
            ReadAnswer::NotNow(wait) => {
                let wait = deps.pause_reads(*limit, tenant, path, wait);
                if wait >= until.left() {
                    return FetchResult::RetryLater(Some(wait));
                }
            }
            ReadAnswer::Refused(status) => return refused(status, name),
            // The request has no link.
            ReadAnswer::OtherList => return FetchResult::NotFound,
        }
    }
}

fn refused(status: u16, name: &str) -> FetchResult {
    match status {
        // Moved, deleted, or not there yet.
        404 | 410 => FetchResult::NotFound,
        401 => {
            warn!(
                subscription = name,
                status,
                "Microsoft refuses the credential of subscription {name}'s tenant ({status}); replace the credential in ConfigSecret"
            );
            FetchResult::NotSignedIn
        }
        403 => {
            warn!(
                subscription = name,
                status,
                "Microsoft Graph forbids to read a changed resource of subscription {name} ({status}); the change is delivered without content. Grant the application the permission"
            );
            FetchResult::Forbidden
        }
        _ => {
            warn!(
                subscription = name,
                status,
                "Microsoft Graph refuses to return a changed resource of subscription {name} ({status}); the change is delivered without content"
            );
            FetchResult::NotFound
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How long a fetch takes at the most, with its pauses.
const MAX_FETCH_TIME: Duration = Duration::from_secs(20);
