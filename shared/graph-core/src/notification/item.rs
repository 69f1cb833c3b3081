//! One notification item, first as anybody may have sent it, then as admitted, then in full.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::notification::fields::{MAX_DEPTH, Malformed};
use crate::notification::{
    client_state::{ClientStateKeys, Proven, Refused},
    fields::{depth, optional_text, pick},
};

/// An item of a collection that anybody may have sent: only what the decision to admit it needs has been read.
pub struct Unadmitted<'a> {
    raw: &'a RawValue,
    client_state: Option<Cow<'a, str>>,
    tenant_id: Option<Cow<'a, str>>,
    kind: Kind,
    is_encrypted: bool,
}

impl<'a> Unadmitted<'a> {
    /// Reads an item as it was sent, at the least cost: thousands of forged ones may come in one POST.
    ///
    /// # Errors
    ///
    /// Returns an error when the item is not an object or holds no usable client state, tenant or event.
    pub fn parse(raw: &'a RawValue) -> Result<Self, Malformed> {
        let [client_state, tenant, organization, event, content] = pick(
            raw,
            &[
                "clientState",
                "tenantId",
                "organizationId",
                "lifecycleEvent",
                "encryptedContent",
            ],
        )?;
        let kind = match optional_text(event)? {
            Some(_) => Kind::Lifecycle,
            None => Kind::Change,
        };
        Ok(Self {
            raw,
            client_state: optional_text(client_state)?,
            tenant_id: optional_text(tenant.or(organization))?,
            kind,
            is_encrypted: content.is_some(),
        })
    }

    /// Admits the item when its client state proves that it comes from a subscription of ours.
    ///
    /// # Errors
    ///
    /// Returns why it is not admitted.
    pub fn admit(self, keys: &ClientStateKeys) -> Result<Admitted<'a>, Refused> {
        let proven = keys.verify(self.client_state.as_deref(), self.tenant_id.as_deref())?;
        Ok(Admitted {
            raw: self.raw,
            kind: self.kind,
            is_encrypted: self.is_encrypted,
            proven,
        })
    }
}

/// An item from a subscription of ours, as it was sent. Prints what is proven and nothing else.
pub struct Admitted<'a> {
    raw: &'a RawValue,
    kind: Kind,
    is_encrypted: bool,
    proven: Proven,
}

impl<'a> Admitted<'a> {
    /// Returns whether the item tells of a change or of the subscription itself.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns whether the item carries encrypted content, so that it needs a validation token.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Returns what the client state proved.
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// Returns the item as it was sent.
    pub fn raw(&self) -> &'a RawValue {
        self.raw
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("kind", &self.kind)
            .field("is_encrypted", &self.is_encrypted)
            .field("proven", &self.proven)
            .finish_non_exhaustive()
    }
}

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A change of a resource (Microsoft Graph, *changeNotification*).
    Change,
    /// The life of the subscription (Microsoft Graph, *lifecycle notifications*).
    Lifecycle,
}

/// An item in full. What Graph may leave out is optional; what it may add is ignored. Prints which item it is, and
/// neither its client state nor its content.
pub struct Notification<'a> {
    /// The item as it was sent.
    pub raw: &'a RawValue,
    /// The subscription that the item belongs to.
    pub subscription_id: Option<Cow<'a, str>>,
    /// When that subscription ends, as Graph wrote it.
    pub subscription_expiration_date_time: Option<Cow<'a, str>>,
    /// The tenant; `organizationId` stands in for it where Graph sends only that.
    pub tenant_id: Option<Cow<'a, str>>,
    /// `created`, `updated`, `deleted` or a later value, in lower case.
    pub change_type: Option<String>,
    /// `missed`, `subscriptionRemoved`, `reauthorizationRequired` or a later value.
    pub lifecycle_event: Option<Cow<'a, str>>,
    /// The path of the changed resource.
    pub resource: Option<Cow<'a, str>>,
    /// The identity of the changed resource, as it was sent.
    pub resource_data: Option<&'a RawValue>,
    /// The encrypted resource, as it was sent.
    pub encrypted_content: Option<&'a RawValue>,
}

impl<'a> Notification<'a> {
    /// Reads an item as it was sent.
    ///
    /// # Errors
    ///
    /// Returns an error when a member has a type that Graph does not give it, or the item nests too deep to be read
    /// safely by whoever comes next.
    pub fn parse(raw: &'a RawValue) -> Result<Self, Malformed> {
        if depth(raw) > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        let [
            subscription,
            expiration,
            tenant,
            organization,
            change,
            event,
            resource,
            data,
            content,
        ] = pick(
            raw,
            &[
                "subscriptionId",
                "subscriptionExpirationDateTime",
                "tenantId",
                "organizationId",
                "changeType",
                "lifecycleEvent",
                "resource",
                "resourceData",
                "encryptedContent",
            ],
        )?;
        Ok(Self {
            raw,
            subscription_id: optional_text(subscription)?,
            subscription_expiration_date_time: optional_text(expiration)?,
            tenant_id: optional_text(tenant.or(organization))?,
            change_type: optional_text(change)?.map(|change_type| change_type.to_ascii_lowercase()),
            lifecycle_event: optional_text(event)?,
            resource: optional_text(resource)?,
            resource_data: object(data)?,
            encrypted_content: object(content)?,
        })
    }

    /// Returns when the subscription ends, when Graph wrote that in a form of RFC 3339.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.subscription_expiration_date_time.as_deref()?.parse().ok()
    }

    /// Returns a text member of `resourceData`, such as `@odata.type`.
    pub fn resource_data_text(&self, name: &str) -> Option<Cow<'a, str>> {
        let [value] = pick(self.resource_data?, &[name]).ok()?;
        optional_text(value).ok()?
    }
}

impl fmt::Debug for Notification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("subscription_id", &self.subscription_id)
            .field("tenant_id", &self.tenant_id)
            .field("change_type", &self.change_type)
            .field("lifecycle_event", &self.lifecycle_event)
            .finish_non_exhaustive()
    }
}

fn object(raw: Option<&RawValue>) -> Result<Option<&RawValue>, Malformed> {
    match raw {
        Some(raw) if !raw.get().starts_with('{') => Err(Malformed::Form),
        raw => Ok(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::fields::MAX_MEMBERS;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn every_variation_of_an_item_is_read() {
        let cases: &[(&str, Value)] = &[
            ("nothing", json!({})),
            (
                "nulls",
                json!({"clientState": null, "resourceData": null, "encryptedContent": null, "id": null}),
            ),
            (
                "upper case",
                json!({"EncryptedContent": {}, "ClientState": "x", "ChangeType": "Created"}),
            ),
            (
                "unknown members",
                json!({"organizationId": "o", "@odata.type": "t", "later": [1, {"a": 2}]}),
            ),
            ("unknown change", json!({"changeType": "unknownFutureValue"})),
            ("odd date", json!({"subscriptionExpirationDateTime": "soon"})),
            ("number as id", json!({"id": 5})),
        ];
        for (case, item) in cases {
            let raw = raw(item);
            assert!(Unadmitted::parse(&raw).is_ok(), "{case}");
            assert!(Notification::parse(&raw).is_ok(), "{case}");
        }
    }

    #[test]
    fn members_of_the_wrong_type_make_an_item_malformed() {
        let cases = [
            json!(5),
            json!(null),
            json!([]),
            json!({"resource": 5}),
            json!({"resourceData": "text"}),
            json!({"encryptedContent": []}),
            json!({"changeType": {}}),
            json!({"clientState": "a", "ClientState": "b"}),
        ];
        for item in cases {
            let raw = raw(&item);
            assert_eq!(
                Notification::parse(&raw).err().or(Unadmitted::parse(&raw).err()),
                Some(Malformed::Form),
                "{item}"
            );
        }
    }

    #[test]
    fn an_item_that_nests_too_deep_is_malformed() {
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            RawValue::from_string(format!(r#"{{"resourceData":null,"x":{open}{close}}}"#)).unwrap()
        };
        assert!(Notification::parse(&nested(MAX_DEPTH)).is_ok());
        for levels in [MAX_DEPTH + 1, 200_000] {
            assert_eq!(
                Notification::parse(&nested(levels)).unwrap_err(),
                Malformed::TooDeep
            );
            assert!(
                Unadmitted::parse(&nested(levels)).is_ok(),
                "admission never recurses"
            );
        }
    }

    #[test]
    fn an_item_of_too_many_members_is_malformed() {
        let members: serde_json::Map<_, _> = (0..=MAX_MEMBERS).map(|n| (n.to_string(), json!(n))).collect();
        let raw = raw(&Value::Object(members));
        assert_eq!(Unadmitted::parse(&raw).err(), Some(Malformed::TooManyMembers));
        assert_eq!(Notification::parse(&raw).err(), Some(Malformed::TooManyMembers));
    }

    #[test]
    fn a_lifecycle_event_decides_the_kind() {
        for (item, expected) in [
            (json!({"lifecycleEvent": "missed"}), Kind::Lifecycle),
            (json!({"lifecycleEvent": "later"}), Kind::Lifecycle),
            (
                json!({"lifecycleEvent": null, "changeType": "created"}),
                Kind::Change,
            ),
            (json!({"changeType": "created"}), Kind::Change),
        ] {
            assert_eq!(Unadmitted::parse(&raw(&item)).unwrap().kind, expected, "{item}");
        }
    }

    #[test]
    fn every_form_of_date_is_understood() {
        for (text, expected) in [
            ("2026-03-19T22:11:09.952Z", Some("2026-03-19T22:11:09.952Z")),
            (
                "2026-02-02T10:30:34.9097561-08:00",
                Some("2026-02-02T18:30:34.9097561Z"),
            ),
            ("2026-02-02T10:30:34+00:00", Some("2026-02-02T10:30:34Z")),
            ("2026-02-02T10:30:34.0000000+05:30", Some("2026-02-02T05:00:34Z")),
            ("tomorrow", None),
        ] {
            let raw = raw(&json!({"subscriptionExpirationDateTime": text}));
            let expires_at = Notification::parse(&raw).unwrap().expires_at();
            assert_eq!(expires_at, expected.map(|text| text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_organization_stands_in_for_a_missing_tenant() {
        let raw = raw(&json!({"organizationId": "o"}));
        assert_eq!(Notification::parse(&raw).unwrap().tenant_id.as_deref(), Some("o"));
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused(text in r#"[\[\]{}",:a-z0-9\\ ]{0,80}"#) {
            if let Ok(raw) = RawValue::from_string(text) {
                let _ = (Unadmitted::parse(&raw).is_ok(), Notification::parse(&raw).is_ok());
            }
        }
    }

    fn raw(item: &Value) -> Box<RawValue> {
        RawValue::from_string(item.to_string()).unwrap()
    }
}
