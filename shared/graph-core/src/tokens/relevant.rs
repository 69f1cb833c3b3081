//! Which tokens of a POST travel with which of its items.

use serde::Deserialize;

use super::verify::decode_part;
use super::{distinct, same_id};

/// Returns the tokens that claim to be for this tenant and application, without verifying any.
///
/// At most eight, each once. For many items of one POST, read the tokens once with [`TokenIndex::new`].
pub fn relevant<'a>(tokens: &'a [impl AsRef<str>], tenant_id: &str, client_id: &str) -> Vec<&'a str> {
    TokenIndex::new(tokens).relevant(tenant_id, client_id)
}

/// What the tokens of one POST claim, unverified.
pub struct TokenIndex<'a>(Vec<(Claimed, &'a str)>);

impl<'a> TokenIndex<'a> {
    /// Reads the tokens; those that are too long, malformed or beyond the first 256 are left out.
    pub fn new(tokens: &'a [impl AsRef<str>]) -> Self {
        let claimed = distinct(tokens)
            .take(MAX_READ)
            .filter_map(|token| Some((Claimed::read(token)?, token)))
            .collect();
        Self(claimed)
    }

    /// Returns the tokens that claim to be for this tenant and application: at most eight, each once.
    #[must_use]
    pub fn relevant(&self, tenant_id: &str, client_id: &str) -> Vec<&'a str> {
        self.0
            .iter()
            .filter(|(claimed, _)| same_id(&claimed.tid, tenant_id) && same_id(&claimed.aud, client_id))
            .map(|(_, token)| *token)
            .take(MAX_RELEVANT)
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

/// How many tokens of a POST are read. Graph sends one for each tenant and application in it.
const MAX_READ: usize = 256;

/// How many tokens travel with an item, so that they fit into its queue message.
const MAX_RELEVANT: usize = 8;
