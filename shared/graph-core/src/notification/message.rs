//! What fits into an Amazon SQS message and into one `SendMessageBatch` call.

use std::ops::Range;

use memchr::memchr;
use serde::Serialize;

use super::fields::Malformed;

/// The most entries of one `SendMessageBatch` call (Amazon SQS, *message quotas*).
pub const MAX_ENTRIES: usize = 10;

/// The most bytes of one message, and of all messages of one `SendMessageBatch` call together, attributes included
/// (Amazon SQS, *message quotas*).
pub const MAX_BYTES: usize = 1_048_576;

/// The most bytes of a body that we make; the rest is room for the attributes that a failed item is kept with.
pub const MAX_MESSAGE_BODY_BYTES: usize = MAX_BYTES - 4_096;

/// Returns the ranges of consecutive messages that fit into one call each, given every message's size in bytes.
///
/// A message over [`MAX_BYTES`] stands in a range of its own; the service refuses it without harm to the others.
pub fn pack(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (index, size) in sizes.iter().enumerate() {
        let is_full = index - start == MAX_ENTRIES || bytes.saturating_add(*size) > MAX_BYTES;
        if is_full && index > start {
            batches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    if start < sizes.len() {
        batches.push(start..sizes.len());
    }
    batches
}

/// Returns a message as JSON text that SQS takes. `parts` is how many bytes it has of others: so it is not moved as it grows.
pub(crate) fn json(message: &impl Serialize, parts: usize) -> Result<String, Malformed> {
    let mut json = Vec::with_capacity(parts.saturating_add(USUAL_BYTES));
    serde_json::to_writer(&mut json, message).map_err(|_| Malformed::Form)?;
    let json = String::from_utf8(json).map_err(|_| Malformed::Form)?;
    Ok(storable(json))
}

/// Returns `json` as text that SQS takes.
///
/// SQS refuses the two noncharacters U+FFFE and U+FFFF (Amazon SQS, *`SendMessage`*), which JSON text may hold inside
/// strings; they are written as escapes there, which is the same JSON. All other text stays as it is.
pub fn storable(json: String) -> String {
    if !may_have_noncharacters(&json) || !json.contains(NONCHARACTERS) {
        return json;
    }
    json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff")
}

/// Returns how long `json` is as text that SQS takes.
pub(super) fn stored_bytes(json: &str) -> usize {
    if !may_have_noncharacters(json) {
        return json.len();
    }
    let written = |noncharacter: &str| ESCAPE_BYTES - noncharacter.len();
    json.len() + json.matches(NONCHARACTERS).map(written).sum::<usize>()
}

/// Both noncharacters begin with this byte, which hardly any text holds and which is found faster than a character.
fn may_have_noncharacters(json: &str) -> bool {
    memchr(0xEF, json.as_bytes()).is_some()
}

/// The length of an escape such as `\ufffe`.
const ESCAPE_BYTES: usize = 6;

/// What a message usually has besides the parts of others, with room for a seal.
const USUAL_BYTES: usize = 1_024;

const NONCHARACTERS: [char; 2] = ['\u{FFFE}', '\u{FFFF}'];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_ends_at_ten_entries_or_one_mebibyte() {
        let cases: &[(&[usize], &[usize])] = &[
            (&[], &[]),
            (&[1], &[1]),
            (&[1; 10], &[10]),
            (&[1; 11], &[10, 11]),
            (&[MAX_BYTES, 1], &[1, 2]),
            (&[MAX_BYTES / 2, MAX_BYTES / 2, 1], &[2, 3]),
            (&[1, MAX_BYTES + 1, 1], &[1, 2, 3]),
        ];
        for (sizes, ends) in cases {
            let batches = pack(sizes);
            assert_eq!(
                batches.iter().map(|batch| batch.end).collect::<Vec<_>>(),
                *ends,
                "{sizes:?}"
            );
        }
    }

    #[test]
    fn noncharacters_are_written_as_escapes_and_mean_the_same() {
        let json = "{\"a\":\"x\u{FFFF}y\u{FFFE}\"}";
        let stored = storable(json.to_owned());
        assert_eq!(stored, "{\"a\":\"x\\uffffy\\ufffe\"}");
        assert_eq!(stored_bytes(json), stored.len());
        let [before, after] =
            [json, &stored].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_eq!(before, after);
    }

    proptest! {
        #[test]
        fn every_message_is_in_exactly_one_batch_within_the_limits(
            sizes in proptest::collection::vec(0usize..=MAX_BYTES, 0..60)
        ) {
            let batches = pack(&sizes);
            let covered: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..sizes.len()).collect::<Vec<_>>());
            for batch in batches {
                prop_assert!(batch.len() <= MAX_ENTRIES);
                prop_assert!(sizes[batch].iter().sum::<usize>() <= MAX_BYTES);
            }
        }
    }
}
