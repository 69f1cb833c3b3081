//! `doctor`: checks the stack in the order of repair.

mod alarms;
mod call;
mod functions;
mod queues;
mod schedule;
mod secrets;
mod webhook;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::call::get;
use super::Context;
use crate::{
    Answer,
    arguments::Global,
    aws::Aws,
    doctor::{Finding, answer, judge},
    failure::{Failure, Kind},
    invoke,
    progress::Progress,
    signed::LAMBDA,
    stack::Stack,
    terminal::Style,
};

/// Runs all checks. `webhook` is the webhook's base URL as seen from here, if Graph calls another one.
pub(super) async fn run(global: &Global, style: Style, webhook: Option<&str>) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let mut progress = Progress::start("Checking the stack");
    progress
        .during(
            &String::new,
            Box::pin(run_checks(global, style, webhook, &mut findings)),
        )
        .await?;
    drop(progress);
    for finding in &mut findings {
        finding.advice = global.with_global_options(&finding.advice);
    }
    Ok(answer(&findings, style))
}

async fn run_checks(
    global: &Global,
    style: Style,
    webhook: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let aws = match Aws::from_options(global).await {
        Ok(aws) => aws,
        Err(failure) => {
            findings.push(Finding::wrong("account", failure.text, failure.advice));
            return Ok(());
        }
    };
    let stack = match Stack::find(&aws, &global.stack).await {
        Ok(stack) => stack,
        Err(failure) => {
            let check = if failure.kind == Kind::Stack {
                "stack"
            } else {
                "account"
            };
            findings.push(Finding::wrong(check, failure.text, failure.advice));
            return Ok(());
        }
    };
    findings.push(Finding::ok("account", format!("AWS answers in {}", aws.region)));
    let missing: Vec<Failure> = OUTPUTS
        .iter()
        .filter_map(|output| stack.output(output).err())
        .collect();
    match missing.into_iter().next() {
        Some(failure) => {
            findings.push(Finding::wrong("stack", failure.text, failure.advice));
            return Ok(());
        }
        None if stack.is_settled() => {
            findings.push(Finding::ok("stack", format!("{}: {}", stack.name, stack.status)));
        }
        None => {
            let text = format!("{}: {}", stack.name, stack.status);
            let advice = format!(
                "Its last deployment:\naws cloudformation describe-stack-events --stack-name {}",
                stack.name
            );
            findings.push(Finding::warning("stack", text, advice));
        }
    }
    let context = Context {
        aws,
        stack,
        style,
        global: global.clone(),
    };
    check_deployed_stack(&context, webhook, findings).await
}

/// Checks a completely deployed stack.
async fn check_deployed_stack(
    context: &Context,
    address: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let (aws, stack) = (&context.aws, &context.stack);
    let renewal = stack.output("RenewalFunctionName")?;
    let configuration = get(
        aws,
        LAMBDA,
        format!("/2015-03-31/functions/{renewal}/configuration"),
    )
    .await;
    let (handshakes, theirs) = webhook::handshakes(context, address).await?;
    findings.push(judge::webhook::clock(theirs, Timestamp::now()));
    findings.extend(secrets::findings(context, configuration.as_ref().unwrap_or(&Value::Null)).await?);
    findings.extend(functions::findings(context).await);
    findings.push(judge::webhook::handshakes(&handshakes));
    match invoke::renewal(aws, renewal, &json!({"dryRun": true}), "Checking the stack").await {
        Ok((_, report)) => {
            findings.push(judge::report::tenants(&report));
            findings.push(judge::report::permissions(&report));
            findings.push(judge::report::problems(&report));
            findings.push(judge::report::subscriptions(&report, Timestamp::now()));
            findings.extend(judge::report::margins(&report));
            findings.push(judge::report::expiries(&report));
        }
        Err(failure) => findings.push(Finding::wrong("renewal", failure.text, failure.advice)),
    }
    findings.push(schedule::schedule(context).await);
    findings.push(schedule::last_run(context, configuration.as_ref().unwrap_or(&Value::Null)).await);
    findings.push(alarms::finding(context).await);
    findings.extend(queues::findings(context).await);
    Ok(())
}

const OUTPUTS: [&str; 11] = [
    "WebhookUrl",
    "LifecycleUrl",
    "ConfigSecretArn",
    "DeliveryQueueUrl",
    "UndeliveredQueueUrl",
    "NotificationQueueUrl",
    "LifecycleQueueUrl",
    "FailedQueueUrl",
    "WebhookFunctionName",
    "DecryptionFunctionName",
    "RenewalFunctionName",
];
