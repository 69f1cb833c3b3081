//! Any bytes as a message in NotificationQueue.
#![no_main]

use fuzz::{genuine::filled, pipeline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    pipeline::process(&String::from_utf8_lossy(&filled(input)));
});
