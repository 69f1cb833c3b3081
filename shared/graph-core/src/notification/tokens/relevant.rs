//! Which tokens of a POST travel with which of its items.

use serde::Deserialize;

use super::verify::decode_part;
use super::{MAX_TOKEN_BYTES, distinct};
use crate::{application::Application, notification::collection::MAX_TOKENS_PER_POST};

/// What the tokens of one POST claim, unverified.
pub struct TokenIndex<'a>(Vec<(Claimed, &'a str)>);

impl<'a> TokenIndex<'a> {
    /// Reads the tokens; those that are malformed or beyond the first 256 are left out. What is left is written into a message
    /// as it is: no character of it needs an escape.
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
        let most = item_bytes
            .saturating_mul(MAX_RELEVANT_TIMES)
            .min(MAX_RELEVANT_BYTES);
        let mut bytes = 0;
        let tokens = self
            .of(application)
            .filter(|token| token.len() <= MAX_TOKEN_BYTES);
        tokens
            .take(MAX_RELEVANT)
            .take_while(|token| {
                bytes += token.len();
                bytes <= most
            })
            .collect()
    }

    /// Returns whether a token claims to be for this tenant and application, whether it may travel or not.
    #[must_use]
    pub fn has(&self, application: Application) -> bool {
        self.of(application).next().is_some()
    }

    fn of(&self, Application { tenant_id, client_id }: Application) -> impl Iterator<Item = &'a str> {
        let tokens = self.0.iter();
        let ours =
            tokens.filter(move |(claimed, _)| tenant_id.is(&claimed.tid) && client_id.is(&claimed.aud));
        ours.map(|(_, token)| *token)
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

/// How many bytes of tokens travel with an item: one token of any size that is looked at.
pub const MAX_RELEVANT_BYTES: usize = MAX_TOKEN_BYTES;

/// How many times an item the tokens may be that travel with it: a small item must not become a large queue message. The
/// members of an item of Graph's with content have over 1,000 bytes together, its tokens up to 2,000.
pub const MAX_RELEVANT_TIMES: usize = 4;
