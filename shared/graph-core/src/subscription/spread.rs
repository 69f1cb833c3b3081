//! A stable number for each subscription, which spreads the work of thousands over many runs.

/// Returns the 64-bit FNV-1a hash of `text`. It is the same in every process and version; nothing depends on its
/// quality.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
