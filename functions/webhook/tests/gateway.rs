//! Events of the HTTP API, those that would make the adapter of `lambda_http` panic among them.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use lambda_http::{Body, Response};
use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};
use webhook::gateway;

#[test]
fn an_event_of_the_http_api_becomes_a_request() {
    let request = gateway::request(&event("s=mail&validationToken=a+b%2Bc", "{}", false)).unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().query(), Some("s=mail&validationToken=a+b%2Bc"));
    assert_eq!(request.body(), &Body::Text("{}".to_owned()));
}

#[test]
fn a_body_in_base64_is_decoded() {
    let request = gateway::request(&event("", "e30=", true)).unwrap();
    assert_eq!(request.body().as_ref(), b"{}");
}

#[test]
fn invalid_http_is_rejected() {
    for query in ["a<b", "a\"b", "a>b", "a\u{0}b", "ü", "a#b", "a\nb", "a\u{7f}"] {
        assert!(
            gateway::request(&event(query, "{}", false)).is_none(),
            "{query:?}"
        );
    }
    assert!(gateway::request(&event("", "not base64!", true)).is_none());
    for (pointer, value) in [
        ("/requestContext", Value::Null),
        ("/requestContext/http/method", json!("a b")),
        ("/body", json!(5)),
    ] {
        let mut event = parts("", "{}", false);
        *event.pointer_mut(pointer).unwrap() = value.clone();
        assert!(gateway::request(&raw(&event)).is_none(), "{pointer} {value}");
    }
    for event in ["{}", "5", "null", "[]"] {
        assert!(
            gateway::request(&RawValue::from_string(event.to_owned()).unwrap()).is_none(),
            "{event}"
        );
    }
}

/// Older emulators and some proxies decode what Graph has encoded.
#[test]
fn a_query_with_raw_spaces_is_the_one_that_graph_sent() {
    let query = "s=mail&validationToken=Validation: Testing client application";
    let request = gateway::request(&event(query, "", false)).unwrap();
    assert_eq!(
        request.uri().query(),
        Some("s=mail&validationToken=Validation:%20Testing%20client%20application")
    );
}

/// `lambda_http` panics on more than 32,768 headers, and on an invalid host.
#[test]
fn headers_of_any_number_and_form_are_harmless() {
    let many: serde_json::Map<_, _> = (0..33_000).map(|n| (format!("x-{n}"), json!("a"))).collect();
    for headers in [
        Value::Object(many),
        json!({"host": "a b<c>\""}),
        json!({"x": "a\u{0}b"}),
        json!({"bad name": "x"}),
        Value::Null,
    ] {
        let mut event = parts("", "{}", false);
        event["headers"] = headers;
        assert!(gateway::request(&raw(&event)).is_some());
    }
}

#[test]
fn a_response_has_the_form_that_the_http_api_takes() {
    let mut response = Response::new(Body::Text("token".to_owned()));
    response
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    let response = serde_json::to_value(gateway::response(response)).unwrap();
    assert_eq!(response["statusCode"], 200);
    assert_eq!(response["headers"]["content-type"], "text/plain");
    assert_eq!(response["body"], "token");
    assert_eq!(response["isBase64Encoded"], false);
}

#[test]
fn an_empty_body_is_an_empty_text() {
    let response = serde_json::to_value(gateway::response(Response::new(Body::Empty))).unwrap();
    assert_eq!(response["body"], "");
}

proptest! {
    #[test]
    fn any_query_host_path_and_body_are_a_request_or_not(
        query in "\\PC{0,40}", host in "\\PC{0,20}", path in "\\PC{0,20}", body in "\\PC{0,40}", base64 in any::<bool>()
    ) {
        let mut event = parts(&query, &body, base64);
        event["headers"]["host"] = json!(host);
        event["rawPath"] = json!(path);
        let _ = gateway::request(&raw(&event));
    }
}

fn event(query: &str, body: &str, base64: bool) -> Box<RawValue> {
    raw(&parts(query, body, base64))
}

fn raw(event: &Value) -> Box<RawValue> {
    RawValue::from_string(event.to_string()).unwrap()
}

fn parts(query: &str, body: &str, base64: bool) -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /notifications", "rawPath": "/notifications", "rawQueryString": query,
        "headers": {"content-type": "application/json", "host": "api.example.com"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "api.example.com", "stage": "$default",
            "http": {
                "method": "POST", "path": "/notifications", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": "test"
            },
            "requestId": "id", "routeKey": "POST /notifications", "time": "22/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1_795_341_600_000_i64
        },
        "body": body, "isBase64Encoded": base64
    })
}
