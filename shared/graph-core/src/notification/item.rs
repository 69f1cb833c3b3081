//! One notification item, first as anybody may have sent it, then as admitted, then in full.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde_json::value::RawValue;

pub use super::fields::{MAX_DEPTH, MAX_MEMBERS, Malformed};
use super::{
    client_state::{ClientStateKeys, Proof, Proven, Refused},
    envelope::EncryptedContent,
    fields::{Rest, Shape, optional_text, pick, scalar, survey},
};

/// An item of a collection that anybody may have sent: its members have been found, and nothing but the client state is read.
pub struct Unadmitted<'a> {
    client_state: Option<Cow<'a, str>>,
    members: Members<'a>,
}

impl<'a> Unadmitted<'a> {
    /// Goes through an item as it was sent, once, and at the least cost: thousands of forged ones may come in one POST.
    ///
    /// Nothing but the client state decides whether it can be admitted. What else is wrong with an item is found where
    /// the item can be kept.
    ///
    /// # Errors
    ///
    /// Returns an error when the item is not an object, or its client state is not a text.
    pub fn parse(raw: &'a RawValue) -> Result<Self, Malformed> {
        let members = Members::find(raw)?;
        let client_state = match optional_text(members.client_state) {
            Err(malformed) if !members.has_client_states => return Err(malformed),
            client_state => client_state.unwrap_or_default(),
        };
        Ok(Self {
            client_state,
            members,
        })
    }

    /// Returns whether the item carries encrypted content.
    pub(super) fn is_encrypted(&self) -> bool {
        self.members.content.is_some()
    }

    /// Admits the item when its client state proves that it comes from a subscription of this stack.
    ///
    /// # Errors
    ///
    /// Returns why it is not admitted.
    pub fn admit(self, keys: &ClientStateKeys) -> Result<Admitted<'a>, Refused> {
        let proof = match keys.verify(self.client_state.as_deref()) {
            Err(refused) if self.members.has_client_states => self.verify_all(keys, refused)?,
            proof => proof?,
        };
        Ok(Admitted {
            members: self.members,
            proof,
        })
    }

    /// Returns what the first client state proves that holds. `refused` is why the first of all does not.
    fn verify_all(&self, keys: &ClientStateKeys, refused: Refused) -> Result<Proof, Refused> {
        let members =
            survey(self.members.raw, &[], Rest::Listed).map_or_else(|_| Vec::new(), |survey| survey.rest);
        let client_states = members
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("clientState"));
        let mut refused = refused;
        for (_, client_state) in client_states.take(MAX_CLIENT_STATES) {
            let Ok(Some(client_state)) = optional_text(Some(client_state)) else {
                continue;
            };
            match keys.verify(Some(&client_state)) {
                Ok(proof) => return Ok(proof),
                Err(other) if other.may_be_known_by_now() => refused = other,
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

/// How many client states of an item are verified: each costs a MAC, and Graph sends one.
pub(super) const MAX_CLIENT_STATES: usize = 4;

/// Members of an item as they were sent, of any type.
#[derive(Clone, Copy)]
struct Members<'a> {
    /// The item.
    raw: &'a RawValue,
    client_state: Option<&'a RawValue>,
    /// Whether there are more client states.
    has_client_states: bool,
    subscription: Option<&'a RawValue>,
    expiration: Option<&'a RawValue>,
    tenant: Option<&'a RawValue>,
    change_type: Option<&'a RawValue>,
    lifecycle_event: Option<&'a RawValue>,
    resource: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    /// Whether there are members of other names.
    has_others: bool,
    /// What is wrong with the members as a whole.
    fault: Option<Malformed>,
}

impl<'a> Members<'a> {
    const NAMES: [&'static str; 9] = [
        "clientState",
        "subscriptionId",
        "subscriptionExpirationDateTime",
        "tenantId",
        "changeType",
        "lifecycleEvent",
        "resource",
        "resourceData",
        "encryptedContent",
    ];

    fn find(raw: &'a RawValue) -> Result<Self, Malformed> {
        // Of a member that comes twice the first one counts, here and behind the queue; of the client states, any that holds.
        // An item from this stack's subscription ends in FailedQueue for it.
        let survey = survey(raw, &Self::NAMES, Rest::Ignored)?;
        let [
            client_state,
            subscription,
            expiration,
            tenant,
            change_type,
            lifecycle_event,
            resource,
            data,
            content,
        ] = survey.first();
        Ok(Self {
            raw,
            client_state,
            has_client_states: survey.is_repeated(0),
            subscription,
            expiration,
            tenant,
            change_type,
            lifecycle_event,
            resource,
            data,
            content,
            has_others: survey.has_rest,
            fault: survey.checked().err(),
        })
    }

    /// Returns the members of other names.
    fn others(&self) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, Malformed> {
        // Listed only now: those of a whole POST would take more memory than the POST.
        if !self.has_others {
            return Ok(Vec::new());
        }
        let others = survey(self.raw, &Self::NAMES, Rest::Listed)?.rest;
        if (1..others.len()).any(|index| is_among(others.get(index), others.get(..index))) {
            return Err(Malformed::Form);
        }
        Ok(others)
    }

    /// Reads the item in full; see [`Notification::parse`].
    fn read(&self) -> Result<Notification<'a>, Malformed> {
        let shape = Shape::of(self.raw);
        if shape.depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        if shape.has_large_number {
            return Err(Malformed::Number);
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let other = self.others()?;
        let organization = other
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("organizationId"));
        let organization = organization.and_then(|(_, value)| scalar(Some(value)));
        Ok(Notification {
            subscription_id: optional_text(self.subscription)?,
            subscription_expiration_date_time: optional_text(self.expiration)?,
            tenant_id: optional_text(self.tenant)?
                .filter(|id| is_id(id))
                .or(organization.filter(|id| is_id(id))),
            change_type: optional_text(self.change_type)?.map(|change_type| change_type.to_ascii_lowercase()),
            lifecycle_event: optional_text(self.lifecycle_event)?,
            resource: optional_text(self.resource)?,
            resource_data: object(self.data)?.map(ResourceData::read),
            encrypted_content: object(self.content)?,
            other,
        })
    }
}

/// An item from a subscription of this stack, as it was sent. Prints what is proven and nothing else.
#[derive(Clone)]
pub struct Admitted<'a> {
    members: Members<'a>,
    proof: Proof,
}

impl<'a> Admitted<'a> {
    /// Returns whether the item tells of a change or of the subscription itself.
    pub fn kind(&self) -> Kind {
        if matches!(optional_text(self.members.lifecycle_event), Ok(Some(_))) {
            Kind::Lifecycle
        } else {
            Kind::Change
        }
    }

    /// Returns whether the item carries encrypted content.
    pub fn is_encrypted(&self) -> bool {
        self.members.content.is_some()
    }

    /// Returns whether validation tokens have to travel with the item: it carries content of Graph's form, which nobody
    /// may open without one.
    pub fn needs_tokens(&self) -> bool {
        let content = self.members.content.map(EncryptedContent::parse);
        content.is_some_and(|content| content.is_ok_and(|content| content.is_of_graphs_size()))
    }

    /// Returns whose the client state proved the item to be.
    pub fn proven(&self) -> &Proven {
        &self.proof.proven
    }

    /// Returns what the client state proved.
    pub(super) fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Returns the item as it was sent.
    pub fn raw(&self) -> &'a RawValue {
        self.members.raw
    }

    /// Reads the item in full.
    ///
    /// # Errors
    ///
    /// Returns what [`Notification::parse`] returns.
    pub fn read(&self) -> Result<Notification<'a>, Malformed> {
        self.members.read()
    }

    /// Returns what the event's identity is made of.
    pub(super) fn features(&self) -> Features<'a> {
        let members = &self.members;
        let data = members.data.and_then(|data| pick(data, &DATA).ok());
        let [etag, sequence_number, event_time, odata_id, entity_id] = data.unwrap_or_default();
        let signature = members
            .content
            .and_then(|content| pick(content, &["dataSignature"]).ok());
        let [signature] = signature.unwrap_or_default();
        Features {
            has_content: self.is_encrypted(),
            change_type: scalar(members.change_type),
            resource: scalar(members.resource),
            odata_id: scalar(odata_id),
            entity_id: scalar(entity_id),
            etag: scalar(etag),
            signature: scalar(signature),
            sequence_number: scalar(sequence_number),
            event_time: scalar(event_time),
        }
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("kind", &self.kind())
            .field("is_encrypted", &self.is_encrypted())
            .field("proven", &self.proof.proven)
            .finish_non_exhaustive()
    }
}

/// What tells an item from others, as far as the item says it. Nothing here is empty.
#[derive(Default)]
pub(super) struct Features<'a> {
    /// Whether it has encrypted content.
    pub(super) has_content: bool,
    pub(super) change_type: Option<Cow<'a, str>>,
    pub(super) resource: Option<Cow<'a, str>>,
    pub(super) odata_id: Option<Cow<'a, str>>,
    pub(super) entity_id: Option<Cow<'a, str>>,
    pub(super) etag: Option<Cow<'a, str>>,
    pub(super) signature: Option<Cow<'a, str>>,
    pub(super) sequence_number: Option<Cow<'a, str>>,
    pub(super) event_time: Option<Cow<'a, str>>,
}

/// The members of `resourceData` that count for the identity.
const DATA: [&str; 5] = ["@odata.etag", "sequenceNumber", "eventTime", "@odata.id", "id"];

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A change of a resource (Microsoft Graph, *changeNotification*).
    Change,
    /// The life of the subscription (Microsoft Graph, *lifecycle notifications*).
    Lifecycle,
}

/// An item in full. What Graph may leave out is optional; what it may add is kept. Prints which item it is, and neither its
/// client state nor its content.
pub struct Notification<'a> {
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
    /// The identity of the changed resource.
    pub resource_data: Option<ResourceData<'a>>,
    /// The encrypted resource, as it was sent.
    pub encrypted_content: Option<&'a RawValue>,
    /// The other members, as they were sent, but for the client state.
    pub other: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Notification<'a> {
    /// Reads an item as it was sent.
    ///
    /// # Errors
    ///
    /// Returns an error when a member has a type that Graph does not give it or comes twice, or the item nests too deep to
    /// be read safely by whoever comes next.
    pub fn parse(raw: &'a RawValue) -> Result<Self, Malformed> {
        Members::find(raw)?.read()
    }

    /// Returns when the subscription ends, when Graph wrote that in a form of RFC 3339.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.subscription_expiration_date_time.as_deref()?.parse().ok()
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

/// What an item says of the changed resource: its type, its path, and when it changed, as far as the item says it.
pub struct ResourceData<'a> {
    /// All of it, as it was sent.
    pub raw: &'a RawValue,
    /// The `@odata.type`.
    pub odata_type: Option<Cow<'a, str>>,
    /// The `@odata.id`.
    pub odata_id: Option<Cow<'a, str>>,
    /// The `eventTime`.
    pub event_time: Option<Timestamp>,
}

impl<'a> ResourceData<'a> {
    /// Reads an object, of which each member of another form counts as absent.
    fn read(raw: &'a RawValue) -> Self {
        let members = pick(raw, &["@odata.type", "@odata.id", "eventTime"]).unwrap_or_default();
        let [odata_type, odata_id, event_time] = members.map(|member| optional_text(member).ok().flatten());
        Self {
            raw,
            odata_type,
            odata_id,
            event_time: event_time.and_then(|time| time.parse().ok()),
        }
    }
}

/// Returns whether a text names a tenant: Microsoft's software writes a GUID of zeros where it has none.
fn is_id(text: &str) -> bool {
    text != "00000000-0000-0000-0000-000000000000"
}

/// Returns whether a member has the name of one before it.
fn is_among<T>(member: Option<&(Cow<'_, str>, T)>, before: Option<&[(Cow<'_, str>, T)]>) -> bool {
    let Some(((name, _), before)) = member.zip(before) else {
        return false;
    };
    before.iter().any(|(known, _)| known == name)
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
    use crate::notification::testing::{admitted, keys};
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
            json!({"lifecycleEvent": 5}),
        ];
        for item in cases {
            let raw = raw(&item);
            assert_eq!(Notification::parse(&raw).err(), Some(Malformed::Form), "{item}");
        }
    }

    /// Nothing but its client state may keep an item from being admitted: what else is odd about it is found where it can be
    /// kept.
    #[test]
    fn only_the_client_state_has_to_be_readable_for_admission() {
        for item in [
            r#"{"clientState":"a","tenantId":5,"resource":[],"lifecycleEvent":{}}"#,
            r#"{"clientState":"a","tenantId":"","tenantId":""}"#,
            r#"{"clientState":"a","\ud83d":1,"x":1,"x":2}"#,
            &format!(r#"{{"clientState":"a"{}}}"#, r#","x":1"#.repeat(1_000)),
        ] {
            let raw = RawValue::from_string(item.to_owned()).unwrap();
            assert!(Unadmitted::parse(&raw).is_ok(), "{item}");
        }
        for item in [
            json!(5),
            json!([]),
            json!({"clientState": 5}),
            json!({"clientState": ["a"]}),
        ] {
            assert_eq!(
                Unadmitted::parse(&raw(&item)).err(),
                Some(Malformed::Form),
                "{item}"
            );
        }
    }

    #[test]
    fn an_item_of_which_any_client_state_holds_is_admitted() {
        let genuine = admitted(&raw(&json!({})), "mail", |item| item.raw().to_owned());
        let state = genuine.get().trim_matches(['{', '}']).to_owned();
        let other = r#""ClientState":"forged""#;
        for (item, is_admitted) in [
            (format!("{{{state},{other}}}"), true),
            (format!("{{{state},\"clientState\":null}}"), true),
            (format!("{{{other},{state}}}"), true),
            (format!("{{\"clientState\":null,{state}}}"), true),
            (format!("{{\"clientState\":\"\",\"x\":1,{state}}}"), true),
            (format!("{{\"clientState\":5,\"CLIENTSTATE\":[],{state}}}"), true),
            (format!("{{{other},\"clientState\":\"b\"}}"), false),
            (format!("{{{other},{other},{other},{other},{state}}}"), false),
        ] {
            let raw = RawValue::from_string(item).unwrap();
            let item = Unadmitted::parse(&raw).unwrap();
            assert_eq!(item.admit(&keys()).is_ok(), is_admitted, "{raw}");
            assert!(Notification::parse(&raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn an_unknown_member_may_not_be_repeated() {
        let twice = RawValue::from_string(r#"{"x":1,"x":2}"#.to_owned()).unwrap();
        assert_eq!(Notification::parse(&twice).err(), Some(Malformed::Form));
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
            (
                json!({"lifecycleEvent": "", "changeType": "created"}),
                Kind::Change,
            ),
            (json!({"lifecycleEvent": 5}), Kind::Change),
        ] {
            admitted(&raw(&item), "mail", |admitted| {
                assert_eq!(admitted.kind(), expected, "{item}");
            });
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
    fn the_organization_replaces_a_missing_tenant() {
        for item in [
            json!({"organizationId": "o"}),
            json!({"tenantId": "", "organizationId": "o"}),
            json!({"tenantId": null, "OrganizationId": "o"}),
        ] {
            let raw = raw(&item);
            assert_eq!(
                Notification::parse(&raw).unwrap().tenant_id.as_deref(),
                Some("o"),
                "{item}"
            );
        }
        let empty = raw(&json!({"tenantId": "", "organizationId": ""}));
        assert_eq!(Notification::parse(&empty).unwrap().tenant_id, None);
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
