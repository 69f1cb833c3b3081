//! Which tokens of a POST travel with which of its items.

use serde::Deserialize;

use super::distinct;
use super::verify::decode_part;
use crate::{application::Application, notification::collection::MAX_TOKENS_PER_POST};

/// What the tokens of one POST claim, unverified.
pub struct TokenIndex<'a>(Vec<(Claimed, &'a str)>);

impl<'a> TokenIndex<'a> {
    /// Reads the tokens; those that are too long, malformed or beyond the first 256 are left out. What is left is written into
    /// a message as it is: no character of it needs an escape.
    pub fn new(tokens: &'a [impl AsRef<str>]) -> Self {
        let claimed = distinct(tokens)
            .take(MAX_TOKENS_PER_POST)
            .filter_map(|token| Some((Claimed::read(token)?, token)))
            .collect();
        Self(claimed)
    }

    /// Returns the tokens that claim to be for this tenant and application and travel with an item of so many bytes: at most
    /// two, each once, of together at most [`MAX_RELEVANT_BYTES`] and [`MAX_RELEVANT_TIMES`] the item.
    #[must_use]
    pub fn relevant(&self, application: Application, item_bytes: usize) -> Vec<&'a str> {
        let Application { tenant_id, client_id } = application;
        let most = item_bytes
            .saturating_mul(MAX_RELEVANT_TIMES)
            .min(MAX_RELEVANT_BYTES);
        let mut bytes = 0;
        self.0
            .iter()
            .filter(|(claimed, _)| tenant_id.is(&claimed.tid) && client_id.is(&claimed.aud))
            .map(|(_, token)| *token)
            .take(MAX_RELEVANT)
            .take_while(|token| {
                bytes += token.len();
                bytes <= most
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
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !token.bytes().all(is_plain) {
            return None;
        }
        let mut parts = token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        decode_part(payload)
    }
}

/// How many tokens travel with an item. Graph sends one for each tenant and application; the second is for a change of keys.
pub const MAX_RELEVANT: usize = 2;

/// How many bytes of tokens travel with an item.
pub const MAX_RELEVANT_BYTES: usize = 6 * 1024;

/// How many times an item the tokens may be that travel with it: a small item must not become a large queue message. The
/// members of an item of Graph's with content have over 1,000 bytes together, its tokens up to 2,000.
pub const MAX_RELEVANT_TIMES: usize = 4;
