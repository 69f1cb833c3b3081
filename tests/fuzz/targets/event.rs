//! Any JSON as an event of the HTTP API.
#![no_main]

use fuzz::{genuine::filled, pipeline};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use webhook::gateway;

fuzz_target!(|input: &[u8]| {
    let Ok(event) = serde_json::from_slice::<Box<RawValue>>(&filled(input)) else {
        return;
    };
    let response = match gateway::request(&event) {
        Some(request) => pipeline::receive(request).response,
        None => gateway::bad_request(),
    };
    let status = i64::from(response.status().as_u16());
    assert_eq!(gateway::response(response).status_code, status);
});
