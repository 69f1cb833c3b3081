//! Any text as the path of a resource: what is read can be written and read again, and every path has an entity.
#![no_main]

use fuzz::memory::bounded;
use graph_core::{
    models::{ResourcePath, entity, event_type},
    subscription::catalogue,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    bounded(|| {
        if let Ok(path) = ResourcePath::parse(input) {
            let written = path.to_string();
            assert_eq!(ResourcePath::parse(&written).as_ref(), Ok(&path), "{written}");
        }
        let _ = catalogue::find(input);
        assert!(!event_type::of(&entity::name(None, Some(input)), Some("created")).is_empty());
    });
});
