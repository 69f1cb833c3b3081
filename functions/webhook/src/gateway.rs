//! From the HTTP API's event to a request, and from the response back.
//!
//! Only what the webhook looks at is read. `lambda_http`'s own adapter reads everything. It panics on a query string with raw
//! spaces, `<` or `"`, on an invalid host, on more than 32,768 headers, and on a body that is marked as base64 and is something
//! else. Anybody can send such a request.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    Body, Request, Response,
    aws_lambda_events::apigw::ApiGatewayV2httpResponse,
    http::{StatusCode, request::Builder},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Returns the request in an event of the HTTP API (payload format 2.0), or nothing when there is none that HTTP knows.
pub fn request(event: &RawValue) -> Option<Request> {
    let event: Event<'_> = serde_json::from_str(event.get()).ok()?;
    // Some emulators and proxies decode spaces; the token of a handshake has many.
    let query = event.raw_query_string.unwrap_or_default().replace(' ', "%20");
    if !query.bytes().all(is_query_byte) {
        return None;
    }
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded {
        Body::Binary(BASE64_STANDARD.decode(body).ok()?)
    } else {
        Body::Text(body)
    };
    let request = Builder::new().method(&*event.request_context.http.method);
    request.uri(format!("/?{query}")).body(body).ok()
}

/// What is read of an event. The other members play no part here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    raw_query_string: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request_context: Context<'a>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    http: Http<'a>,
}

#[derive(Deserialize)]
struct Http<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// Returns the answer to a request that is none.
pub fn bad_request() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// Returns the response in the form that the HTTP API takes.
pub fn response(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut event = ApiGatewayV2httpResponse::default();
    event.status_code = parts.status.as_u16().into();
    event.headers = parts.headers;
    // An empty body is written as an empty text: there are gateways that take null amiss.
    event.body = Some(if body.is_empty() {
        Body::Text(String::new())
    } else {
        body
    });
    event
}

/// Returns whether a byte may stand in a query (RFC 3986, section 3.4); brackets and the like that browsers leave alone
/// are tolerated as `http` tolerates them.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'#')
}
