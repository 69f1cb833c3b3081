//! `doctor`: looks at everything in the order in which it should be cured.

use std::time::Instant;

use aws_sdk_cloudformation::Client as CloudFormation;
use graph_edge::{secrets::SecretStore, telemetry::causes};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::{
    Answer,
    arguments::Global,
    aws::Aws,
    doctor::{
        Finding, answer,
        judge::{self, Handshake},
    },
    failure::{Failure, Kind},
    invoke,
    progress::Progress,
    queues::Queues,
    signed::{CLOUDWATCH, Call, LAMBDA, LOGS, SCHEDULER, Service},
    stack::Stack,
    terminal::Style,
};

/// Looks at everything. `webhook` is where the webhook is reached from here, if not at the URL that Graph has.
pub(super) async fn run(global: &Global, style: Style, webhook: Option<&str>) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let mut progress = Progress::of("Looking at everything");
    progress
        .during(Box::pin(look(global, style, webhook, &mut findings)))
        .await?;
    drop(progress);
    Ok(answer(&findings, style))
}

async fn look(
    global: &Global,
    style: Style,
    webhook: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let aws = match Aws::of(global).await {
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
                "Its last deployment: aws cloudformation describe-stack-events --stack-name {}",
                stack.name
            );
            findings.push(Finding::warning("stack", text, advice));
        }
    }
    let context = Context {
        aws,
        stack,
        style,
        color: global.color,
    };
    deployed(&context, webhook, findings).await
}

/// Looks at a stack that is completely deployed.
async fn deployed(
    context: &Context,
    webhook: Option<&str>,
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
    let (handshakes, theirs) = handshakes(context, webhook).await?;
    findings.push(judge::clock(theirs, Timestamp::now()));
    findings.extend(secrets(context, configuration.as_ref().unwrap_or(&Value::Null)).await?);
    findings.extend(functions(context).await);
    findings.push(judge::handshakes(&handshakes));
    match invoke::renewal(aws, renewal, &json!({"dryRun": true}), "Looking at everything").await {
        Ok((_, report)) => {
            findings.push(judge::tenants(&report));
            findings.push(judge::problems(&report));
            findings.push(judge::subscriptions(&report, Timestamp::now()));
            findings.extend(judge::margins(&report));
            findings.push(judge::expiries(&report));
        }
        Err(failure) => findings.push(Finding::wrong("renewal", failure.text, failure.advice)),
    }
    findings.push(schedule(context).await);
    findings.push(last_run(context, configuration.as_ref().unwrap_or(&Value::Null)).await);
    findings.push(alarms(context).await);
    findings.extend(queues(context).await);
    Ok(())
}

/// Looks at the three secrets that can be read.
async fn secrets(context: &Context, configuration: &Value) -> Result<Vec<Finding>, Failure> {
    let store = SecretStore::new(&context.aws.config);
    let variable = |name: &str| {
        let value = configuration.pointer(&format!("/Environment/Variables/{name}"));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    let config = store.read(context.stack.output("ConfigSecretArn")?).await;
    let config = match config {
        Ok(config) => judge::configuration(config.as_ref().map(|config| config.text.expose().as_str())),
        Err(error) => Finding::wrong(
            "configuration",
            format!("ConfigSecret cannot be read: {}", causes(&error)),
            ALLOW_SECRETS,
        ),
    };
    let (Some(client_state), Some(decryption)) = (
        variable("CLIENT_STATE_SECRET_ARN"),
        variable("DECRYPTION_SECRET_ARN"),
    ) else {
        let text = "Lambda does not say which secrets renewal writes; your credentials need lambda:GetFunctionConfiguration";
        return Ok(vec![config, Finding::unknown("keys", text)]);
    };
    let keys = match (store.read(&client_state).await, store.read(&decryption).await) {
        (Ok(client_state), Ok(decryption)) => {
            let text = |version: &Option<graph_edge::secrets::Versioned>| {
                version.as_ref().map(|version| version.text.clone())
            };
            let (client_state, decryption) = (text(&client_state), text(&decryption));
            let exposed = |text: &'_ Option<graph_core::secrets::Secret<String>>| {
                text.as_ref().map(|text| text.expose().clone())
            };
            judge::keys(exposed(&client_state).as_deref(), exposed(&decryption).as_deref())
        }
        (Err(error), _) | (_, Err(error)) => Finding::unknown(
            "keys",
            format!(
                "the keys cannot be read with your credentials: {}",
                causes(&error)
            ),
        ),
    };
    Ok(vec![config, keys])
}

/// Looks at the functions and at what hands them their messages.
async fn functions(context: &Context) -> Vec<Finding> {
    let (aws, stack) = (&context.aws, &context.stack);
    let mut findings = Vec::new();
    // Not every stack has a reader.
    let names = FUNCTIONS.iter().filter_map(|output| stack.output(output).ok());
    for name in names {
        match get(aws, LAMBDA, format!("/2015-03-31/functions/{name}/configuration")).await {
            Ok(configuration) => findings.extend(judge::function(name, &configuration)),
            Err(failure) => findings.push(Finding::unknown("functions", failure.text)),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("functions", "all are active"));
    }
    let mut mappings = Vec::new();
    // All but the webhook, which nothing but the HTTP API calls.
    let names = FUNCTIONS
        .iter()
        .skip(1)
        .filter_map(|output| stack.output(output).ok());
    for name in names {
        match get(
            aws,
            LAMBDA,
            format!("/2015-03-31/event-source-mappings/?FunctionName={name}"),
        )
        .await
        {
            Ok(answer) => mappings.push((name.to_owned(), answer)),
            Err(failure) => findings.push(Finding::unknown("mappings", failure.text)),
        }
    }
    findings.push(judge::mappings(&mappings));
    findings
}

/// Shakes hands on both routes, as Graph does; the time that the answers name comes with it.
async fn handshakes(
    context: &Context,
    webhook: Option<&str>,
) -> Result<(Vec<(String, Handshake)>, Option<Timestamp>), Failure> {
    let mut results = Vec::new();
    let mut time = None;
    for (output, route) in [("WebhookUrl", "/notifications"), ("LifecycleUrl", "/lifecycle")] {
        let url = match webhook {
            Some(base) => format!("{}{route}", base.trim_end_matches('/')),
            None => context.stack.output(output)?.to_owned(),
        };
        let (result, theirs) = handshake(&context.aws, &url).await;
        time = time.or(theirs);
        results.push((url, result));
    }
    Ok((results, time))
}

async fn handshake(aws: &Aws, url: &str) -> (Handshake, Option<Timestamp>) {
    const TOKEN: &str = "graph-notifications doctor";
    let begun = Instant::now();
    let request = aws
        .http
        .post(format!("{url}?validationToken=graph-notifications%20doctor"));
    let answer = match request.timeout(aws.timeout).send().await {
        Ok(answer) => answer,
        Err(error) => return (Handshake::Unanswered(causes(&error.without_url())), None),
    };
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date
        .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
        .map(|date| date.timestamp());
    let status = answer.status().as_u16();
    let is_text = answer
        .headers()
        .get("content-type")
        .is_some_and(|of| of.as_bytes().starts_with(b"text/plain"));
    let is_echoed = answer.text().await.is_ok_and(|text| text == TOKEN) && is_text;
    let took = begun.elapsed();
    (
        Handshake::Answered {
            status,
            is_echoed,
            took,
        },
        date,
    )
}

async fn schedule(context: &Context) -> Finding {
    let client = CloudFormation::new(&context.aws.config);
    let resources = client
        .describe_stack_resources()
        .stack_name(&context.stack.name)
        .send()
        .await;
    let resources = match resources {
        Ok(resources) => resources.stack_resources.unwrap_or_default(),
        Err(error) => {
            return Finding::unknown("schedule", context.aws.failure("AWS CloudFormation", &error).text);
        }
    };
    let schedule = resources
        .into_iter()
        .find(|one| one.resource_type.as_deref() == Some("AWS::Scheduler::Schedule"));
    let Some(name) = schedule.and_then(|schedule| schedule.physical_resource_id) else {
        return Finding::wrong(
            "schedule",
            "the stack has no schedule",
            "Deploy it again: sam deploy",
        );
    };
    // The physical id is the name, or the group and the name.
    let name = name.rsplit(['/', '|']).next().unwrap_or_default();
    match get(&context.aws, SCHEDULER, format!("/schedules/{name}")).await {
        Ok(answer) => judge::schedule(&answer),
        Err(failure) => Finding::unknown("schedule", failure.text),
    }
}

/// Looks in the log when a run that was not dry came to its end.
async fn last_run(context: &Context, configuration: &Value) -> Finding {
    let now = Timestamp::now();
    let variable = |pointer: &str| configuration.pointer(pointer).and_then(Value::as_str);
    let Some(group) = variable("/LoggingConfig/LogGroup") else {
        return Finding::unknown("last run", "Lambda does not say where renewal logs");
    };
    let since = now - judge::LOOKED_BACK;
    let mut event = json!({
        "logGroupName": group, "startTime": since.as_millisecond(), "filterPattern": "\"Run is over\"",
    });
    let mut last = None;
    // Pages may be empty and still not be the last.
    for _ in 0..MOST_PAGES {
        match post(&context.aws, LOGS, "Logs_20140328.FilterLogEvents", &event).await {
            Ok(mut answer) => {
                last = last.max(ended(&answer));
                let Some(next) = answer
                    .get_mut("nextToken")
                    .map(Value::take)
                    .filter(Value::is_string)
                else {
                    break;
                };
                if let Some(members) = event.as_object_mut() {
                    members.insert("nextToken".to_owned(), next);
                }
            }
            Err(failure) => return Finding::unknown("last run", failure.text),
        }
    }
    // After as long without a run, RenewalAbsentAlarm goes off.
    let longest = context.stack.parameter("RenewalAlarmMinutes");
    let longest = longest.and_then(|minutes| minutes.parse().ok()).unwrap_or(30);
    judge::last_run(last, SignedDuration::from_mins(longest), now)
}

/// Returns when the last run of a page of log events ended.
fn ended(answer: &Value) -> Option<Timestamp> {
    let events = answer
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ended = events.filter(|event| is_end_of_run(event.get("message").and_then(Value::as_str)));
    let at = |event: &Value| Timestamp::from_millisecond(event.get("timestamp")?.as_i64()?).ok();
    ended.filter_map(at).max()
}

/// Says whether a log line, as JSON or as text, tells of a run that was not dry.
fn is_end_of_run(line: Option<&str>) -> bool {
    let line = line.unwrap_or_default();
    let is_dry = ["\"dry_run\":true", "dry_run=true"]
        .iter()
        .any(|mark| line.contains(mark));
    line.contains("Run is over") && !is_dry
}

async fn alarms(context: &Context) -> Finding {
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

async fn queues(context: &Context) -> Vec<Finding> {
    let queues = Queues::of(&context.aws);
    let mut counts = Vec::new();
    for name in [
        "NotificationQueue",
        "LifecycleQueue",
        "ReadQueue",
        "DeliveryQueue",
        "UndeliveredQueue",
        "FailedQueue",
    ] {
        // Not every stack has a reader.
        let Ok(url) = context.stack.output(&format!("{name}Url")) else {
            continue;
        };
        match queues.counts(url).await {
            Ok(count) => counts.push((name, count)),
            Err(failure) => return vec![Finding::unknown("queues", failure.text)],
        }
    }
    judge::queues(&counts)
}

async fn get(aws: &Aws, service: Service, path: String) -> Result<Value, Failure> {
    let call = Call {
        service,
        method: Method::GET,
        path,
        headers: Vec::new(),
        body: String::new(),
    };
    aws.read(&call).await
}

async fn post(aws: &Aws, service: Service, target: &str, event: &Value) -> Result<Value, Failure> {
    let version = if service.scope == LOGS.scope { "1.1" } else { "1.0" };
    let call = Call {
        service,
        method: Method::POST,
        path: "/".to_owned(),
        headers: vec![
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", target.to_owned()),
        ],
        body: event.to_string(),
    };
    aws.read(&call).await
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

const FUNCTIONS: [&str; 4] = [
    "WebhookFunctionName",
    "DecryptionFunctionName",
    "RenewalFunctionName",
    "ReaderFunctionName",
];

/// How many pages of log events are read.
const MOST_PAGES: usize = 50;

const ALLOW_SECRETS: &str = "Your credentials need secretsmanager:GetSecretValue for ConfigSecret.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_that_was_not_dry_is_found_in_either_form_of_log() {
        let line = |timestamp: i64, message: &str| json!({"timestamp": timestamp, "message": message});
        let answer = json!({"events": [
            line(1000, r#"{"fields":{"message":"Run is over: {}, 0 failed","dry_run":false}}"#),
            line(2000, "INFO Run is over: {}, 0 failed failed=0 dry_run=false"),
            line(3000, r#"{"fields":{"message":"Run is over: {}, 0 failed","dry_run":true}}"#),
            line(4000, "INFO Run is over: {}, 0 failed failed=0 dry_run=true"),
            line(5000, "INFO Something else"),
        ]});
        assert_eq!(ended(&answer), Timestamp::from_second(2).ok());
    }
}
