//! The requests and answers of the simulator's routes.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::random;

/// A request, read completely, with an id.
#[derive(Debug)]
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Method,
    /// The path, not decoded.
    pub(crate) path: String,
    /// The query, not decoded; empty if absent.
    pub(crate) query: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// The id, which the answer has as `request-id`.
    pub(crate) request_id: String,
    /// Whether the request used TLS.
    pub(crate) is_https: bool,
}

impl Call {
    /// Returns the call for the parts of an HTTP request.
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

    /// Returns a header as text; empty if absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns whether the request has this media type.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        media_type_of(self.header(header::CONTENT_TYPE.as_str())).eq_ignore_ascii_case(media_type)
    }

    /// Returns the base URL that the caller used.
    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.header(header::HOST.as_str()))
    }

    /// Returns the path and the query.
    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Returns the URL of the call with this page option, in place of any it has.
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
    /// The status.
    pub(crate) status: StatusCode,
    /// The additional headers.
    pub(crate) headers: Vec<(String, String)>,
    /// The body and its media type.
    pub(crate) body: Option<(&'static str, String)>,
}

impl Reply {
    /// Returns a JSON answer.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(("application/json", body.to_string())),
        }
    }

    /// Returns an indented JSON answer.
    pub(crate) fn lines(status: StatusCode, body: &Value) -> Self {
        Self {
            body: Some(("application/json", format!("{body:#}\n"))),
            ..Self::empty(status)
        }
    }

    /// Returns a text answer.
    pub(crate) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(("text/plain; charset=utf-8", body.into())),
        }
    }

    /// Returns an answer without a body.
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

/// An error in Microsoft Graph's form.
#[derive(Debug, Clone)]
pub struct GraphError {
    /// The HTTP status.
    pub status: StatusCode,
    /// `error.code`.
    pub code: &'static str,
    /// `error.message`.
    pub message: String,
    /// An explanation that Microsoft would not give: `error.innerError.simulator`.
    pub hint: Option<String>,
}

impl GraphError {
    /// Returns an error without a hint.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Returns a 400 with the code `InvalidRequest`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }

    /// Returns the form in which Graph wraps the errors of a workload.
    pub(crate) fn extension(status: StatusCode, operation: &str, reason: &str) -> Self {
        let name = status_name(status);
        let message = format!("Operation: {operation}; Exception: [Status Code: {name}; Reason: {reason}]");
        Self::new(status, "ExtensionError", message)
    }

    /// Adds an explanation for the tester.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the error as the answer to `call`.
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

/// Returns the caller's `client-request-id`, or the simulator's id.
pub(crate) fn client_request_id(call: &Call) -> &str {
    let given = call.header("client-request-id");
    if given.is_empty() { &call.request_id } else { given }
}

/// Returns the name of a status in .NET, which Graph's texts use.
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
