//! What the reader works with, and what it remembers between invocations.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use graph_core::{
    application::Application,
    models::ResourcePath,
    notification::client_state::ClientStateKeys,
    read::{Limit, Limiter, Window},
    subscription::config::{Config, Tenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::CachedDocument,
    sqs::{Message, Queue, Reason},
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    complete::CompleteWindows,
    drives::{DeliveredChanges, OrderedDrives},
    ports::Ports,
};

/// What the reader works with.
pub struct Deps<P: Ports> {
    /// The configuration.
    pub config: CachedDocument<P::Secret, Config>,
    /// The keys that client states and seals are verified with.
    pub client_states: CachedDocument<P::Secret, ClientStateKeys>,
    /// Microsoft Graph.
    pub graph: P::Graph,
    /// The time.
    pub clock: P::Clock,
    /// Where events go.
    pub delivery_queue: P::Queue,
    /// Where messages go that cannot be processed.
    pub failed_queue: P::Queue,
    /// Where the rest of a window goes.
    pub read_queue: P::Queue,
    /// What this process remembers.
    pub memory: Memory,
    /// How often the queue delivers a message.
    pub tries: u32,
}

/// What a process remembers between invocations.
pub struct Memory {
    limiter: Mutex<Limiter>,
    pub(crate) complete: CompleteWindows,
    pub(crate) ordered_drives: OrderedDrives,
    pub(crate) delivered_changes: DeliveredChanges,
    /// The memory for pages of lists and for what is made of them, in MiB of pages.
    pages: Semaphore,
    /// The memory for fetched items and their events, in MiB.
    items: Semaphore,
    /// When each line was last logged.
    logged_at: Mutex<BTreeMap<Line, Timestamp>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            limiter: Mutex::default(),
            complete: CompleteWindows::default(),
            ordered_drives: OrderedDrives::default(),
            delivered_changes: DeliveredChanges::default(),
            pages: Semaphore::new(MAX_PAGES_MEBIBYTES),
            items: Semaphore::new(MAX_ITEMS_MEBIBYTES),
            logged_at: Mutex::default(),
        }
    }
}

/// A log line that each message and try of an application would repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Line {
    /// Microsoft does not answer for the application, or does not let it in.
    Outage(Application),
    /// Microsoft Graph refuses with this status to return resources.
    Refusal(Application, u16),
    /// Items of the application name resources outside of their subscriptions.
    Outside(Application),
    /// Something else stands in the way of its windows.
    Obstacle(Application, Obstacle),
}

/// What stands in the way of a message for now: SQS delivers the message again.
///
/// What tells a person more comes first: of two outages of an application only the first is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum Obstacle {
    #[error("Microsoft refuses the credential of the tenant (401); replace it in ConfigSecret")]
    NotSignedIn,
    #[error("Microsoft Graph or Microsoft Entra does not answer")]
    GraphUnavailable,
    #[error("SQS did not store a message")]
    NotStored,
    #[error("ClientStateSecret has no usable key")]
    NoClientStateKeys,
    #[error("ConfigSecret has no readable configuration")]
    NoConfiguration,
    #[error("the invocation has no time left")]
    OutOfTime,
}

impl Obstacle {
    /// Returns the line about windows of an application that it stands in the way of.
    pub(crate) fn line(self, application: Application) -> Line {
        match self {
            Self::NotSignedIn | Self::GraphUnavailable => Line::Outage(application),
            Self::NotStored | Self::NoClientStateKeys | Self::NoConfiguration | Self::OutOfTime => {
                Line::Obstacle(application, self)
            }
        }
    }

    /// Returns the reason in FailedQueue after the last try.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::GraphUnavailable => Reason::NotReady,
            Self::NotSignedIn => Reason::ReadRefused,
            Self::NotStored => Reason::NotStored,
            Self::NoClientStateKeys => Reason::NoClientStateKeys,
            Self::NoConfiguration => Reason::NoConfiguration,
            Self::OutOfTime => Reason::OutOfTime,
        }
    }
}

impl<P: Ports> Deps<P> {
    /// Waits until the limits of Microsoft Graph allow a read of `path`, and counts the read.
    ///
    /// # Errors
    ///
    /// Returns the time to wait where that is longer than `deadline`.
    pub(crate) async fn wait_for_rate_limit(
        &self,
        limit: Limit,
        tenant: &Tenant,
        path: &ResourcePath,
        deadline: Deadline,
    ) -> Result<(), Duration> {
        self.wait_for(deadline, |limiter, now| {
            limiter.take(limit, tenant.application, path, now)
        })
        .await
    }

    async fn wait_for(
        &self,
        deadline: Deadline,
        mut ask: impl FnMut(&mut Limiter, Timestamp) -> Result<(), Duration>,
    ) -> Result<(), Duration> {
        loop {
            let asked = ask(&mut self.limiter(), self.clock.now());
            match asked {
                Ok(()) => return Ok(()),
                Err(wait) if wait >= deadline.left() => return Err(wait),
                Err(wait) => self.clock.sleep(wait).await,
            }
        }
    }

    /// Pauses the reads that share a limit with `path`, as Microsoft Graph asked, and returns for how long.
    pub(crate) fn pause_reads(
        &self,
        limit: Limit,
        tenant: &Tenant,
        path: &ResourcePath,
        wait: Duration,
    ) -> Duration {
        // Graph also asks to wait for 0 s, which would repeat the read at once, hundreds of times.
        let wait = wait.max(MIN_PAUSE);
        self.limiter()
            .close(limit, tenant.application, path, wait, self.clock.now());
        wait
    }

    /// Waits for memory for a page of so many MiB and then takes a read of `path` off the limits of Microsoft Graph.
    ///
    /// # Errors
    ///
    /// Returns the time to wait where that is longer than `deadline`.
    pub(crate) async fn room_for_page(
        &self,
        mebibytes: u32,
        limit: Limit,
        tenant: &Tenant,
        path: &ResourcePath,
        deadline: Deadline,
    ) -> Result<Option<SemaphorePermit<'_>>, Duration> {
        loop {
            // A window that Graph keeps waiting must not keep memory from the others.
            self.wait_for(deadline, |limiter, now| {
                limiter.is_free(limit, tenant.application, path, now)
            })
            .await?;
            let page = self.memory.pages.acquire_many(mebibytes).await.ok();
            let taken = self
                .limiter()
                .take(limit, tenant.application, path, self.clock.now());
            if taken.is_ok() {
                return Ok(page);
            }
        }
    }

    /// Waits for memory for a fetched item and the events of so many notifications of it.
    pub(crate) async fn room_for_item(&self, events: usize) -> Option<SemaphorePermit<'_>> {
        let mebibytes = events.saturating_add(1).min(MAX_ITEMS_MEBIBYTES);
        let mebibytes = u32::try_from(mebibytes).unwrap_or(u32::MAX);
        self.memory.items.acquire_many(mebibytes).await.ok()
    }

    /// Returns whether to log a line: an outage of hours would be one for each message and try.
    pub(crate) fn is_line_due(&self, line: Line) -> bool {
        let now = self.clock.now();
        let lines = &self.memory.logged_at;
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Timestamp| now.duration_since(*at) < LINE_INTERVAL;
        if lines.get(&line).is_some_and(is_recent) {
            return false;
        }
        lines.insert(line, now);
        true
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.memory.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores messages in a queue.
    pub(crate) async fn store(
        &self,
        queue: &P::Queue,
        messages: Vec<Message>,
        deadline: Deadline,
    ) -> Result<(), Obstacle> {
        let messages = messages.into_iter().map(|message| ((), message)).collect();
        let sent = queue.send(messages, deadline).await;
        sent.lost.is_empty().then_some(()).ok_or(Obstacle::NotStored)
    }

    /// Puts windows into `ReadQueue`, which keeps them back for `wait`.
    pub(crate) async fn enqueue_windows(
        &self,
        windows: impl IntoIterator<Item = Window>,
        wait: Duration,
        deadline: Deadline,
    ) -> Result<(), Obstacle> {
        let mut messages = Vec::new();
        for window in windows {
            let body = self.sealed(&window, deadline).await?;
            messages.push(Message::of_window(&window.owner(), body).delayed(wait));
        }
        self.store(&self.read_queue, messages, deadline).await
    }

    /// Returns the body of the message of a window.
    pub(crate) async fn sealed(&self, window: &Window, deadline: Deadline) -> Result<String, Obstacle> {
        let now = self.clock.now();
        let keys = self.client_states.current(now, deadline).await;
        let keys = keys.map_err(|_| Obstacle::NoClientStateKeys)?;
        window
            .to_body(&keys, now)
            .map_err(|_| Obstacle::NoClientStateKeys)
    }
}

/// The shortest pause that Microsoft Graph gets when it asks for one.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// How many MiB of pages are in memory at once. What is made of a page takes some times as much; `tests/memory.rs` measures it.
const MAX_PAGES_MEBIBYTES: usize = 16;

/// How many MiB of fetched items and their events are in memory at once.
const MAX_ITEMS_MEBIBYTES: usize = 16;

/// How long a process logs a line only once.
const LINE_INTERVAL: SignedDuration = SignedDuration::from_mins(5);
