//! What Microsoft Graph allows of reads, and a count of what was asked (Microsoft Graph, *throttling limits*).

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::application::Application;
use graph_events::ResourcePath;
use jiff::{SignedDuration, Timestamp};

/// How many reads are made in a time, of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The service that counts the reads.
    pub service: &'static str,
    /// Of the application in the tenant.
    pub tenant: Rate,
    /// Of the one object that is read, and the segment that names it.
    pub object: Option<(&'static str, Rate)>,
}

/// So many reads in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most reads.
    pub reads: usize,
    /// The time, in seconds.
    pub seconds: i64,
}

const fn rate(reads: usize, seconds: i64) -> Rate {
    Rate { reads, seconds }
}

/// Half of what Microsoft Graph allows: two instances of the reader work at the same time. One read a second cannot be
/// halved; there it is one in two seconds.
impl Limit {
    /// 10,000 in ten minutes for an application and mailbox, which windows and fetched items share. Four at once are never
    /// exceeded: an instance reads one window and fetches one item of a mailbox at a time.
    pub const OUTLOOK: Self = Self {
        service: "outlook",
        tenant: rate(1_000, 20),
        object: Some(("users", rate(5_000, 600))),
    };
    /// The exports of Teams: 200 a second.
    pub const EXPORT: Self = Self {
        service: "exports",
        tenant: rate(100, 1),
        object: None,
    };
    /// Channel messages: 20 a second, one of them of a channel.
    pub const CHANNEL: Self = Self {
        service: "channels",
        tenant: rate(10, 1),
        object: Some(("channels", rate(1, 2))),
    };
    /// Chat messages: 20 a second, one of them of a chat.
    pub const CHAT: Self = Self {
        service: "chats",
        tenant: rate(10, 1),
        object: Some(("chats", rate(1, 2))),
    };
    /// Call records: 1,500 in 20 seconds.
    pub const CALL_RECORDS: Self = Self {
        service: "callRecords",
        tenant: rate(750, 20),
        object: None,
    };
    /// What has no figure, or says `Retry-After`: as the reads of Teams that have none, 30 a second.
    pub const OTHER: Self = Self {
        service: "other",
        tenant: rate(15, 1),
        object: None,
    };
}

/// Whose reads are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The service.
    pub service: &'static str,
    /// The application.
    pub application: Application,
    /// The key of the object, where it has a limit of its own.
    pub object: Option<String>,
}

/// Counts the reads of the last minutes.
#[derive(Debug, Default)]
pub struct Limiter {
    reads: HashMap<Scope, VecDeque<Timestamp>>,
    closed_until: HashMap<Scope, Timestamp>,
    /// At how many scopes the next look is taken for those that can be forgotten.
    forgets_at: usize,
}

impl Limiter {
    /// Takes room for one read of `resource`, or returns how long it is until there is some.
    ///
    /// # Errors
    ///
    /// Returns the time to wait.
    pub fn take(
        &mut self,
        limit: Limit,
        application: Application,
        resource: &ResourcePath,
        now: Timestamp,
    ) -> Result<(), Duration> {
        self.is_free(limit, application, resource, now)?;
        self.forget(now);
        for (scope, _) in scopes(limit, application, resource) {
            self.reads.entry(scope).or_default().push_back(now);
        }
        Ok(())
    }

    /// Returns whether there is room for one read of `resource`, without taking it.
    ///
    /// # Errors
    ///
    /// Returns the time to wait.
    pub fn is_free(
        &mut self,
        limit: Limit,
        application: Application,
        resource: &ResourcePath,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let scopes = scopes(limit, application, resource);
        let closed = scopes
            .iter()
            .filter_map(|(scope, _)| self.closed_until.get(scope));
        let closed = closed.map(|until| until_then(until.duration_since(now))).max();
        let waits = scopes
            .iter()
            .filter_map(|(scope, rate)| self.wait(scope, *rate, now));
        let wait = waits.chain(closed).max().filter(|wait| !wait.is_zero());
        wait.map_or(Ok(()), Err)
    }

    /// Makes no read of the object for `wait`, or of the application by this service where the object has no limit of its own.
    pub fn close(
        &mut self,
        limit: Limit,
        application: Application,
        resource: &ResourcePath,
        wait: Duration,
        now: Timestamp,
    ) {
        let until = now.saturating_add(wait).unwrap_or(now);
        if let Some((scope, _)) = scopes(limit, application, resource).pop() {
            let closed = self.closed_until.entry(scope).or_insert(until);
            *closed = (*closed).max(until);
        }
        self.closed_until.retain(|_, until| *until > now);
    }

    /// Returns how many scopes are remembered.
    #[cfg(test)]
    pub(super) fn scopes(&self) -> usize {
        self.reads.len()
    }

    /// Forgets what counts no more: notifications can name any number of chats.
    fn forget(&mut self, now: Timestamp) {
        if self.reads.len() < self.forgets_at.max(MIN_SCOPES) {
            return;
        }
        let counts =
            |last: &Timestamp| now.duration_since(*last) < SignedDuration::from_secs(LONGEST_SECONDS);
        self.reads.retain(|_, reads| reads.back().is_some_and(counts));
        self.forgets_at = self.reads.len().saturating_mul(2);
    }

    /// Returns how long it is until one more read fits.
    fn wait(&mut self, key: &Scope, rate: Rate, now: Timestamp) -> Option<Duration> {
        let window = SignedDuration::from_secs(rate.seconds);
        let reads = self.reads.get_mut(key)?;
        while reads
            .front()
            .is_some_and(|first| now.duration_since(*first) >= window)
        {
            reads.pop_front();
        }
        let first = reads.get(reads.len().checked_sub(rate.reads)?)?;
        Some(until_then(window.saturating_sub(now.duration_since(*first))))
    }
}

/// Returns what a read counts for: the application, then the object.
fn scopes(limit: Limit, application: Application, resource: &ResourcePath) -> Vec<(Scope, Rate)> {
    let scope = |object| Scope {
        service: limit.service,
        application,
        object,
    };
    let object = limit.object.and_then(|(name, rate)| {
        let key = resource.id(name)?;
        // What is longer is no id of Graph's; all such objects are counted as the one that they begin with.
        let key = key.get(..key.floor_char_boundary(MAX_KEY_BYTES))?;
        Some((scope(Some(key.to_owned())), rate))
    });
    [(scope(None), limit.tenant)].into_iter().chain(object).collect()
}

fn until_then(time: SignedDuration) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}

/// The longest time of a limit.
const LONGEST_SECONDS: i64 = 600;

/// How many scopes are remembered before one is forgotten.
const MIN_SCOPES: usize = 1_000;

/// How much of a key tells one object from another.
const MAX_KEY_BYTES: usize = 200;
