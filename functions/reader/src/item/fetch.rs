//! One GET for the items of a resource.

use std::{
    collections::{BTreeMap, BTreeSet},
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
    deps::Line,
    ports::{GraphReader, Ports},
};

/// The result of a GET.
pub(super) enum FetchResult {
    Content(Vec<u8>),
    /// Graph does not show the resource.
    NotFound,
    /// Graph refuses the application the resource.
    Forbidden,
    /// Microsoft Entra refuses the application's credential, which a person may replace soon.
    NotSignedIn,
    /// Microsoft Graph refuses the application's token for this resource.
    Unauthorized,
    TooLarge,
    /// Graph does not answer now, and may have said for how long.
    RetryLater(Option<Duration>),
    /// Entra does not answer now.
    NoToken,
}

impl FetchResult {
    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Content(body) => {
                let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
                Content::of(body)
            }
            Self::TooLarge => Content::TooLarge,
            Self::NotFound
            | Self::Forbidden
            | Self::NotSignedIn
            | Self::Unauthorized
            | Self::RetryLater(_)
            | Self::NoToken => Content::Missing,
        }
    }

    /// Returns how long to wait before the next try, where there is to be one: as Microsoft says, or else `delay`.
    pub(super) fn retry_after(&self, delay: Duration) -> Option<Duration> {
        match self {
            Self::RetryLater(wait) => Some(wait.unwrap_or(delay)),
            Self::NotSignedIn | Self::Unauthorized | Self::NoToken => Some(delay),
            Self::Content(_) | Self::NotFound | Self::Forbidden | Self::TooLarge => None,
        }
    }

    /// Returns whether Microsoft refused the application.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden | Self::NotSignedIn | Self::Unauthorized)
    }
}

/// What Microsoft does not answer during this batch. The rest of it is not tried: each try would take as long, and the items
/// of other tenants wait in the same batch.
#[derive(Default)]
pub(super) struct Outages(Mutex<BTreeMap<Application, Failures>>);

/// What failed for an application.
#[derive(Default)]
struct Failures {
    has_no_token: bool,
    /// The resources that failed, by mailbox.
    resources: BTreeMap<String, BTreeSet<String>>,
}

impl Failures {
    /// Returns whether more reads of the mailbox would fail as well. Single resources and mailboxes fail for reasons of their
    /// own, so one says nothing of the others; two do.
    fn include(&self, mailbox: &str) -> bool {
        let of_mailbox = self.resources.get(mailbox).map_or(0, BTreeSet::len);
        self.has_no_token || self.resources.len() >= ENOUGH || of_mailbox >= ENOUGH
    }
}

impl Outages {
    fn has(&self, get: &Get<'_>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = known.get(&get.tenant.application);
        failures.is_some_and(|failures| failures.include(&get.mailbox()))
    }

    fn note(&self, get: &Get<'_>, result: &FetchResult) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = known.entry(get.tenant.application).or_default();
        match result {
            FetchResult::NotSignedIn | FetchResult::NoToken => failures.has_no_token = true,
            FetchResult::Unauthorized | FetchResult::RetryLater(None) => {
                let resources = failures.resources.entry(get.mailbox()).or_default();
                resources.insert(get.request.path.clone());
            }
            FetchResult::Content(_)
            | FetchResult::NotFound
            | FetchResult::Forbidden
            | FetchResult::TooLarge
            | FetchResult::RetryLater(Some(_)) => {}
        }
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
    let Ok(path) = get.request.path.parse() else {
        return FetchResult::NotFound;
    };
    if outages.has(get) {
        return FetchResult::RetryLater(None);
    }
    // A login that hangs takes over a minute, and what follows in the lane waits.
    let until = deadline.at_most(MAX_FETCH_TIME);
    let result = until.within(ask(get, &path, name, deps, until)).await;
    let result = result.unwrap_or(FetchResult::RetryLater(None));
    outages.note(get, &result);
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
            ReadAnswer::NoToken => return FetchResult::NoToken,
            ReadAnswer::NotSignedIn => return not_signed_in(tenant.application, name, deps),
            ReadAnswer::NotNow(wait) => {
                let wait = deps.pause_reads(*limit, tenant, path, wait);
                if wait >= until.left() {
                    return FetchResult::RetryLater(Some(wait));
                }
            }
            ReadAnswer::Refused(status) => return refused(status, tenant.application, name, deps),
            // The request has no link.
            ReadAnswer::OtherList => return FetchResult::NotFound,
        }
    }
}

/// Logs that Microsoft Entra refuses the credential.
fn not_signed_in<P: Ports>(application: Application, name: &str, deps: &Deps<P>) -> FetchResult {
    if deps.is_line_due(Line::Outage(application)) {
        warn!(
            subscription = name,
            "Microsoft refuses the credential of subscription {name}'s tenant; replace the credential in ConfigSecret"
        );
    }
    FetchResult::NotSignedIn
}

/// Logs that Microsoft Graph refuses a resource.
fn refused<P: Ports>(status: u16, application: Application, name: &str, deps: &Deps<P>) -> FetchResult {
    let (result, line, says) = match status {
        // Moved, deleted, or not there yet.
        404 | 410 => return FetchResult::NotFound,
        // Where Graph refuses the token for all resources, their items wait, which is one line with this one.
        401 => (FetchResult::Unauthorized, Line::Outage(application), UNAUTHORIZED),
        403 => (
            FetchResult::Forbidden,
            Line::Refusal(application, status),
            FORBIDDEN,
        ),
        _ => (
            FetchResult::NotFound,
            Line::Refusal(application, status),
            WITHOUT_CONTENT,
        ),
    };
    if deps.is_line_due(line) {
        warn!(
            subscription = name,
            status,
            "Microsoft Graph refuses to return a changed resource of subscription {name} ({status}); {says}"
        );
    }
    result
}

/// What follows from a refusal, and what to do.
const UNAUTHORIZED: &str = "the reader retries for up to five hours. Check the permissions of the application, and the tenant's policies";
const FORBIDDEN: &str = "the change is delivered without content. Grant the application the permission";
const WITHOUT_CONTENT: &str = "the change is delivered without content";

/// How many failures make an outage.
const ENOUGH: usize = 2;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How long a fetch takes at the most, with its pauses.
const MAX_FETCH_TIME: Duration = Duration::from_secs(20);
