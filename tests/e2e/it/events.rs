//! Events that functions in this process deliver. Those of a stack are held against the schema where they are taken from it.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tools::{EventSchema, Progress, Tools};

/// Parses events, each of which has to follow docs/events.schema.json.
pub fn parse(bodies: &[String]) -> Vec<Value> {
    static SCHEMA: Mutex<Option<EventSchema>> = Mutex::new(None);
    let mut schema = SCHEMA.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = schema.get_or_insert_with(|| {
        let tools = Tools::set_up(&tools::target(), Progress::start()).unwrap();
        EventSchema::start(&tools).unwrap()
    });
    let parse = |body: &String| {
        assert_eq!(schema.fault(body).unwrap(), None, "{body}");
        serde_json::from_str(body).unwrap()
    };
    bodies.iter().map(parse).collect()
}
