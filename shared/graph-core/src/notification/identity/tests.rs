use proptest::prelude::*;
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::application::test_util::application;
use crate::notification::{
    queued::QueuedItem,
    testing::{CLIENT, TENANT, admitted},
};

/// Each of these names nothing that tells two changes apart, as captured or as in Microsoft's samples.
#[test]
fn two_receipts_of_an_item_without_a_version_have_two_ids() {
    for item in [
        json!({"resource": "me/drive/root", "resourceData": null, "changeType": "updated"}),
        json!({"resource": "sites/a,b,c/lists/1", "changeType": "updated", "resourceData": {"@odata.type": "#Microsoft.Graph.ListItem"}}),
        json!({"resource": "communications/presences('1')", "changeType": "updated", "resourceData": {"id": "1", "availability": "Busy"}}),
        json!({"resource": "communications/callRecords/1", "changeType": "updated", "resourceData": {"id": "1"}}),
        json!({"resource": "chats('1')/messages('2')", "changeType": "updated", "resourceData": {"id": "2"}}),
        json!({"resource": "users/1", "changeType": "updated", "resourceData": {"id": "1", "@odata.etag": "", "sequenceNumber": null}}),
        json!({"resource": "users/1", "changeType": "updated", "resourceData": {"sequenceNumber": 0, "eventTime": "1601-01-01T00:00:00Z"}}),
        json!({"resource": "users/1", "changeType": "updated", "resourceData": {"sequenceNumber": "0", "eventTime": "0001-01-01T00:00:00Z"}}),
        json!({"resource": "users/1", "changeType": "updated", "resourceData": {"eventTime": "soon"}}),
        json!({"resource": "users/1/messages/2", "changeType": "updated", "id": "lsgTZMr9KwAAA"}),
        json!({"resource": "users/1/messages/2", "changeType": "updated", "resourceData": {"@odata.etag": "W/\"\""}}),
        json!({"resource": "users/1/messages/2", "changeType": "updated", "resourceData": {"@odata.etag": "\"\""}}),
        json!({"resource": "users/1/messages/2", "changeType": "updated", "resourceData": {"@odata.etag": "W/"}}),
        json!({}),
    ] {
        assert_ne!(id(&item, receipt(0, 0)), id(&item, receipt(1, 0)), "{item}");
        assert_ne!(id(&item, receipt(0, 0)), id(&item, receipt(0, 1)), "{item}");
        assert_eq!(id(&item, receipt(0, 0)), id(&item, receipt(0, 0)), "{item}");
        assert_eq!(identity(&item, "mail", receipt(0, 0)).version, None, "{item}");
    }
}

#[test]
fn a_repeated_item_with_a_version_has_the_same_id() {
    for (item, version) in [
        (
            json!({"resourceData": {"@odata.etag": "W/\"1\"", "sequenceNumber": 5}}),
            "W/\"1\"",
        ),
        (
            json!({"resourceData": {"@odata.etag": "", "sequenceNumber": 12_345_678_901_234_567_890_u64}}),
            "12345678901234567890",
        ),
        (json!({"resourceData": {"sequenceNumber": "7"}}), "7"),
        (
            json!({"resourceData": {"eventTime": "2026-11-22T10:00:00Z"}}),
            "2026-11-22T10:00:00Z",
        ),
    ] {
        let (first, again) = (
            identity(&item, "mail", receipt(0, 0)),
            identity(&item, "mail", receipt(1, 1)),
        );
        assert_eq!(first, again, "{item}");
        assert_eq!(first.version.as_deref(), Some(version), "{item}");
        let mut longer = item.clone();
        longer["subscriptionId"] = json!("another one, as it was created again");
        longer["subscriptionExpirationDateTime"] = json!("2027-01-01T00:00:00Z");
        assert_eq!(id(&longer, receipt(2, 0)), first.id, "{item}");
    }
}

#[test]
fn a_signature_is_a_version_and_is_not_shown() {
    let item = json!({"encryptedContent": {"dataSignature": "c2lnbmF0dXJl", "data": "AAAA"}});
    let identity = identity(&item, "mail", receipt(0, 0));
    assert_eq!(id(&item, receipt(1, 0)), identity.id);
    assert_eq!(identity.version.unwrap().len(), SHORT_DIGEST_LENGTH);
}

/// Sent first under the client state of `users`, an item must not take the place of the real one of `mail`.
#[test]
fn unproven_statements_about_the_subscription_are_ignored() {
    let item = json!({"subscriptionId": "of-mail", "resource": "r", "resourceData": {"@odata.etag": "1"}});
    let of = |name| identity(&item, name, receipt(0, 0)).id;
    assert_ne!(of("users"), of("mail"));
}

/// No token is asked for the item without content, whoever sends it: delivered first, it must not take the place of the real one.
#[test]
fn an_item_without_content_has_another_id_than_one_with_it() {
    let bare = json!({"resource": "users/1/messages/2", "changeType": "updated", "resourceData": {"@odata.etag": "W/\"1\""}});
    let mut rich = bare.clone();
    rich["encryptedContent"] = json!({"dataSignature": "c2lnbmF0dXJl", "data": "AAAA"});
    let [bare, rich] = [bare, rich].map(|item| identity(&item, "mail", receipt(0, 0)));
    assert_ne!(bare.id, rich.id);
    assert_eq!(bare.partition_key, rich.partition_key);
    let read = |is_sent_with_content| {
        let read = ReadChange {
            change: Change::Updated,
            path: "/users/1/messages/2",
            version: ReadVersion::Etag("W/\"1\""),
            is_sent_with_content,
        };
        Identity::of_read(application((TENANT, CLIENT)), "mail", &read)
    };
    assert_eq!([read(false).id, read(true).id], [bare.id, rich.id]);
}

#[test]
fn every_spelling_of_a_path_is_the_same_resource() {
    let tenant = "99999999-2222-3333-4444-555555555555";
    let user = "11111111-2222-3333-4444-555555555555";
    let spellings = [
        format!("Users/{user}/Messages/2"),
        format!("users('{user}')/messages('2')"),
        format!("/users/{user}@{tenant}/messages/2/"),
    ];
    let of = |resource: &str| {
        identity(
            &json!({"resource": resource, "resourceData": {"@odata.etag": "1"}}),
            "mail",
            receipt(0, 0),
        )
    };
    for resource in &spellings {
        assert_eq!(of(resource), of(&spellings[0]), "{resource}");
    }
    assert_ne!(
        of("users/1/messages/2").partition_key,
        of("users/1/messages/3").partition_key
    );
}

#[test]
fn collections_are_distinguished_by_their_content() {
    let of = |data: Value| {
        let item = json!({"resource": "solutions/virtualEvents/events/", "resourceData": data});
        identity(&item, "events", receipt(0, 0))
    };
    let event_time = "2026-11-22T10:00:00Z";
    let identities = [
        of(json!({"@odata.id": "solutions/virtualEvents/webinars/1", "eventTime": event_time})),
        of(json!({"@odata.id": "solutions/virtualEvents/webinars/2", "eventTime": event_time})),
        of(json!({"id": "3", "eventTime": event_time})),
        of(json!({"eventTime": event_time})),
    ];
    for (at, one) in identities.iter().enumerate() {
        for other in &identities[..at] {
            assert_ne!(one.id, other.id);
            assert_ne!(one.partition_key, other.partition_key);
        }
    }
}

/// Else a longer name with a shorter path could be another change.
#[test]
fn what_ends_one_part_of_a_digest_cannot_begin_the_next() {
    let all: [&[&str]; 6] = [
        &["abc"],
        &["abc", ""],
        &["", "abc"],
        &["ab", "c"],
        &["a", "bc"],
        &["a", "b", "c"],
    ];
    let digests: std::collections::BTreeSet<String> = all.iter().map(|parts| digest(parts)).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn each_part_of_what_is_proven_and_said_counts_for_the_id() {
    let other = "99999999-2222-3333-4444-555555555555";
    let time = "2026-11-22T10:00:00Z";
    let read = |owner, name, change, path, version| {
        let read = ReadChange {
            change,
            path,
            version,
            is_sent_with_content: false,
        };
        Identity::of_read(application(owner), name, &read)
    };
    let (owner, etag) = ((TENANT, CLIENT), ReadVersion::Etag(time));
    let all = [
        read(owner, "mail", Change::Created, "/users/1", etag),
        read((other, CLIENT), "mail", Change::Created, "/users/1", etag),
        read((TENANT, other), "mail", Change::Created, "/users/1", etag),
        read(owner, "users", Change::Created, "/users/1", etag),
        read(owner, "mail", Change::Updated, "/users/1", etag),
        read(owner, "mail", Change::Created, "/users/2", etag),
        read(
            owner,
            "mail",
            Change::Created,
            "/users/1",
            ReadVersion::Etag("W/\"1\""),
        ),
        read(
            owner,
            "mail",
            Change::Created,
            "/users/1",
            ReadVersion::Time(time.parse().unwrap()),
        ),
    ];
    let ids: std::collections::BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    let keys: std::collections::BTreeSet<&str> = all.iter().map(|one| one.partition_key.as_str()).collect();
    assert_eq!(keys.len(), 3, "tenant and resource alone count for the key");
}

/// A POST has room for millions of segments, and each would be compared with all names.
#[test]
fn a_path_of_more_segments_than_graphs_is_not_parsed() {
    let of = |segments: usize, end: &str| {
        let item = json!({"resource": format!("users/1{}{end}", "/a/b".repeat(segments / 2 - 1)), "changeType": "updated"});
        id(&item, receipt(0, 0))
    };
    assert_eq!(of(62, ""), of(62, "/"), "one spelling");
    assert_ne!(of(66, ""), of(66, "/"), "as it is");
}

#[test]
fn a_version_longer_than_graphs_is_shown_short() {
    let item = json!({"resourceData": {"@odata.etag": "e".repeat(500_000)}});
    assert_eq!(
        identity(&item, "mail", receipt(0, 0)).version.unwrap().len(),
        SHORT_DIGEST_LENGTH
    );
}

proptest! {
    /// Two items share an id only when they are the same version of the same thing under the same name.
    #[test]
    fn two_changes_never_share_an_id(one in any_item(), other in any_item(), at in 0..2_i64, index in 0..2_usize) {
        let (first, second) = (receipt(0, 0), receipt(at, index));
        let same = one.key() == other.key() && (one.version().is_some() || first == second);
        let ids = [id_of(&one, first), id_of(&other, second)];
        prop_assert_eq!(ids[0] == ids[1], same, "{:?} {:?}", one, other);
    }

    /// However often SQS hands a message over, and however much of the item had to be left out on the way. Few are large: those
    /// take a hundred times as long, and all that is left of them is the same few members.
    #[test]
    fn one_receipt_keeps_its_id_on_its_way(item in any_item(), large in prop::bool::weighted(0.1)) {
        let mut json = item.json();
        if large {
            json["encryptedContent"]["data"] = json!("A".repeat(crate::notification::message::MAX_BYTES));
        }
        let raw = raw(&json);
        admitted(&raw, &item.name, |admitted| {
            let made = Identity::of(admitted, receipt(0, 3));
            let body = QueuedItem::new(admitted, receipt(0, 3), Vec::new()).to_body().unwrap();
            for _ in 0..2 {
                let read = QueuedItem::parse(&body).unwrap();
                // What is left of an item has an id of its own, as no token vouches for it.
                let id = if large { digest(&["reduced", &made.id]) } else { made.id.clone() };
                assert_eq!((&*read.id, read.version.as_deref()), (&*id, made.version.as_deref()));
                assert_eq!(read.partition_key, made.partition_key);
                assert_eq!(read.content_omitted, large);
            }
        });
    }
}

/// An item in as few values as make collisions likely.
#[derive(Clone, Debug, PartialEq)]
struct Item {
    name: String,
    change: String,
    /// The number of the resource, and of the spelling of its path.
    resource: (usize, usize),
    /// What names the entity where the path does not.
    entity: Option<String>,
    etag: Option<String>,
    /// The signature of the content, if there is content.
    #[expect(
        clippy::option_option,
        reason = "content without a signature is not the same as no content"
    )]
    signature: Option<Option<String>>,
    sequence: Option<Value>,
    event_time: Option<String>,
    id: Option<String>,
}

impl Item {
    fn json(&self) -> Value {
        let (resource, spelling) = self.resource;
        let content = self.signature.as_ref();
        json!({
            "changeType": self.change, "resource": RESOURCES[resource][spelling], "id": self.id,
            "resourceData": {
                "@odata.etag": self.etag, "sequenceNumber": self.sequence, "eventTime": self.event_time,
                "@odata.id": self.entity
            },
            "encryptedContent": content.map(|signature| json!({"dataSignature": signature}))
        })
    }

    fn version(&self) -> Option<(usize, String)> {
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let sequence = self
            .sequence
            .as_ref()
            .map(|number| number.to_string().replace('"', ""));
        let versions = [
            text(&self.etag),
            text(&self.signature.clone().flatten()),
            sequence.filter(|number| !["", "0"].contains(&&**number)),
            text(&self.event_time).filter(|time| time.starts_with("2026")),
        ];
        let found = |(at, version): (usize, Option<String>)| Some((at, version?));
        versions.into_iter().enumerate().find_map(found)
    }

    /// Returns what has to be the same for the same id, but for the receipt.
    fn key(&self) -> impl PartialEq {
        let (resource, _) = self.resource;
        let entity = self.entity.clone().filter(|entity| !entity.is_empty());
        let names_none = resource == RESOURCES.len() - 1;
        (
            self.name.clone(),
            self.change.to_lowercase(),
            resource,
            entity.filter(|_| names_none),
            self.signature.is_some(),
            self.version(),
        )
    }
}

/// Resources, each in two spellings. The path of the last one names no entity.
const RESOURCES: [[&str; 2]; 3] = [
    ["/users/1", "Users('1')"],
    ["users/2", "/users('2')/"],
    ["/drives/1/root", "drives('1')/root"],
];

fn any_item() -> impl Strategy<Value = Item> {
    let version = || prop_oneof![Just(None), Just(Some(String::new())), "[12]".prop_map(Some)];
    let choose = |texts: &'static [&'static str]| proptest::sample::select(texts).prop_map(str::to_owned);
    let sequence = proptest::sample::select(vec![
        json!(0),
        json!("0"),
        json!(1),
        json!("1"),
        json!(2),
        json!(""),
    ]);
    let times = choose(&[
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:01Z",
        "0001-01-01T00:00:00Z",
        "soon",
        "",
    ]);
    (
        choose(&["mail", "users"]),
        choose(&["created", "Created", "updated"]),
        (0..RESOURCES.len(), 0..2_usize),
        proptest::option::of(choose(&["", "a", "b"])),
        ([version(), version()], proptest::option::of(version())),
        proptest::option::of(sequence),
        proptest::option::of(times),
    )
        .prop_map(
            |(name, change, resource, entity, ([etag, id], signature), sequence, event_time)| Item {
                name,
                change,
                resource,
                entity,
                etag,
                signature,
                sequence,
                event_time,
                id,
            },
        )
}

fn id_of(item: &Item, receipt: Receipt) -> String {
    identity(&item.json(), &item.name, receipt).id
}

fn id(item: &Value, receipt: Receipt) -> String {
    identity(item, "mail", receipt).id
}

fn identity(item: &Value, name: &str, receipt: Receipt) -> Identity {
    admitted(&raw(item), name, |admitted| Identity::of(admitted, receipt))
}

fn receipt(seconds: i64, index: usize) -> Receipt {
    let at = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    Receipt { at, index }
}

fn raw(item: &Value) -> Box<RawValue> {
    RawValue::from_string(item.to_string()).unwrap()
}

#[test]
fn a_change_that_was_read_has_the_id_of_its_notification() {
    let user = "4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";
    for resource in [
        format!("Users/{user}@{TENANT}/Messages/AAMk1="),
        format!("users('{user}')/messages('AAMk1=')"),
    ] {
        let item = json!({"resource": resource, "changeType": "Created", "resourceData": {"@odata.etag": "W/\"1\"", "id": "AAMk1="}});
        let live = identity(&item, "mail/4f", receipt(0, 0));
        let path = format!("users('{user}')/messages('AAMk1=')");
        let of_version = |etag| {
            let read = ReadChange {
                change: Change::Created,
                path: &path,
                version: ReadVersion::Etag(etag),
                is_sent_with_content: false,
            };
            Identity::of_read(application((TENANT, CLIENT)), "mail/4f", &read)
        };
        assert_eq!(live, of_version("W/\"1\""), "{resource}");
        let other = of_version("W/\"2\"");
        assert_ne!(live.id, other.id);
        assert_eq!(live.partition_key, other.partition_key);
    }
}
