//! Subscriptions: as Microsoft Graph lists them, and as renewal requests them (Microsoft Graph, *subscription resource
//! type*).
//!
//! No database stores subscriptions. What Graph's list does not show is in the query of the notification URL, which
//! Graph keeps and shows: see [`NotificationUrl`].

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{catalogue::Version, url::NotificationUrl};

/// A subscription as Graph lists it. Every field but the id may be missing; a field of an unexpected form counts as
/// missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Graph's id of the subscription.
    pub id: String,
    /// The watched resource, as a path without host and version.
    #[serde(default, deserialize_with = "lenient")]
    pub resource: Option<String>,
    /// The watched changes, separated by commas.
    #[serde(default, deserialize_with = "lenient")]
    pub change_type: Option<String>,
    /// The URL for notifications, including its query.
    #[serde(default, deserialize_with = "lenient")]
    pub notification_url: Option<String>,
    /// The URL for lifecycle notifications.
    #[serde(default, deserialize_with = "lenient")]
    pub lifecycle_notification_url: Option<String>,
    /// The query options that are not part of the resource.
    #[serde(default, deserialize_with = "lenient")]
    pub notification_query_options: Option<String>,
    /// When the subscription expires unless it is renewed.
    #[serde(default, deserialize_with = "lenient")]
    pub expiration_date_time: Option<Timestamp>,
    /// Whether notifications carry the resource, encrypted.
    #[serde(default, deserialize_with = "lenient")]
    pub include_resource_data: Option<bool>,
    /// The id of the certificate that the resource is encrypted with. Graph often leaves it out.
    #[serde(default, deserialize_with = "lenient")]
    pub encryption_certificate_id: Option<String>,
    /// The application that created the subscription.
    #[serde(default, deserialize_with = "lenient")]
    pub application_id: Option<String>,
}

impl Subscription {
    /// Returns the API version that manages the subscription, by its URL: v1.0 does not find what was created on beta.
    #[must_use]
    pub fn version(&self) -> Version {
        let url = self.notification_url.as_deref().map(NotificationUrl::anywhere);
        url.unwrap_or_default().version
    }
}

/// The body that creates a subscription.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSubscription {
    /// The watched changes, separated by commas.
    pub change_type: String,
    /// The URL for notifications.
    pub notification_url: String,
    /// The URL for lifecycle notifications. It cannot be changed later.
    pub lifecycle_notification_url: String,
    /// The watched resource.
    pub resource: String,
    /// The query options that are not part of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_query_options: Option<String>,
    /// When the subscription expires.
    pub expiration_date_time: Timestamp,
    /// The client state, which Graph returns in every item.
    pub client_state: String,
    /// The TLS version for calls to the webhook (`latestSupportedTlsVersion`).
    pub latest_supported_tls_version: &'static str,
    /// Whether notifications carry the resource, encrypted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub include_resource_data: bool,
    /// The certificate to encrypt with.
    #[serde(flatten)]
    pub certificate: Option<EncryptionCertificate>,
    /// The `Prefer` header of the request.
    #[serde(skip)]
    pub prefer: Option<&'static str>,
}

impl fmt::Debug for NewSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscription")
            .field("resource", &self.resource)
            .field("change_type", &self.change_type)
            .field("expiration_date_time", &self.expiration_date_time)
            .finish_non_exhaustive()
    }
}

/// The body that renews a subscription. Graph requires the expiry in every update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionUpdate {
    /// The new expiry.
    pub expiration_date_time: Timestamp,
    /// The new URL, if it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// The new certificate, if it changes.
    #[serde(flatten)]
    pub certificate: Option<EncryptionCertificate>,
}

/// A certificate in the form that Graph expects (Microsoft Graph, *change notifications with resource data*).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EncryptionCertificate {
    /// Base64 of the DER form.
    #[serde(rename = "encryptionCertificate")]
    pub certificate: String,
    /// The id of the certificate, which Graph returns in every item.
    #[serde(rename = "encryptionCertificateId")]
    pub id: String,
}

/// Returns the value if it has the expected form, and nothing otherwise.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(value.get()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_is_all_that_a_listed_subscription_needs() {
        let listed = listed(&json!({"id": "1"}));
        assert_eq!(
            listed,
            Subscription {
                id: "1".to_owned(),
                ..Subscription::default()
            }
        );
    }

    #[test]
    fn nulls_unknown_fields_and_odd_forms_do_no_harm() {
        let listed = listed(&json!({
            "id": "1", "new": {"field": 1}, "resource": null, "expirationDateTime": "soon",
            "includeResourceData": "yes", "encryptionCertificateId": "", "changeType": "updated",
        }));
        assert_eq!(listed.change_type.as_deref(), Some("updated"));
        assert_eq!(
            (
                listed.resource,
                listed.expiration_date_time,
                listed.include_resource_data
            ),
            (None, None, None)
        );
    }

    #[test]
    fn graphs_seven_digits_of_a_second_are_read() {
        let listed = listed(&json!({"id": "1", "expirationDateTime": "2026-11-20T18:23:45.9356913Z"}));
        assert_eq!(
            listed.expiration_date_time,
            Some("2026-11-20T18:23:45.9356913Z".parse().unwrap())
        );
    }

    #[test]
    fn a_basic_subscription_is_asked_for_without_certificate() {
        let body = serde_json::to_value(new_subscription(None)).unwrap();
        assert_eq!(
            body,
            json!({
                "changeType": "created", "notificationUrl": "https://h/n", "lifecycleNotificationUrl": "https://h/l",
                "resource": "/users", "expirationDateTime": "2026-11-22T10:00:00Z", "clientState": "a.b.c",
                "latestSupportedTlsVersion": "v1_2",
            })
        );
    }

    #[test]
    fn query_options_are_asked_for_under_graphs_name() {
        let body = NewSubscription {
            notification_query_options: Some("$filter=a eq 'b'".to_owned()),
            ..new_subscription(None)
        };
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["notificationQueryOptions"], json!("$filter=a eq 'b'"));
    }

    #[test]
    fn a_rich_subscription_carries_its_certificate_and_the_certificates_name() {
        let certificate = EncryptionCertificate {
            certificate: "MII".to_owned(),
            id: "c-1".to_owned(),
        };
        let body = serde_json::to_value(new_subscription(Some(certificate))).unwrap();
        assert_eq!(body["includeResourceData"], json!(true));
        assert_eq!(body["encryptionCertificate"], json!("MII"));
        assert_eq!(body["encryptionCertificateId"], json!("c-1"));
    }

    #[test]
    fn an_update_names_only_what_changes() {
        let update = SubscriptionUpdate {
            expiration_date_time: "2026-11-22T10:00:00Z".parse().unwrap(),
            notification_url: None,
            certificate: None,
        };
        assert_eq!(
            serde_json::to_value(update).unwrap(),
            json!({"expirationDateTime": "2026-11-22T10:00:00Z"})
        );
    }

    #[test]
    fn a_new_subscription_prints_no_client_state() {
        assert!(!format!("{:?}", new_subscription(None)).contains("a.b.c"));
    }

    fn listed(item: &serde_json::Value) -> Subscription {
        serde_json::from_str(&item.to_string()).unwrap()
    }

    fn new_subscription(certificate: Option<EncryptionCertificate>) -> NewSubscription {
        NewSubscription {
            change_type: "created".to_owned(),
            notification_url: "https://h/n".to_owned(),
            lifecycle_notification_url: "https://h/l".to_owned(),
            resource: "/users".to_owned(),
            notification_query_options: None,
            expiration_date_time: "2026-11-22T10:00:00Z".parse().unwrap(),
            client_state: "a.b.c".to_owned(),
            latest_supported_tls_version: "v1_2",
            include_resource_data: certificate.is_some(),
            certificate,
            prefer: None,
        }
    }
}
