//! The permissions in an access token.
//!
//! Only Microsoft Graph may interpret an access token; its form may change or be unreadable (Microsoft identity
//! platform, *access tokens*). So its content is a hint for a person and decides nothing.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The permissions in an access token: `roles` of an application, `scp` of a signed-in user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted(BTreeSet<String>);

impl Granted {
    /// Reads a token; nothing if it is unreadable, such as that of a personal account.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = BASE64_URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()?;
        // Parsed as a map first: serde would also accept a JSON array for a structure.
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        let claims = Claims::deserialize(Value::Object(claims)).ok()?;
        let scopes = claims.scp.split_ascii_whitespace().map(str::to_owned);
        let all = claims.roles.into_iter().chain(scopes);
        Some(Self(all.map(|name| name.to_ascii_lowercase()).collect()))
    }

    /// Returns whether the token has the permission.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_lowercase())
    }
}

/// Whether a token has a needed permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PermissionState {
    /// The token has a permission that is enough.
    Granted,
    /// The token has none that is enough.
    Missing,
    /// The token is unreadable, or the permission may be granted in a way that tokens do not show.
    Unknown,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    roles: Vec<String>,
    scp: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_an_application_and_scopes_of_a_user_are_read() {
        let of = |claims: &str| Granted::of_token(&token(claims));
        let application = of(r#"{"roles":["Mail.Read","User.Read.All"],"aud":"graph"}"#).unwrap();
        assert!(application.has("mail.read") && application.has("User.Read.All"));
        assert!(!application.has("Mail.ReadBasic"));
        let user = of(r#"{"scp":"openid Mail.Read"}"#).unwrap();
        assert!(user.has("Mail.Read"));
        assert_eq!(of("{}"), Some(Granted::default()), "no permission at all");
    }

    #[test]
    fn an_opaque_token_shows_no_permissions() {
        for token in ["", "EwBwA8l6BAAU", "a.b.c", &token("[]"), &token("{\"roles\":1}")] {
            assert_eq!(Granted::of_token(token), None, "{token}");
        }
    }

    fn token(claims: &str) -> String {
        format!("e30.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }
}
