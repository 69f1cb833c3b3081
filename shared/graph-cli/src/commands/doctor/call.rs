//! AWS calls that change nothing.

use reqwest::Method;
use serde_json::Value;

use crate::{
    aws::Aws,
    failure::Failure,
    signed::{Call, LOGS, Service},
};

pub(super) async fn get(aws: &Aws, service: Service, path: String) -> Result<Value, Failure> {
    let call = Call {
        service,
        method: Method::GET,
        path,
        headers: Vec::new(),
        body: String::new(),
    };
    aws.read(&call).await
}

pub(super) async fn post(aws: &Aws, service: Service, target: &str, event: &Value) -> Result<Value, Failure> {
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
