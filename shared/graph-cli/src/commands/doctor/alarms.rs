//! The alarms.

use serde_json::{Value, json};

use super::call::post;
use crate::{
    commands::Context,
    doctor::{Finding, judge::alarms as judge},
    failure::Failure,
    signed::CLOUDWATCH,
};

pub(super) async fn finding(context: &Context) -> Finding {
    match alarms(context).await {
        Ok(alarms) => judge::alarms(&alarms),
        Err(failure) => Finding::unknown("alarms", failure.text),
    }
}

/// Returns the alarms of the stack, without those of stacks whose names have the same beginning.
async fn alarms(context: &Context) -> Result<Vec<Value>, Failure> {
    let names = context
        .stack
        .resources(&context.aws, "AWS::CloudWatch::Alarm")
        .await?;
    let mut alarms = Vec::new();
    // As many as CloudWatch takes in one call, and answers on one page.
    for names in names.chunks(100) {
        let event = json!({"AlarmNames": names, "MaxRecords": 100});
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let mut answer = post(&context.aws, CLOUDWATCH, target, &event).await?;
        if let Some(Value::Array(page)) = answer.get_mut("MetricAlarms").map(Value::take) {
            alarms.extend(page);
        }
    }
    Ok(alarms)
}
