//! Any text as client state: none but the minted one proves anything.
#![no_main]

use std::sync::LazyLock;

use fuzz::{
    genuine::{client_state, client_state_document, filled},
    memory::bounded,
};
use graph_core::notification::client_state::ClientStateKeys;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    static KEYS: LazyLock<ClientStateKeys> =
        LazyLock::new(|| ClientStateKeys::parse(&client_state_document()).0);
    let candidate = String::from_utf8_lossy(&filled(input)).into_owned();
    let proven = bounded(|| KEYS.verify(Some(&candidate)));
    assert_eq!(proven.is_ok(), candidate == client_state(), "{proven:?}");
});
