//! The functions and their event source mappings.

use super::call::get;
use crate::{
    commands::Context,
    doctor::{Finding, judge::functions as judge},
    signed::LAMBDA,
};

/// Checks the functions and their event source mappings.
pub(super) async fn findings(context: &Context) -> Vec<Finding> {
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

const FUNCTIONS: [&str; 4] = [
    "WebhookFunctionName",
    "DecryptionFunctionName",
    "RenewalFunctionName",
    "ReaderFunctionName",
];
