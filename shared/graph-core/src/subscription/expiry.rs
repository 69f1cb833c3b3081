//! The expiry of credentials and of renewal's keys, which have to be replaced in time.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    certificate,
    secrets::{ClientStateKeyEntry, DecryptionKeyEntry},
    subscription::{
        assertion::SigningCertificate,
        config::{Credential, Problem, Severity, Tenant},
    },
};

/// A credential or key in use, and its expiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiry {
    /// Its kind.
    pub what: What,
    /// The tenant's name in the configuration, for a tenant's credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The key's id, for a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was created, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it expires, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How many whole days are left until then; negative after the expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
}

/// A kind of credential or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// The application's client secret.
    ClientSecret,
    /// The certificate with which the application proves its identity.
    LoginCertificate,
    /// A user's sign-in. Each use postpones its expiry.
    RefreshToken,
    /// The certificate that resource data is encrypted with. Rotation replaces it.
    EncryptionCertificate,
    /// The key of client states. It does not expire; rotation replaces it on request.
    ClientStateKey,
}

impl Expiry {
    /// Returns the expiry of the credential of the tenant called `name`: two if a user's sign-in comes with a client
    /// secret, none if no secret is stored. `signed_in_at` is when the newest refresh token was obtained.
    #[must_use]
    pub fn of_credential(
        name: &str,
        tenant: &Tenant,
        signed_in_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<Self> {
        let one = |what, expires_at| Self {
            tenant: Some(name.to_owned()),
            ..Self::new(what, expires_at, now)
        };
        let client_secret = || one(What::ClientSecret, tenant.client_secret_expires);
        match &tenant.credential {
            Credential::ClientSecret { .. } => vec![client_secret()],
            Credential::Certificate {
                private_key,
                certificate,
            } => {
                let certificate = SigningCertificate::parse(private_key.expose(), certificate.expose());
                let expires_at = certificate.ok().map(|certificate| certificate.expires_at());
                vec![one(What::LoginCertificate, expires_at)]
            }
            Credential::RefreshToken {
                client_secret: secret,
                ..
            } => {
                // An unused token expires after 90 days. Every use returns a new one, so the newest counts.
                let expires_at = signed_in_at.and_then(|at| at.checked_add(UNUSED_SIGN_IN).ok());
                let sign_in = Self {
                    since: signed_in_at,
                    ..one(What::RefreshToken, expires_at)
                };
                let secret = secret.is_some().then(client_secret);
                [Some(sign_in), secret].into_iter().flatten().collect()
            }
            Credential::WebIdentity => Vec::new(),
        }
    }

    /// Returns the expiry of an encryption certificate.
    #[must_use]
    pub fn of_certificate(key: &DecryptionKeyEntry, now: Timestamp) -> Self {
        Self {
            id: Some(key.id.clone()),
            since: Some(key.created_at),
            ..Self::new(
                What::EncryptionCertificate,
                certificate::expires_at(&key.certificate).ok(),
                now,
            )
        }
    }

    /// Returns the entry of the client-state key, which does not expire.
    #[must_use]
    pub fn of_client_state_key(key: &ClientStateKeyEntry, now: Timestamp) -> Self {
        Self {
            id: Some(key.id.clone()),
            since: Some(key.created_at),
            ..Self::new(What::ClientStateKey, None, now)
        }
    }

    fn new(what: What, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        // Rounded down below zero as well, so that what has expired never shows 0 days.
        let days_left = expires_at.map(|end| end.duration_since(now).as_secs().div_euclid(DAY.as_secs()));
        Self {
            what,
            tenant: None,
            id: None,
            since: None,
            expires_at,
            days_left,
        }
    }

    /// Returns what a person has to do: a warning in the last thirty days, an error in the last seven, otherwise
    /// nothing.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let (expires_at, days_left) = self.expires_at.zip(self.days_left)?;
        let severity = match days_left {
            ..ERROR_DAYS => Severity::Error,
            ERROR_DAYS..WARNING_DAYS => Severity::Warning,
            _ => return None,
        };
        let when = match days_left {
            ..0 => "has expired".to_owned(),
            0 => "expires within a day".to_owned(),
            1 => "expires in a day".to_owned(),
            days => format!("expires in {days} days"),
        };
        let (what, remedy) = self.what.remedy()?;
        let path = match &self.tenant {
            Some(tenant) => format!("tenants.{tenant}.credential"),
            None => "DecryptionSecret".to_owned(),
        };
        Some(Problem {
            path,
            message: format!("has {what} {when}, at {expires_at}; {remedy}"),
            severity,
        })
    }
}

impl What {
    /// Returns the name and the remedy; nothing for a kind without expiry.
    fn remedy(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ClientSecret => Some((
                "a client secret that",
                "create a new one in the app registration, and write its value and its expiry date into ConfigSecret",
            )),
            Self::LoginCertificate => Some((
                "a certificate that",
                "upload a new one to the app registration, and write it and its private key into ConfigSecret",
            )),
            Self::RefreshToken => Some((
                "a sign-in that, unused,",
                "sign in to the application again as the same user, and write the new refresh token into ConfigSecret",
            )),
            Self::EncryptionCertificate => Some((
                "a certificate that",
                "invoke RenewalFunction with {\"rotate\": \"certificate\"}, and look in renewal's log for why rotation did not replace it",
            )),
            Self::ClientStateKey => None,
        }
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How long a refresh token lives without being used (Microsoft identity platform, *Refresh tokens*).
const UNUSED_SIGN_IN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Below how many days a person is warned: enough time for a change request.
const WARNING_DAYS: i64 = 30;

/// Below how many days it counts as a failure, which raises alarms.
const ERROR_DAYS: i64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        application::test_util::application,
        cloud::Cloud,
        notification::{client_state, envelope::test_util},
        secrets::Secret,
    };

    #[test]
    fn a_client_secret_ends_when_the_configuration_says() {
        let secret = |expires| {
            let tenant = Tenant {
                client_secret_expires: expires,
                ..tenant(Credential::ClientSecret {
                    client_secret: secret(),
                })
            };
            Expiry::of_credential("contoso", &tenant, None, now()).remove(0)
        };
        let known = secret(Some(after(40)));
        assert_eq!((known.what, known.days_left), (What::ClientSecret, Some(40)));
        assert_eq!(known.tenant.as_deref(), Some("contoso"));
        let unknown = secret(None);
        assert_eq!(
            (unknown.expires_at, unknown.days_left, unknown.problem()),
            (None, None, None)
        );
    }

    #[test]
    fn a_login_certificate_ends_when_it_says() {
        let key = test_util::key();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            key.certificate
        );
        let tenant = tenant(Credential::Certificate {
            private_key: Secret::new(key.private_key.clone()),
            certificate: Secret::new(pem),
        });
        let found = Expiry::of_credential("contoso", &tenant, None, now());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, What::LoginCertificate);
        assert_eq!(
            found[0].expires_at,
            Some(certificate::expires_at(&key.certificate).unwrap())
        );
        assert!(found[0].days_left.is_some());
    }

    #[test]
    fn a_sign_in_lasts_ninety_days_after_its_last_use() {
        let tenant = Tenant {
            client_secret_expires: Some(after(5)),
            ..tenant(Credential::RefreshToken {
                refresh_token: secret(),
                client_secret: Some(secret()),
            })
        };
        let found = Expiry::of_credential("contoso", &tenant, Some(after(-80)), now());
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.what, one.since, one.days_left))
            .collect();
        assert_eq!(
            found,
            [
                (What::RefreshToken, Some(after(-80)), Some(10)),
                (What::ClientSecret, None, Some(5))
            ]
        );
    }

    #[test]
    fn an_aws_role_stores_nothing_that_could_end() {
        assert_eq!(
            Expiry::of_credential("contoso", &tenant(Credential::WebIdentity), None, now()),
            []
        );
    }

    #[test]
    fn keys_of_renewal_show_their_age() {
        let key = test_util::key();
        let found = Expiry::of_certificate(key, now());
        assert_eq!(
            (found.id.as_deref(), found.since),
            (Some(key.id.as_str()), Some(key.created_at))
        );
        assert!(found.days_left.is_some());
        let mut key = client_state::test_util::key("k1", 1);
        key.created_at = after(-89);
        let found = Expiry::of_client_state_key(&key, now());
        assert_eq!(
            (found.since, found.expires_at, found.problem()),
            (Some(after(-89)), None, None)
        );
    }

    #[test]
    fn an_expiry_is_a_warning_for_a_month_then_an_error() {
        for (days, expected) in [
            (31, None),
            (30, None),
            (
                29,
                Some((
                    Severity::Warning,
                    "expires in 29 days, at 2026-12-21T00:00:00Z; create a new one",
                )),
            ),
            (7, Some((Severity::Warning, "expires in 7 days"))),
            (6, Some((Severity::Error, "expires in 6 days"))),
            (1, Some((Severity::Error, "expires in a day"))),
            (0, Some((Severity::Error, "expires within a day"))),
            (-1, Some((Severity::Error, "has expired"))),
        ] {
            let expiry = Expiry {
                tenant: Some("contoso".to_owned()),
                ..Expiry::new(What::ClientSecret, Some(after(days)), now())
            };
            let found = expiry.problem();
            assert_eq!(
                found.as_ref().map(|problem| problem.severity),
                expected.map(|(severity, _)| severity),
                "{days}"
            );
            if let (Some(found), Some((_, text))) = (found, expected) {
                assert_eq!(found.path, "tenants.contoso.credential");
                assert!(found.message.contains(text), "{days}: {}", found.message);
            }
        }
    }

    #[test]
    fn whole_days_are_counted_down() {
        let left = |seconds| {
            Expiry::new(
                What::ClientSecret,
                Some(now() + SignedDuration::from_secs(seconds)),
                now(),
            )
            .days_left
        };
        assert_eq!(
            [left(86_400), left(86_399), left(0), left(-1)],
            [Some(1), Some(0), Some(0), Some(-1)]
        );
    }

    fn tenant(credential: Credential) -> Tenant {
        Tenant {
            application: application(("t", "c")),
            cloud: Cloud::Global,
            credential,
            client_secret_expires: None,
            own_certificate: false,
        }
    }

    fn secret() -> Secret<String> {
        Secret::new("s".to_owned())
    }

    fn after(days: i64) -> Timestamp {
        now() + SignedDuration::from_hours(24 * days)
    }

    fn now() -> Timestamp {
        "2026-11-22T00:00:00Z".parse().unwrap()
    }
}
