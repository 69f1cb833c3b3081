//! From the HTTP API's event to a request, and from the response back.
//!
//! `lambda_http`'s own adapter panics on a query string with raw spaces, `<` or `"`, on a host that is none, and on a
//! body that is not the base64 that it claims to be. Anybody can send such a request, so here it is answered with 400.

use std::panic::catch_unwind;

use lambda_http::{
    Body, Request, Response,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    http::StatusCode,
    request::LambdaRequest,
};
use serde_json::value::RawValue;

/// Returns the request in an event of the HTTP API (payload format 2.0), or nothing when there is none that HTTP knows.
pub fn request(event: &RawValue) -> Option<Request> {
    // Reading an event panics as well: a map of headers holds 32,768 of them.
    catch_unwind(|| convert(event)).ok().flatten()
}

fn convert(event: &RawValue) -> Option<Request> {
    let mut event: ApiGatewayV2httpRequest = serde_json::from_str(event.get()).ok()?;
    if let Some(query) = &mut event.raw_query_string {
        // Some emulators and proxies decode spaces; the token of a handshake has many.
        *query = query.replace(' ', "%20");
        if !query.bytes().all(is_query_byte) {
            return None;
        }
    }
    // The host plays no part here; one that is not a host would make the conversion panic.
    event.headers.remove(lambda_http::http::header::HOST);
    event.request_context.domain_name = None;
    Some(Request::from(LambdaRequest::ApiGatewayV2(event)))
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
