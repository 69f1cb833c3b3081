//! Microsoft Graph's limits in 20 seconds (*throttling limits*), counted when a request arrives.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// The requests that Graph counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    List,
    Write,
    One,
}

impl Kind {
    /// Returns the limits of an application: in one tenant, and in all tenants.
    pub(super) fn limits(self) -> (usize, usize) {
        match self {
            Self::List => (25, 40),
            Self::Write | Self::One => (500, 2_000),
        }
    }
}

/// The requests of one application in one tenant that Graph answers in 20 seconds, whatever they ask for (*any request*).
/// Renewal and the reader share them.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    most: usize,
    requests: Arc<Mutex<VecDeque<Timestamp>>>,
}

impl Allowance {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            requests: Arc::default(),
        }
    }

    /// Counts a request, and returns whether it is over the limit.
    pub(super) fn count(&self, now: Timestamp) -> bool {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|at| now.duration_since(*at) < WINDOW);
        requests.push_back(now);
        requests.len() > self.most
    }
}

/// The requests of the last 20 seconds.
#[derive(Debug, Default)]
pub(super) struct Limits {
    windows: BTreeMap<(Kind, String, String), VecDeque<Timestamp>>,
    /// The most requests in one window, of an application in one tenant and in all.
    pub(super) most: BTreeMap<Kind, (usize, usize)>,
    /// How many requests were over a limit.
    pub(super) broken: usize,
}

impl Limits {
    /// Counts a request, and returns whether it is over a limit.
    pub(super) fn count(&mut self, kind: Kind, tenant_id: &str, client_id: &str, now: Timestamp) -> bool {
        let (in_tenant, in_all) = kind.limits();
        let found = (
            self.window(kind, tenant_id, client_id, now),
            self.window(kind, "", client_id, now),
        );
        let most = self.most.entry(kind).or_default();
        *most = (most.0.max(found.0), most.1.max(found.1));
        let is_too_many = found.0 > in_tenant || found.1 > in_all;
        self.broken += usize::from(is_too_many);
        is_too_many
    }

    fn window(&mut self, kind: Kind, tenant_id: &str, client_id: &str, now: Timestamp) -> usize {
        let key = (kind, tenant_id.to_owned(), client_id.to_owned());
        let window = self.windows.entry(key).or_default();
        while window
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            window.pop_front();
        }
        window.push_back(now);
        window.len()
    }
}

const WINDOW: SignedDuration = SignedDuration::from_secs(20);
