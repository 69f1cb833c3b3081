//! The content of `RefreshTokenSecret`.

use graph_core::{application::Application, secrets::Secret, subscription::config::Tenant};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{login::error::RefreshTokenError, secrets::sha256_hex};

/// The refresh tokens of all tenants.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Document {
    tokens: Vec<Entry>,
}

/// The newest refresh token of a sign-in.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    sign_in: SignIn,
    refresh_token: String,
    obtained_at: Timestamp,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
    }
}

/// A sign-in: an application, and a digest of the refresh token in the configuration.
///
/// A new token in the configuration is a new sign-in. So it is used at once, whatever is stored for the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignIn {
    #[serde(flatten)]
    application: Application,
    seed_sha256: String,
}

impl SignIn {
    /// Returns the sign-in that `token` belongs to.
    pub(super) fn of(tenant: &Tenant, token: &Secret<String>) -> Self {
        Self {
            application: tenant.application,
            seed_sha256: sha256_hex(token.expose()),
        }
    }
}

impl Document {
    /// Parses the content of the secret. A secret that was never written is empty.
    pub(super) fn of(text: Option<&str>) -> Result<Self, RefreshTokenError> {
        text.map_or_else(|| Ok(Self::default()), Self::parse)
    }

    /// Parses the output of [`text`](Self::text), or an empty object.
    fn parse(text: &str) -> Result<Self, RefreshTokenError> {
        // What a person writes to start over, as the error about a malformed document says.
        if text
            .chars()
            .filter(|character| !character.is_whitespace())
            .eq("{}".chars())
        {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|_| RefreshTokenError::Malformed)
    }

    /// Returns the document as text.
    pub(super) fn text(&self) -> Result<Secret<String>, RefreshTokenError> {
        let text = Secret::new(serde_json::to_string(self).map_err(|_| RefreshTokenError::Malformed)?);
        // What does not fit costs its own user the successor, and what is stored for the others stays.
        if text.expose().len() > MAX_BYTES {
            return Err(RefreshTokenError::Full);
        }
        Ok(text)
    }

    /// Returns the newest token of a sign-in, and when it was obtained.
    pub(super) fn newest(&self, sign_in: &SignIn) -> Option<(Secret<String>, Timestamp)> {
        let entry = self.tokens.iter().find(|entry| entry.sign_in == *sign_in)?;
        Some((Secret::new(entry.refresh_token.clone()), entry.obtained_at))
    }

    /// Stores a token, and returns whether the document has to be written.
    ///
    /// A recent token is kept in place of the new one, unless it is the one obtained at `dead`, which Entra has
    /// refused. Otherwise each use would write a version of the secret, and Secrets Manager would fill up with versions
    /// (*`PutSecretValue`*: not more often than once every ten minutes in the long run).
    pub(super) fn keep(
        &mut self,
        sign_in: &SignIn,
        successor: &Secret<String>,
        dead: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        // A secret holds 64 KiB, so expired tokens have to go.
        self.tokens.retain(|entry| {
            entry.sign_in == *sign_in || now.duration_since(entry.obtained_at) < MAX_TOKEN_LIFETIME
        });
        // All sign-ins share one secret, so the more there are, the less often each may write.
        let count = i32::try_from(self.tokens.len()).unwrap_or(i32::MAX);
        let recent = PAUSE.saturating_mul(count);
        let is_good = |entry: &Entry| {
            let age = now.duration_since(entry.obtained_at);
            dead != Some(entry.obtained_at) && age.abs() < recent
        };
        if self
            .tokens
            .iter()
            .any(|entry| entry.sign_in == *sign_in && is_good(entry))
        {
            return false;
        }
        self.tokens.retain(|entry| entry.sign_in != *sign_in);
        self.tokens.push(Entry {
            sign_in: sign_in.clone(),
            refresh_token: successor.expose().clone(),
            obtained_at: now,
        });
        true
    }
}

/// The most that a secret holds (AWS Secrets Manager, *quotas*).
const MAX_BYTES: usize = 65_536;

/// How long Secrets Manager asks to wait between writes in the long run.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// How long an unused refresh token is valid (Microsoft identity platform, *Refresh tokens*).
const MAX_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);

#[cfg(test)]
mod tests {
    use super::*;
    use graph_core::application::test_util::{application, guid};

    #[test]
    fn a_token_is_kept_under_a_digest_of_its_sign_in() {
        let mut document = Document::default();
        assert!(document.keep(&sign_in("a"), &secret("a2"), None, at(0)));
        let text = document.text().unwrap();
        assert_eq!(
            *text.expose(),
            format!(
                r#"{{"tokens":[{{"signIn":{{"tenantId":"{}","clientId":"{}","seedSha256":"a"}},"refreshToken":"a2","obtainedAt":"2026-11-22T00:00:00Z"}}]}}"#,
                guid("t"),
                guid("c")
            )
        );
        assert_eq!(newest(&Document::parse(text.expose()).unwrap(), "a"), "a2");
    }

    #[test]
    fn one_token_is_written_every_ten_minutes_at_most() {
        let mut document = Document::default();
        for (minutes, expected) in [(0, true), (9, false), (10, true), (19, false), (-1, true)] {
            let is_written = document.keep(&sign_in("a"), &secret(&minutes.to_string()), None, at(minutes));
            assert_eq!(is_written, expected, "after {minutes} minutes");
        }
        assert_eq!(newest(&document, "a"), "-1");
    }

    #[test]
    fn many_tokens_are_not_written_more_often_than_one() {
        let mut document = Document::default();
        let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let mut writes = 0;
        for minutes in (0..7 * 24 * 60).step_by(70) {
            for name in &names {
                let token = secret(&format!("{name} at {minutes}"));
                writes += u32::from(document.keep(&sign_in(name), &token, None, at(minutes)));
            }
        }
        assert!(writes <= 7 * 24 * 6 + 20, "{writes} writes in a week");
        assert_eq!(document.tokens.len(), 20);
    }

    #[test]
    fn a_dead_token_is_replaced_at_once() {
        let mut document = Document::default();
        document.keep(&sign_in("a"), &secret("dead"), None, at(0));
        assert!(document.keep(&sign_in("a"), &secret("alive"), Some(at(0)), at(1)));
        assert!(!document.keep(&sign_in("a"), &secret("late"), Some(at(0)), at(2)));
        assert_eq!(newest(&document, "a"), "alive");
    }

    #[test]
    fn a_token_unused_for_its_lifetime_is_dropped() {
        let mut document = Document::default();
        document.keep(&sign_in("old"), &secret("old"), None, at(0));
        let almost = 90 * 24 * 60 - 1;
        document.keep(&sign_in("new"), &secret("new"), None, at(almost));
        assert_eq!(newest(&document, "old"), "old");
        document.keep(&sign_in("new"), &secret("new"), None, at(almost + 30));
        assert!(document.newest(&sign_in("old")).is_none());
    }

    #[test]
    fn sign_ins_differ_by_tenant_application_and_token() {
        use graph_core::{cloud::Cloud, subscription::config::Credential};
        let tenant = |tenant_id: &str, client_id: &str| Tenant {
            application: application((tenant_id, client_id)),
            cloud: Cloud::Global,
            credential: Credential::WebIdentity,
            client_secret_expires: None,
            own_certificate: false,
        };
        let first = SignIn::of(&tenant("t", "c"), &secret("abc"));
        // FIPS 180-4, example of SHA-256 over "abc".
        assert_eq!(
            first.seed_sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        for other in [
            SignIn::of(&tenant("u", "c"), &secret("abc")),
            SignIn::of(&tenant("t", "d"), &secret("abc")),
            SignIn::of(&tenant("t", "c"), &secret("abd")),
        ] {
            assert_ne!(first, other);
        }
    }

    fn newest(document: &Document, name: &str) -> String {
        document.newest(&sign_in(name)).unwrap().0.expose().clone()
    }

    fn sign_in(name: &str) -> SignIn {
        SignIn {
            application: application(("t", "c")),
            seed_sha256: name.to_owned(),
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn at(minutes: i64) -> Timestamp {
        "2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }
}
