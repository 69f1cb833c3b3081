//! The room in a document: a secret holds at most 65,536 bytes (AWS Secrets Manager, *quotas*).

use std::io;

use serde::Serialize;

/// Returns how many bytes can still be added to `document`.
pub(super) fn left(document: &impl Serialize) -> usize {
    MAX_BYTES.saturating_sub(size(document))
}

/// Returns how many bytes a document takes.
fn size(document: &impl Serialize) -> usize {
    let mut count = Count(0);
    // A document that cannot be measured counts as full.
    serde_json::to_writer(&mut count, document).map_or(MAX_BYTES, |()| count.0)
}

/// Counts the written bytes without keeping them, so that no copy of a key is made.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most bytes that a secret holds.
const MAX_BYTES: usize = 65_536;

/// The bytes that another client-state key and its notes take.
pub(super) const CLIENT_STATE_KEY: usize = 512;

/// The bytes that another certificate, its private key and its notes take.
pub(super) const CERTIFICATE: usize = 6 * 1024;
