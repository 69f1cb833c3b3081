//! `doctor` against the local stack.

use serde_json::Value;

use crate::{
    tool::too_wide,
    world::{USERS, World, block_on, world},
};

#[test]
fn a_healthy_stack_is_reported_as_healthy() {
    let world = world();
    block_on(raise(&world, "graph-notifications-test-FailedAlarm")).unwrap();
    let ended = world
        .tool
        .on_terminal(&format!("doctor --webhook {}", world.webhook()));
    println!("{}", ended.out);
    assert_eq!(ended.status, 0, "{}", ended.out);
}

/// Has an alarm go off that is another stack's.
async fn raise(world: &World, alarm: &str) -> reqwest::Result<()> {
    let put = "Action=PutMetricAlarm&MetricName=m&Namespace=n&Period=60&EvaluationPeriods=1&Threshold=1&Statistic=Sum\
        &ComparisonOperator=GreaterThanThreshold";
    let set = "Action=SetAlarmState&StateValue=ALARM&StateReason=test";
    let client = reqwest::Client::builder().no_proxy().build()?;
    for action in [put, set] {
        let call = client
            .post(world.pair.stack.endpoint_url())
            .header("authorization", MONITORING)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{action}&Version=2010-08-01&AlarmName={alarm}"));
        call.send().await?.error_for_status()?;
    }
    Ok(())
}

#[test]
fn five_faults_are_shown_in_the_order_of_their_repair() {
    let world = world();
    spoil(&world);
    let doctor = format!("doctor --webhook {NOWHERE}");
    let shown = world.tool.on_terminal(&doctor);
    println!("{}", shown.out);
    let found = world.tool.json(&doctor);
    mend(&world);
    assert_eq!(shown.status, 1, "{}", shown.out);
    let wrong = ["mappings", "handshake", "subscriptions", "failed", "undelivered"];
    assert_eq!(wrongs(&found), wrong, "{found:#}");
    assert_eq!(too_wide(&shown.out), None);
    let found = world.tool.json(&format!("doctor --webhook {}", world.webhook()));
    assert!(wrongs(&found).is_empty(), "{found:#}");
}

/// Makes four things wrong; the fifth is where the webhook is looked for.
fn spoil(world: &World) {
    block_on(world.pair.stack.enable_mapping("DecryptionMapping", false)).unwrap();
    assert!(world.pair.simulator.remove(world.subscription(USERS)));
    world.put("FailedQueueUrl", "{}");
    world.put("UndeliveredQueueUrl", "{}");
}

fn mend(world: &World) {
    block_on(world.pair.stack.enable_mapping("DecryptionMapping", true)).unwrap();
    let applied = world.tool.run("apply");
    assert_eq!(applied.status, 0, "{applied:?}");
    world.empty("FailedQueueUrl");
    world.empty("UndeliveredQueueUrl");
}

/// Returns which checks of a `doctor` found something wrong.
fn wrongs(found: &Value) -> Vec<&str> {
    let findings = found["findings"].as_array().unwrap().iter();
    let wrong = findings.filter(|finding| finding["state"] == "wrong");
    wrong.map(|finding| finding["check"].as_str().unwrap()).collect()
}

#[test]
fn the_commands_that_the_demo_prints_work_when_they_are_pasted() {
    let world = world();
    let text = stack::demo::kept(world.pair, None).unwrap();
    let text = text.replace("\\\n", " ");
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once("--package graph-cli -- ")?.1))
        .collect();
    assert!(commands.len() > 4, "{text}");
    for command in commands {
        let ended = world.tool.run(command);
        assert!(ended.status < 2, "{command}: {ended:?}");
    }
}

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// By this the local AWS, which looks at no signature, knows which service is called.
const MONITORING: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, \
                          Signature=0";
