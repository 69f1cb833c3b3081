//! Events of the HTTP API.

use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

/// Returns the event of a POST.
pub fn post(query: &str, body: &str) -> Box<RawValue> {
    let mut event: Map<String, Value> = serde_json::from_str(NOTIFICATION).expect("an event");
    event.insert("rawQueryString".to_owned(), json!(query));
    event.insert("body".to_owned(), json!(body));
    to_raw_value(&event).expect("JSON")
}

const NOTIFICATION: &str = include_str!("../../events/notification.json");
