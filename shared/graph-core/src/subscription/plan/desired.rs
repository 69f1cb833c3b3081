//! A subscription that the configuration asks for.

use jiff::SignedDuration;

use crate::{
    notification::identity::digest,
    subscription::{
        catalogue::{self, Version},
        compare::{change_types, query_options_key, resource_key},
        config::EntryOptions,
    },
};

/// A subscription that the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Its name: the entry's name, for `forEach` followed by `/` and the object's id.
    pub name: String,
    /// The resource to watch.
    pub resource: String,
    /// The changes to watch, separated by commas.
    pub change_type: String,
    /// Whether notifications carry the resource, encrypted.
    pub include_resource_data: bool,
    /// The `notificationQueryOptions`.
    pub query_options: Option<String>,
    /// How long the subscription lives after its creation and each renewal.
    pub lifetime: SignedDuration,
    /// The API version that manages it.
    pub version: Version,
    /// The options.
    pub options: EntryOptions,
}

impl Desired {
    /// Returns a digest of everything that Graph cannot change later, equal for all spellings. It is part of the
    /// notification URL, because Graph's list may use other spellings or leave values out.
    #[must_use]
    pub fn digest(&self) -> String {
        let changes: Vec<String> = change_types(&self.change_type).into_iter().collect();
        let options = self.query_options.as_deref().map(query_options_key);
        // All fields are named, so that a new option cannot be forgotten here. `fetch_content` has its own flag in the
        // URL.
        let EntryOptions {
            fetch_content: _,
            immutable_ids,
            permission_changes,
        } = self.options;
        let flags = [self.include_resource_data, immutable_ids, permission_changes];
        let mut digest = digest(&[
            "subscription",
            &resource_key(&self.resource),
            &changes.join(","),
            &options.unwrap_or_default(),
            &flags.map(|flag| if flag { "1" } else { "0" }).concat(),
        ]);
        digest.truncate(DIGEST_LENGTH);
        digest
    }

    /// Returns the `Prefer` header of its creation. No resource needs two.
    #[must_use]
    pub fn prefer(&self) -> Option<&'static str> {
        if self.options.immutable_ids {
            return Some("IdType=\"ImmutableId\"");
        }
        if self.options.permission_changes {
            return Some("includesecuritywebhooks");
        }
        // Without it, Graph shows a message of type `systemEventMessage` as `unknownFutureValue` (Microsoft Graph,
        // *chatMessage resource type*).
        let row = catalogue::find(&self.resource)?;
        row.entity
            .eq_ignore_ascii_case("chatMessage")
            .then_some("include-unknown-enum-members")
    }
}

/// The length of the digest in a URL. It detects a changed entry and proves nothing.
const DIGEST_LENGTH: usize = 12;
