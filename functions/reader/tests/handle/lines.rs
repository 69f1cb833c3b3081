//! Counts log lines.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, set_default},
};

/// The lines of this thread that a person should see.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<AtomicUsize>);

impl Lines {
    /// Begins to count, until the guard is dropped.
    pub(super) fn capture() -> (Self, DefaultGuard) {
        // With a single subscriber, `tracing` asks only the thread that first reaches a line whether anybody wants it. A
        // test without a subscriber could thus switch a line off for all.
        LazyLock::force(&SECOND);
        let lines = Self::default();
        (lines.clone(), set_default(lines))
    }

    /// Returns how many there were.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN && metadata.target().starts_with("reader")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A subscriber that lives as long as the tests.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines::default()));
