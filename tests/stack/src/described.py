"""Prints what a deployed stack consists of, as AWS describes each resource, by logical id. Reads the stack's name."""

import functools
import json
import sys

import boto3

# To make a client takes longer than to describe a resource.
client = functools.cache(boto3.client)


def function(name):
    reserved = client("lambda").get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    configuration = client("lambda").get_function_configuration(FunctionName=name)
    return configuration | {"ReservedConcurrentExecutions": reserved}


def stage(name):
    return client("apigatewayv2").get_stage(ApiId=physical["HttpApi"], StageName=name)


def queue(url):
    return client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def alarm(name):
    return client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def log_group(name):
    return client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]


DESCRIBE = {
    "AWS::Lambda::Function": function,
    "AWS::Lambda::EventSourceMapping": lambda id: client("lambda").get_event_source_mapping(UUID=id),
    "AWS::SQS::Queue": queue,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::Logs::LogGroup": log_group,
    "AWS::SecretsManager::Secret": lambda arn: client("secretsmanager").describe_secret(SecretId=arn),
    "AWS::IAM::Role": lambda name: client("iam").get_role(RoleName=name)["Role"],
    "AWS::Scheduler::Schedule": lambda name: client("scheduler").get_schedule(Name=name),
    "AWS::ApiGatewayV2::Stage": stage,
}

found = client("cloudformation").describe_stack_resources(StackName=sys.argv[1])["StackResources"]
physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
described = {}
for one in found:
    describe = DESCRIBE.get(one["ResourceType"], lambda id: {"PhysicalResourceId": id})
    answer = describe(one["PhysicalResourceId"])
    answer.pop("ResponseMetadata", None)
    described[one["LogicalResourceId"]] = answer
json.dump(described, sys.stdout, default=str)
