//! A subscription, and the rules for creating and updating one.
//!
//! Microsoft Graph, *subscription resource type*, *Create subscription* and *Update subscription*.

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::checks::{
    BOTH_CERTIFICATE_FIELDS, check, check_certificate, check_expiry, check_lifecycle, check_url,
};
use super::http::GraphError;
use super::rules::{Resource, Rule};

/// A subscription, with the values that Graph does not show again.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The id.
    pub id: String,
    /// The tenant in which it was created.
    pub tenant_id: String,
    /// The app that created it.
    pub client_id: String,
    /// The resource, as it was written.
    pub resource: String,
    /// The query options besides those of the resource.
    pub notification_query_options: Option<String>,
    /// The change types, as they were written.
    pub change_type: String,
    /// The URL for change notifications.
    pub notification_url: String,
    /// The URL for lifecycle notifications.
    pub lifecycle_notification_url: Option<String>,
    /// The client state.
    pub client_state: Option<String>,
    /// Whether notifications carry resource data.
    pub include_resource_data: bool,
    /// The certificate as base64 of its DER form.
    pub encryption_certificate: Option<String>,
    /// The subscriber's id of the certificate.
    pub encryption_certificate_id: Option<String>,
    /// The TLS version.
    pub latest_supported_tls_version: String,
    /// The app id for which validation tokens are issued, if it is not the app's own.
    pub notification_url_app_id: Option<String>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was last updated or created.
    pub patched_at: Option<Timestamp>,
    /// When it was last reauthorized.
    pub reauthorized_at: Option<Timestamp>,
}

impl AsRef<str> for Registered {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

impl Registered {
    /// Returns the rule for the subscription's resource with the ids in its path.
    pub(crate) fn rule(&self) -> Option<(&'static Rule, std::collections::BTreeMap<String, String>)> {
        Resource::parse(&self.resource)?.rule()
    }

    /// Returns the subscription as Graph shows it. Secrets are only in answers to the caller who has just sent them.
    pub fn show(&self, secrets: bool) -> Value {
        let secret = |value: &Option<String>| if secrets { json!(value) } else { Value::Null };
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.client_id,
            "changeType": self.change_type,
            "clientState": secret(&self.client_state),
            "notificationUrl": self.notification_url,
            "notificationQueryOptions": self.notification_query_options,
            "notificationContentType": null,
            "lifecycleNotificationUrl": self.lifecycle_notification_url,
            "expirationDateTime": self.expires_at.to_string(),
            "creatorId": creator(&self.client_id),
            "includeResourceData": self.include_resource_data,
            "latestSupportedTlsVersion": self.latest_supported_tls_version,
            "encryptionCertificate": secret(&self.encryption_certificate),
            "encryptionCertificateId": self.encryption_certificate_id,
            "notificationUrlAppId": self.notification_url_app_id,
        })
    }

    /// Returns the error if this subscription conflicts with `new`. Microsoft does not document that other query
    /// options make another combination, so here they do not.
    pub fn conflict(&self, new: &Self) -> Option<GraphError> {
        let resource = |text: &str| Resource::parse(text).map(|parsed| parsed.canonical());
        let same_owner = self.tenant_id == new.tenant_id && self.client_id == new.client_id;
        if !same_owner || resource(&self.resource) != resource(&new.resource) {
            return None;
        }
        if canonical_changes(&self.change_type) == canonical_changes(&new.change_type) {
            let message = format!(
                "Subscription Id {} already exists for the requested combination",
                self.id
            );
            return Some(GraphError::new(StatusCode::CONFLICT, "Conflict", message));
        }
        let teams = new.rule().is_some_and(|(rule, _)| rule.teams);
        let reason = format!(
            "App '{}' has reached its limit of '1' '{}' subscription on tenant '{}'.",
            new.client_id,
            new.resource.to_uppercase(),
            new.tenant_id
        );
        teams.then(|| GraphError::extension(StatusCode::FORBIDDEN, "Create", &reason))
    }
}

/// Checks the body of a create request.
///
/// # Errors
///
/// The answer that Graph gives.
pub fn create(body: &[u8], beta: bool, owner: Owner<'_>, now: Timestamp) -> Result<Registered, GraphError> {
    let fields = object(body)?;
    known_properties(&fields)?;
    let required = |name: &str| {
        let missing = || {
            GraphError::invalid(format!(
                "{name} is a required property for subscription creation."
            ))
        };
        text(&fields, name)?.ok_or_else(missing)
    };
    let change_type = required("changeType")?;
    let notification_url = required("notificationUrl")?;
    let resource = required("resource")?;
    let expires_at = instant(&required("expirationDateTime")?)?;
    let subscription = Registered {
        id: super::random::guid(),
        tenant_id: owner.tenant_id.to_owned(),
        client_id: owner.client_id.to_owned(),
        expires_at: raised(expires_at, now),
        lifecycle_notification_url: text(&fields, "lifecycleNotificationUrl")?,
        notification_query_options: text(&fields, "notificationQueryOptions")?,
        client_state: text(&fields, "clientState")?,
        include_resource_data: boolean(&fields, "includeResourceData")?,
        encryption_certificate: text(&fields, "encryptionCertificate")?,
        encryption_certificate_id: text(&fields, "encryptionCertificateId")?,
        latest_supported_tls_version: text(&fields, "latestSupportedTlsVersion")?
            .unwrap_or("v1_2".to_owned()),
        notification_url_app_id: text(&fields, "notificationUrlAppId")?,
        patched_at: None,
        reauthorized_at: None,
        resource,
        change_type,
        notification_url,
    };
    check(&subscription, beta, now)?;
    Ok(subscription)
}

/// Checks the body of an update, and returns the subscription as it will be.
///
/// # Errors
///
/// The answer that Graph gives.
pub fn update(before: &Registered, body: &[u8], now: Timestamp) -> Result<Registered, GraphError> {
    let fields = object(body)?;
    known_properties(&fields)?;
    if let Some(name) = fields.keys().find(|name| !UPDATABLE.contains(&name.as_str())) {
        return Err(GraphError::invalid(format!(
            "Property '{name}' of a subscription cannot be updated."
        )));
    }
    let mut after = before.clone();
    let expires_at = text(&fields, "expirationDateTime")?;
    let notification_url = text(&fields, "notificationUrl")?;
    if expires_at.is_none() && notification_url.is_none() {
        return Err(GraphError::invalid(
            "expirationDateTime or notificationUrl is required for an update.",
        ));
    }
    if let Some(text) = expires_at {
        after.expires_at = raised(instant(&text)?, now);
        check_expiry(&after, now, "Update")?;
        check_lifecycle(&after, now)?;
    }
    if let Some(url) = notification_url {
        after.notification_url = url;
        check_url("notificationUrl", &after.notification_url)?;
    }
    match (
        text(&fields, "encryptionCertificate")?,
        text(&fields, "encryptionCertificateId")?,
    ) {
        (None, None) => {}
        (certificate @ Some(_), id @ Some(_)) => {
            (after.encryption_certificate, after.encryption_certificate_id) = (certificate, id);
            check_certificate(&after)?;
        }
        _ => return Err(GraphError::invalid(BOTH_CERTIFICATE_FIELDS)),
    }
    after.patched_at = Some(now);
    Ok(after)
}

/// Who creates a subscription.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Tenant.
    pub tenant_id: &'a str,
    /// App.
    pub client_id: &'a str,
}

/// Returns a form that is equal for all spellings of a set of change types.
pub(crate) fn canonical_changes(change_type: &str) -> Vec<String> {
    let mut changes: Vec<String> = change_type
        .split(',')
        .map(|one| one.trim().to_lowercase())
        .collect();
    changes.sort_unstable();
    changes.dedup();
    changes
}

/// Returns the expiry, raised to the shortest lifetime if it is too early.
fn raised(expires_at: Timestamp, now: Timestamp) -> Timestamp {
    let nearest = now
        .saturating_add(SignedDuration::from_mins(45))
        .unwrap_or(Timestamp::MAX);
    expires_at.max(nearest)
}

/// Returns a stable service principal id for an app.
fn creator(client_id: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, client_id.as_bytes());
    let digits = super::random::to_hex(digest.as_ref());
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
    [
        part(0..8),
        part(8..12),
        format!("4{}", part(13..16)),
        format!("8{}", part(17..20)),
        part(20..32),
    ]
    .join("-")
}

/// Reads a JSON object.
fn object(body: &[u8]) -> Result<Map<String, Value>, GraphError> {
    serde_json::from_slice(body).map_err(|error| {
        GraphError::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "Unable to read JSON request payload.",
        )
        .hint(error.to_string())
    })
}

/// Checks that a subscription has all of these properties.
fn known_properties(fields: &Map<String, Value>) -> Result<(), GraphError> {
    let known = |name: &str| name.starts_with("@odata.") || PROPERTIES.contains(&name);
    let Some(name) = fields.keys().find(|name| !known(name)) else {
        return Ok(());
    };
    let message = format!("The property '{name}' does not exist on type 'microsoft.graph.subscription'.");
    Err(GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message))
}

/// Reads a text property. Absent, `null` and empty are equal.
fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, GraphError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(GraphError::invalid(format!("{name} must be a string."))),
    }
}

/// Reads a truth value. Absent and `null` mean `false`.
fn boolean(fields: &Map<String, Value>, name: &str) -> Result<bool, GraphError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(GraphError::invalid(format!("{name} must be true or false."))),
    }
}

/// Reads a date and time with an offset.
fn instant(text: &str) -> Result<Timestamp, GraphError> {
    text.parse()
        .map_err(|_| GraphError::invalid("expirationDateTime is not a date-time with an offset."))
}

/// The properties that a create request can have.
const PROPERTIES: &[&str] = &[
    "changeType",
    "notificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "lifecycleNotificationUrl",
    "includeResourceData",
    "encryptionCertificate",
    "encryptionCertificateId",
    "latestSupportedTlsVersion",
    "notificationQueryOptions",
    "notificationUrlAppId",
];

/// The properties that an update can have.
const UPDATABLE: &[&str] = &[
    "expirationDateTime",
    "notificationUrl",
    "encryptionCertificate",
    "encryptionCertificateId",
];
