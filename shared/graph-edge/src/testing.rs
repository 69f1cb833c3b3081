//! Fakes for the tests of the functions.

use std::{
    cell::RefCell,
    io,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use graph_core::secrets::Secret;
use jiff::Timestamp;
use reqwest::Url;
use tracing::level_filters::LevelFilter;

pub use self::hang::Hang;
#[cfg(feature = "test-util")]
pub use self::script::{Reply, Script, Scripted, Sent, turn};
pub use self::secret::{FakeSecret, FakeSecrets};
pub use self::time::{VirtualClock, Woken};
use crate::{
    BoxError,
    clock::Clock,
    deadline::Deadline,
    login::{IdentityError, WebIdentity},
    signing_keys::FetchDocument,
    sqs::{self, Message, Queue},
};

pub(crate) mod hang;
#[cfg(feature = "test-util")]
mod script;
mod secret;
mod time;

/// A queue in memory that can be told to refuse.
#[derive(Debug, Default)]
pub struct FakeQueue {
    stored: Mutex<Vec<Message>>,
    refuse: Mutex<Option<String>>,
    largest_call: Mutex<usize>,
}

impl FakeQueue {
    /// Refuses from now on every message whose body holds `text`; the empty text refuses all, `None` none.
    pub fn refuse(&self, text: Option<&str>) {
        *lock(&self.refuse) = text.map(str::to_owned);
    }

    /// Returns the most bytes of messages that one call brought.
    pub fn largest_call(&self) -> usize {
        *lock(&self.largest_call)
    }

    /// Returns the stored messages, oldest first.
    pub fn stored(&self) -> Vec<Message> {
        lock(&self.stored).clone()
    }

    /// Takes the stored messages out, oldest first.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut lock(&self.stored))
    }
}

impl Queue for Arc<FakeQueue> {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, deadline: Deadline) -> sqs::Sent<T> {
        self.as_ref().send(messages, deadline).await
    }
}

impl Queue for FakeQueue {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> sqs::Sent<T> {
        let bytes: usize = messages.iter().map(|(_, message)| message.body.len()).sum();
        let largest = self.largest_call().max(bytes);
        *lock(&self.largest_call) = largest;
        let refuse = lock(&self.refuse).clone();
        let is_refused = |message: &Message| refuse.as_ref().is_some_and(|text| message.body.contains(text));
        let mut sent = sqs::Sent::default();
        for (note, message) in messages {
            if is_refused(&message) {
                sent.lost.push(note);
            } else {
                lock(&self.stored).push(message);
                sent.stored.push(note);
            }
        }
        sent
    }
}

/// A clock in which time passes only by sleeping.
#[derive(Clone, Debug, Default)]
pub struct FakeClock(Arc<Mutex<Duration>>);

impl FakeClock {
    /// Returns how long was slept in all.
    pub fn slept(&self) -> Duration {
        *lock(&self.0)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
            .saturating_add(self.slept())
            .unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        *lock(&self.0) += duration;
    }
}

/// A source of web identity tokens for every audience.
#[derive(Clone, Copy, Debug)]
pub struct FakeIdentity;

impl WebIdentity for FakeIdentity {
    async fn token(&self, audience: &str) -> Result<Secret<String>, IdentityError> {
        Ok(Secret::new(format!("token-for-{audience}")))
    }
}

/// The documents of a login service in memory: its metadata and the signing keys, which can be changed or made to fail.
#[derive(Clone, Debug, Default)]
pub struct FakeLogin(Arc<Mutex<(Option<Vec<u8>>, usize)>>);

impl FakeLogin {
    /// Returns a service with these signing keys, a JWKS document.
    pub fn new(jwks: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new((Some(jwks), 0))))
    }

    /// Changes the signing keys; without any the service is down.
    pub fn set(&self, jwks: Option<Vec<u8>>) {
        lock(&self.0).0 = jwks;
    }

    /// Returns how often the signing keys were fetched.
    pub fn fetches(&self) -> usize {
        lock(&self.0).1
    }
}

impl FetchDocument for FakeLogin {
    async fn fetch(&self, url: Url) -> Result<Vec<u8>, BoxError> {
        let mut held = lock(&self.0);
        let jwks = held.0.clone().ok_or("login service is down")?;
        if url.path().ends_with("/openid-configuration") {
            return Ok(METADATA.into());
        }
        held.1 += 1;
        Ok(jwks)
    }
}

/// Everything that is written through `tracing` on this thread, at every level, for as long as this lives.
///
/// One subscriber serves the whole process: `tracing` remembers of each place that nobody listens to it, and a
/// subscriber that comes and goes with one thread may find it remembered for good.
pub struct Written(());

impl Written {
    /// Starts to listen.
    pub fn start() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_ansi(false);
            let _ = tracing::subscriber::set_global_default(subscriber.with_writer(|| Sink).finish());
        });
        WRITTEN.set(Some(Vec::new()));
        Self(())
    }

    /// Takes what has been written so far.
    pub fn take(&self) -> String {
        let text = self.text();
        WRITTEN.set(Some(Vec::new()));
        text
    }

    /// Returns what has been written so far.
    pub fn text(&self) -> String {
        WRITTEN.with_borrow(|text| String::from_utf8_lossy(text.as_deref().unwrap_or_default()).into_owned())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        WRITTEN.set(None);
    }
}

thread_local! {
    /// What has been written on this thread, while somebody listens.
    static WRITTEN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|text| {
            if let Some(text) = text {
                text.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const METADATA: &str = r#"{
    "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
    "jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys"
}"#;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
