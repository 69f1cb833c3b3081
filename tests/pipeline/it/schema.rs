//! The JSON Schema of events.

use std::sync::{LazyLock, Mutex};

use tools::{EventSchema, Progress, Tools};

/// Returns what is wrong with an event.
pub(crate) fn fault(event: &str) -> Option<String> {
    static SCHEMA: LazyLock<Mutex<EventSchema>> = LazyLock::new(|| {
        let tools = Tools::set_up(&tools::target(), Progress::start()).unwrap();
        Mutex::new(EventSchema::start(&tools).unwrap())
    });
    SCHEMA.lock().unwrap().fault(event).unwrap()
}
