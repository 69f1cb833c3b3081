//! Any bytes as the body of a POST; what is admitted goes on to decryption.
#![no_main]

use fuzz::{genuine::filled, pipeline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let answer = pipeline::receive(pipeline::request(filled(input)));
    assert_ne!(answer.response.status(), 200, "there is no token to echo");
    for message in &answer.changes {
        pipeline::process(message);
    }
});
