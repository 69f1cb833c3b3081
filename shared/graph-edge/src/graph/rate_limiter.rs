//! The limits of Graph (Microsoft Graph, *throttling limits*). Every request counts, including pages of lists and
//! retries.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::select;

use graph_core::{
    application::{Application, Guid},
    subscription::config::Tenant,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;

/// The requests of the last 20 seconds, grouped as Graph counts them: per application in a tenant, and per application
/// in all tenants.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    windows: Mutex<BTreeMap<Counted, Window>>,
    /// The part of the limits that this process may use.
    share: Mutex<Share>,
    share_changed: Notify,
    shortage: Notify,
}

/// A part of Graph's limits: several processes may use them at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The limits are divided by this.
    pub parts: usize,
    /// Until when the share is valid. After that it is [`Share::SMALLEST`].
    pub until: Timestamp,
}

impl Share {
    /// The share of a process that knows nothing of the others. Graph's limits have room for five of them beside those that
    /// share the rest.
    pub const SMALLEST: Self = Self {
        parts: 120,
        until: Timestamp::MAX,
    };

    fn parts_at(self, now: Timestamp) -> usize {
        let is_valid = now < self.until;
        if is_valid {
            self.parts
        } else {
            Self::SMALLEST.parts
        }
    }
}

impl Default for Share {
    /// Returns the share of a process that is alone.
    fn default() -> Self {
        Self {
            parts: 1,
            until: Timestamp::MAX,
        }
    }
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
    /// Graph allows 25 and 40 lists, and 500 and 2,000 of each of the others. The rest is for processes with the smallest
    /// share.
    fn most(self) -> (usize, usize) {
        match self {
            Self::List => (20, 32),
            Self::Write | Self::One => (480, 1_920),
        }
    }
}

impl RateLimiter {
    /// Uses this share of the limits from now on.
    pub(super) fn take_share(&self, share: Share) {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = share;
        self.share_changed.notify_waiters();
    }

    /// Waits until a request has to wait.
    pub(super) async fn shortage(&self) {
        self.shortage.notified().await;
    }

    /// Waits until one more request is within the limits.
    ///
    /// If Graph has asked for a pause, one request is tried after at most two minutes, and the others wait for its
    /// result: the answer about one mailbox that is throttled for an hour looks the same as the answer about the whole
    /// application.
    pub(super) async fn wait(&self, kind: Kind, tenant: &Tenant, clock: &impl Clock) {
        loop {
            // Before the check: a share that changes right after the check would be missed.
            let share_changed = self.share_changed.notified();
            let Some(wait) = self.take(kind, tenant, clock.now()) else {
                return;
            };
            self.shortage.notify_one();
            select(pin!(clock.sleep(wait)), pin!(share_changed)).await;
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
        let share = *self.share.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = share.parts_at(now);
        let (most_in_tenant, most_in_all) = kind.most();
        let counted = [
            (in_tenant(kind, tenant), (most_in_tenant / parts).max(1)),
            (
                (kind, tenant.application.client_id, None),
                (most_in_all / parts).max(1),
            ),
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
        // Those before the last `most` do not matter: a share may have become smaller.
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

/// For how long Graph counts a request: slightly more than 20 seconds, because requests do not arrive as evenly as they are
/// sent.
pub const WINDOW: SignedDuration = SignedDuration::from_millis(20_300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::tests::tenant,
        testing::{FakeClock, VirtualClock},
    };
    use futures_util::future::join;
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
    async fn a_share_counts_until_it_ends() {
        let (limiter, clock) = (RateLimiter::default(), FakeClock::default());
        let until = clock.now() + SignedDuration::from_secs(5);
        limiter.take_share(Share { parts: 2, until });
        for _ in 0..Kind::Write.most().0 / 2 {
            limiter.wait(Kind::Write, &tenant(), &clock).await;
        }
        assert_eq!(clock.slept(), Duration::ZERO);
        limiter.wait(Kind::Write, &tenant(), &clock).await;
        assert!(
            clock.slept() >= Duration::from_secs(20),
            "the rest is for the other one"
        );
        // The share has ended, and one of the smallest share was used just now.
        let smallest = Kind::Write.most().0 / Share::SMALLEST.parts;
        let left = std::iter::from_fn(|| {
            limiter
                .take(Kind::Write, &tenant(), clock.now())
                .is_none()
                .then_some(())
        });
        assert_eq!(left.count(), smallest - 1);
        limiter.take_share(Share::default());
        assert_eq!(limiter.take(Kind::Write, &tenant(), clock.now()), None);
    }

    #[test]
    fn five_processes_with_the_smallest_share_fit_beside_the_others() {
        for (kind, (in_tenant, in_all)) in [
            (Kind::List, (25, 40)),
            (Kind::Write, (500, 2_000)),
            (Kind::One, (500, 2_000)),
        ] {
            let of_five = |most: usize| most + 5 * (most / Share::SMALLEST.parts).max(1);
            let most = kind.most();
            assert!(
                of_five(most.0) <= in_tenant && of_five(most.1) <= in_all,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_waiting_request_takes_a_larger_share_at_once() {
        let (limiter, clock) = (RateLimiter::default(), VirtualClock::new(Timestamp::UNIX_EPOCH));
        limiter.take_share(Share::SMALLEST);
        let tenant = tenant();
        let requests = async {
            for _ in 0..100 {
                limiter.wait(Kind::Write, &tenant, &clock).await;
            }
        };
        let grow = async {
            limiter.shortage().await;
            limiter.take_share(Share::default());
        };
        clock.run(join(requests, grow));
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
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
