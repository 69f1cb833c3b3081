//! AWS Systems Manager: a parameter, in which a function stores a few kilobytes that are not secret.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    BoxError,
    aws::{Aws, Protocol, Service},
    deadline::Deadline,
};

/// A parameter of Parameter Store.
#[derive(Clone, Debug)]
pub struct Parameter {
    service: Service,
    name: String,
}

impl Parameter {
    /// Returns the parameter called `name` in the account and region of `aws`.
    pub fn new(aws: &Aws, name: String) -> Self {
        Self {
            service: Service::new(aws, SYSTEMS_MANAGER),
            name,
        }
    }

    /// Returns the current value.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn read(&self, deadline: Deadline) -> Result<Stored, BoxError> {
        self.get(&self.name, deadline).await
    }

    /// Returns an earlier value. Parameter Store keeps a hundred.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn read_version(&self, version: u64, deadline: Deadline) -> Result<Stored, BoxError> {
        self.get(&format!("{}:{version}", self.name), deadline).await
    }

    async fn get(&self, name: &str, deadline: Deadline) -> Result<Stored, BoxError> {
        let call = self.call("GetParameter", json!({"Name": name}), deadline);
        let read: Read = serde_json::from_slice(&call.await?)?;
        Ok(read.parameter)
    }

    /// Replaces the value and returns the version of the new one. Of two simultaneous writers, the later one wins; it sees
    /// that from the version.
    ///
    /// # Errors
    ///
    /// Returns an error if Parameter Store refuses or does not answer in time.
    pub async fn write(&self, value: &str, deadline: Deadline) -> Result<u64, BoxError> {
        let put = json!({"Name": self.name, "Value": value, "Type": "String", "Overwrite": true});
        let answer = self.call("PutParameter", put, deadline).await?;
        let written: Written = serde_json::from_slice(&answer)?;
        Ok(written.version)
    }

    /// Makes a call. The deadline covers the credentials as well.
    async fn call(&self, action: &str, body: Value, deadline: Deadline) -> Result<Vec<u8>, BoxError> {
        let call = self.service.call(action, body.to_string().into_bytes());
        deadline.at_most(TIMEOUT).within(call).await?
    }
}

/// Systems Manager (*`GetParameter`*, *`PutParameter`*).
const SYSTEMS_MANAGER: Protocol = Protocol {
    name: "ssm",
    target: "AmazonSSM",
    content_type: "application/x-amz-json-1.1",
};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A value of a parameter, and its version: each write counts one up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stored {
    /// The value.
    pub value: String,
    /// Its version.
    pub version: u64,
}

impl Default for Stored {
    /// Returns an empty object, as the template makes it.
    fn default() -> Self {
        Self {
            value: "{}".to_owned(),
            version: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Read {
    parameter: Stored,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    version: u64,
}
