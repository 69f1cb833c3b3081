//! A subscription that the configuration asks for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::subscription::{
    catalogue::{self, Version},
    compare::{change_types, query_options_key, resource_key},
    config::EntryOptions,
};

/// A subscription that the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Its name: the key of its entry, followed by `/` and an object's id where one entry stands for many.
    pub name: String,
    /// What to watch.
    pub resource: String,
    /// The changes to watch, separated by commas.
    pub change_type: String,
    /// Whether notifications carry the resource, encrypted.
    pub include_resource_data: bool,
    /// The `notificationQueryOptions`.
    pub query_options: Option<String>,
    /// How far ahead a new end is set.
    pub lifetime: SignedDuration,
    /// The version of the API that manages it.
    pub version: Version,
    /// What is asked for beside.
    pub options: EntryOptions,
}

impl Desired {
    /// Returns a digest of what Graph is asked for and cannot change afterwards: one for all spellings of it. It stands in
    /// the URL, so that nobody has to guess from Graph's list, which may spell things in its own way or leave them out.
    #[must_use]
    pub fn digest(&self) -> String {
        let changes: Vec<String> = change_types(&self.change_type).into_iter().collect();
        let options = self.query_options.as_deref().map(query_options_key);
        let mut digest = Sha256::new_with_prefix(DIGEST_DOMAIN);
        let parts = [
            resource_key(&self.resource),
            changes.join(","),
            options.unwrap_or_default(),
        ];
        for part in parts {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        let EntryOptions {
            fetch_content: _,
            immutable_ids,
            permission_changes,
        } = self.options;
        let flags = [self.include_resource_data, immutable_ids, permission_changes];
        digest.update(flags.map(u8::from));
        let mut digest = BASE64_URL_SAFE_NO_PAD.encode(digest.finalize());
        digest.truncate(DIGEST_LENGTH);
        digest
    }

    /// Returns the `Prefer` header of its creation. No resource has more than one.
    #[must_use]
    pub fn prefer(&self) -> Option<&'static str> {
        if self.options.immutable_ids {
            return Some("IdType=\"ImmutableId\"");
        }
        if self.options.permission_changes {
            return Some("includesecuritywebhooks");
        }
        let row = catalogue::find(&self.resource)?;
        row.entity
            .eq_ignore_ascii_case("chatMessage")
            .then_some("include-unknown-enum-members")
    }
}

/// Separates this digest from others, and this encoding from later ones.
const DIGEST_DOMAIN: &[u8] = b"graph change notifications, subscription, version 1\0";

/// How many characters of the digest stand in a URL: it tells a changed entry, and proves nothing.
const DIGEST_LENGTH: usize = 12;
