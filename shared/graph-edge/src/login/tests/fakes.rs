//! Doubles of the login's ports.

use std::sync::{Arc, Mutex};

use super::*;
use crate::secrets::{SecretError, Versioned};

/// A secret in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeTokens(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    text: Option<String>,
    version: usize,
    down: bool,
    faster: Option<String>,
}

impl FakeTokens {
    /// Returns a secret that holds `text`.
    pub(super) fn holding(text: &str) -> Self {
        let tokens = Self::default();
        tokens.0.lock().unwrap().text = Some(text.to_owned());
        tokens
    }

    /// Lets writes fail from now on.
    pub(super) fn take_down(&self) {
        self.0.lock().unwrap().down = true;
    }

    /// Lets another writer be faster with `text` than the next write.
    pub(super) fn overtake(&self, text: &str) {
        self.0.lock().unwrap().faster = Some(text.to_owned());
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().text.clone().unwrap_or_default()
    }

    /// Returns how often the secret was written.
    pub(super) fn writes(&self) -> usize {
        self.0.lock().unwrap().version
    }
}

impl RefreshTokens for FakeTokens {
    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        let state = self.0.lock().unwrap();
        Ok(state.text.clone().map(|text| Versioned {
            text: Secret::new(text),
            version_id: state.version.to_string(),
        }))
    }

    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        let mut state = self.0.lock().unwrap();
        if state.down {
            return Err(SecretError::Unavailable("down".into()));
        }
        if let Some(faster) = state.faster.take() {
            state.text = Some(faster);
            state.version += 1;
        }
        let current = state.text.as_ref().map(|_| state.version.to_string());
        if current.as_deref() != based_on {
            return Err(SecretError::Conflict);
        }
        state.text = Some(text.expose().clone());
        state.version += 1;
        Ok(())
    }
}

/// Someone who vouches for everyone.
#[derive(Clone, Copy, Debug)]
pub(super) struct FakeIdentity;

impl WebIdentity for FakeIdentity {
    async fn token(&self, audience: &str) -> Result<Secret<String>, IdentityError> {
        Ok(Secret::new(format!("token-for-{audience}")))
    }
}
