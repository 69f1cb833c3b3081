//! Calls to MiniStack that need no SDK.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use percent_encoding::percent_decode_str;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{ACCESS_KEY, Error, REGION};

/// The services of a MiniStack.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    http: Client,
    url: String,
    region: &'static str,
}

impl Aws {
    /// Returns the services at a base URL.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub(crate) fn new(url: String) -> Result<Self, Error> {
        // No idle connections: a connection belongs to the runtime that opened it, and each test has its own.
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(TIMEOUT)
            .build();
        Ok(Self {
            http: http.map_err(Error::unreachable("HTTP client"))?,
            url,
            region: REGION,
        })
    }

    /// Returns the services of another region.
    pub(crate) fn in_region(&self, region: &'static str) -> Self {
        Self {
            region,
            ..self.clone()
        }
    }

    /// Returns the region.
    pub(crate) fn region(&self) -> &'static str {
        self.region
    }

    /// Returns the base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns whether MiniStack answers.
    pub(crate) async fn is_healthy(&self) -> bool {
        let answer = self
            .http
            .get(format!("{}/_ministack/health", self.url))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Creates a bucket.
    pub(crate) async fn create_bucket(&self, name: &str) -> Result<(), Error> {
        self.send("S3", self.request(Method::PUT, "s3", &format!("/{name}")))
            .await
            .map(|_| ())
    }

    /// Returns the outputs of a stack.
    pub(crate) async fn stack_outputs(&self, stack: &str) -> Result<BTreeMap<String, String>, Error> {
        let text = self.describe("DescribeStacks", stack).await?;
        Ok(xml_pairs(&text, "OutputKey", "OutputValue"))
    }

    /// Returns the physical ids of a stack's resources by their logical ids.
    pub(crate) async fn stack_resources(&self, stack: &str) -> Result<BTreeMap<String, String>, Error> {
        let text = self.describe("DescribeStackResources", stack).await?;
        Ok(xml_pairs(&text, "LogicalResourceId", "PhysicalResourceId"))
    }

    /// Connects a function to an HTTP API, and returns the integration's id.
    pub(crate) async fn integrate(&self, api: &str, function: &str) -> Result<String, Error> {
        let body = json!({
            "integrationType": "AWS_PROXY",
            "integrationUri": format!("arn:aws:lambda:{}:000000000000:function:{function}", self.region),
            "payloadFormatVersion": "2.0",
        });
        let request = self
            .request(
                Method::POST,
                "apigateway",
                &format!("/v2/apis/{api}/integrations"),
            )
            .json(&body);
        let answer = self.send("API Gateway", request).await?;
        let id = parse(&answer)?
            .get("integrationId")
            .and_then(Value::as_str)
            .map(str::to_owned);
        id.ok_or_else(|| Error::Malformed("integration".to_owned()))
    }

    /// Adds a route to an HTTP API.
    pub(crate) async fn add_route(&self, api: &str, key: &str, integration: &str) -> Result<(), Error> {
        let body = json!({ "routeKey": key, "target": format!("integrations/{integration}") });
        let request = self
            .request(Method::POST, "apigateway", &format!("/v2/apis/{api}/routes"))
            .json(&body);
        self.send("API Gateway", request).await.map(|_| ())
    }

    /// Invokes a function, and returns its answer and whether that is an error.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Result<(String, bool), Error> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self.request(Method::POST, "lambda", &path).json(event);
        let answer = request.send().await.map_err(Error::unreachable("Lambda"))?;
        let failed = answer.headers().contains_key("x-amz-function-error");
        let text = text("Lambda", answer).await?;
        Ok((text, failed))
    }

    /// Returns the environment variables of a deployed function.
    pub(crate) async fn environment(&self, function: &str) -> Result<BTreeMap<String, String>, Error> {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let answer = parse(
            &self
                .send("Lambda", self.request(Method::GET, "lambda", &path))
                .await?,
        )?;
        let variables = answer
            .pointer("/Environment/Variables")
            .cloned()
            .unwrap_or_default();
        serde_json::from_value(variables).map_err(|_| Error::Malformed(answer.to_string()))
    }

    /// Enables or disables an event source mapping.
    pub(crate) async fn enable_mapping(&self, id: &str, enabled: bool) -> Result<(), Error> {
        let path = format!("/2015-03-31/event-source-mappings/{id}");
        let request = self
            .request(Method::PUT, "lambda", &path)
            .json(&json!({ "Enabled": enabled }));
        self.send("Lambda", request).await.map(|_| ())
    }

    /// Writes the maximum concurrency of an event source mapping as a number. A parameter of the template is text,
    /// which AWS converts and MiniStack does not.
    pub(crate) async fn number_concurrency(&self, mapping: &str) -> Result<(), Error> {
        let path = format!("/2015-03-31/event-source-mappings/{mapping}");
        let get = self.request(Method::GET, "lambda", &path);
        let answer = parse(&self.send("Lambda", get).await?)?;
        let most = answer
            .pointer("/ScalingConfig/MaximumConcurrency")
            .and_then(Value::as_str);
        let Some(most) = most.and_then(|most| most.parse::<u32>().ok()) else {
            return Ok(());
        };
        let put = self
            .request(Method::PUT, "lambda", &path)
            .json(&json!({ "ScalingConfig": { "MaximumConcurrency": most } }));
        self.send("Lambda", put).await.map(|_| ())
    }

    /// Returns the lines of a log group.
    pub(crate) async fn log_lines(&self, group: &str) -> Result<Vec<String>, Error> {
        let request = self
            .request(Method::POST, "logs", "/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "Logs_20140328.FilterLogEvents")
            .body(json!({ "logGroupName": group }).to_string());
        let answer = parse(&self.send("CloudWatch Logs", request).await?)?;
        let events = answer
            .get("events")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let line = |event: &Value| Some(event.get("message")?.as_str()?.to_owned());
        Ok(events.iter().filter_map(line).collect())
    }

    /// Returns the names of a role's inline policies.
    pub(crate) async fn role_policies(&self, role: &str) -> Result<Vec<String>, Error> {
        let text = self
            .iam(&[("Action", "ListRolePolicies"), ("RoleName", role)])
            .await?;
        Ok(text
            .split("<member>")
            .skip(1)
            .filter_map(|rest| rest.split_once("</member>"))
            .map(|(name, _)| name.to_owned())
            .collect())
    }

    /// Returns an inline policy of a role.
    pub(crate) async fn role_policy(&self, role: &str, policy: &str) -> Result<Value, Error> {
        let text = self
            .iam(&[
                ("Action", "GetRolePolicy"),
                ("RoleName", role),
                ("PolicyName", policy),
            ])
            .await?;
        let document = text
            .split_once("<PolicyDocument>")
            .and_then(|(_, rest)| rest.split_once("</PolicyDocument>"));
        let document = document.and_then(|(document, _)| percent_decode_str(document).decode_utf8().ok());
        parse(&document.ok_or_else(|| Error::Malformed(format!("policy {policy}")))?)
    }

    /// Writes an inline policy of a role.
    pub(crate) async fn put_role_policy(
        &self,
        role: &str,
        policy: &str,
        document: &Value,
    ) -> Result<(), Error> {
        let document = document.to_string();
        let parameters = [
            ("Action", "PutRolePolicy"),
            ("RoleName", role),
            ("PolicyName", policy),
            ("PolicyDocument", &document),
        ];
        self.iam(&parameters).await.map(|_| ())
    }

    /// Calls an operation of IAM.
    async fn iam(&self, parameters: &[(&str, &str)]) -> Result<String, Error> {
        let request = self.request(Method::POST, "iam", "/").form(parameters);
        self.send("IAM", request).await
    }

    /// Calls an operation of CloudFormation for a stack.
    async fn describe(&self, action: &str, stack: &str) -> Result<String, Error> {
        let path = format!("/?Action={action}&Version=2010-05-15&StackName={stack}");
        self.send(
            "CloudFormation",
            self.request(Method::GET, "cloudformation", &path),
        )
        .await
    }

    /// Begins a request. MiniStack reads the service from the scope of the signature. It does not check the signature
    /// if the access key is `test`, its root.
    fn request(&self, method: Method, scope: &str, path: &str) -> RequestBuilder {
        let credential = format!("{ACCESS_KEY}/20260101/{}/{scope}/aws4_request", self.region);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        self.http
            .request(method, format!("{}{path}", self.url))
            .header("authorization", authorization)
    }

    /// Sends a request and returns the body of a successful answer.
    async fn send(&self, service: &'static str, request: RequestBuilder) -> Result<String, Error> {
        text(
            service,
            request.send().await.map_err(Error::unreachable(service))?,
        )
        .await
    }
}

/// Returns an HTTP client for the SDK without a proxy, whatever the environment says: the local AWS is on this machine.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    let connector = Connector::builder()
        .proxy_config(ProxyConfig::disabled())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// Returns the body of a successful answer.
async fn text(service: &'static str, answer: reqwest::Response) -> Result<String, Error> {
    let status = answer.status();
    let body = answer.text().await.map_err(Error::unreachable(service))?;
    if status.is_success() || status == StatusCode::CONFLICT {
        return Ok(body);
    }
    Err(Error::Refused {
        service,
        status: status.as_u16(),
        body,
    })
}

/// Reads JSON.
fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| Error::Malformed(text.to_owned()))
}

/// Returns the texts of all elements `key`, each with the text of the element `value` that follows before the next
/// `key`.
///
/// CloudFormation answers in XML only, and its XML is so plain that this is enough.
fn xml_pairs(xml: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let (open, close) = (format!("<{key}>"), format!("</{key}>"));
    let pair = |part: &str| {
        let (name, rest) = part.split_once(&close)?;
        let (_, rest) = rest.split_once(&format!("<{value}>"))?;
        let (text, _) = rest.split_once(&format!("</{value}>"))?;
        Some((name.to_owned(), unescape(text)))
    };
    xml.split(&open).skip(1).filter_map(pair).collect()
}

/// Replaces the predefined entities of XML.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// The longest call. A run of renewal can take minutes.
const TIMEOUT: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_from_the_answer() {
        let xml = "<Outputs><member><OutputKey>A</OutputKey><OutputValue>x&amp;lt;</OutputValue></member>\
                   <member><OutputKey>B</OutputKey></member>\
                   <member><OutputKey>C</OutputKey><Description>d</Description><OutputValue>1</OutputValue></member></Outputs>";
        let pairs = xml_pairs(xml, "OutputKey", "OutputValue");
        let expected = [("A", "x&lt;"), ("C", "1")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(pairs, BTreeMap::from(expected));
    }
}
