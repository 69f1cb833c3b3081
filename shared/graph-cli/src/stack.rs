//! A stack of CloudFormation and its outputs.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::{Client, error::ProvideErrorMetadata, types::Stack as Described};

use crate::{
    aws::Aws,
    failure::{Failure, Kind},
};

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The name.
    pub name: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// CloudFormation's status, such as `UPDATE_COMPLETE`.
    pub status: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// Looks up the stack.
    ///
    /// # Errors
    ///
    /// Returns a failure if the stack does not exist, or AWS does not answer.
    pub async fn find(aws: &Aws, name: &str) -> Result<Self, Failure> {
        let client = Client::new(&aws.config);
        let answer = client.describe_stacks().stack_name(name).send().await;
        let found = match answer {
            Ok(answer) => answer.stacks.unwrap_or_default().into_iter().next(),
            Err(error) if is_missing(error.code(), error.message()) => None,
            Err(error) => return Err(aws.failure("AWS CloudFormation", &error)),
        };
        found
            .map(|found| Self::read(found, &aws.region))
            .ok_or_else(|| missing(name, &aws.region))
    }

    /// Returns the physical ids of the resources of a type.
    ///
    /// # Errors
    ///
    /// Returns a failure if AWS does not answer.
    pub async fn resources(&self, aws: &Aws, resource_type: &str) -> Result<Vec<String>, Failure> {
        let list = Client::new(&aws.config)
            .list_stack_resources()
            .stack_name(&self.name);
        let mut all = list.into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(resource) = all.next().await {
            let resource = resource.map_err(|error| aws.failure("AWS CloudFormation", &error))?;
            if resource.resource_type.as_deref() == Some(resource_type) {
                ids.extend(resource.physical_resource_id);
            }
        }
        Ok(ids)
    }

    fn read(described: Described, region: &str) -> Self {
        let parameters = described.parameters.unwrap_or_default().into_iter();
        let outputs = described.outputs.unwrap_or_default().into_iter();
        Self {
            name: described.stack_name.unwrap_or_default(),
            region: region.to_owned(),
            account: described
                .stack_id
                .as_deref()
                .map(account)
                .unwrap_or_default()
                .to_owned(),
            status: described
                .stack_status
                .map(|status| status.to_string())
                .unwrap_or_default(),
            outputs: outputs
                .filter_map(|output| Some((output.output_key?, output.output_value?)))
                .collect(),
            parameters: parameters
                .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)))
                .collect(),
        }
    }

    /// Returns an output.
    ///
    /// # Errors
    ///
    /// Returns a failure if the stack lacks the output: it is not completely deployed, or has another template.
    pub fn output(&self, name: &str) -> Result<&str, Failure> {
        let found = self.outputs.get(name).map(String::as_str);
        found.ok_or_else(|| self.without(name))
    }

    /// Returns a parameter of the stack.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Returns whether the last deployment succeeded.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.status.ends_with("_COMPLETE")
            && !self.status.contains("ROLLBACK")
            && !self.status.starts_with("DELETE")
    }

    fn without(&self, output: &str) -> Failure {
        let Self {
            name, region, status, ..
        } = self;
        let text = format!("stack {name} in {region} has no output {output}; its status is {status}");
        let advice = if self.is_settled() {
            "Is it a stack of this template? Name another with --stack, or deploy this version:\nsam build && sam deploy"
        } else if status.ends_with("_IN_PROGRESS") {
            "A deployment is running: try again when it has finished."
        } else {
            "The last deployment failed. Its reasons:\naws cloudformation describe-stack-events --stack-name STACK\nThen:\nsam deploy"
        };
        Failure::new(Kind::Stack, text, advice.replace("STACK", name))
    }
}

/// Returns the account of an ARN (AWS, *Identify AWS resources with Amazon Resource Names*).
fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// CloudFormation has no error code of its own for a missing stack.
fn is_missing(code: Option<&str>, message: Option<&str>) -> bool {
    code == Some("ValidationError") && message.is_some_and(|message| message.contains("does not exist"))
}

fn missing(name: &str, region: &str) -> Failure {
    let advice = "Name the stack with --stack and its region with --region. All stacks:\n\
                  aws cloudformation describe-stacks --query Stacks[].StackName";
    Failure::new(Kind::Stack, format!("no stack {name} exists in {region}"), advice)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{Output, StackStatus};

    use super::*;

    #[test]
    fn the_advice_for_a_missing_output_depends_on_the_stacks_status() {
        for (status, advice) in [
            (StackStatus::CreateComplete, "Is it a stack of this template?"),
            (StackStatus::CreateInProgress, "try again when it has finished"),
            (
                StackStatus::RollbackComplete,
                "describe-stack-events --stack-name s",
            ),
            (StackStatus::UpdateRollbackFailed, "The last deployment failed"),
        ] {
            let failure = stack(status).output("WebhookUrl").unwrap_err();
            assert_eq!(failure.kind, Kind::Stack);
            assert!(failure.advice.contains(advice), "{failure}");
        }
        assert_eq!(stack(StackStatus::CreateComplete).output("A").unwrap(), "b");
    }

    #[test]
    fn a_stack_is_in_the_account_of_its_arn() {
        let arn = "arn:aws:cloudformation:eu-central-1:123456789012:stack/s/11111111";
        assert_eq!(account(arn), "123456789012");
    }

    fn stack(status: StackStatus) -> Stack {
        let output = Output::builder().output_key("A").output_value("b").build();
        let described = Described::builder()
            .stack_name("s")
            .stack_status(status)
            .outputs(output);
        Stack::read(described.build(), "eu-central-1")
    }
}
