//! Ids that look like Microsoft's.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Returns random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The operating system's generator fails only where nothing else works either, so zeros do no further harm.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}

/// Returns a random GUID (version 4).
pub(crate) fn guid() -> String {
    let number = u128::from_be_bytes(bytes());
    let number = number & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
    let digits = format!("{number:032x}");
    [0..8, 8..12, 12..16, 16..20, 20..32]
        .map(|range| digits.get(range).unwrap_or_default().to_owned())
        .join("-")
}

/// Returns random hexadecimal digits, two for each of `N` bytes.
pub(crate) fn hex<const N: usize>() -> String {
    to_hex(&bytes::<N>())
}

/// Returns an opaque text of `N` random bytes.
pub(crate) fn opaque<const N: usize>() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes::<N>())
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_distinct_and_carry_version_four() {
        let (first, second) = (guid(), guid());

        assert_ne!(first, second);
        assert_eq!(first.len(), 36);
        assert_eq!(&first[14..15], "4");
        assert!(matches!(&first[19..20], "8" | "9" | "a" | "b"), "{first}");
    }
}
