//! Which tokens of a POST travel with which of its items.

use serde::Deserialize;

use super::distinct;
use super::verify::decode_part;
use crate::{application::Application, notification::collection::MAX_TOKENS_PER_POST};

/// Returns the tokens that claim to be for this tenant and application, without verifying any.
///
/// At most two of together 6 KiB, each once. For many items of one POST, read the tokens once with [`TokenIndex::new`].
pub fn relevant(tokens: &[impl AsRef<str>], application: Application) -> Vec<&str> {
    TokenIndex::new(tokens).relevant(application)
}

/// What the tokens of one POST claim, unverified.
pub struct TokenIndex<'a>(Vec<(Claimed, &'a str)>);

impl<'a> TokenIndex<'a> {
    /// Reads the tokens; those that are too long, malformed or beyond the first 256 are left out.
    pub fn new(tokens: &'a [impl AsRef<str>]) -> Self {
        let claimed = distinct(tokens)
            .take(MAX_TOKENS_PER_POST)
            .filter_map(|token| Some((Claimed::read(token)?, token)))
            .collect();
        Self(claimed)
    }

    /// Returns the tokens that claim to be for this tenant and application: at most two of together 6 KiB, each once.
    #[must_use]
    pub fn relevant(&self, application: Application) -> Vec<&'a str> {
        let Application { tenant_id, client_id } = application;
        let mut bytes = 0;
        self.0
            .iter()
            .filter(|(claimed, _)| tenant_id.is(&claimed.tid) && client_id.is(&claimed.aud))
            .map(|(_, token)| *token)
            .take(MAX_RELEVANT)
            .take_while(|token| {
                bytes += token.len();
                bytes <= MAX_RELEVANT_BYTES
            })
            .collect()
    }
}

/// Whom a token claims to be for.
#[derive(Deserialize)]
struct Claimed {
    tid: String,
    aud: String,
}

impl Claimed {
    /// Reads the payload of a compact JWS.
    fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        decode_part(payload)
    }
}

/// How many tokens travel with an item. Graph sends one for each tenant and application; the second is for a change of keys.
pub const MAX_RELEVANT: usize = 2;

/// How many bytes of tokens travel with an item; a small item must not become a large queue message.
pub const MAX_RELEVANT_BYTES: usize = 6 * 1024;
