//! A subscription, and the rules for creating and updating one.
//!
//! Microsoft Graph, *subscription resource type*, *Create subscription* and *Update subscription*.

use axum::http::StatusCode;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::encrypt::EncryptionCertificate;
use super::http::GraphError;
use super::rules::{Resource, Rich, Rule};

/// A subscription as the simulator knows it, with what Graph does not show again.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Id.
    pub id: String,
    /// Tenant in which it was created.
    pub tenant_id: String,
    /// App that created it.
    pub client_id: String,
    /// Resource as it was written.
    pub resource: String,
    /// Change types as they were written.
    pub change_type: String,
    /// Where change notifications go.
    pub notification_url: String,
    /// Where lifecycle notifications go.
    pub lifecycle_notification_url: Option<String>,
    /// Client state.
    pub client_state: Option<String>,
    /// Whether notifications carry resource data.
    pub include_resource_data: bool,
    /// Certificate, base64 of DER.
    pub encryption_certificate: Option<String>,
    /// The subscriber's name for the certificate.
    pub encryption_certificate_id: Option<String>,
    /// Oldest TLS version.
    pub latest_supported_tls_version: String,
    /// App id that validation tokens are made out to, when it is not the app's own.
    pub notification_url_app_id: Option<String>,
    /// End of its life.
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

    /// Returns the subscription as Graph shows it; secrets only in the answers to those who have just sent them.
    pub(crate) fn show(&self, secrets: bool) -> Value {
        let secret = |value: &Option<String>| if secrets { json!(value) } else { Value::Null };
        json!({
            "id": self.id,
            "resource": self.resource,
            "applicationId": self.client_id,
            "changeType": self.change_type,
            "clientState": secret(&self.client_state),
            "notificationUrl": self.notification_url,
            "notificationQueryOptions": null,
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

    /// Returns a form that is equal for all ways to write the same set of change types.
    fn canonical_changes(change_type: &str) -> Vec<String> {
        let mut changes: Vec<String> = change_type
            .split(',')
            .map(|one| one.trim().to_lowercase())
            .collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// Tells what speaks against `new` beside this subscription.
    pub(crate) fn conflict(&self, new: &Self) -> Option<GraphError> {
        let resource = |text: &str| Resource::parse(text).map(|parsed| parsed.canonical());
        let same_owner = self.tenant_id == new.tenant_id && self.client_id == new.client_id;
        if !same_owner || resource(&self.resource) != resource(&new.resource) {
            return None;
        }
        if Self::canonical_changes(&self.change_type) == Self::canonical_changes(&new.change_type) {
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
pub(crate) fn create(
    body: &[u8],
    beta: bool,
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<Registered, GraphError> {
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
pub(crate) fn update(before: &Registered, body: &[u8], now: Timestamp) -> Result<Registered, GraphError> {
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
pub(crate) struct Owner<'a> {
    /// Tenant.
    pub(crate) tenant_id: &'a str,
    /// App.
    pub(crate) client_id: &'a str,
}

/// Checks a whole new subscription.
fn check(new: &Registered, beta: bool, now: Timestamp) -> Result<(), GraphError> {
    let Some((rule, _)) = new.rule() else {
        let message = format!("Resource '{}' is not supported for subscriptions.", new.resource);
        return Err(GraphError::invalid(message));
    };
    check_url("notificationUrl", &new.notification_url)?;
    if let Some(url) = &new.lifecycle_notification_url {
        check_url("lifecycleNotificationUrl", url)?;
    }
    check_lengths(new)?;
    check_resource(new, rule, beta)?;
    check_changes(new, rule)?;
    if new.include_resource_data {
        check_certificate(new)?;
    }
    check_expiry(new, now, "Create")?;
    check_lifecycle(new, now)
}

/// Checks what the resource asks for besides its path.
fn check_resource(new: &Registered, rule: &Rule, beta: bool) -> Result<(), GraphError> {
    let resource = Resource::parse(&new.resource);
    let options = resource.as_ref().map(|resource| &resource.options);
    let option = |name: &str| options.and_then(|options| options.get(name));
    if rule.beta && !beta {
        let message = format!(
            "Resource '{}' is supported by the beta version only.",
            new.resource
        );
        return Err(GraphError::invalid(message));
    }
    if let Some(needed) = rule.needs.filter(|name| option(name).is_none()) {
        let message = format!("Resource '{}' needs {needed} in its query string.", new.resource);
        return Err(GraphError::invalid(message));
    }
    let presences = option("$filter").filter(|_| rule.entity == "presence");
    if presences.is_some_and(|filter| filter.split(',').count() > PRESENCES) {
        let message = format!("A filter can name {PRESENCES} presences at most.");
        return Err(GraphError::invalid(message));
    }
    match rule.rich {
        Rich::No if new.include_resource_data => Err(GraphError::invalid(format!(
            "Resource data is not supported for '{}'.",
            new.resource
        ))),
        Rich::Only if !new.include_resource_data => Err(GraphError::invalid(format!(
            "includeResourceData is required for '{}'.",
            new.resource
        ))),
        Rich::Whole | Rich::Only if option("$select").is_some() => Err(GraphError::invalid(format!(
            "$select is not supported for '{}'.",
            new.resource
        ))),
        Rich::Selected if new.include_resource_data => check_selection(resource.as_ref()),
        Rich::No | Rich::Whole | Rich::Only | Rich::Selected => Ok(()),
    }
}

/// Checks the query string of an Outlook resource with resource data.
fn check_selection(resource: Option<&Resource>) -> Result<(), GraphError> {
    let refused = |reason| Err(GraphError::extension(StatusCode::BAD_REQUEST, "Create", reason));
    let Some(options) = resource.map(|resource| &resource.options) else {
        return Ok(());
    };
    let Some(select) = options.get("$select").filter(|select| !select.trim().is_empty()) else {
        return refused("select clause should be present in query string to support rich notifications");
    };
    let whole_body = select
        .split(',')
        .any(|name| ["body", "uniquebody"].contains(&name.trim().to_lowercase().as_str()));
    let paged = ["$top", "$skip", "$orderby"]
        .iter()
        .any(|name| options.contains_key(*name));
    let expanded = options.get("$expand").is_some_and(|expand| {
        let name = expand.split('(').next().unwrap_or_default().trim();
        !["singleValueExtendedProperties", "multiValueExtendedProperties"]
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name))
    });
    if whole_body || paged || expanded {
        refused(UNSUPPORTED_OPTIONS)
    } else {
        Ok(())
    }
}

/// Checks the change types against what the resource raises.
fn check_changes(new: &Registered, rule: &Rule) -> Result<(), GraphError> {
    for change in Registered::canonical_changes(&new.change_type) {
        if !rule.raises(&change) {
            let message = format!(
                "Change type '{change}' is not supported for resource '{}'.",
                new.resource
            );
            return Err(GraphError::invalid(message));
        }
    }
    Ok(())
}

/// Checks lengths and enumerations.
fn check_lengths(new: &Registered) -> Result<(), GraphError> {
    for (name, value) in [
        ("clientState", &new.client_state),
        ("encryptionCertificateId", &new.encryption_certificate_id),
    ] {
        if value
            .as_ref()
            .is_some_and(|value| value.encode_utf16().count() > 128)
        {
            return Err(GraphError::invalid(format!(
                "{name} must not be longer than 128 characters."
            )));
        }
    }
    if !["v1_0", "v1_1", "v1_2", "v1_3"].contains(&new.latest_supported_tls_version.as_str()) {
        return Err(GraphError::invalid(
            "latestSupportedTlsVersion is not a known version.",
        ));
    }
    Ok(())
}

/// Checks that notifications can be encrypted.
fn check_certificate(new: &Registered) -> Result<(), GraphError> {
    let (Some(certificate), Some(id)) = (&new.encryption_certificate, &new.encryption_certificate_id) else {
        return Err(GraphError::invalid(BOTH_CERTIFICATE_FIELDS));
    };
    if id.is_empty() || id.encode_utf16().count() > 128 {
        return Err(GraphError::invalid(
            "encryptionCertificateId must have 1 to 128 characters.",
        ));
    }
    EncryptionCertificate::parse(certificate)
        .map(drop)
        .map_err(|reason| GraphError::invalid(format!("Certificate validation error: {reason}")))
}

/// Checks a URL that notifications are to go to.
fn check_url(name: &str, url: &str) -> Result<(), GraphError> {
    let parsed = reqwest::Url::parse(url).ok().filter(reqwest::Url::has_host);
    match parsed {
        Some(parsed) if parsed.scheme() == "https" => Ok(()),
        Some(_) => Err(GraphError::invalid(format!("{name} must be an https URL."))),
        None => Err(GraphError::invalid(format!("{name} is not a URL."))),
    }
}

/// Checks that the subscription does not live longer than its resource allows.
fn check_expiry(subscription: &Registered, now: Timestamp, operation: &str) -> Result<(), GraphError> {
    let Some((rule, _)) = subscription.rule() else {
        return Ok(());
    };
    let max = rule.max_minutes(subscription.include_resource_data);
    let lifetime = subscription.expires_at.duration_since(now);
    if lifetime <= SignedDuration::from_mins(max) {
        return Ok(());
    }
    if !rule.teams {
        let message = format!("Subscription expiration can only be {max} minutes in the future.");
        return Err(GraphError::invalid(message));
    }
    let expiry = Offset::UTC
        .to_datetime(subscription.expires_at)
        .strftime("%-m/%-d/%Y %-I:%M:%S %p");
    let reason = format!(
        "Expiration time '{expiry}' ('{}' from now) is beyond allowed max '{}'.",
        dotnet(lifetime),
        dotnet(SignedDuration::from_mins(max))
    );
    Err(GraphError::extension(StatusCode::BAD_REQUEST, operation, &reason))
}

/// Checks that a Teams subscription that lives for more than an hour can be told about its lifecycle.
fn check_lifecycle(subscription: &Registered, now: Timestamp) -> Result<(), GraphError> {
    let teams = subscription.rule().is_some_and(|(rule, _)| rule.teams);
    let long = subscription.expires_at.duration_since(now) > SignedDuration::from_mins(60);
    if teams && long && subscription.lifecycle_notification_url.is_none() {
        return Err(GraphError::invalid(LIFECYCLE_REQUIRED));
    }
    Ok(())
}

/// Raises an expiry that is too near to the shortest one there is.
fn raised(expires_at: Timestamp, now: Timestamp) -> Timestamp {
    let nearest = now
        .saturating_add(SignedDuration::from_mins(45))
        .unwrap_or(Timestamp::MAX);
    expires_at.max(nearest)
}

/// Writes a span of time as .NET does: `d.hh:mm:ss`, days only when there are any.
fn dotnet(span: SignedDuration) -> String {
    let (hours, minutes, seconds) = (span.as_hours(), span.as_mins() % 60, span.as_secs() % 60);
    let (days, hours) = (hours / 24, hours % 24);
    let days = if days == 0 {
        String::new()
    } else {
        format!("{days}.")
    };
    format!("{days}{hours:02}:{minutes:02}:{seconds:02}")
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

/// Checks that all properties are ones that a subscription has.
fn known_properties(fields: &Map<String, Value>) -> Result<(), GraphError> {
    let known = |name: &str| name.starts_with("@odata.") || PROPERTIES.contains(&name);
    let Some(name) = fields.keys().find(|name| !known(name)) else {
        return Ok(());
    };
    let message = format!("The property '{name}' does not exist on type 'microsoft.graph.subscription'.");
    Err(GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message))
}

/// Reads a text property; absent, `null` and empty are one.
fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, GraphError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(GraphError::invalid(format!("{name} must be a string."))),
    }
}

/// Reads a truth value; absent and `null` are `false`.
fn boolean(fields: &Map<String, Value>, name: &str) -> Result<bool, GraphError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(GraphError::invalid(format!("{name} must be true or false."))),
    }
}

/// Reads a date-time with an offset.
fn instant(text: &str) -> Result<Timestamp, GraphError> {
    text.parse()
        .map_err(|_| GraphError::invalid("expirationDateTime is not a date-time with an offset."))
}

/// Properties that a create request can hold.
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

/// Properties that an update can hold.
const UPDATABLE: &[&str] = &[
    "expirationDateTime",
    "notificationUrl",
    "encryptionCertificate",
    "encryptionCertificateId",
];

/// How many presences one filter can name.
const PRESENCES: usize = 650;

const BOTH_CERTIFICATE_FIELDS: &str = "encryptionCertificate and encryptionCertificateId are required properties when resource data is included.";

const LIFECYCLE_REQUIRED: &str = "lifecycleNotificationUrl is a required property for subscription creation on this \
     resource when the expirationDateTime value is set to greater than 1 hour";

const UNSUPPORTED_OPTIONS: &str = "$top, $skip, $orderby, $select=body,uniqueBody and $expand other than \
     singleValueExtendedProperties and multiValueExtendedProperties are not supported for rich notifications";
