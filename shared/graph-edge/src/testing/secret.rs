//! Secrets Manager in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use graph_core::secrets::Secret;

use super::lock;
use crate::secrets::{
    SecretError, Source, Versioned, VersionedSecret,
    store::{Versions, follow},
};

/// A secret in memory that keeps every version, as Secrets Manager does: it accepts a request token that it knows with the same
/// text only, and changes nothing then (*`PutSecretValue`*, `ClientRequestToken`).
#[derive(Clone, Debug, Default)]
pub struct FakeSecret(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    puts: Vec<Put>,
    /// The numbers of `AWSCURRENT` and `AWSPREVIOUS`. The first version is 1.
    current: usize,
    previous: usize,
    reads: usize,
    is_down: bool,
    rival: Option<String>,
}

#[derive(Debug)]
struct Put {
    token: String,
    text: Secret<String>,
}

impl FakeSecret {
    /// Returns a secret that holds `text`.
    pub fn new(text: impl Into<String>) -> Self {
        let secret = Self::default();
        secret.set(text);
        secret
    }

    /// Writes what a person writes, whatever is there.
    pub fn set(&self, text: impl Into<String>) {
        let mut state = self.state();
        let token = format!("a person's own {}", state.puts.len());
        state.put(token, &text.into());
    }

    /// Returns how often the secret was read.
    pub fn reads(&self) -> usize {
        self.state().reads
    }

    /// Returns how many versions there are.
    pub fn versions(&self) -> usize {
        self.state().puts.len()
    }

    /// Returns the current text.
    pub fn text(&self) -> Option<String> {
        let state = self.state();
        Some(state.version(state.current)?.text.expose().clone())
    }

    /// Refuses every write from now on.
    pub fn take_down(&self) {
        self.state().is_down = true;
    }

    /// Has another writer write `text` just before the next one, based on the same version.
    pub fn overtake(&self, text: &str) {
        self.state().rival = Some(text.to_owned());
    }

    /// Returns the version before the current one.
    pub fn previous(&self) -> Option<Versioned> {
        let state = self.state();
        state.version(state.previous)
    }

    /// Makes another version the current one, as an operator can (*`UpdateSecretVersionStage`*).
    pub fn move_current(&self, version_id: &str) {
        let mut state = self.state();
        state.previous = state.current;
        state.current = version_id.parse().unwrap_or_default();
    }

    /// Returns the version with this id.
    pub fn version(&self, version_id: &str) -> Option<Versioned> {
        self.state().version(version_id.parse().ok()?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    /// Returns the version with this number; the first is 1.
    fn version(&self, number: usize) -> Option<Versioned> {
        Some(Versioned {
            text: self.puts.get(number.checked_sub(1)?)?.text.clone(),
            version_id: number.to_string(),
        })
    }

    /// Writes a version, and returns whether the one with this token is current now.
    fn write(&mut self, token: String, text: &str) -> Result<bool, SecretError> {
        let known = self.puts.iter().position(|put| put.token == token);
        let Some(index) = known else {
            self.put(token, text);
            return Ok(true);
        };
        let is_same = self.puts.get(index).is_some_and(|put| put.text.expose() == text);
        is_same
            .then_some(self.current == index + 1)
            .ok_or(SecretError::Conflict)
    }

    fn put(&mut self, token: String, text: &str) {
        let text = Secret::new(text.to_owned());
        self.puts.push(Put { token, text });
        (self.previous, self.current) = (self.current, self.puts.len());
    }
}

impl Source for FakeSecret {
    fn name(&self) -> &'static str {
        "FakeSecret"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        let mut state = self.state();
        state.reads += 1;
        Ok(state.version(state.current))
    }
}

impl VersionedSecret for FakeSecret {
    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        follow(self, "FakeSecret", text.expose(), based_on).await
    }
}

impl Versions for FakeSecret {
    async fn current_id(&self) -> Result<Option<String>, SecretError> {
        let state = self.state();
        Ok(state.version(state.current).map(|version| version.version_id))
    }

    async fn put(&self, token: String, text: &str) -> Result<bool, SecretError> {
        let mut state = self.state();
        if state.is_down {
            return Err(SecretError::Unavailable("down".into()));
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(SecretError::Unavailable("text is over 65,536 bytes".into()));
        }
        // It has read the same version, so it has the same token.
        if let Some(rival) = state.rival.take() {
            state.write(token.clone(), &rival)?;
        }
        state.write(token, text)
    }
}

impl Source for &FakeSecret {
    fn name(&self) -> &str {
        (*self).name()
    }

    fn read(&self) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send {
        (*self).read()
    }
}

/// Secrets in memory, by their names.
#[derive(Clone, Debug, Default)]
pub struct FakeSecrets(Arc<Mutex<BTreeMap<String, FakeSecret>>>);

impl FakeSecrets {
    /// Returns a secret, which has no version yet if nobody has written it.
    pub fn secret(&self, name: &str) -> FakeSecret {
        lock(&self.0).entry(name.to_owned()).or_default().clone()
    }
}

/// The most that a secret holds (AWS Secrets Manager, *quotas*).
const MAX_SECRET_BYTES: usize = 65_536;
