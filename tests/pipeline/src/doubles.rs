//! The services of AWS and Microsoft that the functions use, in memory.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use graph_core::secrets::Secret;
use graph_edge::{
    BoxError,
    deadline::Deadline,
    graph::GraphClient,
    login,
    parameter::Stored,
    secrets::{SecretError, Source, Versioned, VersionedSecret},
    testing::{FakeIdentity, FakeLogin, FakeQueue, FakeSecret, VirtualClock},
};
use renewal::ports::{Document, Documents};

/// The services of all functions.
pub struct Doubles;

impl login::Ports for Doubles {
    type Clock = VirtualClock;
    type RefreshTokens = FakeSecret;
    type WebIdentity = FakeIdentity;
}

impl decryption::Ports for Doubles {
    type Secret = FlakySecret;
    type Documents = FakeLogin;
    type Queue = Arc<FakeQueue>;
}

impl reader::ports::Ports for Doubles {
    type Secret = FlakySecret;
    type Graph = GraphClient<Self>;
    type Clock = VirtualClock;
    type Queue = Arc<FakeQueue>;
}

impl renewal::ports::Ports for Doubles {
    type Documents = StackDocuments;
    type Queue = Arc<FakeQueue>;
}

/// A secret that cannot be read at times.
#[derive(Clone, Debug, Default)]
pub struct FlakySecret {
    pub(crate) secret: FakeSecret,
    is_down: Arc<AtomicBool>,
}

impl FlakySecret {
    /// Returns a secret with this text.
    pub(crate) fn new(text: String) -> Self {
        Self {
            secret: FakeSecret::new(text),
            is_down: Arc::default(),
        }
    }

    /// Refuses every read from now on, or no longer.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }
}

impl Source for FlakySecret {
    fn name(&self) -> &'static str {
        "FlakySecret"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(SecretError::Unavailable("down".into()));
        }
        self.secret.read().await
    }
}

impl VersionedSecret for FlakySecret {
    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        self.secret.write(text, based_on).await
    }
}

/// The documents of a stack.
#[derive(Clone, Debug, Default)]
pub struct StackDocuments {
    /// ConfigSecret.
    pub config: FlakySecret,
    /// ClientStateSecret.
    pub client_states: FlakySecret,
    /// DecryptionSecret.
    pub decryption: FlakySecret,
    pub(crate) states: Arc<Mutex<Vec<String>>>,
}

impl Documents for StackDocuments {
    type Secret = FlakySecret;

    fn secret(&self, document: Document) -> FlakySecret {
        match document {
            Document::Config => self.config.clone(),
            Document::ClientState => self.client_states.clone(),
            Document::Decryption => self.decryption.clone(),
        }
    }

    async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        Ok(self.config.secret.previous())
    }

    async fn read_state(&self, _: Deadline) -> Result<Stored, BoxError> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Stored {
            // As the template makes it.
            value: states.last().cloned().unwrap_or_else(|| "{}".to_owned()),
            version: states.len().try_into()?,
        })
    }

    async fn write_state(&self, text: &str, _: Deadline) -> Result<u64, BoxError> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.push(text.to_owned());
        Ok(states.len().try_into()?)
    }
}
