//! Commands that invoke renewal.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use crate::{
    Answer,
    arguments::Rotate,
    ask,
    failure::Failure,
    invoke,
    report::{
        Report,
        plan::{failures, remarks, text},
        status,
    },
    stack::Stack,
    terminal::{Style, note},
};

/// Shows the plan.
pub(super) async fn plan(context: &Context) -> Result<Answer, Failure> {
    let (json, report) = dry_run(context).await?;
    Ok(answer(context, json, &report))
}

/// Runs renewal.
pub(super) async fn apply(context: &Context, confirmed: Option<&[String]>) -> Result<Answer, Failure> {
    let event = match confirmed {
        None => json!({}),
        Some([]) => json!({"confirmDeletions": true}),
        Some(tenants) => json!({"confirmDeletions": tenants}),
    };
    run(context, &event, "Renewal is running").await
}

/// Lists the subscriptions.
pub(super) async fn status(context: &Context, tenant: Option<&str>) -> Result<Answer, Failure> {
    let (_, report) = dry_run(context).await?;
    if let Some(tenant) = tenant {
        status::is_tenant(&report, tenant)?;
    }
    let (rows, now) = (status::rows(&report, tenant), Timestamp::now());
    let mut text = status::text(&rows, now, context.style);
    if report.failed > 0 && context.style.is_terminal {
        text.extend(["\n", &failures(&report, context.style)]);
    } else if report.failed > 0 && !context.global.json {
        note(&failures(&report, Style::of_stderr(context.global.color)));
    }
    Ok(Answer {
        json: json!({"subscriptions": status::json(&rows, now), "failed": report.failed, "problems": report.problems}),
        text,
        needs_person: report.failed > 0,
    })
}

/// Replaces keys.
pub(super) async fn rotate(context: &Context, what: Rotate, yes: bool) -> Result<Answer, Failure> {
    let (event, question) = match what {
        Rotate::Certificate => (
            json!({"rotate": "certificate"}),
            "Replace the encryption certificates? Nothing is lost.",
        ),
        Rotate::Keys => (
            json!({"rotate": "keys"}),
            "Replace the client-state keys? Renewal creates every subscription again, with a gap of a moment each.",
        ),
        Rotate::All => (
            json!({"rotate": true}),
            "Replace all keys? Renewal creates every subscription again, with a gap of a moment each.",
        ),
    };
    ask::confirm(question, yes)?;
    let mut answer = run(context, &event, "Renewal is running").await?;
    if context.style.is_terminal {
        answer.text += "The new keys are published. A run six minutes later uses them.\n";
    }
    Ok(answer)
}

/// Replaces the subscriptions that a deleted stack left behind.
pub(super) async fn take_over(context: &Context, yes: bool) -> Result<Answer, Failure> {
    let question = format!(
        "Replace every subscription that is in the way of {}, with a gap of a moment each? Do not do this while the other \
         stack exists.",
        context.stack.name
    );
    ask::confirm(&question, yes)?;
    run(context, &json!({"takeOver": true}), "Renewal is taking over").await
}

/// Deletes every subscription of the stack.
pub(super) async fn delete_all(context: &Context, confirm: Option<&str>) -> Result<Answer, Failure> {
    let Stack {
        name,
        region,
        account,
        ..
    } = &context.stack;
    let question = format!(
        "Every subscription of {name} in {region} of the account {account} is deleted, and Graph sends nothing more."
    );
    ask::confirm_by_name(&question, name, confirm)?;
    run(context, &json!({"deleteAll": true}), "Renewal is deleting").await
}

async fn dry_run(context: &Context) -> Result<(Value, Report), Failure> {
    let function = context.stack.output("RenewalFunctionName")?;
    invoke::renewal(
        &context.aws,
        function,
        &json!({"dryRun": true}),
        "Renewal is planning",
    )
    .await
}

async fn run(context: &Context, event: &Value, what: &str) -> Result<Answer, Failure> {
    let function = context.stack.output("RenewalFunctionName")?;
    let (json, report) = invoke::renewal(&context.aws, function, event, what).await?;
    Ok(answer(context, json, &report))
}

fn answer(context: &Context, json: Value, report: &Report) -> Answer {
    // A program reads the rows; whoever started it reads why.
    if !context.style.is_terminal && !context.global.json {
        note(&remarks(report, Style::of_stderr(context.global.color)));
    }
    Answer {
        json,
        text: text(report, Timestamp::now(), context.style),
        needs_person: report.failed > 0,
    }
}
