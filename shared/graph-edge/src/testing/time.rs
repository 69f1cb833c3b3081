//! Time that passes only when nobody has anything left to do.

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Handle};

use crate::clock::Clock;

/// A clock whose time passes in [`VirtualClock::run`] alone, and when it is put forward.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Mutex<Time>>);

#[derive(Debug)]
struct Time {
    now: Timestamp,
    /// Who waits, by the moment at which they are to be woken; the number keeps those of one moment apart.
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    next: u64,
}

impl VirtualClock {
    /// Returns a clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Time {
            now,
            sleepers: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Runs `future` to its end. Whenever it waits, time jumps to the moment at which somebody goes on.
    ///
    /// # Panics
    ///
    /// When it waits for nothing that time could bring.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        // Deadlines need a runtime.
        let is_missing = Handle::try_current().is_err();
        let runtime = is_missing.then(|| Builder::new_current_thread().enable_time().build());
        let _inside = runtime
            .as_ref()
            .and_then(|runtime| Some(runtime.as_ref().ok()?.enter()));
        // Tokio's budget would end a poll early and wait for Tokio's own loop, which does not turn here.
        let mut future = pin!(tokio::task::unconstrained(future));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            if !woken.take() {
                assert!(
                    self.skip(),
                    "somebody waits for something that time does not bring"
                );
            }
        }
    }

    /// Lets time jump to the moment at which the first of those who wait goes on. Returns whether there is one.
    pub fn skip(&self) -> bool {
        let mut time = self.time();
        let Some(((moment, _), sleeper)) = time.sleepers.pop_first() else {
            return false;
        };
        time.now = time.now.max(moment);
        drop(time);
        sleeper.wake();
        true
    }

    /// Puts the clock forward.
    pub fn advance(&self, minutes: i64) {
        let mut time = self.time();
        time.now = time
            .now
            .saturating_add(SignedDuration::from_mins(minutes))
            .unwrap_or(Timestamp::MAX);
    }

    /// Waits until `moment`.
    pub fn sleep_until(&self, moment: Timestamp) -> Sleep {
        let mut time = self.time();
        time.next += 1;
        Sleep {
            key: (moment, time.next),
            clock: self.clone(),
        }
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits.
#[derive(Debug)]
pub struct Sleep {
    key: (Timestamp, u64),
    clock: VirtualClock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.time();
        if time.now >= self.key.0 {
            return Poll::Ready(());
        }
        time.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    /// Who is gone is not woken: time would stop for nobody.
    fn drop(&mut self) {
        self.clock.time().sleepers.remove(&self.key);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.time().now
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        self.sleep_until(until).await;
    }
}

/// Whether somebody who runs futures by hand has been woken.
#[derive(Debug, Default)]
pub struct Woken(AtomicBool);

impl Woken {
    /// Returns whether it has, since this was last asked.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_go_on_in_the_order_of_time() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        let order = Mutex::new(Vec::new());
        let wait = async |seconds| {
            clock.sleep(Duration::from_secs(seconds)).await;
            order.lock().unwrap().push((seconds, clock.now().as_second()));
        };
        clock.run(futures_util::future::join(wait(30_000_000), wait(2)));
        assert_eq!(*order.lock().unwrap(), [(2, 2), (30_000_000, 30_000_000)]);
    }
}
