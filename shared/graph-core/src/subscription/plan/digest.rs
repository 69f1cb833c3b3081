//! The form in which a name is stored where a parameter's 4 kB must do for all of them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Returns so many `characters` of a digest of `name`.
pub(super) fn digest(name: &str, characters: usize) -> String {
    let mut digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(name));
    digest.truncate(characters);
    digest
}

/// Returns the digests of so many `characters` that a text consists of.
pub(super) fn digests(text: &str, characters: usize) -> impl Iterator<Item = String> {
    let digests = text.as_bytes().chunks(characters);
    digests.map(|digest| String::from_utf8_lossy(digest).into_owned())
}
