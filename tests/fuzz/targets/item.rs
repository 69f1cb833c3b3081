//! Any JSON in an item with a genuine client state: it is stored, and then delivered or kept with a reason.
#![no_main]

use fuzz::{genuine, pipeline};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|input: &[u8]| {
    let members = String::from_utf8_lossy(&genuine::filled(input)).into_owned();
    let item = format!(r#"{{"clientState":"{}",{members}}}"#, genuine::client_state());
    let tokens = genuine::token();
    let body = format!(r#"{{"value":[{item}],"validationTokens":["{tokens}"]}}"#);
    let answer = pipeline::receive(pipeline::request(body.into_bytes()));
    let stored = answer.changes.len() + answer.lifecycle.len();
    if serde_json::from_str::<&RawValue>(&item).is_ok() {
        assert!(answer.response.status() == 202 && stored <= 1);
    }
    for message in &answer.changes {
        let result = pipeline::process(message);
        assert_ne!(
            result,
            pipeline::MessageResult::Retried,
            "nothing is missing here that may come later"
        );
    }
});
