//! What the simulator's routes take in and give back.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::random;

/// A request as the routes see it: read to its end, with its own id.
#[derive(Debug)]
pub(crate) struct Call {
    /// Method.
    pub(crate) method: Method,
    /// Path, undecoded.
    pub(crate) path: String,
    /// Query string, undecoded, or empty.
    pub(crate) query: String,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// Id that the answer carries as `request-id`.
    pub(crate) request_id: String,
    /// Whether the call came through TLS.
    pub(crate) is_https: bool,
}

impl Call {
    /// Builds the call from the parts of an HTTP request.
    pub(crate) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let request_id = random::guid();
        let query = uri.query().unwrap_or_default().to_owned();
        Self {
            method,
            path: uri.path().to_owned(),
            query,
            headers,
            body,
            request_id,
            is_https: false,
        }
    }

    /// Returns a header as text, or an empty string.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Tells whether the request declares the media type.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        media_type_of(self.header(header::CONTENT_TYPE.as_str())).eq_ignore_ascii_case(media_type)
    }

    /// Returns the base URL that the caller used.
    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.header(header::HOST.as_str()))
    }

    /// Returns the path and, behind a question mark, the query string if there is one.
    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Returns the address of the call, with this page option in place of the one that it has.
    pub(crate) fn link_with(&self, name: &str, value: &str) -> String {
        let is_other = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default().replace("%24", "$");
            !name.is_empty() && !["$skip", "$skiptoken", "$deltatoken"].contains(&name.as_str())
        };
        let mut pairs: Vec<&str> = self.query.split('&').filter(is_other).collect();
        let page = format!("{name}={value}");
        pairs.push(&page);
        format!("{}{}?{}", self.base_url(), self.path, pairs.join("&"))
    }

    /// Returns the segments of the path.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: StatusCode,
    /// Additional headers.
    pub(crate) headers: Vec<(String, String)>,
    /// Body and its media type.
    pub(crate) body: Option<(&'static str, String)>,
}

impl Reply {
    /// Answers with JSON.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(("application/json", body.to_string())),
        }
    }

    /// Answers with JSON for people to read.
    pub(crate) fn lines(status: StatusCode, body: &Value) -> Self {
        Self {
            body: Some(("application/json", format!("{body:#}\n"))),
            ..Self::empty(status)
        }
    }

    /// Answers with text.
    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(("text/plain; charset=utf-8", body.into())),
        }
    }

    /// Answers without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let all = self.headers.into_iter().chain(
            self.body
                .iter()
                .map(|(media_type, _)| (header::CONTENT_TYPE.to_string(), (*media_type).to_owned())),
        );
        for (name, value) in all {
            if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), value.parse()) {
                headers.append(name, value);
            }
        }
        (
            self.status,
            headers,
            self.body.map(|(_, text)| text).unwrap_or_default(),
        )
            .into_response()
    }
}

/// An error as Microsoft Graph words it.
#[derive(Debug, Clone)]
pub struct GraphError {
    /// HTTP status.
    pub status: StatusCode,
    /// `error.code`.
    pub code: &'static str,
    /// `error.message`.
    pub message: String,
    /// What Microsoft would not say: `error.innerError.simulator`.
    pub hint: Option<String>,
}

impl GraphError {
    /// Builds an error without a hint.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Builds a 400 with the code `InvalidRequest`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    /// Builds the wrapped form that errors of a workload come in.
    pub(crate) fn extension(status: StatusCode, operation: &str, reason: &str) -> Self {
        let name = status_name(status);
        let message = format!("Operation: {operation}; Exception: [Status Code: {name}; Reason: {reason}]");
        Self::new(status, "ExtensionError", message)
    }

    /// Adds an explanation for the person who tests.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Renders the error as the answer to `call`.
    pub(crate) fn reply(self, call: &Call, date: &str) -> Reply {
        let mut inner = json!({
            "date": date,
            "request-id": call.request_id,
            "client-request-id": client_request_id(call),
        });
        if let (Some(hint), Some(members)) = (self.hint, inner.as_object_mut()) {
            members.insert("simulator".to_owned(), Value::String(hint));
        }
        let body = json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } });
        Reply::json(self.status, &body)
    }
}

/// Returns the caller's own id for the request, or the simulator's.
pub(crate) fn client_request_id(call: &Call) -> &str {
    let given = call.header("client-request-id");
    if given.is_empty() { &call.request_id } else { given }
}

/// Returns a status by its name in .NET, the way Graph's texts write it.
pub(crate) fn status_name(status: StatusCode) -> String {
    status
        .canonical_reason()
        .unwrap_or(status.as_str())
        .split([' ', '-'])
        .collect()
}

/// Returns a media type without its parameters.
pub(crate) fn media_type_of(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Decodes `application/x-www-form-urlencoded` text.
pub fn form(text: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://form.invalid/") else {
        return Vec::new();
    };
    url.set_query(Some(text));
    url.query_pairs().into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_decoding_turns_plus_into_a_space_and_escapes_into_bytes() {
        let fields = form("a=1+2&b=%2B%c3%a9");

        assert_eq!(
            fields,
            [
                ("a".to_owned(), "1 2".to_owned()),
                ("b".to_owned(), "+é".to_owned())
            ]
        );
    }

    #[test]
    fn statuses_are_named_as_in_dotnet() {
        assert_eq!(status_name(StatusCode::NOT_FOUND), "NotFound");
        assert_eq!(
            status_name(StatusCode::INTERNAL_SERVER_ERROR),
            "InternalServerError"
        );
    }
}
