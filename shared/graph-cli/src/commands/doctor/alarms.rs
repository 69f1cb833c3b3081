//! The alarms.

use serde_json::json;

use super::call::post;
use crate::{
    commands::Context,
    doctor::{Finding, judge::alarms as judge},
    signed::CLOUDWATCH,
};

pub(super) async fn finding(context: &Context) -> Finding {
    let event = json!({"AlarmNamePrefix": format!("{}-", context.stack.name), "MaxRecords": 100});
    match post(
        &context.aws,
        CLOUDWATCH,
        "GraniteServiceVersion20100801.DescribeAlarms",
        &event,
    )
    .await
    {
        Ok(answer) => judge::alarms(&answer),
        Err(failure) => Finding::unknown("alarms", failure.text),
    }
}
