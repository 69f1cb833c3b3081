//! What holds for every command.

use crate::{tool::too_wide, world::world};

#[test]
fn every_command_fits_80_columns_and_is_json_for_a_program() {
    let world = world();
    world.put("FailedQueueUrl", "{}");
    world.put("DeliveryQueueUrl", "{}");
    let doctor = format!("doctor --webhook {}", world.webhook());
    for line in [
        "plan",
        "apply",
        "status",
        "failed list",
        "undelivered list",
        "undelivered retry --all --yes",
        "events tail",
        &doctor,
    ] {
        let shown = world.tool.on_terminal(line);
        assert!(shown.status < 2 && !shown.out.is_empty(), "{line}: {shown:?}");
        assert_eq!(too_wide(&shown.out), None, "{line}");
        assert!(world.tool.json(line).is_object(), "{line}");
    }
    world.empty("FailedQueueUrl");
    world.empty("DeliveryQueueUrl");
}

#[test]
fn an_advice_is_about_the_stack_that_was_asked_about() {
    let world = world();
    let asked = "--stack another --region eu-west-1";
    let ended = world.tool.run(&format!("{asked} plan"));
    assert_eq!(ended.status, 4, "{ended:?}");
    assert!(
        ended.err.contains("no stack another exists in eu-west-1"),
        "{ended:?}"
    );
    assert!(
        ended.err.contains("aws --region eu-west-1 cloudformation"),
        "{ended:?}"
    );
}
