//! The rules for subscriptions, and the errors of those that break them.
//!
//! Microsoft Graph, *subscription resource type* and *Set up change notifications that include resource data*.

use axum::http::StatusCode;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::encrypt::EncryptionCertificate;
use super::http::GraphError;
use super::rules::{Resource, Rich, Rule};
use super::subscription::{Registered, canonical_changes};

/// Checks a new subscription.
pub(crate) fn check(new: &Registered, beta: bool, now: Timestamp) -> Result<(), GraphError> {
    let segments = Resource::parse(&new.resource)
        .map(|resource| resource.segments)
        .unwrap_or_default();
    if segments
        .first()
        .is_some_and(|first| first.eq_ignore_ascii_case("me"))
    {
        let message = "/me request is only valid with delegated authentication flow.";
        return Err(GraphError::new(StatusCode::BAD_REQUEST, "BadRequest", message));
    }
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

/// Checks the rules of the resource besides its path.
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
    if let Some(options) = &new.notification_query_options {
        let message = if !rule.query_options {
            format!(
                "notificationQueryOptions is not supported for '{}'.",
                new.resource
            )
        } else if !options.trim_start().starts_with("$filter") {
            "notificationQueryOptions must be a $filter.".to_owned()
        } else {
            String::new()
        };
        if !message.is_empty() {
            return Err(GraphError::invalid(message));
        }
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

/// Checks the query of an Outlook resource with resource data.
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

/// Checks that the resource raises the change types.
fn check_changes(new: &Registered, rule: &Rule) -> Result<(), GraphError> {
    for change in canonical_changes(&new.change_type) {
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

/// Checks the certificate.
pub(crate) fn check_certificate(new: &Registered) -> Result<(), GraphError> {
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

/// Checks a URL for notifications.
pub(crate) fn check_url(name: &str, url: &str) -> Result<(), GraphError> {
    let parsed = reqwest::Url::parse(url).ok().filter(reqwest::Url::has_host);
    match parsed {
        Some(parsed) if parsed.scheme() == "https" => Ok(()),
        Some(_) => Err(GraphError::invalid(format!("{name} must be an https URL."))),
        None => Err(GraphError::invalid(format!("{name} is not a URL."))),
    }
}

/// Checks that the lifetime is not longer than the resource allows.
pub(crate) fn check_expiry(
    subscription: &Registered,
    now: Timestamp,
    operation: &str,
) -> Result<(), GraphError> {
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

/// Checks that a Teams subscription of more than an hour has a lifecycle URL.
pub(crate) fn check_lifecycle(subscription: &Registered, now: Timestamp) -> Result<(), GraphError> {
    let teams = subscription.rule().is_some_and(|(rule, _)| rule.teams);
    let long = subscription.expires_at.duration_since(now) > SignedDuration::from_mins(60);
    if teams && long && subscription.lifecycle_notification_url.is_none() {
        return Err(GraphError::invalid(LIFECYCLE_REQUIRED));
    }
    Ok(())
}

/// Returns a duration in the form of .NET: `d.hh:mm:ss`, with days only if there are any.
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

/// How many presences one filter can name.
const PRESENCES: usize = 650;

/// The error if only one of certificate and certificate id is present, or neither.
pub(crate) const BOTH_CERTIFICATE_FIELDS: &str = "encryptionCertificate and encryptionCertificateId are required properties when resource data is included.";

const LIFECYCLE_REQUIRED: &str = "lifecycleNotificationUrl is a required property for subscription creation on this \
     resource when the expirationDateTime value is set to greater than 1 hour";

const UNSUPPORTED_OPTIONS: &str = "$top, $skip, $orderby, $select=body,uniqueBody and $expand other than \
     singleValueExtendedProperties and multiValueExtendedProperties are not supported for rich notifications";
