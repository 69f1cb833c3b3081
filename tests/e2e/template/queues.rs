//! Every queue: encryption, redrive, and the time that its reader has.

use serde_json::{Value, json};

use super::{referred, resources};

/// Returns what is wrong with the queues and with what reads them.
pub fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, queue) in resources(template, "AWS::SQS::Queue") {
        let properties = &queue["Properties"];
        let unless_with_a_key = json!({"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, true]});
        if properties["SqsManagedSseEnabled"] != unless_with_a_key {
            faults.push(format!("{name} is not encrypted"));
        }
        let redrive = referred(&properties["RedrivePolicy"]["deadLetterTargetArn"]);
        let expected = match name {
            // Where the ways end.
            "FailedQueue" | "UndeliveredQueue" => None,
            "DeliveryQueue" => Some("UndeliveredQueue"),
            _ => Some("FailedQueue"),
        };
        if redrive != expected {
            faults.push(format!("{name} has no redrive to {expected:?}"));
        }
    }
    faults.extend(vanishing_events(template));
    for (name, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
        let properties = &mapping["Properties"];
        if properties["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
            faults.push(format!("{name} does not report message by message"));
        }
        if properties["ScalingConfig"]["MaximumConcurrency"].is_null() {
            faults.push(format!("{name} may take all concurrency"));
        }
        let batch = properties["BatchSize"].as_u64().unwrap_or(10);
        if batch > 10 && properties["MaximumBatchingWindowInSeconds"].as_u64() < Some(1) {
            faults.push(format!(
                "{name} has no window, which AWS asks for from batches of 11 on"
            ));
        }
        if referred(&properties["EventSourceArn"]) == Some(LIFECYCLE) && batch < REAUTHORIZATIONS {
            faults.push(format!(
                "{name} has a run for each {batch} challenges, and Graph takes {REAUTHORIZATIONS} answers at once"
            ));
        }
        let property = |reference: &Value, property: &str| {
            let resource = &template["Resources"][referred(reference).unwrap_or_default()];
            resource["Properties"][property].as_u64()
        };
        let [queue, function] = [&properties["EventSourceArn"], &properties["FunctionName"]]
            .map(|reference| &template["Resources"][referred(reference).unwrap_or_default()]["Properties"]);
        let tries = queue["RedrivePolicy"]["maxReceiveCount"]
            .as_u64()
            .unwrap_or_default();
        let told = &function["Environment"]["Variables"]["MAX_RECEIVES"];
        // At the last try the function itself moves a message to FailedQueue, with its reason. It has a second chance.
        if told.as_str().and_then(|told| told.parse().ok()) != tries.checked_sub(1) {
            faults.push(format!(
                "{name}: the function believes in {told} tries, and the queue in {tries}, not in one more"
            ));
        }
        let visibility = property(&properties["EventSourceArn"], "VisibilityTimeout");
        let timeout = property(&properties["FunctionName"], "Timeout");
        let times = if referred(&properties["EventSourceArn"]) == Some(LIFECYCLE) {
            // A lifecycle notification must not wait for six times a quarter of an hour; that a run may take one twice
            // does no harm.
            1
        } else {
            6
        };
        if visibility
            .zip(timeout)
            .is_none_or(|(visibility, timeout)| visibility < times * timeout)
        {
            faults.push(format!(
                "{name}: {visibility:?} s are not {times} times {timeout:?} s"
            ));
        }
    }
    faults
}

/// Returns what is wrong if SQS would delete an event before it was received often enough for UndeliveredQueue.
fn vanishing_events(template: &Value) -> Option<String> {
    let most = |parameter: &str| template["Parameters"][parameter]["MaxValue"].as_u64();
    let [receives, seconds] = ["DeliveryMaxReceives", "DeliveryVisibilitySeconds"].map(most);
    let queue = &template["Resources"]["DeliveryQueue"]["Properties"];
    let kept = queue["MessageRetentionPeriod"].as_u64()?;
    let tried = receives?.checked_mul(seconds?);
    (tried.is_none_or(|tried| tried >= kept)).then(|| {
        format!(
            "DeliveryQueue deletes an event after {kept} s, and {receives:?} receives may take {tried:?} s"
        )
    })
}

/// The queue of lifecycle notifications.
const LIFECYCLE: &str = "LifecycleQueue";

/// How many changes of an application in a tenant Graph takes in 20 seconds (*throttling limits*).
const REAUTHORIZATIONS: u64 = 500;
