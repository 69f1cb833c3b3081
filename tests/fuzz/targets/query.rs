//! Any bytes as the query of a POST, by way of the HTTP API's event.
#![no_main]

use fuzz::{events, pipeline};
use libfuzzer_sys::fuzz_target;
use webhook::gateway;

fuzz_target!(|input: &[u8]| {
    let query = String::from_utf8_lossy(input);
    let Some(request) = gateway::request(&events::post(&query, "")) else {
        return;
    };
    let status = pipeline::receive(request).response.status().as_u16();
    assert!(
        [200, 400].contains(&status),
        "an empty body is answered with {status}"
    );
});
