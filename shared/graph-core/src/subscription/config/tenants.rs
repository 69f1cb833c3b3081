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
pub(super) fn read_application(node: &Node, path: String, problems: &Problems) -> Option<Application> {
    let before = problems.errors();
    let fields = Fields::open(node, path, OF_APPLICATION, problems)?;
    let application = application(&fields)?;
    // A misspelt field, such as the cloud's, would send its tenants to the default.
    if problems.errors() > before {
        return None;
    }
    if application.credential.is_delegated() {
        let message = "belongs to a user of one tenant; write the application into that tenant";
        fields.error("credential", message);
        return None;
    }
    Some(application)
}

/// Reads a tenant; `None` if it has mistakes.
pub(super) fn read(
    node: &Node,
    path: String,
    applications: &BTreeMap<String, Option<Application>>,
    problems: &Problems,
) -> Option<Tenant> {
    let before = problems.errors();
    let known = [&["tenantId", APPLICATION, OWN_CERTIFICATE], OF_APPLICATION].concat();
    let fields = Fields::open(node, path, &known, problems)?;
    let what = "the directory (tenant) id of the app registration";
    let tenant_id = guid(&fields, "tenantId", what);
    let application = match fields.text(APPLICATION) {
        None => application(&fields),
        Some(name) => shared(&fields, name, applications),
    };
    let own_certificate = fields.flag(OWN_CERTIFICATE);
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
) -> Option<Application> {
    for own in OF_APPLICATION.iter().filter(|own| fields.get(own).is_some()) {
        let message = "is also in the application that the tenant names; remove one of them";
        fields.error(own, message);
    }
    let application = applications.get(name);
    if application.is_none() {
        let names = applications.keys().map(|name| shown("applications", name));
        let names: Vec<_> = names.collect();
        let message = if names.is_empty() {
            "names an application, and `applications` has none".to_owned()
        } else {
            let names = first(&names);
            format!("names an application that does not exist; write one of {names}")
        };
        fields.error(APPLICATION, message);
    }
    application?.clone()
}

/// Reads the fields of an application; `None` if it has mistakes.
fn application(fields: &Fields<'_>) -> Option<Application> {
    let what = "the application (client) id of the app registration";
    let client_id = guid(fields, "clientId", what);
    let cloud = cloud(fields);
    let (credential, client_secret_expires) = credential(fields)?;
    Some(Application {
        client_id: client_id?,
        cloud: cloud?,
        credential,
        client_secret_expires,
    })
}

/// Reads a GUID.
fn guid(fields: &Fields<'_>, name: &str, what: &str) -> Option<Guid> {
    let id = Guid::parse(fields.required_text(name, what)?.trim());
    if id.is_none() {
        fields.error(name, format!("is not a GUID; write {what}"));
    }
    id
}

/// Reads the cloud, the worldwide one by default.
fn cloud(fields: &Fields<'_>) -> Option<Cloud> {
    if fields.get("cloud").is_none() {
        return Some(Cloud::default());
    }
    let text = fields.text("cloud")?;
    let found = Cloud::ALL.into_iter().find(|cloud| cloud.as_str() == text);
    if found.is_none() {
        let names = listed(&Cloud::ALL.map(Cloud::as_str));
        fields.error("cloud", format!("is not a known cloud; write one of {names}"));
    }
    found
}

/// Reads the credential, which has exactly one of the known forms, and the expiry of its client secret.
fn credential(fields: &Fields<'_>) -> Option<(Credential, Option<Timestamp>)> {
    const FIELD: &str = "credential";
    let Some(node) = fields.get(FIELD) else {
        fields.error(FIELD, format!("is missing; write {CREDENTIAL_FORMS}"));
        return None;
    };
    let Node::Object(given) = node else {
        fields.error(FIELD, format!("is {}; write {CREDENTIAL_FORMS}", node.kind()));
        return None;
    };
    let problems = fields.problems;
    let before = problems.errors();
    let inner = Fields::open(node, fields.path(FIELD), CREDENTIAL_FIELDS, problems)?;
    let secret = |name| inner.text(name).map(|text| Secret::new(text.to_owned()));
    let (private_key, certificate) = (secret("privateKey"), secret("certificate"));
    // Parsed now by the code that signs later, so that a wrong key shows here and not at the first login.
    if let (Some(key), Some(certificate)) = (&private_key, &certificate)
        && let Err(error) = SigningCertificate::parse(key.expose(), certificate.expose())
    {
        inner.error(error.field(), error.message());
    }
    let credential = match (
        secret("clientSecret"),
        secret("refreshToken"),
        private_key,
        certificate,
        inner.flag("webIdentity"),
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
        // Not if a field's own mistake has been reported.
        _ if problems.errors() > before => None,
        _ => {
            let what = if given.is_empty() {
                "is empty"
            } else {
                "does not fit together"
            };
            fields.error(FIELD, format!("{what}; write {CREDENTIAL_FORMS}"));
            None
        }
    };
    let expires = client_secret_expires(&inner);
    let credential = credential.filter(|_| problems.errors() == before)?;
    Some((credential, expires))
}

/// Reads the expiry of a credential's client secret: a time, or a day, whose beginning counts.
fn client_secret_expires(fields: &Fields<'_>) -> Option<Timestamp> {
    let node = fields.get(EXPIRES)?;
    if fields.get("clientSecret").is_none() {
        let message = "is the expiry date of a `clientSecret`, which is missing; remove it";
        fields.error(EXPIRES, message);
    }
    let expires = match node {
        Node::Text(text) => time(text.trim()),
        _ => None,
    };
    if expires.is_none() {
        let message = "is not a date; write the date in the app registration, such as \"2027-05-23\"";
        fields.error(EXPIRES, message);
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
