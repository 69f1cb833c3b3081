//! The token authority: token endpoint, `OpenID` metadata and signing keys.
//!
//! Microsoft identity platform, *OAuth 2.0 client credentials flow*, *Protocols* and *signing key rollover*.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::http::{Call, Reply, form};
use super::keys;
use super::options::{App, TokenVersion};
use super::random;
use super::state::{Shared, State};

mod assertion;

pub(crate) use assertion::Trusted;

/// Answers a request to the token authority; `None` for other paths.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Option<Reply> {
    let segments = call.segments();
    let (tenant, rest) = segments.split_first()?;
    let base = call.base_url();
    let reply = match (&call.method, rest) {
        (&Method::POST, ["oauth2", "v2.0", "token"]) => token(shared, call, tenant),
        (&Method::GET, [".well-known", "openid-configuration"]) => {
            let key_set = format!("{base}/{tenant}/discovery/keys");
            Reply::json(
                StatusCode::OK,
                &metadata(&base, tenant, TokenVersion::V1, &key_set),
            )
        }
        (&Method::GET, ["v2.0", ".well-known", "openid-configuration"]) => {
            let key_set = format!("{base}/{tenant}/discovery/v2.0/keys");
            Reply::json(
                StatusCode::OK,
                &metadata(&base, tenant, TokenVersion::V2, &key_set),
            )
        }
        (&Method::GET, ["discovery", "keys"]) => Reply::json(
            StatusCode::OK,
            &shared.state().authority.key_set(tenant, TokenVersion::V1),
        ),
        (&Method::GET, ["discovery", "v2.0", "keys"]) => Reply::json(
            StatusCode::OK,
            &shared.state().authority.key_set(tenant, TokenVersion::V2),
        ),
        _ => return None,
    };
    Some(reply)
}

/// Returns the metadata of a tenant: the real issuer, and local addresses.
fn metadata(base: &str, tenant: &str, version: TokenVersion, key_set: &str) -> Value {
    let vouches_for = if keys::is_multi_tenant(tenant) {
        "{tenantid}"
    } else {
        tenant
    };
    json!({
        "issuer": keys::issuer(vouches_for, version),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "jwks_uri": key_set,
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
    })
}

/// Answers a token request.
fn token(shared: &Shared, call: &Call, tenant: &str) -> Reply {
    let mut state = shared.state();
    match grant(&mut state, call, tenant) {
        Ok(body) => {
            let mut reply = Reply::json(StatusCode::OK, &body);
            reply
                .headers
                .push(("cache-control".to_owned(), "no-store, no-cache".to_owned()));
            reply
        }
        Err(refusal) => refusal.reply(&state, call),
    }
}

/// Checks a token request and grants the token.
fn grant(state: &mut State, call: &Call, tenant: &str) -> Result<Value, Refusal> {
    if !call.is("application/x-www-form-urlencoded") {
        return Err(Refusal::bad(
            "invalid_request",
            900_144,
            "The request body must be form-encoded.",
        ));
    }
    let fields = form(std::str::from_utf8(&call.body).unwrap_or_default());
    let field = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let required = |name: &str| {
        let description = format!("The request body must contain the following parameter: '{name}'.");
        field(name).filter(|value| !value.is_empty()).ok_or(Refusal::bad(
            "invalid_request",
            900_144,
            description,
        ))
    };
    match required("grant_type")? {
        "client_credentials" => {
            let app = app(state, tenant, required("client_id")?)?;
            check_credential(state, call, &app, field)?;
            check_scope(required("scope")?)?;
            let access_token = state.issue(&app);
            Ok(json!({
                "token_type": "Bearer",
                "expires_in": state.options.token_seconds,
                "ext_expires_in": state.options.token_seconds,
                "access_token": access_token,
            }))
        }
        "refresh_token" => {
            let app = app(state, tenant, required("client_id")?)?;
            if field("client_secret").is_some() || field("client_assertion").is_some() {
                check_credential(state, call, &app, field)?;
            }
            let given = required("refresh_token")?;
            if state.refresh_tokens.get(given) != Some(&app) {
                let text =
                    "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
                return Err(Refusal::bad("invalid_grant", 50_173, text));
            }
            let (access_token, refresh_token) = (state.issue(&app), random::opaque::<64>());
            state.refresh_tokens.insert(refresh_token.clone(), app);
            Ok(json!({
                "token_type": "Bearer",
                "scope": field("scope").unwrap_or(SCOPE),
                "expires_in": state.options.token_seconds,
                "access_token": access_token,
                "refresh_token": refresh_token,
            }))
        }
        other => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            Err(Refusal::bad("unsupported_grant_type", 70_003, text))
        }
    }
}

/// Finds the app registration.
fn app(state: &State, tenant: &str, client_id: &str) -> Result<App, Refusal> {
    let mut in_tenant = state
        .options
        .apps
        .iter()
        .filter(|app| app.tenant_id.eq_ignore_ascii_case(tenant))
        .peekable();
    if in_tenant.peek().is_none() {
        return Err(Refusal::bad(
            "invalid_request",
            90_002,
            format!("Tenant '{tenant}' not found."),
        ));
    }
    in_tenant
        .find(|app| app.client_id.eq_ignore_ascii_case(client_id))
        .cloned()
        .ok_or_else(|| {
            let text = format!(
                "Application with identifier '{client_id}' was not found in the directory '{tenant}'."
            );
            Refusal::bad("unauthorized_client", 700_016, text)
        })
}

/// Checks a client secret or a client assertion.
fn check_credential<'a>(
    state: &State,
    call: &Call,
    app: &App,
    field: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), Refusal> {
    if let Some(assertion) = field("client_assertion") {
        if field("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(Refusal::bad(
                "invalid_request",
                900_144,
                "client_assertion_type is missing or unknown.",
            ));
        }
        let endpoints = [
            format!("{}{}", call.base_url(), call.path),
            format!("https://login.microsoftonline.com{}", call.path),
        ];
        return assertion::check(&state.trusted, &app.client_id, assertion, &endpoints, state.now());
    }
    match field("client_secret") {
        Some(secret) if secret == app.client_secret => Ok(()),
        Some(_) => {
            let text = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                 value, not the client secret ID, for a secret added to app '{}'.",
                app.client_id
            );
            Err(Refusal::unauthorized(7_000_215, text))
        }
        None => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            Err(Refusal::unauthorized(7_000_218, text))
        }
    }
}

/// Checks the scope of an app-only request.
fn check_scope(scope: &str) -> Result<(), Refusal> {
    if scope == SCOPE {
        return Ok(());
    }
    let Some(resource) = scope.strip_suffix("/.default").filter(|_| !scope.contains(' ')) else {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value \
             with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(Refusal::bad("invalid_scope", 1_002_012, text));
    };
    let text = format!("The resource principal named {resource} was not found in the tenant.");
    Err(Refusal::bad("invalid_resource", 500_011, text))
}

/// An error in Microsoft Entra's form.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    code: u32,
    description: String,
}

impl Refusal {
    /// Returns a 400.
    fn bad(error: &'static str, code: u32, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            code,
            description: description.into(),
        }
    }

    /// Returns the 401 for a wrong credential.
    fn unauthorized(code: u32, description: impl Into<String>) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self {
            status,
            error: "invalid_client",
            code,
            description: description.into(),
        }
    }

    /// Returns the error as an answer.
    fn reply(self, state: &State, call: &Call) -> Reply {
        let Self {
            status,
            error,
            code,
            description,
        } = self;
        let timestamp = state.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (&call.request_id, super::http::client_request_id(call));
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {description} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        Reply::json(status, &body)
    }
}

/// The only scope of app-only requests for Microsoft Graph.
const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The only type of client assertions.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
