//! Any plaintext, any ciphertext under a good signature, and any bytes in the parts of encrypted content.
#![no_main]
#![expect(
    clippy::indexing_slicing,
    reason = "a panic is how a target says that a property does not hold"
)]

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use fuzz::{
    genuine::{self, CLIENT, TENANT},
    pipeline::{self, MessageResult},
};
use graph_core::notification::envelope::test_util::{SystemRng, assemble, encrypt, key, seal, sign, wrap};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json, value::RawValue};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, bytes)) = input.split_first() else {
        return;
    };
    let content = match kind % 5 {
        0 => sealed(&encrypt(bytes, &SYMMETRIC)),
        1 => sealed(bytes),
        part => with(["data", "dataKey", "dataSignature"][usize::from(part) - 2], bytes),
    };
    let result = process(&content);
    if kind % 5 == 0 && is_json(bytes) {
        assert!(matches!(result, MessageResult::Delivered(_)), "{result:?}");
    } else if kind % 5 != 1 {
        assert_eq!(result, MessageResult::Failed("ContentRejected"));
    }
});

const SYMMETRIC: [u8; 32] = [7; 32];

/// Returns content with this ciphertext, signed well.
fn sealed(ciphertext: &[u8]) -> Value {
    static WRAPPED: LazyLock<Vec<u8>> = LazyLock::new(|| wrap(&SYMMETRIC, key(), &mut SystemRng));
    assemble(ciphertext, &sign(ciphertext, &SYMMETRIC), &WRAPPED, key())
}

/// Returns good content with other bytes in one of its parts.
fn with(part: &str, bytes: &[u8]) -> Value {
    static GOOD: LazyLock<Value> = LazyLock::new(|| seal(b"{}", key(), &mut SystemRng));
    let mut content = GOOD.clone();
    content[part] = json!(BASE64_STANDARD.encode(bytes));
    content
}

fn process(content: &Value) -> MessageResult {
    let message = json!({
        "subscription": genuine::NAME, "tenantId": TENANT, "clientId": CLIENT,
        "id": "id", "partitionKey": "key",
        "receivedAt": genuine::now().to_string(), "validationTokens": [genuine::token()],
        "item": {"clientState": genuine::client_state(), "tenantId": TENANT, "changeType": "created", "encryptedContent": content}
    });
    pipeline::process(&genuine::sealed(&message.to_string()))
}

/// Returns whether decrypted bytes are one JSON value, behind a byte order mark or not.
fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}
