//! By when something has to be done, handed down to whoever could wait for longer.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until, timeout_at};

/// A moment by which something has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the moment when `duration` has passed.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration.min(MAX_DEADLINE))
    }

    /// Returns the moment that is `margin` before the end of an invocation.
    #[must_use]
    pub fn before(end: SystemTime, margin: Duration) -> Self {
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        Self::after(left.saturating_sub(margin))
    }

    /// Returns the moment that is `duration` earlier: what comes afterwards needs that long.
    #[must_use]
    pub fn less(self, duration: Duration) -> Self {
        Self(self.0.checked_sub(duration).unwrap_or(self.0))
    }

    /// Returns the moment when `duration` has passed, but none that is later than this one.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        self.min(Self::after(duration))
    }

    /// Returns how long there is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns what `future` comes to, if it does so by this moment.
    ///
    /// # Errors
    ///
    /// Returns an error when the moment has come first. The future is dropped then, whatever it waits for.
    pub async fn within<F: Future>(self, future: F) -> Result<F::Output, Late> {
        timeout_at(self.0, future).await.map_err(|_| Late)
    }

    /// Lets `duration` pass, or what is left.
    pub async fn sleep(self, duration: Duration) {
        sleep_until(self.at_most(duration).0).await;
    }
}

/// It was not done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer in time")]
pub struct Late;

/// Longer than any invocation; what is longer could not be added to the present.
const MAX_DEADLINE: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_missing_answer_exceeds_the_deadline() {
        let deadline = Deadline::after(Duration::from_millis(10));
        assert_eq!(deadline.within(async { 1 }).await, Ok(1));
        assert_eq!(deadline.within(std::future::pending::<()>()).await, Err(Late));
        assert_eq!(deadline.left(), Duration::ZERO);
    }

    #[tokio::test]
    async fn nothing_made_of_a_deadline_is_later() {
        let deadline = Deadline::after(Duration::from_millis(20));
        assert_eq!(deadline.at_most(Duration::MAX), deadline);
        assert!(deadline.at_most(Duration::from_millis(10)) < deadline);
        assert!(deadline.less(Duration::from_millis(10)) < deadline);
        deadline.sleep(Duration::from_mins(1)).await;
        assert_eq!(deadline.left(), Duration::ZERO);
    }

    #[tokio::test]
    async fn an_invocation_that_is_over_leaves_nothing() {
        let end = SystemTime::UNIX_EPOCH;
        assert_eq!(Deadline::before(end, Duration::ZERO).left(), Duration::ZERO);
    }
}
