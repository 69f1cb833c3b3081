//! The limits of Graph (Microsoft Graph, *throttling limits*). Every request counts, including pages of lists and
//! retries.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use graph_core::{
    application::{Application, Guid},
    subscription::config::Tenant,
};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// The requests of the last 20 seconds, grouped as Graph counts them: per application in a tenant, and per application
/// in all tenants.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    windows: Mutex<BTreeMap<Counted, Window>>,
    /// How many other processes use the same limits at the same time.
    others: AtomicUsize,
}

/// The group that Graph counts together.
type Counted = (Kind, Guid, Option<Guid>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `GET` of a page of subscriptions.
    List,
    /// A request that changes a subscription.
    Write,
    /// `GET` of one subscription.
    One,
}

impl Kind {
    /// Returns the most requests in 20 seconds: in a tenant, and in all tenants.
    ///
    /// For lists, half of the 25 and 40 that Graph allows: the schedule and a lifecycle notification can start runs at
    /// the same time, and each reads the whole list. For the others, which two runs do not repeat, nearly all of 500
    /// and 2,000.
    fn most(self) -> (usize, usize) {
        match self {
            Self::List => (12, 20),
            Self::Write | Self::One => (490, 1_960),
        }
    }
}

impl RateLimiter {
    /// Divides all limits but that on lists with `others` processes from now on.
    pub(super) fn share_with(&self, others: usize) {
        self.others.store(others, Ordering::Relaxed);
    }

    /// Waits until one more request is within the limits.
    ///
    /// If Graph has asked for a pause, one request is tried after at most two minutes, and the others wait for its
    /// result: the answer about one mailbox that is throttled for an hour looks the same as the answer about the whole
    /// application.
    pub(super) async fn wait(&self, kind: Kind, tenant: &Tenant, clock: &impl Clock) {
        while let Some(wait) = self.take(kind, tenant, clock.now()) {
            clock.sleep(wait).await;
        }
    }

    /// Stops requests of the kind in the tenant for `wait`, as Graph asked, unless only one object seems to be throttled:
    /// the first attempts of two calls have to be throttled in a row.
    pub(super) fn close(
        &self,
        kind: Kind,
        tenant: &Tenant,
        wait: Duration,
        is_first_attempt: bool,
        now: Timestamp,
    ) {
        let until = now.saturating_add(wait.min(MAX_CLOSED_TIME)).unwrap_or(now);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(in_tenant(kind, tenant)).or_default();
        window.throttled += usize::from(is_first_attempt);
        if window.throttled < CALLS_IN_A_ROW && !window.is_tried {
            return;
        }
        window.closed_until = window.closed_until.max(Some(until));
        window.is_tried = false;
    }

    /// Notes that a request was not throttled, which ends the pause if it was the try.
    pub(super) fn open(&self, kind: Kind, tenant: &Tenant) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(window) = windows.get_mut(&in_tenant(kind, tenant)) else {
            return;
        };
        window.throttled = 0;
        if window.is_tried {
            window.closed_until = None;
            window.is_tried = false;
        }
    }

    /// Counts a request, or returns how long to wait until it is within the limits.
    fn take(&self, kind: Kind, tenant: &Tenant, now: Timestamp) -> Option<Duration> {
        let processes = match kind {
            // The limit for lists is halved already, so two processes fit.
            Kind::List => 1,
            Kind::Write | Kind::One => 1 + self.others.load(Ordering::Relaxed),
        };
        let (most_in_tenant, most_in_all) = kind.most();
        let (most_in_tenant, most_in_all) = (most_in_tenant / processes, most_in_all / processes);
        let counted = [
            (in_tenant(kind, tenant), most_in_tenant),
            ((kind, tenant.application.client_id, None), most_in_all),
        ];
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = counted
            .iter()
            .filter_map(|(counted, most)| windows.entry(*counted).or_default().wait(*most, now));
        if let Some(wait) = waits.max() {
            return Some(wait);
        }
        // Counted only when both groups have room: otherwise a refused request would use up room in one of them.
        for (counted, _) in counted {
            windows.entry(counted).or_default().take(now);
        }
        None
    }
}

fn in_tenant(kind: Kind, tenant: &Tenant) -> Counted {
    let Application { tenant_id, client_id } = tenant.application;
    (kind, client_id, Some(tenant_id))
}

#[derive(Debug, Default)]
struct Window {
    requests: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
    /// How many calls in a row were throttled at their first attempt.
    throttled: usize,
    /// Whether one request is under way to try whether Graph answers again.
    is_tried: bool,
}

impl Window {
    /// Returns how long to wait for a request; nothing if it is within the limit.
    fn wait(&mut self, most: usize, now: Timestamp) -> Option<Duration> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Some(until_then(until.duration_since(now)));
        }
        while self
            .requests
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            self.requests.pop_front();
        }
        let first = self.requests.len().checked_sub(most)?;
        let first = self.requests.get(first)?;
        Some(until_then(WINDOW.saturating_sub(now.duration_since(*first))))
    }

    /// Counts a request. The first one after a pause is the try; others wait until it is answered, or has taken too
    /// long.
    fn take(&mut self, now: Timestamp) {
        self.requests.push_back(now);
        if self.closed_until.is_some() {
            self.closed_until = now.checked_add(MAX_TRY_TIME).ok();
            self.is_tried = true;
        }
    }
}

fn until_then(time: SignedDuration) -> Duration {
    Duration::try_from(time)
        .unwrap_or_default()
        .max(Duration::from_millis(1))
}

/// The longest pause before a try, whatever Graph asks for.
const MAX_CLOSED_TIME: Duration = Duration::from_mins(2);

/// How many calls have to be throttled in a row: a mailbox that is throttled for an hour answers as the whole application
/// would, and among thousands there are several.
const CALLS_IN_A_ROW: usize = 2;

/// How long the other requests wait for the try.
const MAX_TRY_TIME: SignedDuration = SignedDuration::from_mins(1);

/// Slightly more than Graph's 20 seconds, because requests do not arrive as evenly as they are sent.
const WINDOW: SignedDuration = SignedDuration::from_millis(20_300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph::tests::tenant, testing::FakeClock};
    use graph_core::application::test_util::application;

    #[tokio::test]
    async fn requests_stay_below_the_limits_of_tenant_and_application() {
        for kind in [Kind::List, Kind::Write, Kind::One] {
            let (in_tenant, in_all) = kind.most();
            check(kind, 1, in_tenant).await;
            check(kind, 10, in_all).await;
        }
    }

    /// Makes requests in `tenants` in turn, and checks that exactly `most` of them are within a window.
    async fn check(kind: Kind, tenants: usize, most: usize) {
        let (limiter, clock) = (RateLimiter::default(), FakeClock::default());
        let mut requests = Vec::new();
        while requests.len() < 5 * most {
            let tenant = Tenant {
                application: application((&(requests.len() % tenants).to_string(), "app")),
                ..tenant()
            };
            limiter.wait(kind, &tenant, &clock).await;
            requests.push(clock.now());
        }
        for (index, request) in requests.iter().enumerate().skip(most) {
            assert!(request.duration_since(requests[index - most]) >= WINDOW);
        }
        let all = requests.last().unwrap().duration_since(requests[0]);
        assert_eq!(
            all.as_millis(),
            4 * WINDOW.as_millis(),
            "and no slower than need be"
        );
    }

    #[tokio::test]
    async fn two_processes_share_what_graph_allows_of_changes() {
        let (limiter, clock) = (RateLimiter::default(), FakeClock::default());
        limiter.share_with(1);
        for _ in 0..Kind::Write.most().0 / 2 {
            limiter.wait(Kind::Write, &tenant(), &clock).await;
        }
        assert_eq!(clock.slept(), Duration::ZERO);
        limiter.wait(Kind::Write, &tenant(), &clock).await;
        assert!(clock.slept() > Duration::ZERO, "the rest is for the other one");
        limiter.share_with(0);
        assert_eq!(limiter.take(Kind::Write, &tenant(), clock.now()), None);
    }

    #[tokio::test]
    async fn applications_and_kinds_do_not_wait_for_each_other() {
        let (limiter, clock) = (RateLimiter::default(), FakeClock::default());
        let other = Tenant {
            application: application(("tenant", "other")),
            ..tenant()
        };
        for _ in 0..12 {
            for (kind, tenant) in [
                (Kind::List, tenant()),
                (Kind::List, other.clone()),
                (Kind::One, tenant()),
            ] {
                limiter.wait(kind, &tenant, &clock).await;
            }
        }
        assert_eq!(clock.slept(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_closed_limit_lets_one_request_through_after_two_minutes() {
        let (limiter, clock) = (RateLimiter::default(), FakeClock::default());
        let tenant = tenant();
        let close = |is_first| {
            limiter.close(
                Kind::List,
                &tenant,
                Duration::from_hours(1),
                is_first,
                clock.now(),
            );
        };
        close(true);
        close(false);
        limiter.wait(Kind::List, &tenant, &clock).await;
        assert_eq!(clock.slept(), Duration::ZERO, "one object, twice");
        close(true);
        limiter.wait(Kind::List, &tenant, &clock).await;
        assert_eq!(clock.slept(), Duration::from_mins(2));
        // The others wait for the answer to the try.
        assert!(limiter.take(Kind::List, &tenant, clock.now()).is_some());
        limiter.open(Kind::List, &tenant);
        limiter.wait(Kind::List, &tenant, &clock).await;
        assert_eq!(clock.slept(), Duration::from_mins(2));
    }
}
