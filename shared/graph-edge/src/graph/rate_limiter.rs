//! Not asking too often (Microsoft Graph, *throttling limits*): every request counts, the pages of a list and those that
//! are made again among them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use graph_core::subscription::config::Tenant;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// The requests of the last 20 seconds, by what Graph counts together: for an application in a tenant, and for the
/// application in all tenants.
#[derive(Debug, Default)]
pub(super) struct RateLimiter(Mutex<BTreeMap<Counted, Window>>);

/// What Graph counts together.
type Counted = (Kind, String, Option<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `GET` of a page of subscriptions.
    List,
    /// Anything that changes a subscription.
    Write,
    /// `GET` of one subscription.
    One,
}

impl Kind {
    /// Returns how many requests are made in 20 seconds at most: in a tenant, and in all.
    ///
    /// Of lists it is half of the 25 and 40 that Graph allows: the schedule and a lifecycle notification start runs at
    /// the same time, and each reads the whole list. Of the others, which do not come twice, it is four fifths of 500 and
    /// 2,000.
    fn most(self) -> (usize, usize) {
        match self {
            Self::List => (12, 20),
            Self::Write | Self::One => (400, 1_600),
        }
    }
}

/// How long Graph wants to be left alone, which is too long to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RetryLater(pub(super) Duration);

impl RateLimiter {
    /// Returns when there is room for one more request.
    ///
    /// # Errors
    ///
    /// Returns an error at once when Graph has asked for more than `patience`.
    pub(super) async fn wait(
        &self,
        kind: Kind,
        tenant: &Tenant,
        patience: Duration,
        clock: &impl Clock,
    ) -> Result<(), RetryLater> {
        loop {
            match self.request(kind, tenant, clock.now()) {
                Permit::Granted => return Ok(()),
                Permit::Closed(wait) if wait > patience => return Err(RetryLater(wait)),
                Permit::In(wait) | Permit::Closed(wait) => clock.sleep(wait).await,
            }
        }
    }

    /// Makes no more requests of the kind in the tenant before `wait` is over, as Graph has asked.
    pub(super) fn close(&self, kind: Kind, tenant: &Tenant, wait: Duration, now: Timestamp) {
        let until = now.saturating_add(wait).unwrap_or(now);
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(in_tenant(kind, tenant)).or_default();
        window.closed_until = window.closed_until.max(Some(until));
    }

    /// Takes room, or says how long it is until there is some.
    fn request(&self, kind: Kind, tenant: &Tenant, now: Timestamp) -> Permit {
        let (most_in_tenant, most_in_all) = kind.most();
        let counted = [
            (in_tenant(kind, tenant), most_in_tenant),
            ((kind, tenant.client_id.clone(), None), most_in_all),
        ];
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Both windows are asked before either is charged: a call that has to wait takes up nothing.
        let mut permit = Permit::Granted;
        for (counted, most) in &counted {
            let window = windows.entry(counted.clone()).or_default();
            permit = permit.and(window.permit(*most, now));
        }
        if matches!(permit, Permit::Granted) {
            for (counted, _) in counted {
                windows.entry(counted).or_default().requests.push_back(now);
            }
        }
        permit
    }
}

fn in_tenant(kind: Kind, tenant: &Tenant) -> Counted {
    (kind, tenant.client_id.clone(), Some(tenant.tenant_id.clone()))
}

/// Whether there is room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permit {
    Granted,
    In(Duration),
    Closed(Duration),
}

impl Permit {
    /// Returns what hinders longer.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Closed(one), Self::Closed(other)) => Self::Closed(one.max(other)),
            (closed @ Self::Closed(_), _) | (_, closed @ Self::Closed(_)) => closed,
            (Self::In(one), Self::In(other)) => Self::In(one.max(other)),
            (wait @ Self::In(_), Self::Granted) | (Self::Granted, wait) => wait,
        }
    }
}

#[derive(Debug, Default)]
struct Window {
    requests: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
}

impl Window {
    fn permit(&mut self, most: usize, now: Timestamp) -> Permit {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Permit::Closed(until_then(until.duration_since(now)));
        }
        while self
            .requests
            .front()
            .is_some_and(|first| now.duration_since(*first) >= WINDOW)
        {
            self.requests.pop_front();
        }
        // There is room again once the request has left the window that stands `most` places before the next one.
        let first = self.requests.len().checked_sub(most);
        match first.and_then(|index| self.requests.get(index)) {
            Some(first) => Permit::In(until_then(WINDOW.saturating_sub(now.duration_since(*first)))),
            None => Permit::Granted,
        }
    }
}

fn until_then(time: SignedDuration) -> Duration {
    Duration::try_from(time)
        .unwrap_or_default()
        .max(Duration::from_millis(1))
}

/// A little more than Graph's 20 seconds: requests do not arrive as evenly as they leave.
const WINDOW: SignedDuration = SignedDuration::from_secs(21);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph::tests::tenant, testing::FakeClock};

    #[tokio::test]
    async fn requests_stay_below_the_limit_of_the_tenant_and_of_the_application_in_every_window() {
        for kind in [Kind::List, Kind::Write, Kind::One] {
            let (in_tenant, in_all) = kind.most();
            check(kind, 1, in_tenant).await;
            check(kind, 10, in_all).await;
        }
    }

    /// Makes requests in so many tenants in turn, and checks that there are `most` in a window, no more and no less.
    async fn check(kind: Kind, tenants: usize, most: usize) {
        let (pace, clock) = (RateLimiter::default(), FakeClock::default());
        let mut requests = Vec::new();
        while requests.len() < 5 * most {
            let tenant = Tenant {
                tenant_id: (requests.len() % tenants).to_string(),
                ..tenant()
            };
            pace.wait(kind, &tenant, Duration::MAX, &clock).await.unwrap();
            requests.push(clock.now());
        }
        for (index, request) in requests.iter().enumerate().skip(most) {
            assert!(request.duration_since(requests[index - most]) >= WINDOW);
        }
        let all = requests.last().unwrap().duration_since(requests[0]);
        assert_eq!(all.as_secs(), 4 * WINDOW.as_secs(), "and no slower than need be");
    }

    #[tokio::test]
    async fn applications_and_kinds_do_not_wait_for_each_other() {
        let (pace, clock) = (RateLimiter::default(), FakeClock::default());
        let other = Tenant {
            client_id: "other".to_owned(),
            ..tenant()
        };
        for _ in 0..12 {
            for (kind, tenant) in [
                (Kind::List, tenant()),
                (Kind::List, other.clone()),
                (Kind::One, tenant()),
            ] {
                pace.wait(kind, &tenant, Duration::MAX, &clock).await.unwrap();
            }
        }
        assert_eq!(clock.slept(), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_graph_has_closed_is_left_alone_by_all_and_given_up_when_it_takes_too_long() {
        let (pace, clock) = (RateLimiter::default(), FakeClock::default());
        let tenant = tenant();
        let wait = || pace.wait(Kind::List, &tenant, Duration::from_secs(30), &clock);
        pace.close(Kind::List, &tenant, Duration::from_secs(31), clock.now());
        assert_eq!(wait().await, Err(RetryLater(Duration::from_secs(31))));
        clock.sleep(Duration::from_secs(1)).await;
        assert_eq!(wait().await, Ok(()));
        assert_eq!(clock.slept(), Duration::from_secs(31));
    }
}
