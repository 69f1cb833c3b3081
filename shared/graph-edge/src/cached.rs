//! A value from elsewhere that is kept, and read again when it may have changed.
//!
//! Whoever has a good value waits for a newer one only for a moment, and a source that fails or hangs is left alone for a
//! while: neither holds up what the good value suffices for.

mod refresh;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::Mutex;

pub(crate) use self::refresh::{Ask, RefreshPolicy};
use self::refresh::{Step, next};
use crate::deadline::Deadline;

/// A value that is shared by all who need it.
pub(crate) struct Cached<T> {
    policy: RefreshPolicy,
    held: Mutex<Held<T>>,
}

struct Held<T> {
    value: Option<Read<T>>,
    /// When reading was last tried, whether in vain or not.
    tried_at: Option<Timestamp>,
}

/// A value, and when it was read.
pub(crate) struct Read<T> {
    pub(crate) value: Arc<T>,
    pub(crate) at: Timestamp,
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            at: self.at,
        }
    }
}

impl<T> Cached<T> {
    /// Returns a cache that is empty.
    pub(crate) fn new(policy: RefreshPolicy) -> Self {
        Self {
            policy,
            held: Mutex::new(Held {
                value: None,
                tried_at: None,
            }),
        }
    }

    /// Returns the value, read again with `read` when it is time to; the last good one where that fails, and nothing where
    /// there is none that may be used. `report` gets what went wrong, in words, and whether a good value stays in use.
    pub(crate) async fn get(
        &self,
        ask: Ask,
        now: Timestamp,
        deadline: Deadline,
        read: impl Future<Output = Result<T, String>>,
        report: impl FnOnce(&str, bool),
    ) -> Option<Read<T>> {
        // Held while the value is read: those who wait find it instead of reading it as well.
        let mut held = deadline.within(self.held.lock()).await.ok()?;
        let read_at = held.value.as_ref().map(|value| value.at);
        let step = next(ask, read_at, held.tried_at, now, &self.policy);
        let patience = match (step, ask) {
            (Step::Use, _) => return held.value.clone(),
            (Step::Fail, _) => return None,
            (Step::Fetch, _) => Duration::MAX,
            // A read that takes longer than a moment each time would otherwise never bring a newer value.
            (Step::Refresh, Ask::Normal) if self.policy.is_overdue(read_at, now) => self.policy.patience,
            (Step::Refresh, Ask::Normal) => self.policy.moment,
            (Step::Refresh, Ask::Unknown) => self.policy.patience,
        };
        // Without time to read, nothing is tried: it would only count as a failure of the source, and put off the next attempt.
        if step == Step::Refresh && deadline.left().is_zero() {
            return held.value.clone();
        }
        // Before the attempt, so that one which fails counts as well.
        held.tried_at = Some(now);
        // Boxed, as it runs rarely: each caller's future would hold that of a client, which is large and nested very deep.
        let came = deadline.at_most(patience).within(Box::pin(read)).await;
        let has_value = step == Step::Refresh;
        match came.unwrap_or_else(|late| Err(format!("cannot be read: {late}"))) {
            Ok(value) => {
                let value = Arc::new(value);
                held.value = Some(Read { value, at: now });
            }
            Err(problem) => {
                report(&problem, has_value);
                if !has_value {
                    return None;
                }
            }
        }
        held.value.clone()
    }
}
