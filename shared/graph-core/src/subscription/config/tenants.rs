//! The tenants of the configuration and their credentials.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::document::Node;
use super::reader::{Fields, Problems, first, listed, shown};
use super::{Credential, Tenant};
use crate::{application::Guid, cloud::Cloud, secrets::Secret, subscription::assertion::SigningCertificate};

/// An application of one tenant, or shared by several.
#[derive(Clone)]
pub(super) struct Application {
    client_id: Guid,
    cloud: Cloud,
    credential: Credential,
    client_secret_expires: Option<Timestamp>,
}

/// Reads a shared application; `None` if it has mistakes.
pub(super) fn read_application(node: &Node, path: &str, problems: &mut Problems) -> Option<Application> {
    let before = problems.errors();
    let fields = Fields::open(node, path, OF_APPLICATION, problems)?;
    let application = application(&fields, problems)?;
    // A misspelt field, such as the cloud's, would send its tenants to the default.
    if problems.errors() > before {
        return None;
    }
    if application.credential.is_delegated() {
        let message = "belongs to a user of one tenant; write the application into that tenant";
        problems.error(&fields.path("credential"), message);
        return None;
    }
    Some(application)
}

/// Reads a tenant; `None` if it has mistakes.
pub(super) fn read(
    node: &Node,
    path: &str,
    applications: &BTreeMap<String, Option<Application>>,
    problems: &mut Problems,
) -> Option<Tenant> {
    let before = problems.errors();
    let known = [&["tenantId", APPLICATION, OWN_CERTIFICATE], OF_APPLICATION].concat();
    let fields = Fields::open(node, path, &known, problems)?;
    let tenant_id = guid(
        &fields,
        "tenantId",
        "the directory (tenant) id of the app registration",
        problems,
    );
    let application = match fields.text(APPLICATION, problems) {
        None => application(&fields, problems),
        Some(name) => shared(&fields, name, applications, problems),
    };
    let own_certificate = fields.flag(OWN_CERTIFICATE, problems);
    if problems.errors() > before {
        return None;
    }
    let Application {
        client_id,
        cloud,
        credential,
        client_secret_expires,
    } = application?;
    Some(Tenant {
        application: crate::application::Application {
            tenant_id: tenant_id?,
            client_id,
        },
        cloud,
        credential,
        client_secret_expires,
        own_certificate,
    })
}

/// Returns the shared application that a tenant names. Its own mistakes are reported elsewhere.
fn shared(
    fields: &Fields<'_>,
    name: &str,
    applications: &BTreeMap<String, Option<Application>>,
    problems: &mut Problems,
) -> Option<Application> {
    for own in OF_APPLICATION {
        if fields.get(own).is_some() {
            let message = "is also in the application that the tenant names; remove one of them";
            problems.error(&fields.path(own), message);
        }
    }
    let application = applications.get(name);
    if application.is_none() {
        let names: Vec<_> = applications
            .keys()
            .map(|name| shown("applications", name))
            .collect();
        let message = if names.is_empty() {
            "names an application, and `applications` has none".to_owned()
        } else {
            format!(
                "names an application that does not exist; write one of {}",
                first(&names)
            )
        };
        problems.error(&fields.path(APPLICATION), message);
    }
    application?.clone()
}

/// Reads the fields of an application; `None` if it has mistakes.
fn application(fields: &Fields<'_>, problems: &mut Problems) -> Option<Application> {
    let before = problems.errors();
    let client_id = guid(
        fields,
        "clientId",
        "the application (client) id of the app registration",
        problems,
    );
    let cloud = cloud(fields, problems);
    let credential = credential(fields, problems);
    if problems.errors() > before {
        return None;
    }
    let (credential, client_secret_expires) = credential?;
    Some(Application {
        client_id: client_id?,
        cloud: cloud?,
        credential,
        client_secret_expires,
    })
}

/// Reads a GUID.
fn guid(fields: &Fields<'_>, name: &str, what: &str, problems: &mut Problems) -> Option<Guid> {
    let id = Guid::parse(fields.required_text(name, what, problems)?.trim());
    if id.is_none() {
        problems.error(&fields.path(name), format!("is not a GUID; write {what}"));
    }
    id
}

/// Reads the cloud, the worldwide one by default.
fn cloud(fields: &Fields<'_>, problems: &mut Problems) -> Option<Cloud> {
    if fields.get("cloud").is_none() {
        return Some(Cloud::default());
    }
    let text = fields.text("cloud", problems)?;
    let found = Cloud::ALL.into_iter().find(|cloud| cloud.as_str() == text);
    if found.is_none() {
        let names = listed(&Cloud::ALL.map(Cloud::as_str));
        problems.error(
            &fields.path("cloud"),
            format!("is not a known cloud; write one of {names}"),
        );
    }
    found
}

/// Reads the credential, which has exactly one of the known forms, and the expiry of its client secret.
fn credential(fields: &Fields<'_>, problems: &mut Problems) -> Option<(Credential, Option<Timestamp>)> {
    let path = fields.path("credential");
    let Some(node) = fields.get("credential") else {
        problems.error(&path, format!("is missing; write {CREDENTIAL_FORMS}"));
        return None;
    };
    let Node::Object(given) = node else {
        problems.error(&path, format!("is {}; write {CREDENTIAL_FORMS}", node.kind()));
        return None;
    };
    let before = problems.errors();
    let fields = Fields::open(node, path.as_str(), CREDENTIAL_FIELDS, problems)?;
    let mut secret = |name: &str| {
        fields
            .text(name, problems)
            .map(|text| Secret::new(text.to_owned()))
    };
    let (client_secret, refresh_token) = (secret("clientSecret"), secret("refreshToken"));
    let (private_key, certificate) = (secret("privateKey"), secret("certificate"));
    let web_identity = fields.flag("webIdentity", problems);
    // Parsed now by the code that signs later, so that a wrong key shows here and not at the first login.
    if let (Some(key), Some(certificate)) = (&private_key, &certificate)
        && let Err(error) = SigningCertificate::parse(key.expose(), certificate.expose())
    {
        problems.error(&format!("{path}.{}", error.field()), error.message());
    }
    let credential = match (
        client_secret,
        refresh_token,
        private_key,
        certificate,
        web_identity,
    ) {
        (Some(client_secret), None, None, None, false) => Some(Credential::ClientSecret { client_secret }),
        (None, None, Some(private_key), Some(certificate), false) => Some(Credential::Certificate {
            private_key,
            certificate,
        }),
        (client_secret, Some(refresh_token), None, None, false) => Some(Credential::RefreshToken {
            refresh_token,
            client_secret,
        }),
        (None, None, None, None, true) => Some(Credential::WebIdentity),
        _ => {
            // Not if a field's own mistake has been reported.
            if problems.errors() == before {
                let all_known = given
                    .iter()
                    .all(|(name, _)| CREDENTIAL_FIELDS.contains(&name.as_str()));
                let what = if all_known && !given.is_empty() {
                    "does not fit together"
                } else {
                    "is empty"
                };
                problems.error(&path, format!("{what}; write {CREDENTIAL_FORMS}"));
            }
            None
        }
    };
    let expires = client_secret_expires(&fields, problems);
    let credential = credential.filter(|_| problems.errors() == before)?;
    Some((credential, expires))
}

/// Reads the expiry of a credential's client secret: a time, or a day, whose beginning counts.
fn client_secret_expires(fields: &Fields<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let node = fields.get(EXPIRES)?;
    if fields.get("clientSecret").is_none() {
        problems.error(
            &fields.path(EXPIRES),
            "is the expiry date of a `clientSecret`, which is missing; remove it",
        );
    }
    let expires = match node {
        Node::Text(text) => time(text.trim()),
        _ => None,
    };
    if expires.is_none() {
        problems.error(
            &fields.path(EXPIRES),
            "is not a date; write the date in the app registration, such as \"2027-05-23\"",
        );
    }
    expires
}

fn time(text: &str) -> Option<Timestamp> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| Some(day()?.timestamp()))
}

/// The field for the name of a shared application.
const APPLICATION: &str = "application";

/// The fields of an application.
const OF_APPLICATION: &[&str] = &["clientId", "cloud", "credential"];

/// The field for an encryption certificate of the tenant's own.
const OWN_CERTIFICATE: &str = "ownCertificate";

/// The fields of a credential.
const CREDENTIAL_FIELDS: &[&str] = &[
    "clientSecret",
    EXPIRES,
    "privateKey",
    "certificate",
    "refreshToken",
    "webIdentity",
];

/// The field for the expiry of a client secret.
const EXPIRES: &str = "clientSecretExpires";

/// The forms of a credential.
const CREDENTIAL_FORMS: &str = "exactly one of {\"clientSecret\"}, {\"privateKey\", \"certificate\"}, \
                     {\"refreshToken\", optionally \"clientSecret\"}, {\"webIdentity\": true}";
