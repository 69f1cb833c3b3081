//! cfn-lint, on the template as AWS SAM expands it and for every region: `sam validate --lint` sees neither.

use serde_json::json;

use super::{
    expanded::{hardened_with_conditions, plain_with_conditions, python},
    file,
};

#[test]
fn cfn_lint_has_nothing_to_say_in_any_region() {
    check(&plain_with_conditions().to_string(), &[]);
}

/// SAM makes a deployment in steps because of a parameter's value, which cfn-lint does not know: it takes the role (E3003)
/// and the alarm (W1001) of the deployment for absent ones.
#[test]
fn cfn_lint_has_nothing_to_say_of_a_deployment_in_steps() {
    check(&hardened_with_conditions().to_string(), &["E3003", "W1001"]);
}

/// Not every region has pipes, so this is a stack of its own for those that do.
#[test]
fn cfn_lint_accepts_the_event_bus_in_regions_with_pipes() {
    check(&file("functions/event-bus.yaml"), &["E3006"]);
}

#[track_caller]
fn check(template: &str, ignored: &[&str]) {
    let request = json!({"template": template, "ignored": ignored});
    assert_eq!(python(include_str!("lint.py"), &request), "");
}
