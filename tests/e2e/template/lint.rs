//! cfn-lint, on the template as AWS SAM expands it and for every region: `sam validate --lint` sees neither.

use std::sync::OnceLock;

use serde_json::json;

use super::{
    expanded::{hardened_with_conditions, plain_with_conditions, python},
    file,
};

#[test]
fn cfn_lint_has_nothing_to_say_in_any_region() {
    assert_eq!(found().plain, "");
}

/// SAM makes a deployment in steps because of a parameter's value, which cfn-lint does not know: it takes the role (E3003)
/// and the alarm (W1001) of the deployment for absent ones.
#[test]
fn cfn_lint_has_nothing_to_say_of_a_deployment_in_steps() {
    assert_eq!(found().in_steps, "");
}

/// Not every region has pipes (E3006), so this is a stack of its own for those that do.
#[test]
fn cfn_lint_accepts_the_event_bus_in_regions_with_pipes() {
    assert_eq!(found().event_bus, "");
}

/// What cfn-lint finds in each template.
struct Found {
    plain: String,
    in_steps: String,
    event_bus: String,
}

fn found() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(|| {
        let request = json!([
            {"template": plain_with_conditions().to_string(), "ignored": []},
            {"template": hardened_with_conditions().to_string(), "ignored": ["E3003", "W1001"]},
            {"template": file("functions/event-bus.yaml"), "ignored": ["E3006"]},
        ]);
        let [plain, in_steps, event_bus] =
            serde_json::from_str(&python(include_str!("lint.py"), &request)).unwrap();
        Found {
            plain,
            in_steps,
            event_bus,
        }
    })
}
