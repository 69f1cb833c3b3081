//! The content of ClientStateSecret.

use graph_core::{notification::client_state::ClientStateKeys, secrets::ClientStateDocument};
use tracing::error;

use super::malformed;
use crate::{BoxError, telemetry::printable_id};

/// Returns the keys of ClientStateSecret.
///
/// # Errors
///
/// Returns an error when there is no usable key, so that the secret is soon read again.
pub fn client_state_keys(text: &str) -> Result<ClientStateKeys, BoxError> {
    let document: ClientStateDocument = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let (keys, unusable) = ClientStateKeys::parse(&document);
    if !unusable.is_empty() {
        let keys: Vec<&str> = unusable.iter().map(|id| printable_id(id)).collect();
        error!(
            ?keys,
            "Client-state keys {keys:?} are not usable; remove them from ClientStateSecret"
        );
    }
    if keys.is_empty() {
        Err("it has no usable client-state key".into())
    } else {
        Ok(keys)
    }
}
