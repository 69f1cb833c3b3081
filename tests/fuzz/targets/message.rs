//! Any bytes as a message in NotificationQueue, as whoever may write into it sends them, and as the webhook would.
#![no_main]

use fuzz::{
    genuine::{filled, sealed},
    pipeline::{self, MessageResult},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let message = String::from_utf8_lossy(&filled(input)).into_owned();
    assert_eq!(pipeline::process(&message), MessageResult::Failed("SealRejected"));
    pipeline::process(&sealed(&message));
});
