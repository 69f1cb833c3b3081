//! The time, and letting it pass.

use std::time::Duration;

use jiff::Timestamp;

/// The time.
pub trait Clock {
    /// Returns the present time.
    fn now(&self) -> Timestamp;

    /// Lets `duration` pass.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
